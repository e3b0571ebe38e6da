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
    /// Proves that AWS has the device.
    pub(super) fn verify(&mut self, journal: &mut Journal) -> CommandResult<Proof> {
        self.ctx.ui.doing("verifying that AWS takes it");
        let proof = match self.own_keys()? {
            Some(own) => self.verify_by_session(journal, &own)?,
            None => self.verify_by_list(journal)?,
        };
        journal.stage = Stage::Verified;
        match proof {
            Proof::Session(_) => self.ctx.ui.done("verified: AWS gave a session for its code"),
            Proof::Listed => self.ctx.ui.done(format_args!("verified: AWS lists it for `{}`", journal.user)),
            Proof::Unlisted => self.ctx.ui.done("enabled; not verified, for want of iam:ListMFADevices"),
        }
        Ok(proof)
    }

    fn verify_by_session(&self, journal: &Journal, own: &Own) -> CommandResult<Proof> {
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
        let ensured = self.first_session(aws, &plan)?;
        if !ensured.made && !self.was_there {
            let message = "AWS cannot be reached to verify the device";
            return Err(CommandError::new(ErrorKind::Network, message));
        }
        Ok(Proof::Session(ensured.session.expiration))
    }

    /// The session; an access key that was made now is not known everywhere at once.
    fn first_session(&self, aws: &Aws, plan: &Plan) -> CommandResult<Ensured> {
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
                    let message = format!("AWS does not know `{}` yet", plan.serial);
                    return Err(CommandError::new(ErrorKind::Refused, message)
                        .hint("it takes half a minute at times; then go on"));
                }
                other => return Ok(other?),
            }
        }
    }

    fn verify_by_list(&mut self, journal: &Journal) -> CommandResult<Proof> {
        let mut waits = WAITS.into_iter();
        loop {
            let listed = self.devices_of_target().map_err(|error| self.refused_user(error))?;
            let Some(devices) = listed else { return Ok(Proof::Unlisted) };
            if devices.iter().any(|device| device.serial == journal.serial.as_str()) {
                return Ok(Proof::Listed);
            }
            let Some(seconds) = waits.next() else {
                let message = format!("AWS does not list `{}` for `{}`", journal.serial, journal.user);
                return Err(CommandError::new(ErrorKind::Refused, message));
            };
            let seconds = Duration::from_secs(seconds);
            self.ctx.ui.wait(&*self.ctx.clock, seconds, "AWS to list the device");
        }
    }
}
