//! Where the sections of a text are. Thousands of them take little memory: fresh memory costs more time than reading it.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;

use super::super::AwsFile;
use super::super::syntax;
use super::order::{SectionId, small};

/// The sections of a text, in order.
#[derive(Default)]
pub(super) struct Sections {
    all: Vec<Section>,
    unusual: HashMap<SectionId, Unusual>,
}

/// Files are far smaller than 4 GiB (`files::LIMIT`).
#[derive(Clone, Copy)]
struct Section {
    start: u32,
    line: u32,
    /// If the header is written in its exact form, the number of bytes of the name after the bracket. Otherwise,
    /// `UNUSUAL`.
    name: u32,
}

const UNUSUAL: u32 = u32::MAX;

/// A header that is not just `[name]`.
#[derive(Clone)]
pub(super) struct Unusual {
    /// The header text in its exact form.
    pub(super) name: Arc<str>,
    /// Whether the header is written in a form that some SDKs do not recognize.
    pub(super) odd: bool,
}

impl Sections {
    /// Space for the sections that a text of this size probably has.
    pub(super) fn for_text(text: &str) -> Self {
        Self { all: Vec::with_capacity(text.len() / 96 + 1), unusual: HashMap::new() }
    }

    pub(super) fn with_capacity(count: usize) -> Self {
        Self { all: Vec::with_capacity(count), unusual: HashMap::new() }
    }

    /// Adds a section: its name in the exact form, borrowed if it is written like that; whether its header is odd; where its
    /// text starts; and the number of its first line, from 0.
    pub(super) fn push(&mut self, (name, odd): (Cow<'_, str>, bool), start: usize, line: usize) {
        match name {
            Cow::Borrowed(name) => self.push_with(small(name.len()), start, line),
            Cow::Owned(name) => self.push_unusual(Unusual { name: Arc::from(name), odd }, start, line),
        }
    }

    pub(super) fn push_unusual(&mut self, header: Unusual, start: usize, line: usize) {
        self.unusual.insert(self.all.len(), header);
        self.push_with(UNUSUAL, start, line);
    }

    /// Adds a section of another text.
    pub(super) fn push_from(&mut self, other: &Self, id: SectionId, start: usize, line: usize) {
        match (other.all[id].name, other.unusual.get(&id)) {
            (UNUSUAL, Some(header)) => self.push_unusual(header.clone(), start, line),
            (name, _) => self.push_with(name, start, line),
        }
    }

    fn push_with(&mut self, name: u32, start: usize, line: usize) {
        self.all.push(Section { start: small(start), line: small(line), name });
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// A section's name in the exact form.
    pub(super) fn name<'s>(&'s self, id: SectionId, text: &'s str) -> &'s str {
        let section = self.all[id];
        match section.name {
            UNUSUAL => self.unusual.get(&id).map_or("", |header| &header.name),
            length => &text[section.start as usize + 1..][..length as usize],
        }
    }

    /// See [`syntax::identity`].
    pub(super) fn identity<'s>(&'s self, file: AwsFile, id: SectionId, text: &'s str) -> &'s str {
        syntax::identity(file, self.name(id, text))
    }

    pub(super) fn is_odd(&self, id: SectionId) -> bool {
        self.unusual.get(&id).is_some_and(|header| header.odd)
    }

    /// Where a section's text starts; `None` after the last section.
    pub(super) fn start(&self, id: SectionId) -> Option<usize> {
        self.all.get(id).map(|section| section.start as usize)
    }

    /// The number of a section's first line, from 0; `None` after the last section.
    pub(super) fn line(&self, id: SectionId) -> Option<usize> {
        self.all.get(id).map(|section| section.line as usize)
    }
}
