//! Enabling the device with two codes that its seed makes at once: nobody waits half a minute for the second.

use super::Run;
use super::journal::{Journal, Stage};
use crate::aws::{AwsError, AwsErrorKind, CodePair};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::model::totp::Seed;

/// So often it is tried in all.
const TRIES: usize = 5;

impl Run<'_> {
    /// EnableMFADevice; the journal's stage says afterwards whether the device is the user's.
    pub(super) fn enable(&mut self, journal: &mut Journal) -> CommandResult {
        self.register(journal)?;
        let seed = self.seed(journal)?;
        self.ctx.ui.doing(format_args!("enabling it for `{}`", journal.user));
        let mut last = None;
        for _ in 0..TRIES {
            let step = Step::at(self.ctx.clock.now() + self.caller.offset);
            let codes = CodePair { first: seed.code(step.previous()), second: seed.code(step) };
            let (user, serial) = (journal.user.clone(), journal.serial.clone());
            let enabled =
                self.call(|aws, keys, offset| aws.enable_mfa_device(keys, &user, &serial, &codes, offset));
            match enabled {
                Ok(()) => return self.enabled(journal),
                Err(error) => match error.kind {
                    // AWS's time came with the refusal.
                    AwsErrorKind::InvalidPair if self.another_step(step) => {}
                    AwsErrorKind::InvalidPair => return self.wrong_seed(journal, error),
                    // Nobody else has the secret: if it is enabled, then by a request of ours whose answer was lost.
                    AwsErrorKind::Exists if self.is_theirs(journal, true)? => return self.enabled(journal),
                    AwsErrorKind::Exists => return Err(in_use(&serial)),
                    AwsErrorKind::Lost if self.is_theirs(journal, false)? => return self.enabled(journal),
                    AwsErrorKind::Lost => last = Some(error),
                    AwsErrorKind::NeedsMfa if self.is_the_one(journal)? => return self.enabled(journal),
                    AwsErrorKind::NeedsMfa => {}
                    AwsErrorKind::NotFound => return self.gone(journal, error),
                    _ => return Err(self.refused_user(error)),
                },
            }
        }
        Err(last.map_or_else(|| in_use(&journal.serial), CommandError::from))
    }

    fn enabled(&mut self, journal: &mut Journal) -> CommandResult {
        let mut ledger = self.ctx.ledgers()?.open(&journal.serial)?;
        let local = self.ctx.clock.now();
        ledger.observe(local + self.caller.offset, local)?;
        ledger.mark_enabled(local + self.caller.offset)?;
        journal.stage = Stage::Enabled;
        self.ctx.ui.done(format_args!("enabled it for `{}`", journal.user));
        Ok(())
    }

    /// The secret that the journal's store has.
    pub(super) fn seed(&self, journal: &Journal) -> CommandResult<Seed> {
        let uri = self.store_of(journal)?.get(journal.serial.as_str())?;
        let Some(uri) = uri else {
            let message =
                format!("the {} store has no secret for `{}` any more", journal.store, journal.serial);
            return Err(CommandError::new(ErrorKind::Store, message)
                .hint("enrol another device: `awsmfa enroll --device-name NAME`"));
        };
        Ok(Seed::from_uri(uri.expose())?)
    }

    fn another_step(&self, step: Step) -> bool {
        Step::at(self.ctx.clock.now() + self.caller.offset) != step
    }

    /// Whether AWS lists the device as the user's. Where the caller may not ask, it is taken to be if the user's own keys
    /// are here, because the proof comes with the first code, or else if it is known to be `enabled`.
    fn is_theirs(&mut self, journal: &Journal, enabled: bool) -> CommandResult<bool> {
        match self.devices_of_target() {
            Ok(Some(devices)) => Ok(devices.iter().any(|device| device.serial == journal.serial.as_str())),
            Ok(None) => Ok(enabled || self.own_keys()?.is_some()),
            Err(error) => Err(self.refused_user(error)),
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
    fn gone(&mut self, journal: &mut Journal, error: AwsError) -> CommandResult {
        self.devices_of_target().map_err(|error| self.refused_user(error))?;
        if std::mem::replace(&mut self.recreated, true) {
            return Err(self.refused_user(error));
        }
        self.ctx.ui.warn(format_args!("`{}` was deleted meanwhile; it is created anew", journal.serial));
        journal.stage = Stage::Planned;
        Ok(())
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
            "if the stored secret is that of an earlier device of this name: `awsmfa enroll --user {} --replace`",
            journal.user
        )))
    }
}

fn clock_hint(ctx: &Context, this: CommandError) -> CommandError {
    let now = crate::model::session::timestamp(ctx.clock.now());
    this.hint(format!("see that this computer's clock is right; it shows {now}"))
}

fn in_use(serial: &Serial) -> CommandError {
    CommandError::new(ErrorKind::Refused, format!("`{serial}` is enabled for another user"))
        .hint("enrol a device of another name: `awsmfa enroll --device-name NAME`")
}
