//! Enabling the device with two codes that its seed makes at once: nobody waits half a minute for the second.

use std::time::Duration;

use super::journal::{Journal, Stage};
use super::{Run, Wishes, hints};
use crate::aws::{AwsError, AwsErrorKind, CodePair};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::model::totp::Seed;

/// So often it is tried in all.
const TRIES: usize = 5;
/// Waits for AWS to list what it has enabled, in seconds.
const LIST_WAITS: [u64; 4] = [1, 2, 4, 8];

impl Run<'_> {
    /// EnableMFADevice; the journal's stage says afterwards whether the device is the user's.
    pub(super) fn enable(&mut self, journal: &mut Journal) -> CommandResult {
        self.register(journal, None)?;
        let seed = self.seed(journal)?;
        self.ctx.ui.doing(format_args!("enabling it for `{}`", journal.user));
        let mut tries = 0;
        loop {
            let step = Step::at(self.ctx.clock.now() + self.caller.offset);
            let codes = CodePair { first: seed.code(step.previous()), second: seed.code(step) };
            let (user, serial) = (journal.user.clone(), journal.serial.clone());
            let enabled = self.call(|aws| aws.enable_mfa_device(&user, &serial, &codes));
            let Err(error) = enabled else { return self.enabled(journal) };
            match error.kind {
                // AWS's time came with the refusal.
                AwsErrorKind::InvalidPair if self.another_step(step) => {}
                AwsErrorKind::InvalidPair => return self.wrong_seed(journal, error),
                AwsErrorKind::Exists => {
                    self.check_theirs(journal)?;
                    return self.enabled(journal);
                }
                AwsErrorKind::Lost if self.is_listed(journal)? == Some(true) => return self.enabled(journal),
                // Asked again, AWS says whether it did it.
                AwsErrorKind::Lost => {}
                AwsErrorKind::NeedsMfa if self.is_the_one(journal)? => return self.enabled(journal),
                AwsErrorKind::NeedsMfa => {}
                AwsErrorKind::NotFound => return self.gone(journal),
                _ => return Err(self.refused_user(error)),
            }
            tries += 1;
            if tries == TRIES {
                return Err(error.into());
            }
        }
    }

    fn enabled(&mut self, journal: &mut Journal) -> CommandResult {
        let mut ledger = self.ctx.open_ledger(&journal.serial)?;
        let local = self.ctx.clock.now();
        ledger.observe(local + self.caller.offset, local)?;
        ledger.mark_enabled(local + self.caller.offset)?;
        journal.stage = Stage::Enabled;
        self.ctx.ui.done(format_args!("enabled it for `{}`", journal.user));
        Ok(())
    }

    /// The secret that the journal's store has.
    pub(super) fn seed(&self, journal: &Journal) -> CommandResult<Seed> {
        self.ctx.vault.seed_in(journal.store, &journal.serial)?.ok_or_else(|| {
            let message =
                format!("the {} store has no secret for `{}` any more", journal.store, journal.serial);
            CommandError::new(ErrorKind::Store, message)
                .hint(format!("enrol another device: `{}`", hints::command(&self.another())))
        })
    }

    fn another_step(&self, step: Step) -> bool {
        Step::at(self.ctx.clock.now() + self.caller.offset) != step
    }

    /// Whether AWS lists the device as the user's; `None` where the caller may not ask.
    pub(super) fn is_listed(&mut self, journal: &Journal) -> CommandResult<Option<bool>> {
        let listed = self.devices_of_target().map_err(|error| self.refused_user(error))?;
        Ok(listed.map(|devices| devices.iter().any(|device| device.serial == journal.serial.as_str())))
    }

    /// The device is enabled. Nobody else has the secret, so it is the user's by a request of ours whose answer was lost,
    /// unless AWS lists another; its lists lag behind.
    fn check_theirs(&mut self, journal: &Journal) -> CommandResult {
        for seconds in LIST_WAITS {
            if self.is_listed(journal)? != Some(false) {
                return Ok(());
            }
            self.check_nobody_elses(journal)?;
            let seconds = Duration::from_secs(seconds);
            self.ctx.ui.wait(&*self.ctx.clock, seconds, "AWS to list the device");
        }
        if self.is_listed(journal)? != Some(false) {
            return Ok(());
        }
        let (serial, user) = (&journal.serial, &journal.user);
        let message = format!("AWS has `{serial}` enabled already, but does not list it for `{user}`");
        Err(CommandError::new(ErrorKind::Refused, message).hint(format!(
            "see whose it is: `{}`",
            self.aws("iam list-virtual-mfa-devices --assignment-status Assigned")
        )))
    }

    fn check_nobody_elses(&mut self, journal: &Journal) -> CommandResult {
        let listed = self.call(|aws| aws.list_virtual_mfa_devices());
        // Who may not ask learns it in the end.
        let devices = listed.unwrap_or_default();
        let device = devices.into_iter().find(|device| device.serial == journal.serial.as_str());
        let owner = device.and_then(|device| device.assigned).and_then(|assigned| assigned.user);
        match owner {
            Some(user) if !user.eq_ignore_ascii_case(&journal.user) => {
                Err(self.taken(&journal.serial, &user))
            }
            _ => Ok(()),
        }
    }

    /// The user has a device, says AWS before it looks which: the new one, if a run was killed after it was enabled, or
    /// another, with which we sign from now on. Returns whether it is the new one.
    fn is_the_one(&mut self, journal: &Journal) -> CommandResult<bool> {
        let listed = self.devices_of_target().map_err(|error| self.refused_user(error))?;
        if listed.iter().flatten().any(|device| device.serial == journal.serial.as_str()) {
            return Ok(true);
        }
        let mut serials: Vec<Serial> =
            listed.iter().flatten().filter_map(|device| device.serial.parse().ok()).collect();
        serials.extend(self.caller.known_devices(self.ctx)?);
        // Where nothing is listed, a session tells.
        if listed.is_none() && serials.iter().all(|serial| *serial == journal.serial) {
            let this = std::slice::from_ref(&journal.serial);
            let proved = self.caller.use_mfa(self.ctx, this).unwrap_or_else(|error| {
                self.ctx.ui.detail(error);
                false
            });
            if proved {
                return Ok(true);
            }
        }
        self.sign_with(&serials, &journal.serial)?;
        Ok(false)
    }

    /// Neither the device nor perhaps the user is there. A device that somebody deleted is created anew.
    fn gone(&mut self, journal: &mut Journal) -> CommandResult {
        let (serial, user) = (&journal.serial, &journal.user);
        // Where devices may be listed, a missing user shows.
        let user_is_there = self.is_listed(journal)?.is_some();
        if !std::mem::replace(&mut self.recreated, true) {
            self.ctx.ui.warn(format_args!("`{serial}` was deleted meanwhile; it is created anew"));
            journal.stage = Stage::Planned;
            return Ok(());
        }
        let message = match user_is_there {
            true => format!("AWS does not know the device `{serial}`"),
            false => format!("AWS knows no device `{serial}`, or no user `{user}`"),
        };
        Err(CommandError::new(ErrorKind::Refused, message)
            .hint("it takes AWS a minute at times to know a new device; then go on"))
    }

    /// The codes are refused though they are made for AWS's time: the secret belongs to a device that is gone.
    fn wrong_seed(&mut self, journal: &mut Journal, error: AwsError) -> CommandResult {
        if self.wishes.replace && !std::mem::replace(&mut self.recreated, true) {
            self.delete(&journal.serial.clone())?;
            journal.stage = Stage::Planned;
            return Ok(());
        }
        self.given_up = true;
        let this = clock_hint(
            self.ctx,
            CommandError::new(
                ErrorKind::Refused,
                format!("AWS refused the codes of `{}` ({})", journal.serial, error.code.unwrap_or_default()),
            ),
        );
        Err(this.hint(format!(
            "if the stored secret is that of an earlier device of this name: `{}`",
            hints::command(&Wishes { replace: true, ..self.again() })
        )))
    }
}

pub(super) fn clock_hint(ctx: &Context, this: CommandError) -> CommandError {
    let now = crate::model::session::timestamp(ctx.clock.now());
    this.hint(format!("see that this computer's clock is right; it shows {now}"))
}
