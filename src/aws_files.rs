//! The user's `~/.aws/config` and `~/.aws/credentials`: read as the AWS SDKs read them, edited without touching a byte
//! that need not change, and written whole or not at all.
//!
//! What lives here: the text of these two files and what follows from it. What does not: the store, the cache, AWS,
//! and the environment (paths are handed in). Nothing here prints a value of these files: errors name the file, the
//! line, the section and the key.
//!
//! - [`syntax`] sorts lines by the AWS SDKs' shared file reference;
//! - [`document`] and [`edits`] are the line-preserving editor and its log of what was intended;
//! - [`guard`] compares an edit with its log, through a parser of other people's;
//! - [`door`] is the one entrance ([`door::AwsFiles`]): paths, locks, and other programs that write the files;
//! - [`mod@write`] reads one file, and lets the guard see what an edit makes of it;
//! - [`session_edits`] are the edits that `login`, `logout` and `setup` make;
//! - [`key_edits`] writes long-term keys that `enroll` made;
//! - [`profiles`] merges both files, and [`resolve`] says which keys, roles and serial a profile stands for;
//! - [`winner`] knows which credentials each SDK uses for a profile, and what keeps our session from it.

pub mod document;
pub mod door;
pub mod edits;
pub mod guard;
pub mod key_edits;
pub mod log;
mod merge;
pub mod own_command;
pub mod profiles;
pub mod resolve;
mod seen;
pub mod session_edits;
pub mod syntax;
pub mod tally;
pub mod transport;
pub mod winner;
pub mod write;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::source::Source;

/// The keys that name a profile's MFA device, ours and older tools'.
pub const SERIAL_KEYS: [&str; 2] = ["mfa_serial", "aws_mfa_device"];

/// Which of the two files: they name profiles differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsFile {
    /// `~/.aws/config`: `[profile dev]`, `[default]`, `[sso-session x]`, `[services x]`.
    Config,
    /// `~/.aws/credentials`: `[dev]`.
    Credentials,
}

/// Where a value was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub path: Arc<PathBuf>,
    /// The line, from 1.
    pub line: usize,
}

impl Origin {
    /// The same as the place of a key's value.
    pub fn of(&self, key: &'static str) -> Source {
        Source::Line { key, path: Arc::clone(&self.path), line: self.line }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

/// The header that a profile has in a file of this kind, without brackets: `profile dev`, `default`, `dev`. A name with
/// blanks is in quotes in the config file.
pub fn header_of(kind: AwsFile, profile: &str) -> String {
    match kind {
        AwsFile::Config if profile != "default" => syntax::section_header("profile", profile),
        _ => profile.to_owned(),
    }
}

/// The section that keeps the long-term keys of a profile whose own section holds a session; the convention is that of
/// broamski/aws-mfa.
pub fn long_term_name(profile: &str) -> String {
    format!("{profile}-long-term")
}

/// The profile whose long-term keys a section of this name keeps; `None` for a name of another kind.
pub fn keeps_keys_of(section: &str) -> Option<&str> {
    section.strip_suffix("-long-term").filter(|profile| !profile.is_empty())
}

/// The section that gets the session of a role profile, whose own section the SDKs would not read.
pub fn session_name(profile: &str) -> String {
    format!("{profile}-session")
}
