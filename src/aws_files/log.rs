//! What an edit did and where, as it is logged for the guard.

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
    /// A key's lines went to another section as they were.
    Move {
        from: String,
        to: String,
        key: String,
    },
    /// A section was added, empty.
    AddSection(String),
    /// A section without keys is gone.
    RemoveSection(String),
    /// A comment that sat on a changed line has a line of its own. To botocore it was a part of the value.
    KeepComment(Secret<String>),
    /// A blank line that sets a section off was added.
    AddBlank,
    /// A blank line that set a section off is gone.
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
