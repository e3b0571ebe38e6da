//! One AWS file as its lines: what it holds, and whether it can be edited safely. Changing it is in `edits`.

use std::collections::HashMap;

use crate::model::secret::Secret;

use super::AwsFile;
use super::log::Op;
use super::syntax::{self, Ending, Line, LineKind, SyntaxError};

/// The text of one AWS file, kept line by line. Lines that no edit concerns come out as they went in.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) kind: AwsFile,
    pub(super) lines: Vec<Line>,
    problems: Vec<SyntaxError>,
    /// A file that did not end its last line goes on not doing so.
    pub(super) ends_last_line: bool,
    pub(super) log: Vec<Op>,
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

/// A section's place: its header's line and the end of its lines, as indices.
#[derive(Debug, Clone)]
pub(super) struct Span {
    /// The header in its exact form.
    pub(super) name: String,
    pub(super) header: usize,
    /// One past the last line before the next header.
    pub(super) end: usize,
    /// Whether the header is written in a form that some SDKs do not find.
    pub(super) odd: bool,
}

/// A setting as it is read.
pub(super) struct KeyValue {
    /// In lower case.
    pub(super) key: String,
    /// Continuations are joined with line feeds.
    pub(super) value: Secret<String>,
    /// Index of its first line.
    pub(super) line: usize,
}

impl Document {
    /// Reads a file's content. Lines that are not in order do not fail it; see [`Document::obstacles`].
    pub fn parse(kind: AwsFile, bytes: &[u8]) -> Result<Self, SyntaxError> {
        let (lines, problems) = syntax::parse(bytes)?;
        let ends_last_line = lines.last().is_none_or(|line| line.ending != Ending::None);
        Ok(Self { kind, lines, problems, ends_last_line, log: Vec::new() })
    }

    /// Which of the two files this is.
    pub fn kind(&self) -> AwsFile {
        self.kind
    }

    pub fn to_text(&self) -> Secret<String> {
        // Sized beforehand: growing would leave copies that are not wiped.
        let size = self.lines.iter().map(|line| line.text().len() + 2).sum();
        let mut text = String::with_capacity(size);
        for line in &self.lines {
            text.push_str(line.text());
            text.push_str(line.ending.as_str());
        }
        Secret::new(text)
    }

    /// What was changed since the document was read, in order.
    pub fn log(&self) -> &[Op] {
        &self.log
    }

    /// The header texts of all sections, in their exact form and in order.
    pub fn sections(&self) -> Vec<String> {
        self.spans().into_iter().map(|span| span.name).collect()
    }

    /// Whether there is a section with this header text.
    pub fn has_section(&self, section: &str) -> bool {
        self.find(section).is_some()
    }

    /// The value of a key. Keys are compared in lower case; of duplicates the last counts, as in the SDKs.
    pub fn get(&self, section: &str, key: &str) -> Option<Secret<String>> {
        let key = key.to_ascii_lowercase();
        let mut settings = self.spans_of(section).into_iter().flat_map(|span| self.settings(&span));
        settings.rfind(|s| s.key == key).map(|s| s.value)
    }

    /// Whether a section has a key with a value that is not empty.
    pub fn has(&self, section: &str, key: &str) -> bool {
        self.get(section, key).is_some_and(|value| !value.expose().is_empty())
    }

    /// The keys of a section, in lower case and in order.
    pub fn keys(&self, section: &str) -> Vec<String> {
        let settings = self.spans_of(section).into_iter().flat_map(|span| self.settings(&span));
        settings.map(|s| s.key).collect()
    }

    /// Why the file cannot be edited safely, all of it: whatever an SDK rejects the file for, or reads otherwise than
    /// others do.
    pub fn obstacles(&self) -> Vec<UnsafeEdit> {
        let mut found: Vec<UnsafeEdit> = self.problems.iter().cloned().map(UnsafeEdit::from).collect();
        let mut seen = HashMap::new();
        for span in self.spans() {
            if span.name == "DEFAULT" {
                found.push(UnsafeEdit::LeakingDefault { line: span.header + 1 });
            }
            found.extend(self.duplicate_keys(&span));
            let second = span.header + 1;
            if let Some(first) = seen.insert(syntax::identity(self.kind, &span.name).to_owned(), second) {
                found.push(UnsafeEdit::DuplicateSection { section: span.name, first, second });
            }
        }
        found
    }

    fn duplicate_keys(&self, span: &Span) -> Vec<UnsafeEdit> {
        let mut seen = HashMap::new();
        let mut found = Vec::new();
        for KeyValue { key, line, .. } in self.settings(span) {
            let second = line + 1;
            if let Some(first) = seen.insert(key.clone(), second) {
                found.push(UnsafeEdit::DuplicateKey { section: span.name.clone(), key, first, second });
            }
        }
        found
    }

    /// Whether the file as a whole may be edited.
    pub fn check_editable(&self) -> Result<(), UnsafeEdit> {
        self.obstacles().into_iter().next().map_or(Ok(()), Err)
    }

    /// Whether a section may be edited; one that is not there may.
    pub fn check_section(&self, section: &str) -> Result<(), UnsafeEdit> {
        self.check_editable()?;
        match self.find(section) {
            Some(span) if span.odd => {
                Err(UnsafeEdit::OddHeader { section: span.name, line: span.header + 1 })
            }
            _ => Ok(()),
        }
    }

    /// The first line of a section that leaves it in doubt.
    pub(super) fn doubt(&self, span: &Span) -> Option<&SyntaxError> {
        let lines = span.header + 1..=span.end;
        self.problems.iter().find(|problem| problem.fatal && lines.contains(&problem.line))
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (index, line) in self.lines.iter().enumerate().filter(|(_, l)| l.kind == LineKind::Header) {
            if let Some(last) = spans.last_mut() {
                last.end = index;
            }
            let name = syntax::exact_header(syntax::header(line.text()).inner().unwrap_or_default());
            let odd = !syntax::is_exact(line.text(), &name);
            spans.push(Span { name, header: index, end: self.lines.len(), odd });
        }
        spans
    }

    fn spans_of(&self, section: &str) -> Vec<Span> {
        let wanted = syntax::identity(self.kind, section);
        self.spans().into_iter().filter(|s| syntax::identity(self.kind, &s.name) == wanted).collect()
    }

    /// The only section of that name, once `check_editable` has passed.
    pub(super) fn find(&self, section: &str) -> Option<Span> {
        self.spans_of(section).into_iter().next()
    }

    pub(super) fn settings(&self, span: &Span) -> Vec<KeyValue> {
        let mut settings: Vec<KeyValue> = Vec::new();
        let mut continues = false;
        for index in span.header + 1..span.end {
            let line = &self.lines[index];
            match line.kind {
                LineKind::Property => {
                    let property = syntax::property(line.text());
                    continues = property.is_ok();
                    settings.extend(property.map(|property| KeyValue {
                        key: property.key,
                        value: Secret::from(property.value),
                        line: index,
                    }));
                }
                LineKind::Continuation => {
                    if let Some(last) = settings.last_mut().filter(|_| continues) {
                        let more = syntax::trim(line.text());
                        last.value = Secret::new(format!("{}\n{more}", last.value.expose()));
                    }
                }
                LineKind::Unreadable => continues = false,
                LineKind::Blank | LineKind::Comment | LineKind::IndentedComment | LineKind::Header => {}
            }
        }
        settings
    }
}
