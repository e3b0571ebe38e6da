//! Stores for secrets. This module has what all stores share: the trait, the errors and the probe. Names and values are
//! opaque text here. The registry, which holds no secret, knows which store has what.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::secret::Secret;
use crate::model::secret_name::PROBE;
use crate::model::visible::visible;

pub mod age_file;
mod entry_name;
pub mod kernel_keyring;
pub mod keyring;
pub mod passphrase;
pub mod plugin_problem;
pub mod recipient;
pub mod registry;
pub mod sealed_file;

use plugin_problem::PluginProblem;

/// The longest name of a secret, in bytes. ARNs of devices have up to 256.
const NAME_LIMIT: usize = 512;

/// A store of secrets by name, to read.
pub trait SecretReader: Send + Sync {
    fn kind(&self) -> StoreKind;
    /// The secret stored under `name`, if there is one.
    fn get(&self, name: &str) -> Result<Option<Secret<String>>, StoreError>;
    /// Whether [`get`](Self::get) needs no person, so that what was saved can be read back.
    fn is_readable(&self) -> bool;
    /// Whether there is a secret under `name`. Needs no passphrase.
    fn has(&self, name: &str) -> Result<bool, StoreError>;
    /// The names of all secrets, in alphabetical order; `None` if the platform cannot list them. Needs no passphrase.
    fn names(&self) -> Result<Option<Vec<String>>, StoreError>;
    /// Whether what is stored under `name` looks intact, as far as that shows without a passphrase.
    fn check_entry(&self, _name: &str) -> Result<(), StoreError> {
        Ok(())
    }
    /// A command that prints the secret stored under `name` without awsmfa, if the platform has one.
    fn reading_command(&self, _name: &str) -> Option<String> {
        None
    }
}

/// A store of secrets by name, to change. Only who holds the stores gets it, see `vault::Hold`.
pub trait SecretStore: SecretReader {
    /// Saves `value` under `name` durably, replacing what is there. Callers use [`put`](Self::put).
    fn write(&self, name: &str, value: &Secret<String>) -> Result<(), StoreError>;
    /// Saves `value` under `name` and, if that needs no person, reads it back.
    fn put(&self, name: &str, value: &Secret<String>) -> Result<(), StoreError> {
        check_name(name)?;
        self.write(name, value)?;
        if self.is_readable() && self.get(name)?.as_ref() != Some(value) {
            return Err(StoreError::NotKept { kind: self.kind() });
        }
        Ok(())
    }
    /// Copies what is stored under `name`, which cannot be read, so that it can be replaced. Returns the copy; `None` if the
    /// platform has no place for one.
    fn copy_aside(&self, _name: &str) -> Result<Option<PathBuf>, StoreError> {
        Ok(None)
    }
    /// Deletes the secret stored under `name`. Returns whether there was one.
    fn delete(&self, name: &str) -> Result<bool, StoreError>;
    /// Deletes the secret stored under `name` if it is `value`. Returns whether it is gone.
    fn delete_if(&self, name: &str, value: &Secret<String>) -> Result<bool, StoreError> {
        match self.get(name)? {
            Some(found) if found != *value => Ok(false),
            Some(_) => self.delete(name).map(|_| true),
            None => Ok(true),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// The OS keyring: Keychain, Credential Manager, Secret Service.
    Keyring,
    /// Age files, encrypted with a passphrase.
    File,
}

/// Neither `keyring` nor `file`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a store; use `keyring` or `file`")]
pub struct UnknownStore(String);

impl FromStr for StoreKind {
    type Err = UnknownStore;

    fn from_str(text: &str) -> Result<Self, UnknownStore> {
        match text {
            "keyring" => Ok(Self::Keyring),
            "file" => Ok(Self::File),
            _ => Err(UnknownStore(text.to_owned())),
        }
    }
}

impl StoreKind {
    /// The only other store.
    pub fn other(self) -> Self {
        match self {
            Self::Keyring => Self::File,
            Self::File => Self::Keyring,
        }
    }

    /// How it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No variant carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The keyring is locked, and no one unlocked it.
    #[error("the keyring is locked")]
    Locked,
    /// The file store needs its passphrase, and there is no source for it.
    #[error("the file store is locked: {why}")]
    NoPassphrase { why: String },
    /// Something is to be encrypted with a new passphrase, and there is none.
    #[error("no new passphrase for {what}: {why}")]
    NoNewPassphrase {
        what: String,
        why: String,
        /// The variable that may give a file with it.
        variable: Option<&'static str>,
    },
    #[error("interrupted")]
    Interrupted,
    /// The age plugin that has the file store's key did not open it.
    #[error(transparent)]
    Plugin(#[from] PluginProblem),
    /// The passphrase does not open the file store.
    #[error("wrong passphrase for the file store")]
    WrongPassphrase,
    /// What a passphrase opens takes more time and memory than awsmfa spends.
    #[error("`{}` has a scrypt work factor of {factor}; the limit is {limit} (1 GiB of memory)", path.display())]
    TooMuchWork { path: PathBuf, factor: u8, limit: u8 },
    #[error("the keyring is not available: {reason}")]
    Unavailable {
        /// What the platform said, in one line.
        reason: String,
    },
    /// The keyring did not respond; it may be waiting for a person.
    #[error("the keyring did not respond within {seconds} s")]
    TimedOut { seconds: u64 },
    /// What is stored is not what was saved. Nothing was changed or repaired.
    #[error("{what}")]
    Damaged {
        /// What is wrong with which file or item.
        what: String,
        /// The folder of the file store, if nothing in it can be read or written because of that.
        folder: Option<PathBuf>,
    },
    /// What was just saved is not what the store returns.
    #[error("the {kind} store did not return what was saved")]
    NotKept { kind: StoreKind },
    /// A keyring's item that something else wrote.
    #[error("the keyring's item is not text")]
    NotText,
    /// Several items in the keyring have the same name, and their secrets differ.
    #[error("the keyring has {count} items with the same name and different secrets")]
    Ambiguous { count: usize },
    /// A name that stores reject: empty, over 512 bytes, or with control characters.
    #[error("`{}` cannot be the name of a secret", visible(.0))]
    Name(String),
    /// A file could not be read or written; the error names it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl StoreError {
    /// Whether the keyring cannot be used now, though nothing is wrong with what it holds.
    pub fn is_inaccessible(&self) -> bool {
        matches!(self, Self::Locked | Self::TimedOut { .. } | Self::Unavailable { .. })
    }

    /// Whether no secret at all can be read now.
    pub fn is_closed(&self) -> bool {
        self.is_inaccessible()
            || matches!(
                self,
                Self::NoPassphrase { .. }
                    | Self::NoNewPassphrase { .. }
                    | Self::WrongPassphrase
                    | Self::TooMuchWork { .. }
            )
    }

    fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), folder: None }
    }

    /// The same damage, which affects the whole file store in `folder`.
    fn of_folder(self, folder: &Path) -> Self {
        match self {
            Self::Damaged { what, .. } => Self::Damaged { what, folder: Some(folder.to_owned()) },
            other => other,
        }
    }
}

/// Checks that `store` works: saves a throwaway secret, reads it back and deletes it. Reading asks for whatever the store
/// needs, so a forgotten passphrase shows here and not when a code is needed. The name is always the same, so that a check
/// removes what an interrupted one left.
pub fn probe(store: &dyn SecretStore) -> Result<(), StoreError> {
    let value = Secret::from(format!("{PROBE}: safe to delete"));
    let read = store.put(PROBE, &value).and_then(|()| store.get(PROBE));
    let deleted = store.delete(PROBE);
    if read?.as_ref() != Some(&value) {
        return Err(StoreError::NotKept { kind: store.kind() });
    }
    if deleted? {
        Ok(())
    } else {
        Err(StoreError::damaged(format!("the {} store did not delete a secret", store.kind())))
    }
}

fn check_name(name: &str) -> Result<(), StoreError> {
    match name.is_empty() || name.len() > NAME_LIMIT || name.chars().any(char::is_control) {
        true => Err(StoreError::Name(name.to_owned())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;

    /// A store that may lose secrets or fail to delete them.
    #[derive(Default)]
    struct Faulty {
        items: Mutex<BTreeMap<String, Secret<String>>>,
        forgets: bool,
        is_locked: bool,
        is_stubborn: bool,
    }

    impl SecretReader for Faulty {
        fn kind(&self) -> StoreKind {
            StoreKind::Keyring
        }

        fn get(&self, name: &str) -> Result<Option<Secret<String>>, StoreError> {
            Ok(self.items.lock().unwrap().get(name).cloned())
        }

        fn has(&self, name: &str) -> Result<bool, StoreError> {
            Ok(self.get(name)?.is_some())
        }

        fn names(&self) -> Result<Option<Vec<String>>, StoreError> {
            Ok(Some(self.items.lock().unwrap().keys().cloned().collect()))
        }

        fn is_readable(&self) -> bool {
            !self.is_locked
        }
    }

    impl SecretStore for Faulty {
        fn write(&self, name: &str, value: &Secret<String>) -> Result<(), StoreError> {
            if !self.forgets {
                self.items.lock().unwrap().insert(name.to_owned(), value.clone());
            }
            Ok(())
        }

        fn delete(&self, name: &str) -> Result<bool, StoreError> {
            Ok(!self.is_stubborn && self.items.lock().unwrap().remove(name).is_some())
        }
    }

    #[test]
    fn probe_finds_stores_that_lose_or_do_not_delete_secrets() {
        let good = Faulty::default();
        probe(&good).unwrap();
        assert!(good.items.lock().unwrap().is_empty());
        let complaint = |store| probe(&store).unwrap_err().to_string();
        let forgetful = |is_locked| Faulty { forgets: true, is_locked, ..Faulty::default() };
        let lost = "the keyring store did not return what was saved";
        assert_eq!([complaint(forgetful(false)), complaint(forgetful(true))], [lost, lost]);
        assert!(complaint(Faulty { is_stubborn: true, ..Faulty::default() }).contains("did not delete"));
    }

    #[test]
    fn put_reads_back_unless_a_person_would_be_asked() {
        let forgetful = |is_locked| Faulty { forgets: true, is_locked, ..Faulty::default() };
        assert!(forgetful(false).put("a", &"b".into()).unwrap_err().to_string().contains("did not return"));
        forgetful(true).put("a", &"b".into()).unwrap();
        Faulty::default().put("a", &"b".into()).unwrap();
    }

    #[test]
    fn kind_is_written_as_it_is_read() {
        for kind in [StoreKind::Keyring, StoreKind::File] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert!("Keyring".parse::<StoreKind>().is_err());
    }
}
