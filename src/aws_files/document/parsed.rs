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
use super::sections::{Sections, Unusual};
use super::unsafe_edit::UnsafeEdit;

/// A file's text and its sections.
pub(in crate::aws_files) struct Parsed {
    pub(super) file: AwsFile,
    source: Source,
    /// The first one has no header: it is the part before the first header.
    sections: Sections,
    /// After an edit, it is built when a section is looked up: most commands end before that.
    index: OnceLock<Arc<Index>>,
    problems: Vec<SyntaxError>,
    obstacles: Vec<UnsafeEdit>,
    /// Whether the last line ends with a line break.
    pub(super) ends_last_line: bool,
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
        self.sections.name(id, self.text())
    }

    pub(super) fn is_odd(&self, id: SectionId) -> bool {
        self.sections.is_odd(id)
    }

    /// The number of a section's first line, from 0.
    pub(super) fn first_line(&self, id: SectionId) -> usize {
        self.sections.line(id).unwrap_or_default()
    }

    /// A section's text, including its header.
    pub(super) fn section(&self, id: SectionId) -> &str {
        &self.text()[self.range(id..id + 1)]
    }

    /// The range of consecutive sections in the text.
    pub(super) fn range(&self, ids: Range<SectionId>) -> Range<usize> {
        let start = |id: SectionId| self.sections.start(id).unwrap_or(self.text().len());
        start(ids.start)..start(ids.end)
    }

    /// The sections with this identity, in order.
    pub(super) fn find(&self, identity: &str) -> impl Iterator<Item = SectionId> {
        let build = || Arc::new(index_of(self.file, self.text(), &self.sections));
        self.index.get_or_init(build).find(identity, |id| self.sections.identity(self.file, id, self.text()))
    }

    /// Why the file cannot be edited safely.
    pub(super) fn obstacles(&self) -> &[UnsafeEdit] {
        &self.obstacles
    }

    /// The first line that makes a section unreliable.
    pub(super) fn doubt(&self, id: SectionId) -> Option<&SyntaxError> {
        let first = self.first_line(id) + 1;
        let last = self.sections.line(id + 1).unwrap_or(usize::MAX);
        let start = self.problems.partition_point(|problem| problem.line < first);
        self.problems[start..].iter().take_while(|problem| problem.line <= last).find(|problem| problem.fatal)
    }

    /// This file after an edit: `sections` are all its sections in order.
    pub(super) fn edited(&self, text: Secret<String>, sections: impl Iterator<Item = Edited>) -> Self {
        let (mut start, mut line, mut is_same) = (0, 0, true);
        let mut new = Sections::with_capacity(self.sections.len());
        for edited in sections {
            is_same &= matches!(edited.origin, Origin::Read(id) if id == new.len());
            match edited.origin {
                Origin::Read(id) => new.push_from(&self.sections, id, start, line),
                Origin::Added(name) => new.push_unusual(Unusual { name, odd: false }, start, line),
            }
            start += edited.bytes;
            line += edited.lines;
        }
        is_same &= new.len() == self.sections.len();
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
        match self.sections.line(id + 1) {
            Some(next) => next - self.first_line(id),
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

fn index_of(file: AwsFile, text: &str, sections: &Sections) -> Index {
    let mut index = Index::for_text(text);
    for id in 1..sections.len() {
        index.add(id, |id| sections.identity(file, id, text));
    }
    index
}

/// Collects what a pass over the lines finds.
struct Pass<'t> {
    file: AwsFile,
    text: &'t str,
    sections: Sections,
    index: Index,
    /// The previous section with the same name as the current one.
    before: Option<SectionId>,
    /// The keys of the current section, and their lines.
    keys: Vec<(Cow<'t, str>, usize)>,
    obstacles: Vec<UnsafeEdit>,
}

impl<'t> Pass<'t> {
    fn new(file: AwsFile, text: &'t str) -> Self {
        let (keys, obstacles) = (Vec::new(), Vec::new());
        let index = Index::for_text(text);
        let mut sections = Sections::for_text(text);
        sections.push_unusual(Unusual { name: Arc::from(""), odd: false }, 0, 0);
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
        let id = self.sections.len();
        self.sections.push((name, odd), line.start, index);
        self.before = self.index.add(id, |id| self.sections.identity(self.file, id, self.text));
    }

    /// Reports keys that appear twice in the section, and then the section if it appears twice itself.
    fn end_section(&mut self) {
        let current = self.sections.len() - 1;
        for (key, first, second) in repeated(&mut self.keys) {
            let section = self.sections.name(current, self.text).to_owned();
            let (first, second) = (first + 1, second + 1);
            self.obstacles.push(UnsafeEdit::DuplicateKey { section, key, first, second });
        }
        self.keys.clear();
        if let Some(before) = self.before.take() {
            let line = |id| self.sections.line(id).unwrap_or_default() + 1;
            let (first, second) = (line(before), line(current));
            let section = self.sections.name(current, self.text).to_owned();
            self.obstacles.push(match self.sections.name(before, self.text) == section {
                true => UnsafeEdit::DuplicateSection { section, first, second },
                false => UnsafeEdit::TwoDefaults { first, second },
            });
        }
    }

    fn finish(mut self) -> (Sections, Index, Vec<UnsafeEdit>) {
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
