//! The log of an edit: what it intended to change, for the guard.

use crate::model::secret::Secret;

/// One intended change. Sections are named by their header text in its exact form, keys in lower case.
#[derive(Debug, Clone)]
pub enum Op {
    /// A key has a new value.
    Set {
        section: String,
        key: String,
        value: Secret<String>,
    },
    Remove {
        section: String,
        key: String,
    },
    /// A key's lines moved to another section, unchanged.
    Move {
        from: String,
        to: String,
        key: String,
    },
    /// An empty section was added.
    AddSection(String),
    /// A section without keys was removed.
    RemoveSection(String),
    /// A comment on a changed line moved to a line of its own. (To botocore, it was part of the value.)
    KeepComment(Secret<String>),
    /// A comment of ours has a line of its own.
    AddComment(String),
    /// A comment of ours was removed, with its line.
    RemoveComment(String),
    /// A blank line before or after a section was added.
    AddBlank,
    /// A blank line before or after a section was removed.
    RemoveBlank,
}

/// Where a moved key goes in its new section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position<'a> {
    /// After the section's last setting.
    End,
    Before(&'a str),
    After(&'a str),
}
