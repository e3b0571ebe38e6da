//! A file as it was read: its text, divided into sections with an index by name. It never changes; edits are kept
//! separately.
//!
//! Some people have thousands of profiles, and every command reads both files. So there is one pass over the text that
//! does not keep any lines; a section's lines are scanned again when they are needed.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use crate::model::secret::Secret;

use super::super::syntax::bytes::Source;
use super::super::syntax::{self, Ending, LineKind, ScannedLine, Scanner, SyntaxError};
use super::super::{AwsFile, tally};
use super::index::Index;
use super::order::SectionId;
use super::unsafe_edit::UnsafeEdit;

/// A file's text and its sections.
pub(in crate::aws_files) struct Parsed {
    pub(super) file: AwsFile,
    source: Source,
    /// The first one has no header: it is the part before the first header.
    sections: Vec<Section>,
    /// After an edit, it is built when a section is looked up: most commands end before that.
    index: OnceLock<Arc<Index>>,
    problems: Vec<SyntaxError>,
    obstacles: Vec<UnsafeEdit>,
    /// Whether the last line ends with a line break.
    pub(super) ends_last_line: bool,
}

struct Section {
    name: Name,
    /// Where the section's text starts.
    start: usize,
    /// The number of the first line, from 0.
    line: usize,
    /// Whether the header is written in a form that some SDKs do not recognize.
    odd: bool,
}

/// The header text in its exact form. Freeing thousands of small strings would take as long as reading them.
#[derive(Clone)]
enum Name {
    /// The header is written in this form, and the name has this many bytes after the bracket.
    AsWritten(usize),
    Exact(Arc<str>),
}

impl Section {
    fn name<'s>(&'s self, text: &'s str) -> &'s str {
        match &self.name {
            Name::AsWritten(len) => &text[self.start + 1..][..*len],
            Name::Exact(name) => name,
        }
    }

    fn identity<'s>(&'s self, file: AwsFile, text: &'s str) -> &'s str {
        syntax::identity(file, self.name(text))
    }
}

impl Parsed {
    pub(super) fn new(file: AwsFile, bytes: Zeroizing<Vec<u8>>) -> Result<Self, SyntaxError> {
        tally::count_parse();
        let mut problems = Vec::new();
        let source = Source::decode(bytes, &mut problems)?;
        let not_text = source.lines_that_are_not_text();
        let mut pass = Pass::new(file, source.text());
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
        Ok(Self {
            file,
            source,
            sections,
            index: Arc::new(index).into(),
            problems,
            obstacles,
            ends_last_line,
        })
    }

    pub(super) fn empty(file: AwsFile) -> Self {
        let (sections, index, obstacles) = Pass::new(file, "").finish();
        let source = Source::of(Secret::from(""));
        let index = Arc::new(index).into();
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

    pub(super) fn name(&self, id: SectionId) -> &str {
        self.sections[id].name(self.text())
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
        let build = || Arc::new(index_of(self.file, self.text(), &self.sections));
        self.index.get_or_init(build).find(identity, |id| self.sections[id].identity(self.file, self.text()))
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

    /// This file after an edit: `sections` are all its sections in order.
    pub(super) fn edited(&self, text: Secret<String>, sections: &[Edited]) -> Self {
        let (mut start, mut line) = (0, 0);
        let mut new: Vec<Section> = Vec::with_capacity(sections.len());
        for edited in sections {
            let (name, odd) = match &edited.origin {
                Origin::Read(id) => (self.sections[*id].name.clone(), self.is_odd(*id)),
                Origin::Added(name) => (Name::Exact(Arc::clone(name)), false),
            };
            new.push(Section { name, start, line, odd });
            start += edited.bytes;
            line += edited.lines;
        }
        let is_same = new.len() == self.sections.len()
            && sections
                .iter()
                .enumerate()
                .all(|(at, edited)| matches!(edited.origin, Origin::Read(id) if id == at));
        let index = if is_same { self.index.clone() } else { OnceLock::new() };
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
    pub(super) origin: Origin,
    pub(super) lines: usize,
    pub(super) bytes: usize,
}

pub(super) enum Origin {
    /// The section with this ID in the file as it was read. Edits do not change headers.
    Read(SectionId),
    /// A new section with this name.
    Added(Arc<str>),
}

fn index_of(file: AwsFile, text: &str, sections: &[Section]) -> Index {
    let mut index = Index::for_text(text);
    for id in 1..sections.len() {
        index.add(id, |id| sections[id].identity(file, text));
    }
    index
}

/// Collects what a pass over the lines finds.
struct Pass<'t> {
    file: AwsFile,
    text: &'t str,
    sections: Vec<Section>,
    index: Index,
    /// The previous section with the same name as the current one.
    before: Option<SectionId>,
    /// The keys of the current section, and their lines.
    keys: Vec<(Cow<'t, str>, usize)>,
    obstacles: Vec<UnsafeEdit>,
}

impl<'t> Pass<'t> {
    fn new(file: AwsFile, text: &'t str) -> Self {
        let start = Section { name: Name::Exact(Arc::from("")), start: 0, line: 0, odd: false };
        let (keys, obstacles) = (Vec::new(), Vec::new());
        let index = Index::for_text(text);
        let mut sections = Vec::with_capacity(text.len() / 96 + 1);
        sections.push(start);
        Self { file, text, sections, index, before: None, keys, obstacles }
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
        let (name, odd) = line.exact_name();
        if *name == *"DEFAULT" {
            self.obstacles.push(UnsafeEdit::LeakingDefault { line: index + 1 });
        }
        let name = match name {
            Cow::Borrowed(name) => Name::AsWritten(name.len()),
            Cow::Owned(name) => Name::Exact(Arc::from(name)),
        };
        let id = self.sections.len();
        self.sections.push(Section { name, start: line.start, line: index, odd });
        self.before = self.index.add(id, |id| self.sections[id].identity(self.file, self.text));
    }

    /// Reports keys that appear twice in the section, and then the section if it appears twice itself.
    fn end_section(&mut self) {
        let Some(section) = self.sections.last() else { return };
        for (key, first, second) in repeated(&mut self.keys) {
            let section = section.name(self.text).to_owned();
            let (first, second) = (first + 1, second + 1);
            self.obstacles.push(UnsafeEdit::DuplicateKey { section, key, first, second });
        }
        self.keys.clear();
        if let Some(before) = self.before.take() {
            let (first, second) = (self.sections[before].line + 1, section.line + 1);
            let section = section.name(self.text).to_owned();
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
