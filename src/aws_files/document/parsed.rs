//! A file as it was read: its text, divided into sections with an index by name. It never changes; edits are kept
//! separately.
//!
//! Some people have thousands of profiles, and every command reads both files. So there is one pass over the text that
//! does not keep any lines; a section's lines are scanned again when they are needed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::model::secret::Secret;

use super::super::syntax::bytes::Source;
use super::super::syntax::{self, Ending, LineKind, ScannedLine, Scanner, SyntaxError};
use super::super::{AwsFile, tally};
use super::order::SectionId;
use super::unsafe_edit::UnsafeEdit;

/// A file's text and its sections.
pub(in crate::aws_files) struct Parsed {
    pub(super) file: AwsFile,
    source: Source,
    /// The first one has no header: it is the part before the first header.
    sections: Vec<Section>,
    index: Arc<Index>,
    problems: Vec<SyntaxError>,
    obstacles: Vec<UnsafeEdit>,
    /// Whether the last line ends with a line break.
    pub(super) ends_last_line: bool,
}

/// Sections by their identity ([`syntax::identity`]).
type Index = HashMap<Arc<str>, Same>;

/// The sections with one name. An editable file has only one.
struct Same {
    first: SectionId,
    more: Vec<SectionId>,
}

struct Section {
    /// The header text in its exact form.
    name: Arc<str>,
    /// Where the section's text starts.
    start: usize,
    /// The number of the first line, from 0.
    line: usize,
    /// Whether the header is written in a form that some SDKs do not recognize.
    odd: bool,
}

impl Parsed {
    pub(super) fn new(file: AwsFile, bytes: Zeroizing<Vec<u8>>) -> Result<Self, SyntaxError> {
        tally::count_parse();
        let mut problems = Vec::new();
        let source = Source::decode(bytes, &mut problems)?;
        let not_text = source.lines_that_are_not_text();
        let mut pass = Pass::new(file);
        // An estimate: growing the index would hash all names again.
        pass.index.reserve(source.text().len() / 128);
        let mut scanner = Scanner::new(source.text());
        let mut ends_last_line = true;
        for index in 0.. {
            let mut report = |problem, fatal| problems.push(SyntaxError { line: index + 1, problem, fatal });
            let Some(line) = scanner.next(&mut report) else { break };
            if not_text.binary_search(&index).is_ok() {
                report(syntax::Problem::NotUtf8, !line.kind.is_comment());
            }
            ends_last_line = line.ending != Ending::None;
            pass.line(index, &line);
        }
        let (sections, index, more) = pass.finish();
        let mut obstacles: Vec<UnsafeEdit> = problems.iter().cloned().map(UnsafeEdit::from).collect();
        obstacles.extend(more);
        Ok(Self { file, source, sections, index: Arc::new(index), problems, obstacles, ends_last_line })
    }

    pub(super) fn empty(file: AwsFile) -> Self {
        let (sections, index, obstacles) = Pass::new(file).finish();
        let source = Source::of(Secret::from(""));
        let index = Arc::new(index);
        Self { file, source, sections, index, problems: Vec::new(), obstacles, ends_last_line: true }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.source.bytes()
    }

    pub(super) fn text(&self) -> &str {
        self.source.text()
    }

    /// One past the last section.
    pub(super) fn end(&self) -> SectionId {
        self.sections.len()
    }

    pub(super) fn name(&self, id: SectionId) -> &Arc<str> {
        &self.sections[id].name
    }

    pub(super) fn is_odd(&self, id: SectionId) -> bool {
        self.sections[id].odd
    }

    /// The number of a section's first line, from 0.
    pub(super) fn first_line(&self, id: SectionId) -> usize {
        self.sections[id].line
    }

    /// A section's text, including its header.
    pub(super) fn section(&self, id: SectionId) -> &str {
        &self.text()[self.range(id..id + 1)]
    }

    /// The range of consecutive sections in the text.
    pub(super) fn range(&self, ids: Range<SectionId>) -> Range<usize> {
        let start = |id: SectionId| self.sections.get(id).map_or(self.text().len(), |section| section.start);
        start(ids.start)..start(ids.end)
    }

    /// The sections with this identity, in order.
    pub(super) fn find(&self, identity: &str) -> impl Iterator<Item = SectionId> {
        let same = self.index.get(identity);
        same.into_iter().flat_map(|same| std::iter::once(same.first).chain(same.more.iter().copied()))
    }

    /// Why the file cannot be edited safely.
    pub(super) fn obstacles(&self) -> &[UnsafeEdit] {
        &self.obstacles
    }

    /// The first line that makes a section unreliable.
    pub(super) fn doubt(&self, id: SectionId) -> Option<&SyntaxError> {
        let first = self.first_line(id) + 1;
        let last = self.sections.get(id + 1).map_or(usize::MAX, |next| next.line);
        let start = self.problems.partition_point(|problem| problem.line < first);
        self.problems[start..].iter().take_while(|problem| problem.line <= last).find(|problem| problem.fatal)
    }

    /// This file after an edit: `sections` are all its sections in order, each with its number of lines and bytes, and
    /// with its ID in this file unless it is new.
    pub(super) fn edited(&self, text: Secret<String>, sections: &[Edited]) -> Self {
        let (mut start, mut line) = (0, 0);
        let mut new: Vec<Section> = Vec::with_capacity(sections.len());
        for edited in sections {
            let odd = edited.before.is_some_and(|id| self.is_odd(id));
            new.push(Section { name: Arc::clone(&edited.name), start, line, odd });
            start += edited.bytes;
            line += edited.lines;
        }
        let is_same = new.len() == self.sections.len()
            && sections.iter().enumerate().all(|(id, edited)| edited.before == Some(id));
        let index = if is_same { Arc::clone(&self.index) } else { Arc::new(index_of(self.file, &new)) };
        Self {
            file: self.file,
            ends_last_line: text.expose().is_empty() || text.expose().ends_with(['\n', '\r']),
            source: Source::of(text),
            sections: new,
            index,
            problems: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    /// The number of lines in a section.
    pub(super) fn line_count(&self, id: SectionId) -> usize {
        match self.sections.get(id + 1) {
            Some(next) => next.line - self.first_line(id),
            None => {
                let mut scanner = Scanner::new(self.section(id));
                std::iter::from_fn(|| scanner.next(|_, _| ())).count()
            }
        }
    }
}

/// A section of an edited file.
pub(super) struct Edited {
    pub(super) name: Arc<str>,
    pub(super) before: Option<SectionId>,
    pub(super) lines: usize,
    pub(super) bytes: usize,
}

fn index_of(file: AwsFile, sections: &[Section]) -> Index {
    let mut index = Index::with_capacity(sections.len());
    for (id, section) in sections.iter().enumerate().skip(1) {
        let same = index.entry(identity(file, &section.name));
        same.and_modify(|same| same.more.push(id)).or_insert(Same { first: id, more: Vec::new() });
    }
    index
}

fn identity(file: AwsFile, name: &Arc<str>) -> Arc<str> {
    let identity = syntax::identity(file, name);
    if identity.len() == name.len() { Arc::clone(name) } else { Arc::from(identity) }
}

/// Collects what a pass over the lines finds.
struct Pass<'t> {
    file: AwsFile,
    sections: Vec<Section>,
    index: Index,
    /// The previous section with the same name as the current one.
    before: Option<SectionId>,
    /// The keys of the current section, and their lines.
    keys: Vec<(Cow<'t, str>, usize)>,
    obstacles: Vec<UnsafeEdit>,
}

impl<'t> Pass<'t> {
    fn new(file: AwsFile) -> Self {
        let start = Section { name: Arc::from(""), start: 0, line: 0, odd: false };
        let (keys, obstacles) = (Vec::new(), Vec::new());
        Self { file, sections: vec![start], index: Index::new(), before: None, keys, obstacles }
    }

    fn line(&mut self, index: usize, line: &ScannedLine<'t>) {
        match line.kind {
            LineKind::Header => self.header(index, line),
            LineKind::Property => self.keys.push((line.key(), index)),
            _ => {}
        }
    }

    fn header(&mut self, index: usize, line: &ScannedLine<'_>) {
        self.end_section();
        let id = self.sections.len();
        let (name, odd) = syntax::exact_name(line.text);
        let name: Arc<str> = Arc::from(name);
        if *name == *"DEFAULT" {
            self.obstacles.push(UnsafeEdit::LeakingDefault { line: index + 1 });
        }
        self.sections.push(Section { name: Arc::clone(&name), start: line.start, line: index, odd });
        self.before = match self.index.entry(identity(self.file, &name)) {
            Entry::Vacant(vacant) => {
                vacant.insert(Same { first: id, more: Vec::new() });
                None
            }
            Entry::Occupied(mut same) => {
                let same = same.get_mut();
                let before = same.more.last().copied().unwrap_or(same.first);
                same.more.push(id);
                Some(before)
            }
        };
    }

    /// Reports keys that appear twice in the section, and then the section if it appears twice itself.
    fn end_section(&mut self) {
        let Some(section) = self.sections.last() else { return };
        for (key, first, second) in repeated(&mut self.keys) {
            let section = section.name.to_string();
            let (first, second) = (first + 1, second + 1);
            self.obstacles.push(UnsafeEdit::DuplicateKey { section, key, first, second });
        }
        self.keys.clear();
        if let Some(before) = self.before.take() {
            let (first, second) = (self.sections[before].line + 1, section.line + 1);
            let section = section.name.to_string();
            self.obstacles.push(UnsafeEdit::DuplicateSection { section, first, second });
        }
    }

    fn finish(mut self) -> (Vec<Section>, Index, Vec<UnsafeEdit>) {
        self.end_section();
        (self.sections, self.index, self.obstacles)
    }
}

/// The keys that appear more than once, each with the line of the previous one and its own line, sorted by the latter.
fn repeated(keys: &mut [(Cow<'_, str>, usize)]) -> Vec<(String, usize, usize)> {
    // Most sections have few keys, and no key twice.
    let few = keys.len() <= 8;
    if few && keys.iter().enumerate().all(|(at, (key, _))| keys[..at].iter().all(|(other, _)| key != other)) {
        return Vec::new();
    }
    keys.sort();
    let pairs = keys.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let mut found: Vec<_> = pairs.map(|pair| (pair[0].0.to_string(), pair[0].1, pair[1].1)).collect();
    found.sort_by_key(|(_, _, second)| *second);
    found
}
