//! One AWS file: what it holds, and whether it can be edited safely. `parsed` is the file as it was read, `changes` what
//! edits changed in it; the edits themselves are in `edits`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::model::secret::Secret;

use super::AwsFile;
use super::log::Op;
use super::syntax::{self, Line, LineKind, Scanner, SyntaxError};
use changes::Order;
use parsed::Parsed;

mod changes;
mod parsed;

/// A section of a document; 0 is what stands before the first header. It stays the same whatever else is added or removed.
pub(super) type SectionId = usize;

/// The text of one AWS file. Lines that no edit concerns come out as they went in. Cloning is cheap: clones share what was
/// read.
#[derive(Clone)]
pub struct Document {
    base: Arc<Parsed>,
    /// The lines of sections that were changed or added.
    bodies: HashMap<SectionId, Vec<Line>>,
    /// The names of the sections that were added; their IDs follow those of the sections that were read.
    added: Vec<Arc<str>>,
    /// Where sections were added or removed, the order of all.
    order: Option<Order>,
    /// The section whose last line was the file's last when the last operation ended.
    tail: SectionId,
    /// How to take back the operations since an edit began that is to succeed as a whole.
    undo: Option<Vec<changes::Undo>>,
    pub(super) log: Vec<Op>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("file", &self.file()).field("log", &self.log).finish_non_exhaustive()
    }
}

/// Why a file that can be read cannot be edited without harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsafeEdit {
    /// Some SDK reads a line otherwise than we do, or not at all.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// botocore rejects the whole file; other SDKs merge them or take the last.
    #[error("section [{section}] appears twice, on lines {first} and {second}")]
    DuplicateSection {
        section: String,
        /// Line of the first header.
        first: usize,
        /// Line of the second header.
        second: usize,
    },
    #[error("`{key}` appears twice in section [{section}], on lines {first} and {second}")]
    DuplicateKey {
        section: String,
        /// The key, in lower case.
        key: String,
        /// Line of the first.
        first: usize,
        /// Line of the second.
        second: usize,
    },
    /// botocore gives the settings of `[DEFAULT]` to every section.
    #[error("line {line}: the AWS CLI applies [DEFAULT] to every profile; [default] is the default profile")]
    LeakingDefault { line: usize },
    /// Indented or padded: the AWS CLI would not find it and add the section a second time.
    #[error("line {line}: the header of section [{section}] must be exactly `[{section}]` to be edited")]
    OddHeader {
        /// The header as it should be.
        section: String,
        line: usize,
    },
    /// SDKs would ignore a section of this name, or a key like this.
    #[error("`{name}` cannot be written as a name in an AWS file")]
    UnwritableName { name: String },
    /// The SDKs would not agree on what it says.
    #[error("the value of `{key}` in section [{section}] cannot be written so that every SDK reads the same")]
    UnwritableValue { section: String, key: String },
    /// A key was to be moved to where one is.
    #[error("section [{section}] has `{key}` already")]
    Occupied { section: String, key: String },
}

impl UnsafeEdit {
    /// Whether the AWS CLI and boto3 refuse the whole file for it.
    pub fn breaks_botocore(&self) -> bool {
        match self {
            Self::Syntax(error) => error.fatal || error.problem == syntax::Problem::ByteOrderMark,
            Self::DuplicateSection { .. } | Self::DuplicateKey { .. } => true,
            _ => false,
        }
    }
}

/// A key with its value, as the SDKs read them.
pub(super) struct KeyValue {
    /// In lower case.
    pub(super) key: String,
    /// Continuations are joined with line feeds.
    pub(super) value: Secret<String>,
    /// Index of its first line in the section.
    pub(super) line: usize,
}

impl Document {
    /// Reads a file's content. Invalid lines are not an error here; see [`Document::obstacles`].
    pub fn parse(file: AwsFile, bytes: &[u8]) -> Result<Self, SyntaxError> {
        Self::parse_owned(file, Zeroizing::new(bytes.to_vec()))
    }

    /// The same, without a copy.
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

    /// What was read.
    pub(super) fn bytes(&self) -> &[u8] {
        self.base.bytes()
    }

    /// The same as text.
    pub(super) fn text_before(&self) -> &str {
        self.base.text()
    }

    /// Whether both are the same file as it was read, without a change since.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.base, &other.base) && !self.is_changed() && !other.is_changed()
    }

    /// What was changed since the document was read, in order.
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

    /// The value of a key. Keys are compared in lower case; of duplicates the last counts, as in the SDKs.
    pub fn get(&self, section: &str, key: &str) -> Option<Secret<String>> {
        let key = key.to_ascii_lowercase();
        let mut settings = self.settings_of(section).into_iter();
        settings.rfind(|setting| setting.key == key).map(|setting| setting.value)
    }

    /// Whether a section has a key with a value that is not empty.
    pub fn has(&self, section: &str, key: &str) -> bool {
        self.get(section, key).is_some_and(|value| !value.expose().is_empty())
    }

    /// The keys of a section, in lower case and in order.
    pub fn keys(&self, section: &str) -> Vec<String> {
        self.settings_of(section).into_iter().map(|setting| setting.key).collect()
    }

    /// Why the file cannot be edited safely, completely: whatever an SDK rejects the file for, or reads differently than
    /// others do.
    pub fn obstacles(&self) -> &[UnsafeEdit] {
        self.base.obstacles()
    }

    /// Whether the file as a whole can be edited.
    pub fn check_editable(&self) -> Result<(), UnsafeEdit> {
        self.obstacles().first().cloned().map_or(Ok(()), Err)
    }

    /// Whether a section can be edited; a missing one can.
    pub fn check_section(&self, section: &str) -> Result<(), UnsafeEdit> {
        self.check_editable()?;
        match self.find(section) {
            Some(id) if id < self.base.end() && self.base.is_odd(id) => Err(UnsafeEdit::OddHeader {
                section: self.name(id).to_string(),
                line: self.first_line(id) + 1,
            }),
            _ => Ok(()),
        }
    }

    /// One past the largest ID of a section.
    pub(super) fn id_count(&self) -> usize {
        self.base.end() + self.added.len()
    }

    /// The first line of a section that leaves it in doubt.
    pub(super) fn doubt(&self, id: SectionId) -> Option<&SyntaxError> {
        if id < self.base.end() { self.base.doubt(id) } else { None }
    }

    /// The header text of a section in its exact form.
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

    /// The only section of that name, once `check_editable` has passed.
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
