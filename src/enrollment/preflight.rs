//! Preflight on this computer, before AWS is asked to make anything: whether what it will tell can be kept.

use std::time::Duration;

use super::journal::UserJournal;
use super::{NewUser, Run, Wishes, hints};
use crate::aws::{AwsErrorKind, Keys};
use crate::aws_files::key_edits::{self, KeyEditError};
use crate::aws_files::resolve::{self, KeysError, Resolution, ResolveError};
use crate::aws_files::{AwsFile, session_edits};
use crate::caller::{self, OwnKeys};
use crate::error::{CommandError, CommandResult, ErrorKind, RefusedKeys};
use crate::model::identity::Identity;
use crate::model::session::LongTermKeys;
use crate::session::{self, SessionError};
use crate::store::{self, StoreError, StoreKind};

/// Waits for AWS to know an access key that was made now.
const KEY_WAITS: [u64; 4] = [1, 2, 4, 8];

impl Run<'_> {
    /// Checks the journal, the AWS files and the terminal, as far as they will be needed.
    pub(super) fn check_places(&self, file: &UserJournal) -> CommandResult {
        file.check_writable()?;
        self.check_profile()?;
        if let Some(new_user) = &self.wishes.new_user {
            self.check_new_user(new_user)?;
        }
        Ok(())
    }

    /// Checks the store, which may ask a person for a first passphrase: right before AWS is changed, and no sooner.
    pub(super) fn check_store(&self) -> CommandResult {
        self.ctx.ui.doing("checking the secret store");
        let kind = self.ctx.vault.stores.for_new(self.store)?;
        store::probe(self.ctx.vault.stores.get(kind)?).map_err(|error| self.unusable(error))
    }

    fn check_profile(&self) -> CommandResult {
        let makes_key = self.wishes.new_user.as_ref().is_some_and(|new_user| new_user.access_key);
        if let (Some(profile), false) = (&self.for_profile, makes_key) {
            resolve::resolve(&self.ctx.profiles()?, profile).map_err(misnamed)?;
        }
        // A profile with another's keys shows here.
        self.own_keys()?;
        let home = self.using_profile().map(|profile| self.serial_home(&profile)).transpose()?.flatten();
        if let Some(profile) = home {
            let rehearsed = self.ctx.aws_files().rehearse(AwsFile::Config, |document| {
                session_edits::set_config_key(document, &profile, "mfa_serial", "-")
            });
            rehearsed?;
        }
        Ok(())
    }

    fn check_new_user(&self, new_user: &NewUser) -> CommandResult {
        if new_user.console_password && !self.ctx.prompt.can_show() {
            let message = "a console password is shown on the terminal only, and there is none";
            return Err(CommandError::new(ErrorKind::Usage, message)
                .hint("run it on a terminal, or without `--console-password`"));
        }
        if new_user.access_key && self.own_keys()?.is_none() {
            let made_up = LongTermKeys { access_key_id: "AKIA".into(), secret_access_key: "-".into() };
            let profile = self.key_profile();
            self.ctx.aws_files().rehearse(
                AwsFile::Credentials,
                |document| -> Result<String, KeyEditError> {
                    key_edits::write_long_term(document, &profile, &made_up)
                },
            )?;
        }
        Ok(())
    }

    /// The profile that gets the keys of a new user: the one that was named, else one of the user's name.
    pub(super) fn key_profile(&self) -> String {
        self.for_profile.clone().unwrap_or_else(|| self.target.user.clone())
    }

    /// The profile that is to use the device.
    pub(super) fn using_profile(&self) -> Option<String> {
        if self.for_profile.is_some() {
            return self.for_profile.clone();
        }
        if self.wishes.new_user.as_ref().is_some_and(|new_user| new_user.access_key) {
            return Some(self.key_profile());
        }
        let own = self.caller.own.as_ref().filter(|_| self.target.is_self);
        own.and_then(|own| own.profile.clone())
    }

    /// The user's own long-term keys, if they are here: the caller's, or those of the profile that is to use the device.
    pub(super) fn own_keys(&self) -> CommandResult<Option<OwnKeys>> {
        if let Some(own) = self.own.get() {
            return Ok(own.clone());
        }
        let own = self.find_own_keys()?;
        Ok(self.own.get_or_init(|| own).clone())
    }

    fn find_own_keys(&self) -> CommandResult<Option<OwnKeys>> {
        let of_caller = self.caller.own.clone().filter(|_| self.target.is_self);
        let Some(profile) = self.using_profile() else { return Ok(of_caller) };
        if of_caller.as_ref().is_some_and(|own| own.profile.as_ref() == Some(&profile)) {
            return Ok(of_caller);
        }
        let profiles = self.ctx.profiles()?;
        let Ok(resolution) = resolve::resolve(&profiles, &profile) else { return Ok(of_caller) };
        let Some(keys) = self.keys_of(&resolution)? else { return Ok(of_caller) };
        let owner = self.owner(&keys, &resolution)?;
        if owner.account == self.caller.identity.account
            && owner.user().is_some_and(|user| user.eq_ignore_ascii_case(&self.target.user))
        {
            return Ok(Some(OwnKeys { keys, profile: Some(resolution.base) }));
        }
        let message =
            format!("profile `{profile}` has the keys of `{}`, not of `{}`", owner.arn, self.target.user);
        Err(CommandError::new(ErrorKind::Configuration, message)
            .hint("name a profile of the user: `--for-profile NAME`"))
    }

    /// Whose keys these are; AWS does not know keys that were made now everywhere at once.
    fn owner(&self, keys: &LongTermKeys, resolution: &Resolution) -> CommandResult<Identity> {
        let is_new = self.made_key.as_ref() == Some(&keys.access_key_id);
        let mut waits = KEY_WAITS.into_iter();
        loop {
            let error = match caller::identify(self.ctx, &self.caller.aws, &Keys::from(keys)) {
                Ok((owner, _)) => return Ok(owner),
                Err(SessionError::Aws(error)) => error,
                Err(error) => return Err(error.into()),
            };
            let unknown = is_new && error.kind == AwsErrorKind::UnknownKey;
            let Some(seconds) = waits.next().filter(|_| unknown) else {
                return Err(CommandError::refused(error, &RefusedKeys::new(keys, resolution), None));
            };
            let seconds = Duration::from_secs(seconds);
            self.ctx.ui.wait(&*self.ctx.clock, seconds, "AWS to recognize the new access key");
        }
    }

    fn keys_of(&self, resolution: &Resolution) -> CommandResult<Option<LongTermKeys>> {
        match &resolution.keys {
            Err(KeysError::NoLongTermKeys { .. }) => Ok(None),
            _ => session::long_term_keys(self.ctx, resolution).map(Some),
        }
    }

    fn unusable(&self, error: StoreError) -> CommandError {
        use StoreError::{Locked, TimedOut, Unavailable};
        match error {
            Locked | TimedOut { .. } | Unavailable { .. } => {
                let in_file = Wishes { store: Some(StoreKind::File), ..self.again() };
                CommandError::new(ErrorKind::Store, &error).hint(format!(
                    "nothing was made; unlock the keyring, or keep the secret in a file: `{}`",
                    hints::command(&in_file)
                ))
            }
            error => error.into(),
        }
    }
}

/// It was another flag that named the profile.
fn misnamed(error: ResolveError) -> CommandError {
    let mut this = CommandError::from(error);
    for hint in &mut this.hints {
        *hint = hint.replace("`--profile ", "`--for-profile ");
    }
    this
}
