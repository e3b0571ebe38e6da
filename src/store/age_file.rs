//! The file store: standard age files in one folder. `identity.age` is an X25519 identity encrypted with a passphrase,
//! `recipient` is its public key, and each secret is a file of its own, encrypted to that key. `age -d -i identity.age
//! ENTRY.age` opens everything without awsmfa. `sealing` encrypts; this module reads and writes the files.
//!
//! Instead of `identity.age`, there may be `identity.txt`: an identity that an age [`plugin`] has.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::entry_name::{file_name, names_in};
use super::kernel_keyring;
use super::passphrase::{self, Origin, PassphraseSource};
use super::{SecretStore, StoreError, StoreKind, check_name};
use crate::files::{self, Lock};
use crate::model::secret::Secret;

pub mod attendant;
mod keeping;
pub mod plugin;
pub(super) mod sealing;
#[cfg(test)]
mod tests;

use attendant::Attendant;
use keeping::Keeper;
use plugin::PluginIdentity;
use sealing::Identity;

/// The file store in a folder.
pub struct AgeFileStore {
    folder: PathBuf,
    lock_path: PathBuf,
    passphrases: Box<dyn PassphraseSource>,
    attendant: Box<dyn Attendant>,
    unlock_for: Duration,
    /// Unlocked once per process.
    identity: Mutex<Option<Identity>>,
    /// Whether the plugin, if there is one, has opened an entry without a person.
    opens_alone: AtomicBool,
}

impl AgeFileStore {
    /// The store in `folder`; the lock at `lock_path` serializes changes. An identity stays unlocked for `unlock_for` after
    /// its passphrase was typed or read from a file (see [`keeping`]). Touches nothing yet.
    pub fn new(
        folder: impl Into<PathBuf>,
        lock_path: impl Into<PathBuf>,
        passphrases: Box<dyn PassphraseSource>,
        attendant: Box<dyn Attendant>,
        unlock_for: Duration,
    ) -> Self {
        let (folder, lock_path) = (folder.into(), lock_path.into());
        let (identity, opens_alone) = (Mutex::default(), AtomicBool::default());
        Self { folder, lock_path, passphrases, attendant, unlock_for, identity, opens_alone }
    }

    /// Whether the store has been created, that is, has an identity.
    pub fn exists(&self) -> bool {
        self.identity_path().exists()
    }

    /// The identity's file, for hints about `age -d -i`.
    pub fn identity_path(&self) -> PathBuf {
        let of_plugin = self.plugin_path();
        if of_plugin.exists() { of_plugin } else { self.folder.join("identity.age") }
    }

    /// The program that opens the store, if it is an age plugin.
    pub fn plugin_program(&self) -> Result<Option<String>, StoreError> {
        Ok(self.plugin()?.map(|plugin| plugin.program()))
    }

    /// The identity that an age plugin has, if the store was created with one.
    fn plugin(&self) -> Result<Option<PluginIdentity>, StoreError> {
        let path = self.plugin_path();
        let identity = PluginIdentity::read(&path)?;
        if identity.is_some() && self.folder.join("identity.age").exists() {
            let what = format!("`{}` and `identity.age` cannot both be the store's identity", path.display());
            return Err(StoreError::damaged(what));
        }
        Ok(identity)
    }

    fn plugin_path(&self) -> PathBuf {
        self.folder.join("identity.txt")
    }

    /// Creates the store with a new passphrase. Returns `false` if there is one.
    pub fn init(&self) -> Result<bool, StoreError> {
        if self.check()? {
            return Ok(false);
        }
        self.create().map(|_| true)
    }

    /// Creates the store with the identity of a plugin, found in `text`, once the plugin has shown that it works. Returns `false`
    /// if there is a store.
    pub fn init_with(&self, identity: &PluginIdentity, text: &[u8]) -> Result<bool, StoreError> {
        if self.check()? {
            return Ok(false);
        }
        // Before the lock is taken, so that no process waits for a person.
        identity.check(&*self.attendant)?;
        let _lock = self.acquire()?;
        if self.check()? {
            return Ok(false);
        }
        files::write_private(&self.plugin_path(), text)?;
        if let Some(recipient) = identity.recipient() {
            files::write_private(&self.recipient_path(), format!("{recipient}\n").as_bytes())?;
        }
        Ok(true)
    }

    /// The file for the secret called `name`, whether or not it exists.
    pub fn entry_path(&self, name: &str) -> PathBuf {
        self.folder.join(file_name(name))
    }

    /// Whether the store has been created. If something is left of a store without its identity, that is an error.
    pub fn check(&self) -> Result<bool, StoreError> {
        if self.exists() {
            return self.sealed_identity().map(|_| true);
        }
        self.refuse_orphans().map(|()| false)
    }

    /// Until when later processes can read without opening the identity again.
    pub fn unlocked_until(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let (Some(recipient), true) = (self.recipient()?, self.exists()) else { return Ok(None) };
        let from_file = self.passphrases.origin() == Origin::File;
        let read = match from_file.then(|| self.passphrases.existing(1)).transpose() {
            Ok(read) => read,
            Err(_) => return Ok(None),
        };
        Ok(self.keeper().recall(&recipient, &self.sealed_identity()?, read.as_ref()).map(|(_, until)| until))
    }

    /// Whether later processes can read without opening the identity again.
    pub fn is_kept_unlocked(&self) -> Result<bool, StoreError> {
        Ok(self.unlocked_until()?.is_some())
    }

    /// Forgets the unlocked identity, in this process and in the kernel. Returns whether the kernel had one.
    pub fn lock(&self) -> Result<bool, StoreError> {
        *self.cached() = None;
        Ok(self.recipient()?.is_some_and(|recipient| kernel_keyring::forget(&recipient)))
    }

    fn keeper(&self) -> Keeper<'_> {
        Keeper { passphrases: &*self.passphrases, unlock_for: self.unlock_for }
    }

    /// Encrypts the identity with another passphrase, given the current one. Entries do not change.
    pub fn change_passphrase(
        &self,
        new: impl FnOnce() -> Result<Secret<String>, StoreError>,
    ) -> Result<(), StoreError> {
        if let Some(plugin) = self.plugin()? {
            return Err(plugin.has_no_passphrase());
        }
        let (before, path) = (self.sealed_identity()?, self.identity_path());
        let identity = passphrase::open_with(&*self.passphrases, |p| Identity::open(&before, p, &path))?;
        let sealed = identity.seal(&new()?)?;
        let _lock = self.acquire()?;
        if self.sealed_identity()? != before {
            return Err(StoreError::damaged(format!("`{}` was changed by another program", path.display())));
        }
        Ok(files::write_private(&self.identity_path(), &sealed)?)
    }

    /// The unlocked identity: from this process, from the kernel, or with a passphrase.
    fn unlock(&self) -> Result<Identity, StoreError> {
        // Locked while a person is prompted, because another thread would only prompt for the same.
        let mut cached = self.cached();
        if let Some(identity) = &*cached {
            return Ok(identity.clone());
        }
        let sealed = self.sealed_identity()?;
        let recipient = self.recipient()?;
        let identity = self.recall_or_open(&sealed, recipient.as_deref())?;
        self.match_recipient(recipient, &identity)?;
        *cached = Some(identity.clone());
        Ok(identity)
    }

    /// An entry for `value`, decrypted again if that needs no passphrase: afterward, nothing but the disk can fail.
    fn seal(&self, value: &Secret<String>, path: &Path) -> Result<Vec<u8>, StoreError> {
        let recipient = self.recipient_to_use()?;
        let cached = self.cached().clone();
        if let Some(identity) = &cached {
            self.match_recipient(Some(recipient.clone()), identity)?;
        }
        let bytes = sealing::seal_entry(value, &recipient, &self.recipient_path())?;
        sealing::check_header(&bytes, path)?;
        match cached.map(|identity| sealing::open_entry(&bytes, &identity, path)).transpose()? {
            Some(opened) if opened != *value => {
                Err(StoreError::damaged("the encrypted secret cannot be decrypted; nothing was written"))
            }
            _ => Ok(bytes),
        }
    }

    /// The identity that is kept unlocked, else the one in `identity.age`, which is kept from now on.
    fn recall_or_open(&self, sealed: &[u8], recipient: Option<&str>) -> Result<Identity, StoreError> {
        let (origin, path) = (self.passphrases.origin(), self.identity_path());
        // A file is read every time: what it unlocked serves only as long as it has the passphrase of `identity.age`.
        let read = (origin == Origin::File).then(|| self.passphrases.existing(1)).transpose()?;
        if let Some((identity, _)) =
            recipient.and_then(|recipient| self.keeper().recall(recipient, sealed, read.as_ref()))
        {
            return Ok(identity);
        }
        let identity = match &read {
            Some(passphrase) => Identity::open(sealed, passphrase, &path)?,
            None => passphrase::open_with(&*self.passphrases, |p| Identity::open(sealed, p, &path))?,
        };
        self.keeper().keep(&identity, sealed, read.as_ref());
        Ok(identity)
    }

    /// Restores a missing `recipient`. A recipient of another identity means that someone changed the folder.
    fn match_recipient(&self, found: Option<String>, identity: &Identity) -> Result<(), StoreError> {
        match found {
            Some(found) if found == identity.recipient() => Ok(()),
            Some(_) => Err(StoreError::damaged(format!(
                "`{}` does not belong to `{}`; secrets added recently may need another identity",
                self.recipient_path().display(),
                self.identity_path().display()
            ))),
            None => self.write_recipient(identity),
        }
    }

    /// The recipient to encrypt to. Creates the store if it does not exist.
    fn recipient_to_use(&self) -> Result<String, StoreError> {
        match self.recipient()? {
            // Without the identity, what is encrypted now could never be read.
            Some(recipient) => self.sealed_identity().map(|_| recipient),
            None if self.exists() => Ok(self.unlock()?.recipient().to_owned()),
            None => self.create(),
        }
    }

    /// Creates the store. The identity is on disk before anything is encrypted to it.
    fn create(&self) -> Result<String, StoreError> {
        self.refuse_orphans()?;
        // Before the lock is taken, so that no process waits for a person.
        let passphrase = self.passphrases.new_passphrase()?;
        let identity = Identity::generate();
        let sealed = identity.seal(&passphrase)?;
        let lock = self.acquire()?;
        if let Some(theirs) = files::read_own(&self.identity_path())? {
            // Another process was faster. Its store serves if the passphrase is the same.
            let identity = Identity::open(&theirs, &passphrase, &self.identity_path())?;
            self.match_recipient(self.recipient()?, &identity)?;
            return Ok(self.remember(identity));
        }
        self.refuse_orphans()?;
        files::write_private(&self.identity_path(), &sealed)?;
        self.write_recipient(&identity)?;
        drop(lock);
        let read = (self.passphrases.origin() == Origin::File).then_some(&passphrase);
        self.keeper().keep(&identity, &sealed, read);
        Ok(self.remember(identity))
    }

    fn remember(&self, identity: Identity) -> String {
        let recipient = identity.recipient().to_owned();
        *self.cached() = Some(identity);
        recipient
    }

    /// Entries or a recipient without an identity: it was lost, and a new one would hide that.
    fn refuse_orphans(&self) -> Result<(), StoreError> {
        let is_ours = |path: &PathBuf| {
            path.ends_with("recipient") || path.extension().is_some_and(|extension| extension == "age")
        };
        match files::list(&self.folder)?.iter().any(is_ours) {
            true => self.sealed_identity().map(drop),
            false => Ok(()),
        }
    }

    /// The bytes of `identity.age`, which must exist.
    fn sealed_identity(&self) -> Result<Vec<u8>, StoreError> {
        let path = self.identity_path();
        let bytes = files::read_own(&path)?;
        bytes.ok_or_else(|| {
            let what = "is missing; without it, nothing in the folder can be read";
            StoreError::damaged(format!("`{}` {what}", path.display()))
        })
    }

    fn recipient(&self) -> Result<Option<String>, StoreError> {
        let path = self.recipient_path();
        let bytes = files::read_own(&path)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
    }

    fn write_recipient(&self, identity: &Identity) -> Result<(), StoreError> {
        Ok(files::write_private(&self.recipient_path(), format!("{}\n", identity.recipient()).as_bytes())?)
    }

    fn recipient_path(&self) -> PathBuf {
        self.folder.join("recipient")
    }

    /// Removes a file, durably. Returns whether there was one.
    fn remove(&self, path: &Path) -> Result<bool, StoreError> {
        let was_there = files::remove(path)?;
        if was_there {
            files::sync_folder(&self.folder)?;
        }
        Ok(was_there)
    }

    fn acquire(&self) -> Result<Lock, StoreError> {
        Ok(Lock::acquire(&self.lock_path)?)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Option<Identity>> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretStore for AgeFileStore {
    fn kind(&self) -> StoreKind {
        StoreKind::File
    }

    fn get(&self, name: &str) -> Result<Option<Secret<String>>, StoreError> {
        check_name(name)?;
        let path = self.entry_path(name);
        match files::read_own(&path)? {
            Some(bytes) => match self.plugin()? {
                Some(plugin) => {
                    let (value, alone) = plugin.open(&bytes, &path, &*self.attendant)?;
                    self.opens_alone.store(alone, Ordering::Relaxed);
                    Ok(Some(value))
                }
                None => sealing::open_entry(&bytes, &self.unlock()?, &path).map(Some),
            },
            None => Ok(None),
        }
    }

    fn has(&self, name: &str) -> Result<bool, StoreError> {
        check_name(name)?;
        Ok(files::list(&self.folder)?.contains(&self.entry_path(name)))
    }

    fn names(&self) -> Result<Option<Vec<String>>, StoreError> {
        Ok(Some(names_in(&self.folder)?))
    }

    fn is_readable(&self) -> bool {
        self.cached().is_some() || self.opens_alone.load(Ordering::Relaxed)
    }

    fn write(&self, name: &str, value: &Secret<String>) -> Result<(), StoreError> {
        let path = self.entry_path(name);
        let bytes = match self.plugin()? {
            Some(plugin) => plugin.seal(value, &*self.attendant)?,
            None => self.seal(value, &path)?,
        };
        let _lock = self.acquire()?;
        Ok(files::write_private(&path, &bytes)?)
    }

    fn reading_command(&self, name: &str) -> Option<String> {
        let (identity, entry) = (self.identity_path(), self.entry_path(name));
        let words = ["age", "-d", "-i", identity.to_str()?, entry.to_str()?];
        shlex::try_join(words).ok()
    }

    fn copy_aside(&self, name: &str) -> Result<Option<PathBuf>, StoreError> {
        check_name(name)?;
        Ok(files::copy_aside(&self.entry_path(name))?)
    }

    fn delete(&self, name: &str) -> Result<bool, StoreError> {
        check_name(name)?;
        let _lock = self.acquire()?;
        self.remove(&self.entry_path(name))
    }

    fn delete_if(&self, name: &str, value: &Secret<String>) -> Result<bool, StoreError> {
        // Unlocked before the lock is taken, so that no process waits for a person.
        self.get(name)?;
        let _lock = self.acquire()?;
        match self.get(name)? {
            Some(found) if found != *value => Ok(false),
            _ => self.remove(&self.entry_path(name)).map(|_| true),
        }
    }
}
