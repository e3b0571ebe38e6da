//! Enabling the device with two consecutive codes of its seed, generated at once: the person does not wait for the second.

use std::cell::Cell;

use super::choose::taken;
use super::hints;
use super::journal::{Journal, Stage};
use super::state::{EnrollRequest, Enrollment, Failure, Next, Transition};
use crate::aws::{AwsError, AwsErrorKind, CodePair, Signer};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::retry;

const TRIES: usize = 5;

impl Enrollment<'_> {
    /// EnableMFADevice.
    pub(super) fn enable(&mut self, journal: &Journal) -> Transition {
        self.register(journal, None)?;
        let seed = self.seed(journal)?;
        let (ctx, user, serial) = (self.ctx, &journal.user, &journal.serial);
        ctx.ui.doing(format_args!("enabling `{serial}` for `{user}`"));
        let sent = Cell::new(self.step());
        let send = |aws: Signer<'_>| {
            let step = Step::at(aws.now());
            sent.set(step);
            let codes = CodePair { first: seed.code(step.previous()), second: seed.code(step) };
            aws.enable_mfa_device(user, serial, &codes)
        };
        let look = |this: &mut Self| Ok((this.is_listed(journal)? == Some(true)).then_some(()));
        let mut tries = 0;
        loop {
            let enabled = retry::change(ctx, self, |this| this.call_once(send), look)?;
            let Err(error) = enabled.result else { return self.enabled(journal) };
            match error.kind {
                // AWS's time came with the rejection.
                AwsErrorKind::InvalidPair if self.step() != sent.get() => {}
                AwsErrorKind::InvalidPair => return self.wrong_seed(journal, &error),
                AwsErrorKind::Exists => {
                    self.check_owner(journal)?;
                    return self.enabled(journal);
                }
                AwsErrorKind::NeedsMfa if self.is_enabled_already(journal)? => return self.enabled(journal),
                AwsErrorKind::NeedsMfa => {}
                AwsErrorKind::NotFound => return self.gone(journal),
                _ => return Err(self.refused_user(error).into()),
            }
            tries += 1;
            if tries == TRIES {
                return Err(error.into());
            }
        }
    }

    fn enabled(&self, journal: &Journal) -> Transition {
        let mut ledger = self.ctx.open_ledger(&journal.serial)?;
        let local = self.ctx.clock.now();
        ledger.observe(local + self.caller.offset, local)?;
        ledger.mark_enabled(local + self.caller.offset)?;
        self.ctx.ui.done(format_args!("enabled `{}` for `{}`", journal.serial, journal.user));
        Ok(Next::Stage(Stage::Enabled))
    }

    /// The current step by AWS's clock.
    fn step(&self) -> Step {
        Step::at(self.ctx.clock.now() + self.caller.offset)
    }

    /// AWS says that the device is enabled. Nobody else has its secret, so an earlier request enabled it for the user, unless
    /// AWS lists another owner. AWS's lists lag behind.
    fn check_owner(&mut self, journal: &Journal) -> CommandResult {
        if self.await_listed(journal, Self::check_no_other_owner)? != Some(false) {
            return Ok(());
        }
        let (serial, user) = (&journal.serial, &journal.user);
        let message =
            format!("AWS says that `{serial}` is already enabled, but does not list it for `{user}`");
        let list = self.aws(&["iam", "list-virtual-mfa-devices", "--assignment-status", "Assigned"]);
        Err(CommandError::new(ErrorKind::Refused, message).hint(format!("find its owner: `{list}`")))
    }

    fn check_no_other_owner(&mut self, journal: &Journal) -> CommandResult {
        // If the caller may not list all devices, the wait alone has to do.
        let devices = self.call(|aws| aws.list_virtual_mfa_devices()).unwrap_or_default();
        let device = devices.into_iter().find(|device| device.serial == journal.serial.as_str());
        let owner = device.and_then(|device| device.assigned).and_then(|assigned| assigned.user);
        match owner {
            Some(user) if !user.eq_ignore_ascii_case(&journal.user) => Err(taken(&journal.serial, &user)),
            _ => Ok(()),
        }
    }

    /// AWS says that the user has a device, and does not say which. It is the new one if an earlier run enabled it; otherwise
    /// requests are signed with MFA from now on. Returns whether it is the new one.
    fn is_enabled_already(&mut self, journal: &Journal) -> CommandResult<bool> {
        let listed = self.devices_of_target().map_err(|error| self.refused_user(error))?;
        if listed.iter().flatten().any(|device| device.serial == journal.serial.as_str()) {
            return Ok(true);
        }
        let mut serials: Vec<Serial> =
            listed.iter().flatten().filter_map(|device| device.serial.parse().ok()).collect();
        serials.extend(self.caller.known_devices(self.ctx)?);
        // Without a list, a session with the new device shows that it is enabled.
        if listed.is_none() && serials.iter().all(|serial| *serial == journal.serial) {
            let new = std::slice::from_ref(&journal.serial);
            let works = self.caller.use_mfa(self.ctx, new).unwrap_or_else(|error| {
                self.ctx.ui.detail(error);
                false
            });
            if works {
                return Ok(true);
            }
        }
        self.sign_with(&serials, &journal.serial)?;
        Ok(false)
    }

    /// AWS has no such device, or perhaps no such user. A device that somebody deleted is created again.
    fn gone(&mut self, journal: &Journal) -> Transition {
        let (serial, user) = (&journal.serial, &journal.user);
        // If the caller may list devices, this fails for a missing user.
        let user_exists = self.is_listed(journal)?.is_some();
        if !std::mem::replace(&mut self.made.started_over, true) {
            self.ctx.ui.warn(format_args!("`{serial}` was deleted in the meantime; creating it again"));
            return Ok(Next::Stage(Stage::Planned));
        }
        let message = if user_exists {
            format!("AWS has no device `{serial}`")
        } else {
            format!("AWS has no device `{serial}`, or no user `{user}`")
        };
        Err(CommandError::new(ErrorKind::Refused, message)
            .hint("AWS can take a minute to recognize a new device; then resume")
            .into())
    }

    /// AWS rejects codes for its own time: the stored secret is that of an earlier device with this name.
    fn wrong_seed(&mut self, journal: &Journal, error: &AwsError) -> Transition {
        if self.request.replace && !std::mem::replace(&mut self.made.started_over, true) {
            self.replace(&journal.serial)?;
            return Ok(Next::Stage(Stage::Planned));
        }
        let code = error.code.as_deref().unwrap_or_default();
        let message = format!("AWS rejected the codes of `{}` ({code})", journal.serial);
        let replace = hints::command(&EnrollRequest { replace: true, ..self.request.clone() });
        let this = self.check_clock(CommandError::new(ErrorKind::Refused, message));
        Err(Failure::Final(
            this.hint(format!(
                "if the stored secret belongs to an earlier device with this name: `{replace}`"
            )),
        ))
    }
}
