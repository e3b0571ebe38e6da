//! Passphrases: where they come from, and how often a wrong one may be corrected.

use super::StoreError;
use crate::model::secret::Secret;

/// How many passphrases a person may try.
const ATTEMPTS: u32 = 3;

/// Where a passphrase comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A person types it. Only then may a wrong one be corrected.
    Person,
    /// A file. Anyone who can read what it unlocked can read it, too.
    File,
    /// A command, which may ask a person, and may give the passphrase only once.
    Command,
}

/// A source of a passphrase.
pub trait PassphraseSource: Send + Sync {
    fn origin(&self) -> Origin;
    /// Whether there may be an answer: only a person may be away.
    fn can_answer(&self) -> bool {
        true
    }
    /// The passphrase of something that exists. `attempt` counts from 1; above 1, the previous passphrase was wrong.
    fn existing(&self, attempt: u32) -> Result<Secret<String>, StoreError>;
    /// A new passphrase, long enough.
    fn new_passphrase(&self) -> Result<Secret<String>, StoreError>;
    /// Says that another process is prompting for the passphrase.
    fn is_waiting(&self) {}
    /// Says that the system does not keep the store unlocked after its passphrase was typed.
    fn not_kept(&self) {}
}

/// Opens something with the passphrase. A person may try three passphrases; a file or a command gives one.
pub fn open_with<T>(
    source: &dyn PassphraseSource,
    mut open: impl FnMut(&Secret<String>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let attempts = if source.origin() == Origin::Person { ATTEMPTS } else { 1 };
    let mut attempt = 1;
    loop {
        match open(&source.existing(attempt)?) {
            Err(StoreError::WrongPassphrase) if attempt < attempts => attempt += 1,
            result => return result,
        }
    }
}
