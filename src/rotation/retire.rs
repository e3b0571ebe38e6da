//! The end of the old key: deactivated, then deleted. Each step accepts that an earlier run did it.

use super::journal::Stage;
use super::state::Rotation;
use crate::aws::{AwsError, AwsErrorKind, Reply, Signer};
use crate::aws_files::resolve::resolve;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::key_storage;
use crate::retry;
use crate::session;
use crate::store::StoreKind;
use crate::store::registry::StoredKey;

impl Rotation<'_> {
    pub(super) fn deactivate(&mut self) -> CommandResult {
        self.file.remove_new()?;
        let (user, old) = (self.journal.user.clone(), self.journal.old.clone());
        self.check_new_is_here()?;
        let refused = |this: &Self, error: AwsError| match error.kind {
            AwsErrorKind::NotFound => Ok(()),
            _ => Err(this.refused(error)),
        };
        match self.change(|aws| aws.deactivate_access_key(&user, &old))? {
            Ok(()) => self.ctx.ui.done(format_args!("deactivated access key `{old}`")),
            Err(error) => refused(self, error)?,
        }
        self.enter(Stage::Inactive)
    }

    /// Deletes the old key, unless it is to be kept, and forgets the rotation.
    pub(super) fn finish(&mut self) -> CommandResult {
        let old = self.journal.old.clone();
        if !self.journal.keep_old {
            self.check_new_is_here()?;
            self.delete_key(&old)?;
            self.ctx.ui.done(format_args!("deleted access key `{old}`"));
        }
        for store in [StoreKind::File, StoreKind::Keyring] {
            // Only a store that has the new key can have had the old one.
            self.forget_in(store, &old)?;
        }
        self.forget_spare_copy()?;
        Ok(self.file.remove()?)
    }

    /// Deletes the copy of the new key in the store that it was first saved in, if the profile's keys were moved elsewhere
    /// since then.
    fn forget_spare_copy(&self) -> CommandResult {
        let (vault, profile) = (&self.ctx.vault, &self.journal.profile);
        let (Some(store), Some(new)) = (self.store(), &self.journal.new) else { return Ok(()) };
        let is_used = vault.stored_keys()?.iter().any(|key| key.store == store && key.access_key_id == *new);
        if is_used || vault.keys_in(store, new)?.is_none() {
            return Ok(());
        }
        // The other copy works.
        self.check_new_is_here()?;
        vault.delete_keys(&StoredKey { profile: profile.clone(), access_key_id: new.clone(), store })
    }

    /// Deletes the old key's secret from a store.
    fn forget_in(&self, store: StoreKind, old: &str) -> CommandResult {
        let vault = &self.ctx.vault;
        let new = self.journal.new.as_deref();
        let is_used = vault
            .stored_keys()?
            .iter()
            .any(|key| key.store == store && Some(key.access_key_id.as_str()) == new);
        if !is_used {
            return Ok(());
        }
        let profile = self.journal.profile.clone();
        vault.delete_keys(&StoredKey { profile, access_key_id: old.to_owned(), store })
    }

    /// Deletes one of the user's keys. A key that is gone already is fine.
    pub(super) fn delete_key(&mut self, id: &str) -> CommandResult {
        let user = self.journal.user.clone();
        match self.change(|aws| aws.delete_access_key(&user, id))? {
            Err(error) if error.kind != AwsErrorKind::NotFound => Err(self.refused(error)),
            _ => Ok(()),
        }
    }

    /// Makes a change that may be made again. AWS may not accept a session of a key that is inactive now, so a session of the
    /// new key is used then.
    fn change(&mut self, send: impl Fn(Signer<'_>) -> Reply<()>) -> CommandResult<Result<(), AwsError>> {
        let first = self.repeat(&send)?;
        let Err(error) = &first else { return Ok(first) };
        use AwsErrorKind::{Expired, SessionWithoutMfa, UnknownKey};
        if !matches!(error.kind, Expired | SessionWithoutMfa | UnknownKey) {
            return Ok(first);
        }
        self.ctx.ui.detail(error);
        self.sign_in()?;
        self.repeat(&send)
    }

    fn repeat(&mut self, send: &impl Fn(Signer<'_>) -> Reply<()>) -> CommandResult<Result<(), AwsError>> {
        let ctx = self.ctx;
        let send = |this: &mut Self| this.caller.send_once(ctx, send);
        Ok(retry::change(ctx, self, send, retry::ask_again)?.result)
    }

    /// Before the old key stops working: the new one is here and works.
    fn check_new_is_here(&self) -> CommandResult {
        let (profile, new) = (&self.journal.profile, self.journal.new.as_deref().unwrap_or_default());
        let resolution = resolve(&self.ctx.profiles()?, profile)?;
        if resolution.access_key_id() == Some(new) {
            return self.prove(&session::long_term_keys(self.ctx, &resolution)?);
        }
        let found = key_storage::profiles_with(self.ctx, new)?;
        let message = format!(
            "profile `{profile}` has another access key than `{new}`, which was to replace `{}`",
            self.journal.old
        );
        let this = CommandError::new(ErrorKind::Configuration, message);
        Err(match found.is_empty() {
            true => this.hint(format!("write access key `{new}` to the profile again, or delete it in AWS")),
            false => this.hint("let the profile use the new key again"),
        })
    }
}
