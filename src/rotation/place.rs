//! The new key in the place of the old one: once AWS accepts it, wherever this computer has the old one.

use super::journal::Stage;
use super::state::Rotation;
use crate::aws::{AwsErrorKind, Keys};
use crate::aws_files::AwsFile;
use crate::aws_files::document::UnsafeEdit;
use crate::aws_files::key_edits;
use crate::caller;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::key_storage;
use crate::model::identity::Identity;
use crate::model::session::LongTermKeys;
use crate::retry::{Backoff, Wait, retry};
use crate::session::SessionError;

impl Rotation<'_> {
    /// Waits until AWS accepts the new key, and puts it where the old one is.
    pub(super) fn place(&mut self) -> CommandResult {
        let Some(keys) = self.proven_keys()? else {
            // Its secret is gone, or somebody deleted it in AWS: the old key is still in place.
            self.ctx.ui.detail("the new access key is gone; creating another one");
            self.journal.start_over();
            return self.enter(Stage::Planned);
        };
        let (old, new) = (self.journal.old.clone(), keys.access_key_id.clone());
        self.put_into_stores(&keys)?;
        self.put_into_files(&keys)?;
        self.check_placed(&keys)?;
        self.move_memory(&old, &new);
        self.enter(Stage::Placed)?;
        self.file.remove_new()?;
        Ok(())
    }

    /// The new key, once AWS accepts it; `None` if its secret is not saved or AWS does not have it. AWS may list a key later
    /// than it accepts it, so the list counts only if AWS does not accept the key.
    fn proven_keys(&mut self) -> CommandResult<Option<LongTermKeys>> {
        let Some(id) = self.journal.new.clone() else { return Ok(None) };
        let Some(keys) = self.file.new_keys(self.ctx, self.store(), &id)? else { return Ok(None) };
        match self.accepted(&keys) {
            Err(SessionError::Aws(error))
                if error.kind == AwsErrorKind::UnknownKey && !self.is_new_listed()? =>
            {
                Ok(None)
            }
            accepted => self.check_owner(&id, accepted).map(|()| Some(keys)),
        }
    }

    /// Waits until AWS accepts the key, and checks that it belongs to the user.
    pub(super) fn prove(&self, keys: &LongTermKeys) -> CommandResult {
        self.check_owner(&keys.access_key_id, self.accepted(keys))
    }

    /// Waits until AWS accepts the key. Returns whose it is.
    fn accepted(&self, keys: &LongTermKeys) -> Result<Identity, SessionError> {
        let ctx = self.ctx;
        let unknown_key = |error: &SessionError, _| match error {
            SessionError::Aws(error) if error.kind == AwsErrorKind::UnknownKey => {
                Some(Wait::For("AWS to recognize the new access key"))
            }
            _ => None,
        };
        let signing = Keys::from(keys);
        let identify = || caller::identify(ctx, &self.caller.aws, &signing);
        retry(ctx, Backoff::propagation(), unknown_key, identify).map(|(identity, _)| identity)
    }

    fn check_owner(&self, id: &str, accepted: Result<Identity, SessionError>) -> CommandResult {
        let identity = accepted.map_err(|error| match error {
            SessionError::Aws(error) if error.kind == AwsErrorKind::UnknownKey => {
                CommandError::new(ErrorKind::Refused, format!("AWS does not recognize access key `{id}` yet"))
                    .because(error)
            }
            error => error.into(),
        })?;
        if identity.arn == self.caller.identity.arn {
            return Ok(());
        }
        let message =
            format!("access key `{id}` belongs to `{}`, not to `{}`", identity.arn, self.caller.identity.arn);
        Err(CommandError::new(ErrorKind::Refused, message))
    }

    /// Whether the files can be edited, before a key is created.
    pub(super) fn rehearse(&self) -> CommandResult {
        let new = LongTermKeys { access_key_id: "AKIA".into(), secret_access_key: "-".into() };
        for file in [AwsFile::Credentials, AwsFile::Config] {
            if self.is_in(file)? {
                let replace = |document: &mut _| key_edits::replace(document, &self.journal.old, &new);
                self.ctx.aws_files().rehearse(file, replace)?;
            }
        }
        Ok(())
    }

    fn is_in(&self, file: AwsFile) -> CommandResult<bool> {
        let document = self.ctx.aws_files().read(file)?;
        Ok(!key_edits::sections_with(&document, &self.journal.old).is_empty())
    }

    /// Replaces the key in every section of both files that has it: profiles may share a key.
    fn put_into_files(&self, keys: &LongTermKeys) -> CommandResult {
        let files = self.ctx.aws_files();
        for file in [AwsFile::Credentials, AwsFile::Config] {
            if !self.is_in(file)? {
                continue;
            }
            let replace = |document: &mut _| -> Result<Vec<String>, UnsafeEdit> {
                key_edits::replace(document, &self.journal.old, keys)
            };
            for section in files.edit(file, replace)? {
                let path = files.path(file).display();
                self.ctx
                    .ui
                    .done(format_args!("wrote access key `{}` to [{section}] in {path}", keys.access_key_id));
            }
        }
        Ok(())
    }

    /// Saves the key in every store that has the old one, and makes the profiles use it.
    fn put_into_stores(&self, keys: &LongTermKeys) -> CommandResult {
        let vault = &self.ctx.vault;
        let stored = vault.stored_keys()?;
        for key in stored.iter().filter(|key| key.access_key_id == self.journal.old) {
            if vault.keys_in(key.store, &keys.access_key_id)?.as_ref() != Some(keys) {
                vault.save_keys(key.store, keys)?;
            }
            let (id, store, profile) = (&keys.access_key_id, key.store, &key.profile);
            self.ctx.ui.done(format_args!("saved access key `{id}` of `{profile}` in the {store} store"));
        }
        vault.replace_keys(&self.journal.old, &keys.access_key_id)
    }

    /// The old key is retired only if the profile has the new one.
    fn check_placed(&self, keys: &LongTermKeys) -> CommandResult {
        let profile = &self.journal.profile;
        if key_storage::profiles_with(self.ctx, &keys.access_key_id)?.contains(profile) {
            return Ok(());
        }
        let old = &self.journal.old;
        let message =
            format!("profile `{profile}` no longer has access key `{old}`, so the new one has no place");
        Err(CommandError::new(ErrorKind::Configuration, message).hint(format!(
            "write access key `{old}` to the profile again; the new key is in {}",
            self.place_of_new()
        )))
    }

    fn place_of_new(&self) -> String {
        match self.store() {
            Some(store) => format!("the {store} store"),
            None => self.file.beside("key").display().to_string(),
        }
    }

    /// Forgets the old key's sessions, remembers the user's device for the new key, and makes comments name it. None of that is worth failing for.
    fn move_memory(&self, old: &str, new: &str) {
        let vault = &self.ctx.vault;
        let moved = || -> CommandResult {
            if let Some(serial) = vault.of_key(old)? {
                vault.remember_for_key(new, &serial)?;
                vault.forget_key(old)?;
            }
            self.ctx.cache().remove_where(|key, _| key.access_key_id == old)?;
            for file in [AwsFile::Credentials, AwsFile::Config] {
                let name_new = |document: &mut _| key_edits::replace_in_notes(document, old, new);
                self.ctx.aws_files().edit(file, name_new)?;
            }
            Ok(())
        };
        if let Err(error) = moved() {
            self.ctx.ui.detail(format_args!("cannot forget access key `{old}`: {error}"));
        }
    }
}
