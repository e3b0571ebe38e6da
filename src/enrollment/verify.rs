//! The proof that AWS has the device: a session made with it, where the user's own keys are here, which then is the
//! first of the user's sessions; else AWS's list.

use std::time::Duration;

use super::journal::{Journal, Stage};
use super::{Proof, Run};
use crate::aws::{Aws, AwsErrorKind};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::session::{self, Ensured, Options, Own, Plan, SessionError, Wishes};

/// Waits for AWS to list what it has enabled, or to know an access key that it has just made.
const WAITS: [u64; 5] = [1, 2, 4, 8, 8];

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

    fn verify_by_session(&mut self, journal: &Journal, own: &Own) -> CommandResult<Option<Proof>> {
        let made;
        let (plan, aws): (Plan, &Aws) = match &own.profile {
            Some(profile) => {
                let (profile, serial) = (Some(profile.clone()), Some(journal.serial.clone()));
                let prepared = session::prepare(self.ctx, &Wishes { profile, serial, ..Wishes::default() })?;
                made = prepared.aws;
                (prepared.plan.without_roles(), &made)
            }
            None => {
                let aws = &self.caller.aws;
                let keys = own.keys.clone();
                (session::plan_for_keys(self.ctx, keys, journal.serial.clone(), aws.settings())?, aws)
            }
        };
        let Some(ensured) = self.first_session(aws, &plan)? else {
            if self.is_gone(journal)? {
                return Ok(None);
            }
            let message = format!("AWS does not know `{}` yet", journal.serial);
            return Err(CommandError::new(ErrorKind::Refused, message)
                .hint("it takes half a minute at times; then go on"));
        };
        if !ensured.made && !self.was_there {
            let message = "AWS cannot be reached to verify the device";
            return Err(CommandError::new(ErrorKind::Network, message));
        }
        Ok(Some(Proof::Session(ensured.session.expiration)))
    }

    /// The session, if AWS knows the device; an access key that was made now is not known everywhere at once.
    fn first_session(&self, aws: &Aws, plan: &Plan) -> CommandResult<Option<Ensured>> {
        let precheck = || Ok(());
        // A session from before, made with an earlier device of this name, would prove nothing.
        let options = Options { force: !self.was_there, unattended: false, code: None, precheck: &precheck };
        let mut waits = WAITS.into_iter();
        loop {
            match session::ensure(self.ctx, aws, plan, &options) {
                Err(SessionError::Aws(error))
                    if error.kind == AwsErrorKind::UnknownKey && self.made_key.is_some() =>
                {
                    let Some(seconds) = waits.next() else { return Err(error.into()) };
                    let seconds = Duration::from_secs(seconds);
                    self.ctx.ui.wait(&*self.ctx.clock, seconds, "AWS to learn of the new access key");
                }
                Err(SessionError::Aws(error)) if error.kind == AwsErrorKind::CannotValidateCode => {
                    return Ok(None);
                }
                other => return Ok(Some(other?)),
            }
        }
    }

    /// Whether a device that an earlier run had AWS enable is the user's no more, as far as the caller may know.
    fn is_gone(&mut self, journal: &Journal) -> CommandResult<bool> {
        if !self.went_on || self.recreated {
            return Ok(false);
        }
        let listed = self.devices_of_target().map_err(|error| self.refused_user(error))?;
        Ok(listed.is_some_and(|devices| devices.iter().all(|d| d.serial != journal.serial.as_str())))
    }

    fn verify_by_list(&mut self, journal: &Journal) -> CommandResult<Option<Proof>> {
        let mut waits = WAITS.into_iter();
        loop {
            let listed = self.devices_of_target().map_err(|error| self.refused_user(error))?;
            let Some(devices) = listed else { return Ok(Some(Proof::Unlisted)) };
            if devices.iter().any(|device| device.serial == journal.serial.as_str()) {
                return Ok(Some(Proof::Listed));
            }
            let Some(seconds) = waits.next() else {
                if self.is_gone(journal)? {
                    return Ok(None);
                }
                let message = format!("AWS does not list `{}` for `{}`", journal.serial, journal.user);
                return Err(CommandError::new(ErrorKind::Refused, message));
            };
            let seconds = Duration::from_secs(seconds);
            self.ctx.ui.wait(&*self.ctx.clock, seconds, "AWS to list the device");
        }
    }
}
