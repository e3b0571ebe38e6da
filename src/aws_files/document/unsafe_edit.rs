//! The error for a file that cannot be edited safely.

use super::super::syntax::{self, SyntaxError};

/// Why a file that can be read cannot be edited safely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsafeEdit {
    /// Some SDK reads a line differently than we do, or not at all.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// botocore rejects the whole file; other SDKs merge the sections or use the last one.
    #[error("section [{section}] appears twice, on lines {first} and {second}")]
    DuplicateSection {
        section: String,
        /// The line of the first header.
        first: usize,
        /// The line of the second header.
        second: usize,
    },
    /// Both are the default profile: botocore uses the last one, other SDKs `[profile default]`.
    #[error(
        "[default] and [profile default] are one profile, on lines {first} and {second}, and tools differ in which they read"
    )]
    TwoDefaults {
        /// The line of the first header.
        first: usize,
        /// The line of the second header.
        second: usize,
    },
    #[error("`{key}` appears twice in section [{section}], on lines {first} and {second}")]
    DuplicateKey {
        section: String,
        /// The key, in lower case.
        key: String,
        /// The line of the first one.
        first: usize,
        /// The line of the second one.
        second: usize,
    },
    /// botocore applies the settings in `[DEFAULT]` to every section.
    #[error("line {line}: the AWS CLI applies [DEFAULT] to every profile; [default] is the default profile")]
    LeakingDefault { line: usize },
    /// An indented or padded header: the AWS CLI would not find it and would add the section again.
    #[error("line {line}: the header of section [{section}] must be exactly `[{section}]` to be edited")]
    OddHeader {
        /// The correct header.
        section: String,
        line: usize,
    },
    /// SDKs would ignore a section or key with this name.
    #[error("`{name}` is not a valid name in an AWS file")]
    UnwritableName { name: String },
    /// SDKs would read the value differently.
    #[error(
        "the value of `{key}` in section [{section}] cannot be written in a way that every SDK reads the same"
    )]
    UnwritableValue { section: String, key: String },
    /// The target section already has the key.
    #[error("section [{section}] already has `{key}`")]
    Occupied { section: String, key: String },
}

impl UnsafeEdit {
    /// The line to change, from 1; `None` if it is not in the file.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Syntax(error) => Some(error.line),
            Self::DuplicateSection { second, .. }
            | Self::TwoDefaults { second, .. }
            | Self::DuplicateKey { second, .. } => Some(*second),
            Self::LeakingDefault { line } | Self::OddHeader { line, .. } => Some(*line),
            Self::UnwritableName { .. } | Self::UnwritableValue { .. } | Self::Occupied { .. } => None,
        }
    }

    /// Whether the AWS CLI and boto3 reject the whole file because of this.
    pub fn breaks_botocore(&self) -> bool {
        match self {
            Self::Syntax(error) => error.fatal || error.problem == syntax::Problem::ByteOrderMark,
            Self::DuplicateSection { .. } | Self::DuplicateKey { .. } => true,
            _ => false,
        }
    }
}
