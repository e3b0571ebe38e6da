//! Why the guard refuses a change.

/// Why a change was refused. The file was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// The `ini` crate cannot read it.
    #[error("the {which} text cannot be checked (line {line})")]
    Unreadable {
        /// `old` or `new`.
        which: &'static str,
        /// The line, counted without blank lines and comments.
        line: usize,
    },
    #[error("the {which} text has {what} twice")]
    Twice {
        /// `old` or `new`.
        which: &'static str,
        /// `[section]` or `[section] key`.
        what: String,
    },
    /// The log does not fit the old text.
    #[error("a change to {0} does not fit the file")]
    Log(String),
    /// A setting changed that should not, or did not change although it should.
    #[error("{0} would not have the intended value")]
    Settings(String),
    /// A line was lost, added, changed or moved.
    #[error("line {0} would change unintentionally")]
    Lines(usize),
    #[error("a comment on a changed line would be lost")]
    Comment,
    #[error("blank lines would change unintentionally")]
    BlankLines,
}
