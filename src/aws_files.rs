//! The user's `~/.aws/config` and `~/.aws/credentials`: read as the AWS SDKs read them, edited without changing any
//! other byte, and written completely or not at all.
//!
//! This module knows the text of the two files and what follows from it. It does not know the store, the cache, AWS or
//! the environment (callers pass the paths in). Nothing here prints a value from the files: errors name the file, the
//! line, the section and the key.
//!
//! - [`syntax`] classifies lines by the AWS SDKs' shared file reference;
//! - [`document`] and [`edits`] are the line-preserving editor and its log of what was intended;
//! - [`dialects`] finds lines that SDKs read differently;
//! - [`guard`] checks an edit against its log, with a third-party parser;
//! - [`ahead`] reads large files while the process starts;
//! - [`door`] is the only entrance ([`door::AwsFiles`]): paths, locks, and other programs that write the files;
//! - [`mod@write`] reads one file, and has the guard check the result of an edit;
//! - [`session_edits`] are the edits that `login` and `logout` make;
//! - [`key_edits`] writes long-term keys that `enroll` created;
//! - [`profiles`] merges both files, and [`resolve`] finds a profile's keys, roles and serial;
//! - [`wiring`] are the edits that `setup` makes, [`differences`] takes them back;
//! - [`winner`] knows which credentials each SDK uses for a profile, and what hides awsmfa's session.

pub mod ahead;
pub mod dialects;
pub mod differences;
pub mod document;
pub mod door;
pub mod edits;
mod file;
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
pub mod wiring;
pub mod write;

pub use file::AwsFile;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::place::Place;
use crate::model::source::Source;

/// The keys that name a profile's MFA device: ours and those of older tools.
pub const SERIAL_KEYS: [&str; 2] = ["mfa_serial", "aws_mfa_device"];

/// The line that a value was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub path: Arc<PathBuf>,
    /// The line, from 1.
    pub line: usize,
}

impl Origin {
    /// The origin of a key's value, for messages.
    pub fn of(&self, key: &'static str) -> Source {
        Source::Line { key, path: Arc::clone(&self.path), line: self.line }
    }
}

impl From<&Origin> for Place {
    fn from(origin: &Origin) -> Self {
        Self::Line(origin.path.to_path_buf(), origin.line)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

/// A profile's header in this file, without brackets: `profile dev`, `default`, `dev`. In the config file, a name with
/// spaces is quoted.
pub fn header_of(kind: AwsFile, profile: &str) -> String {
    match kind {
        AwsFile::Config if profile != "default" => syntax::section_header("profile", profile),
        _ => profile.to_owned(),
    }
}

/// The section for a profile's long-term keys while the profile's own section holds a session, named as in
/// broamski/aws-mfa.
pub fn long_term_name(profile: &str) -> String {
    format!("{profile}-long-term")
}

/// The profile that a long-term section belongs to; `None` for other sections.
pub fn keeps_keys_of(section: &str) -> Option<&str> {
    section.strip_suffix("-long-term").filter(|profile| !profile.is_empty())
}

/// The section for the session of a role profile. The SDKs would not read the keys in the profile's own section.
pub fn session_name(profile: &str) -> String {
    format!("{profile}-session")
}
