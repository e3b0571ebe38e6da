//! The store's folder: which files it has, and what must be true of them. Nothing here needs a passphrase.

use std::path::{Path, PathBuf};

use super::plugin::PluginIdentity;
use super::sealing::{self, Identity};
use crate::files;
use crate::store::StoreError;
use crate::store::entry_name::file_name;

pub(super) struct Folder {
    pub path: PathBuf,
}

impl Folder {
    /// Whether the store has been created, that is, has an identity.
    pub(super) fn exists(&self) -> bool {
        self.identity_path().exists()
    }

    /// The identity's file, for hints about `age -d -i`.
    pub(super) fn identity_path(&self) -> PathBuf {
        let of_plugin = self.plugin_path();
        if of_plugin.exists() { of_plugin } else { self.path.join("identity.age") }
    }

    /// The identity that an age plugin has, if the store was created with one.
    pub(super) fn plugin(&self) -> Result<Option<PluginIdentity>, StoreError> {
        let path = self.plugin_path();
        let identity = PluginIdentity::read(&path).map_err(|error| error.of_folder(&self.path))?;
        if identity.is_some() && self.path.join("identity.age").exists() {
            let what = format!("`{}` and `identity.age` cannot both be the store's identity", path.display());
            return Err(StoreError::damaged(what).of_folder(&self.path));
        }
        Ok(identity)
    }

    pub(super) fn plugin_path(&self) -> PathBuf {
        self.path.join("identity.txt")
    }

    /// The file for the secret called `name`, whether or not it exists.
    pub(super) fn entry_path(&self, name: &str) -> PathBuf {
        self.path.join(file_name(name))
    }

    /// Whether the store has been created. If something is left of a store without its identity, that is an error.
    pub(super) fn check(&self) -> Result<bool, StoreError> {
        if self.exists() {
            return self.sealed_identity().map(|_| true);
        }
        self.refuse_orphans().map(|()| false)
    }

    /// The bytes of the identity's file, which must exist. Damage that shows without a passphrase is an error.
    pub(super) fn sealed_identity(&self) -> Result<Vec<u8>, StoreError> {
        let path = self.identity_path();
        let bytes = files::read_own(&path)?.ok_or_else(|| self.lost_identity())?;
        if path != self.plugin_path() {
            sealing::check_identity(&bytes, &path).map_err(|error| error.of_folder(&self.path))?;
        }
        Ok(bytes)
    }

    pub(super) fn recipient(&self) -> Result<Option<String>, StoreError> {
        let path = self.recipient_path();
        let bytes = files::read_own(&path)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
    }

    pub(super) fn write_recipient(&self, identity: &Identity) -> Result<(), StoreError> {
        Ok(files::write_private(&self.recipient_path(), format!("{}\n", identity.recipient()).as_bytes())?)
    }

    pub(super) fn recipient_path(&self) -> PathBuf {
        self.path.join("recipient")
    }

    /// Restores a missing `recipient`. A recipient of another identity means that someone changed the folder.
    pub(super) fn match_recipient(
        &self,
        found: Option<String>,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        let shown = |path: &Path| path.display().to_string();
        match found {
            Some(found) if found == identity.recipient() => Ok(()),
            Some(_) => Err(StoreError::damaged(format!(
                "`{}` does not belong to `{}`; secrets added recently may need another identity",
                shown(&self.recipient_path()),
                shown(&self.identity_path())
            ))
            .of_folder(&self.path)),
            None => self.write_recipient(identity),
        }
    }

    /// Entries or a recipient without an identity: it was lost, and a new one would hide that.
    pub(super) fn refuse_orphans(&self) -> Result<(), StoreError> {
        let is_ours = |path: &PathBuf| {
            path.ends_with("recipient") || path.extension().is_some_and(|extension| extension == "age")
        };
        match files::list(&self.path)?.iter().any(is_ours) {
            true => self.sealed_identity().map(drop),
            false => Ok(()),
        }
    }

    /// The error for an identity that is missing. Names the file that was lost, as far as the other files show which one it was.
    pub(super) fn lost_identity(&self) -> StoreError {
        let is_of_plugin = match self.recipient() {
            Ok(Some(recipient)) if sealing::is_recipient(&recipient) => false,
            Ok(Some(recipient)) => recipient.starts_with("age1"),
            _ => {
                let mut entries = files::list(&self.path).into_iter().flatten();
                let entry = entries.find(|path| path.extension().is_some_and(|extension| extension == "age"));
                let bytes = entry.and_then(|path| files::read_own(&path).ok().flatten());
                bytes.is_some_and(|bytes| sealing::is_for_plugin(&bytes))
            }
        };
        let path = if is_of_plugin { self.plugin_path() } else { self.identity_path() };
        let what = "is missing; without it, nothing in the folder can be read";
        StoreError::damaged(format!("`{}` {what}", path.display())).of_folder(&self.path)
    }

    /// Removes a file, durably. Returns whether there was one.
    pub(super) fn remove(&self, path: &Path) -> Result<bool, StoreError> {
        let was_there = files::remove(path)?;
        if was_there {
            files::sync_folder(&self.path)?;
        }
        Ok(was_there)
    }
}
