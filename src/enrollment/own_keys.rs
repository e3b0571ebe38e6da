//! The user's own long-term keys, and the profile that will use the device.

use super::state::Enrollment;
use crate::aws::{AwsErrorKind, Keys};
use crate::aws_files::resolve::{self, KeysError, Resolution};
use crate::caller::{self, OwnKeys};
use crate::error::{CommandError, CommandResult, ErrorKind, RefusedKeys};
use crate::model::identity::Identity;
use crate::model::session::LongTermKeys;
use crate::retry::{Backoff, retry};
use crate::session::{self, SessionError};

impl Enrollment<'_> {
    /// The profile that gets a new user's access key: the requested one, or one with the user's name.
    pub(super) fn key_profile(&self) -> String {
        self.request.for_profile.clone().unwrap_or_else(|| self.target.user.clone())
    }

    /// The profile that will use the device.
    pub(super) fn using_profile(&self) -> Option<String> {
        if self.request.for_profile.is_some() {
            return self.request.for_profile.clone();
        }
        if self.request.new_user.as_ref().is_some_and(|new_user| new_user.access_key) {
            return Some(self.key_profile());
        }
        let own = self.caller.own.as_ref().filter(|_| self.target.is_self);
        own.and_then(|own| own.profile.clone())
    }

    /// The user's own long-term keys, if they are on this computer: the caller's, or those of the profile that will use the
    /// device.
    pub(super) fn own_keys(&self) -> CommandResult<Option<OwnKeys>> {
        if let Some(own) = self.facts.own_keys.get() {
            return Ok(own.clone());
        }
        let own = self.find_own_keys()?;
        Ok(self.facts.own_keys.get_or_init(|| own).clone())
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
        let own = OwnKeys { keys, profile: Some(resolution.base.clone()) };
        let owner = self.owner(&own, &resolution)?;
        if owner.account == self.caller.identity.account
            && owner.user().is_some_and(|user| user.eq_ignore_ascii_case(&self.target.user))
        {
            return Ok(Some(own));
        }
        let message =
            format!("profile `{profile}` has the keys of `{}`, not of `{}`", owner.arn, self.target.user);
        Err(CommandError::new(ErrorKind::Configuration, message)
            .hint("choose a profile with the user's keys: `--for-profile NAME`"))
    }

    fn owner(&self, own: &OwnKeys, resolution: &Resolution) -> CommandResult<Identity> {
        let unknown_key = |error: &SessionError, _| match error {
            SessionError::Aws(error) if error.kind == AwsErrorKind::UnknownKey => self.key_wait(own),
            _ => None,
        };
        let identified = retry(self.ctx, Backoff::propagation(), unknown_key, || {
            caller::identify(self.ctx, &self.caller.aws, &Keys::from(&own.keys))
        });
        match identified {
            Ok((owner, _)) => Ok(owner),
            Err(SessionError::Aws(error)) => Err(CommandError::refused(
                error,
                &RefusedKeys::new(&own.keys.access_key_id, resolution),
                None,
            )),
            Err(error) => Err(error.into()),
        }
    }

    fn keys_of(&self, resolution: &Resolution) -> CommandResult<Option<LongTermKeys>> {
        match &resolution.keys {
            Err(KeysError::NoLongTermKeys { .. }) => Ok(None),
            _ => session::long_term_keys(self.ctx, resolution).map(Some),
        }
    }
}
