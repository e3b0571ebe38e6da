//! The file store: standard age files in one folder. `identity.age` is an X25519 identity encrypted with a passphrase,
//! `recipient` is its public key, and each secret is a file of its own, encrypted to that key. `age -d -i identity.age ENTRY.age`
//! opens everything without awsmfa. `sealing` encrypts; this module reads and writes the files. Instead of `identity.age`, there
//! may be `identity.txt`: an identity that an age [`plugin`] has.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::entry_name::names_in;
use super::passphrase::{self, Origin, PassphraseSource};
use super::{SecretReader, SecretStore, StoreError, StoreKind, check_name, kernel_keyring};
use crate::files::{self, Lock};
use crate::model::secret::Secret;

pub mod attendant;
mod folder;
mod keeping;
pub mod plugin;
pub(super) mod sealing;
#[cfg(test)]
mod tests;

use attendant::Attendant;
use folder::Folder;
use keeping::Keeper;
use plugin::PluginIdentity;
use sealing::Identity;

/// The file store in a folder.
pub struct AgeFileStore {
    folder: Folder,
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
        let (folder, lock_path) = (Folder { path: folder.into() }, lock_path.into());
        let (identity, opens_alone) = (Mutex::default(), AtomicBool::default());
        Self { folder, lock_path, passphrases, attendant, unlock_for, identity, opens_alone }
    }

    /// Whether the store has been created, that is, has an identity.
    pub fn exists(&self) -> bool {
        self.folder.exists()
    }

    /// The identity's file, for hints about `age -d -i`.
    pub fn identity_path(&self) -> PathBuf {
        self.folder.identity_path()
    }

    /// The file for the secret called `name`, whether or not it exists.
    pub fn entry_path(&self, name: &str) -> PathBuf {
        self.folder.entry_path(name)
    }

    /// Whether the store has been created. If something is left of a store without its identity, that is an error.
    pub fn check(&self) -> Result<bool, StoreError> {
        self.folder.check()
    }

    /// The program that opens the store, if it is an age plugin.
    pub fn plugin_program(&self) -> Result<Option<String>, StoreError> {
        Ok(self.folder.plugin()?.map(|plugin| plugin.program()))
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
        files::write_private(&self.folder.plugin_path(), text)?;
        if let Some(recipient) = identity.recipient() {
            files::write_private(&self.folder.recipient_path(), format!("{recipient}\n").as_bytes())?;
        }
        Ok(true)
    }

    /// Creates the store with a new passphrase. Returns its recipient.
    fn create(&self) -> Result<String, StoreError> {
        self.folder.refuse_orphans()?;
        // Before the lock is taken, so that no process waits for a person.
        let passphrase = self.passphrases.new_passphrase()?;
        let identity = Identity::generate();
        let sealed = identity.seal(&passphrase)?;
        let lock = self.acquire()?;
        if let Some(theirs) = files::read_own(&self.folder.identity_path())? {
            // Another process was faster. Its store serves if the passphrase is the same.
            let identity = Identity::open(&theirs, &passphrase, &self.folder.identity_path())
                .map_err(|error| error.of_folder(&self.folder.path))?;
            self.folder.match_recipient(self.folder.recipient()?, &identity)?;
            return Ok(self.remember(identity));
        }
        self.folder.refuse_orphans()?;
        files::write_private(&self.folder.identity_path(), &sealed)?;
        self.folder.write_recipient(&identity)?;
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

    /// Until when later processes can read without opening the identity again.
    pub fn unlocked_until(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        if !self.folder.exists() || self.folder.plugin()?.is_some() {
            return Ok(None);
        }
        let from_file = self.passphrases.origin() == Origin::File;
        let Ok(read) = from_file.then(|| self.passphrases.existing(1)).transpose() else { return Ok(None) };
        Ok(self.keeper().recall(&self.folder.sealed_identity()?, read.as_ref()).map(|(_, until)| until))
    }

    /// Forgets the unlocked identity, in this process and in the kernel, whatever has become of the folder. Returns whether the
    /// kernel had one.
    pub fn lock(&self) -> bool {
        *self.cached() = None;
        kernel_keyring::forget(&self.folder.path)
    }

    fn keeper(&self) -> Keeper<'_> {
        Keeper { folder: &self.folder.path, passphrases: &*self.passphrases, unlock_for: self.unlock_for }
    }

    /// The unlocked identity: from this process, from the kernel, or with a passphrase.
    fn unlock(&self) -> Result<Identity, StoreError> {
        // Locked while a person is prompted, because another thread would only prompt for the same.
        let mut cached = self.cached();
        if let Some(identity) = &*cached {
            return Ok(identity.clone());
        }
        let sealed = self.folder.sealed_identity()?;
        let path = self.folder.identity_path();
        let turns = self.lock_path.with_file_name("passphrase.lock");
        let identity = self.keeper().unlock(&sealed, &path, &turns);
        let identity = identity.map_err(|error| error.of_folder(&self.folder.path))?;
        self.folder.match_recipient(self.folder.recipient()?, &identity)?;
        *cached = Some(identity.clone());
        Ok(identity)
    }

    /// Encrypts the identity with another passphrase, given the current one. Entries do not change.
    pub fn change_passphrase(
        &self,
        new: impl FnOnce() -> Result<Secret<String>, StoreError>,
    ) -> Result<(), StoreError> {
        if let Some(plugin) = self.folder.plugin()? {
            return Err(plugin.has_no_passphrase());
        }
        let (before, path) = (self.folder.sealed_identity()?, self.folder.identity_path());
        let identity = passphrase::open_with(&*self.passphrases, |p| Identity::open(&before, p, &path))
            .map_err(|error| error.of_folder(&self.folder.path))?;
        let sealed = identity.seal(&new()?)?;
        let _lock = self.acquire()?;
        if self.folder.sealed_identity()? != before {
            return Err(StoreError::damaged(format!("`{}` was changed by another program", path.display())));
        }
        files::write_private(&self.folder.identity_path(), &sealed)?;
        if self.passphrases.origin() == Origin::Person {
            self.keeper().keep(&identity, &sealed, None);
        }
        Ok(())
    }

    /// The recipient to encrypt to. Creates the store if it does not exist.
    fn recipient_to_use(&self) -> Result<String, StoreError> {
        match self.folder.recipient()? {
            // Without the identity, what is encrypted now could never be read.
            Some(recipient) => self.folder.sealed_identity().map(|_| recipient),
            None if self.exists() => Ok(self.unlock()?.recipient().to_owned()),
            None => self.create(),
        }
    }

    /// The identity if no one is prompted for it: this process has unlocked it, the kernel keeps it, or a file has the passphrase.
    /// With a file, that may cost scrypt once, where adding needs no passphrase otherwise. A damaged identity, or a file with
    /// another passphrase, would show only when the secret is needed, and when it may exist nowhere else.
    fn unlocked(&self) -> Result<Option<Identity>, StoreError> {
        match self.passphrases.origin() {
            Origin::File => return self.unlock().map(Some),
            Origin::Person if self.cached().is_none() => {
                let kept = self.keeper().recall(&self.folder.sealed_identity()?, None);
                *self.cached() = kept.map(|(identity, _)| identity);
            }
            Origin::Person | Origin::Command => {}
        }
        Ok(self.cached().clone())
    }

    /// An entry for `value`, decrypted again if that needs no person: afterward, nothing but the disk can fail.
    fn seal(&self, value: &Secret<String>, path: &Path) -> Result<Vec<u8>, StoreError> {
        let recipient = self.recipient_to_use()?;
        let unlocked = self.unlocked()?;
        if let Some(identity) = &unlocked {
            self.folder.match_recipient(Some(recipient.clone()), identity)?;
        }
        let bytes = sealing::seal_entry(value, &recipient, &self.folder.recipient_path())?;
        sealing::check_header(&bytes, path)?;
        match unlocked.map(|identity| sealing::open_entry(&bytes, &identity, path)).transpose()? {
            Some(opened) if opened != *value => {
                Err(StoreError::damaged("the encrypted secret cannot be decrypted; nothing was written"))
            }
            _ => Ok(bytes),
        }
    }

    /// The value in an entry's file.
    fn open(&self, sealed: &[u8], path: &Path) -> Result<Secret<String>, StoreError> {
        let Some(plugin) = self.folder.plugin()? else {
            return sealing::open_entry(sealed, &self.unlock()?, path);
        };
        let (value, alone) = plugin.open(sealed, path, &*self.attendant)?;
        self.opens_alone.store(alone, Ordering::Relaxed);
        Ok(value)
    }

    fn acquire(&self) -> Result<Lock, StoreError> {
        Ok(Lock::acquire(&self.lock_path)?)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Option<Identity>> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretReader for AgeFileStore {
    fn kind(&self) -> StoreKind {
        StoreKind::File
    }

    fn get(&self, name: &str) -> Result<Option<Secret<String>>, StoreError> {
        check_name(name)?;
        let path = self.folder.entry_path(name);
        files::read_own(&path)?.map(|bytes| self.open(&bytes, &path)).transpose()
    }

    fn has(&self, name: &str) -> Result<bool, StoreError> {
        check_name(name)?;
        Ok(files::list(&self.folder.path)?.contains(&self.folder.entry_path(name)))
    }

    fn names(&self) -> Result<Option<Vec<String>>, StoreError> {
        Ok(Some(names_in(&self.folder.path)?))
    }

    fn check_entry(&self, name: &str) -> Result<(), StoreError> {
        check_name(name)?;
        let path = self.folder.entry_path(name);
        files::read_own(&path)?.map_or(Ok(()), |bytes| sealing::check_header(&bytes, &path))
    }

    fn is_readable(&self) -> bool {
        self.cached().is_some() || self.opens_alone.load(Ordering::Relaxed)
    }

    fn reading_command(&self, name: &str) -> Option<String> {
        let (identity, entry) = (self.folder.identity_path(), self.folder.entry_path(name));
        let words = ["age", "-d", "-i", identity.to_str()?, entry.to_str()?];
        shlex::try_join(words).ok()
    }
}

impl SecretStore for AgeFileStore {
    fn write(&self, name: &str, value: &Secret<String>) -> Result<(), StoreError> {
        let path = self.folder.entry_path(name);
        let bytes = match self.folder.plugin()? {
            Some(plugin) => plugin.seal(value, &*self.attendant)?,
            None => self.seal(value, &path)?,
        };
        let _lock = self.acquire()?;
        Ok(files::write_private(&path, &bytes)?)
    }

    fn copy_aside(&self, name: &str) -> Result<Option<PathBuf>, StoreError> {
        check_name(name)?;
        Ok(files::copy_aside(&self.folder.entry_path(name))?)
    }

    fn delete(&self, name: &str) -> Result<bool, StoreError> {
        check_name(name)?;
        let _lock = self.acquire()?;
        self.folder.remove(&self.folder.entry_path(name))
    }

    fn delete_if(&self, name: &str, value: &Secret<String>) -> Result<bool, StoreError> {
        check_name(name)?;
        let path = self.folder.entry_path(name);
        loop {
            // Decrypted before the lock is taken, so that no process waits for a person or a plugin.
            let Some(before) = files::read_own(&path)? else { return Ok(true) };
            if self.open(&before, &path)? != *value {
                return Ok(false);
            }
            let _lock = self.acquire()?;
            if files::read_own(&path)?.as_ref() == Some(&before) {
                return self.folder.remove(&path).map(|_| true);
            }
        }
    }
}
