//! One AWS file: its content, and whether it can be edited safely. `parsed` holds the file as it was read, `content` what
//! edits changed, and `changes` makes the changes. The edits themselves are in `edits`.

use std::sync::Arc;

use hashbrown::HashMap;
use zeroize::Zeroizing;

use crate::model::secret::Secret;

use super::AwsFile;
use super::log::Op;
use super::syntax::{self, LineKind, Scanner, SyntaxError};
pub use content::Document;
pub(super) use content::SectionId;
use parsed::Parsed;
pub use unsafe_edit::UnsafeEdit;

mod changes;
mod content;
mod index;
mod order;
mod parsed;
mod sections;
mod unsafe_edit;

/// A key with its value, as the SDKs read them.
pub(super) struct KeyValue {
    /// In lower case.
    pub(super) key: String,
    /// Continuation lines are joined with line feeds.
    pub(super) value: Secret<String>,
    /// The index of the first line within the section.
    pub(super) line: usize,
}

impl Document {
    /// Reads a file's content. Invalid lines are not an error here; see [`Document::obstacles`].
    pub fn parse(file: AwsFile, bytes: &[u8]) -> Result<Self, SyntaxError> {
        Self::parse_owned(file, Zeroizing::new(bytes.to_vec()))
    }

    /// Like [`parse`](Self::parse), without copying the content.
    pub(super) fn parse_owned(file: AwsFile, bytes: Zeroizing<Vec<u8>>) -> Result<Self, SyntaxError> {
        Ok(Self::unchanged(Arc::new(Parsed::new(file, bytes)?)))
    }

    pub(super) fn empty(file: AwsFile) -> Self {
        Self::unchanged(Arc::new(Parsed::empty(file)))
    }

    fn unchanged(base: Arc<Parsed>) -> Self {
        Self {
            tail: base.end() - 1,
            base,
            bodies: HashMap::new(),
            added: Vec::new(),
            order: None,
            undo: None,
            log: Vec::new(),
        }
    }

    /// Which of the two files this is.
    pub fn file(&self) -> AwsFile {
        self.base.file
    }

    /// The bytes that were read.
    pub(super) fn bytes(&self) -> &[u8] {
        self.base.bytes()
    }

    /// The text that was read.
    pub(super) fn text_before(&self) -> &str {
        self.base.text()
    }

    /// Whether both are the same unchanged reading of a file.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.base, &other.base) && !self.is_changed() && !other.is_changed()
    }

    /// The changes since the document was read, in order.
    pub fn log(&self) -> &[Op] {
        &self.log
    }

    /// The header texts of all sections, in their exact form and in order.
    pub fn sections(&self) -> Vec<String> {
        self.ids().map(|id| self.name(id).to_string()).collect()
    }

    /// Whether there is a section with this header text.
    pub fn has_section(&self, section: &str) -> bool {
        self.find(section).is_some()
    }

    /// The value of a key, in any case. If the key appears twice, the last one counts, as in the SDKs.
    pub fn get(&self, section: &str, key: &str) -> Option<Secret<String>> {
        let key = key.to_ascii_lowercase();
        let mut settings = self.settings_of(section).into_iter();
        settings.rfind(|setting| setting.key == key).map(|setting| setting.value)
    }

    /// Whether a section has a key with a non-empty value.
    pub fn has(&self, section: &str, key: &str) -> bool {
        self.get(section, key).is_some_and(|value| !value.expose().is_empty())
    }

    /// The keys of a section, in lower case and in order.
    pub fn keys(&self, section: &str) -> Vec<String> {
        self.settings_of(section).into_iter().map(|setting| setting.key).collect()
    }

    /// Everything that makes the file unsafe to edit: what some SDK rejects or reads differently than others.
    pub fn obstacles(&self) -> &[UnsafeEdit] {
        self.base.obstacles()
    }

    /// Checks whether the file can be edited.
    pub fn check_editable(&self) -> Result<(), UnsafeEdit> {
        self.obstacles().first().cloned().map_or(Ok(()), Err)
    }

    /// Checks whether a section can be edited. A missing one can.
    pub fn check_section(&self, section: &str) -> Result<(), UnsafeEdit> {
        self.check_editable()?;
        let Some(id) = self.find(section) else { return Ok(()) };
        if id < self.base.end() && self.base.is_odd(id) {
            return Err(self.odd_header(id));
        }
        self.check_next(id)
    }

    /// Checks that in every SDK, a section ends at the next header.
    pub(super) fn check_next(&self, id: SectionId) -> Result<(), UnsafeEdit> {
        let is_missed =
            |next: &SectionId| *next < self.base.end() && !syntax::ends_section(self.base.section(*next));
        self.next(id).filter(is_missed).map_or(Ok(()), |next| Err(self.odd_header(next)))
    }

    /// The headers that the AWS CLI would not find, because they are not written exactly.
    pub fn odd_headers(&self) -> Vec<UnsafeEdit> {
        let odd = self.ids().filter(|id| *id < self.base.end() && self.base.is_odd(*id));
        odd.map(|id| self.odd_header(id)).collect()
    }

    fn odd_header(&self, id: SectionId) -> UnsafeEdit {
        UnsafeEdit::OddHeader { section: self.name(id).to_string(), line: self.first_line(id) + 1 }
    }

    /// One past the highest section ID.
    pub(super) fn id_count(&self) -> usize {
        self.base.end() + self.added.len()
    }

    /// The first line that makes a section unreliable.
    pub(super) fn doubt(&self, id: SectionId) -> Option<&SyntaxError> {
        if id < self.base.end() { self.base.doubt(id) } else { None }
    }

    /// A section's header text in its exact form.
    pub(super) fn name(&self, id: SectionId) -> &str {
        match id.checked_sub(self.base.end()) {
            Some(added) => &self.added[added],
            None => self.base.name(id),
        }
    }

    /// The sections with this header text, in order.
    pub(super) fn find_all(&self, section: &str) -> Vec<SectionId> {
        let wanted = syntax::identity(self.file(), section);
        let added = (self.base.end()..self.id_count())
            .filter(|id| syntax::identity(self.file(), self.name(*id)) == wanted);
        self.base.find(wanted).chain(added).filter(|id| self.is_there(*id)).collect()
    }

    /// The section with this header text. If `check_editable` has passed, there is only one.
    pub(super) fn find(&self, section: &str) -> Option<SectionId> {
        self.find_all(section).first().copied()
    }

    /// The settings of all sections with this header text.
    pub(super) fn settings_of(&self, section: &str) -> Vec<KeyValue> {
        self.find_all(section).into_iter().flat_map(|id| self.settings(id)).collect()
    }

    pub(super) fn settings(&self, id: SectionId) -> Vec<KeyValue> {
        if let Some(lines) = self.bodies.get(&id) {
            return settings(lines.iter().map(|line| (line.kind, line.text())));
        }
        let mut scanner = Scanner::new(self.base.section(id));
        settings(std::iter::from_fn(|| scanner.next(|_, _| ())).map(|line| (line.kind, line.text)))
    }
}

fn settings<'t>(lines: impl Iterator<Item = (LineKind, &'t str)>) -> Vec<KeyValue> {
    let mut settings: Vec<KeyValue> = Vec::new();
    let mut continues = false;
    for (index, (kind, text)) in lines.enumerate() {
        match kind {
            LineKind::Property => {
                let property = syntax::property(text);
                continues = property.is_ok();
                settings.extend(property.map(|property| KeyValue {
                    key: property.key,
                    value: Secret::from(property.value),
                    line: index,
                }));
            }
            LineKind::Continuation => {
                if let Some(last) = settings.last_mut().filter(|_| continues) {
                    let more = syntax::trim(text);
                    last.value = Secret::new(format!("{}\n{more}", last.value.expose()));
                }
            }
            LineKind::Unreadable => continues = false,
            LineKind::Blank | LineKind::Comment | LineKind::IndentedComment | LineKind::Header => {}
        }
    }
    settings
}
