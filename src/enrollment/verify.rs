//! The proof that AWS has the device: a session made with it, where the user's own keys are here, which then is the
//! first of the user's sessions; else AWS's list.

use super::journal::{Journal, Stage};
use super::{Proof, Run, enable, hints};
use crate::aws::AwsErrorKind;
use crate::caller::OwnKeys;
use crate::choice::Named;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::retry::{Backoff, Wait};
use crate::session::{self, Obtained, Request, SessionError};

impl Run<'_> {
    /// Proves that AWS has the device. Without a proof, it is another device that is gone on with.
    pub(super) fn verify(&mut self, journal: &mut Journal) -> CommandResult<Option<Proof>> {
        self.ctx.ui.doing("verifying that AWS takes it");
        let proof = match self.own_keys()? {
            Some(own) => self.verify_by_session(journal, &own)?,
            None => self.verify_by_list(journal)?,
        };
        let Some(proof) = proof else {
            self.choose_again(journal)?;
            return Ok(None);
        };
        journal.stage = Stage::Verified;
        match proof {
            Proof::Session(_) => self.ctx.ui.done("verified: AWS gave a session for its code"),
            // Somebody may have made a device of this name anew since its secret was stored here.
            Proof::Listed if self.was_there => self.ctx.ui.done(format_args!(
                "AWS listed it for `{}` before; whether the stored secret is still its own, a login tells",
                journal.user
            )),
            Proof::Listed => self.ctx.ui.done(format_args!("verified: AWS lists it for `{}`", journal.user)),
            Proof::Unlisted => self.ctx.ui.done("enabled; not verified, for want of iam:ListMFADevices"),
        }
        Ok(Some(proof))
    }

    fn verify_by_session(&mut self, journal: &Journal, own: &OwnKeys) -> CommandResult<Option<Proof>> {
        let error = match self.first_session(journal, own) {
            Ok(obtained) if obtained.is_new => {
                return Ok(Some(Proof::Session(obtained.session.expiration)));
            }
            // One from before may have been made with an earlier device of this name.
            Ok(_) => return Ok(Some(Proof::Listed)),
            Err(error) => error,
        };
        match error {
            SessionError::Aws(error) if error.kind == AwsErrorKind::CannotValidateCode => {
                if self.is_gone(journal)? {
                    return Ok(None);
                }
                let message = format!("AWS does not know `{}` yet", journal.serial);
                Err(CommandError::new(ErrorKind::Refused, message)
                    .hint("it takes half a minute at times; then go on"))
            }
            // Codes of a device that was made just now are refused for another reason.
            SessionError::Aws(error)
                if error.kind == AwsErrorKind::InvalidCode && (self.was_there || self.went_on) =>
            {
                Err(self.other_secret(journal))
            }
            error => Err(error.into()),
        }
    }

    /// A session; an access key that was made now is not known everywhere at once.
    fn first_session(&self, journal: &Journal, own: &OwnKeys) -> Result<Obtained, SessionError> {
        let request = match &own.profile {
            Some(profile) => Request::person(Named::Flag(profile)),
            None => Request::keys(&own.keys, self.caller.aws.settings()),
        };
        let request = Request {
            serial: Some(journal.serial.clone()),
            // To run it again is to change nothing: a session that is there is not replaced.
            force: !self.was_there,
            without_roles: true,
            verification: true,
            ..request
        };
        let mut backoff = Backoff::propagation();
        loop {
            match session::try_obtain(self.ctx, &request) {
                Err(SessionError::Aws(error))
                    if error.kind == AwsErrorKind::UnknownKey && self.made_key.is_some() =>
                {
                    if !backoff.wait(self.ctx, Wait::For("AWS to recognize the new access key")) {
                        return Err(SessionError::Aws(error));
                    }
                }
                other => return other,
            }
        }
    }

    /// AWS has made the device anew, for somebody, since its secret was stored here. Going on would end in the same way.
    fn other_secret(&mut self, journal: &Journal) -> CommandError {
        self.given_up = true;
        let serial = &journal.serial;
        let message =
            format!("AWS refused the codes of `{serial}`: the secret that is stored here is not its own");
        let this = enable::clock_hint(self.ctx, CommandError::new(ErrorKind::Refused, message));
        this.hint(format!("if its secret key is at hand: `awsmfa device import --serial {serial}`"))
            .hint(format!("or enrol another: `{}`", hints::command(&self.another())))
    }

    /// Whether a device that an earlier run had AWS enable is the user's no more. Where the caller may not know, it is begun
    /// again: AWS then says what it has.
    fn is_gone(&mut self, journal: &Journal) -> CommandResult<bool> {
        Ok(self.went_on && !self.recreated && self.is_listed(journal)? != Some(true))
    }

    fn verify_by_list(&mut self, journal: &Journal) -> CommandResult<Option<Proof>> {
        let mut backoff = Backoff::propagation();
        loop {
            let listed = self.devices_of_target().map_err(|error| self.refused_user(error))?;
            let Some(devices) = listed else { return Ok(Some(Proof::Unlisted)) };
            if devices.iter().any(|device| device.serial == journal.serial.as_str()) {
                return Ok(Some(Proof::Listed));
            }
            if !backoff.wait(self.ctx, Wait::For("AWS to list the device")) {
                if self.is_gone(journal)? {
                    return Ok(None);
                }
                let message = format!("AWS does not list `{}` for `{}`", journal.serial, journal.user);
                return Err(CommandError::new(ErrorKind::Refused, message));
            }
        }
    }
}
