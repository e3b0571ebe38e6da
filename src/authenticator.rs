//! The authenticator: codes that are shown rather than sent, and which device they are for.

mod watch;

use chrono::{DateTime, TimeDelta, Utc};

pub use watch::Watch;

use crate::aws_files::resolve::resolve;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::ledger::{DeviceLedger, wait_until};
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::model::totp::{Code, Seed};
use crate::session;

/// A device whose codes are shown.
pub struct Authenticator<'a> {
    ctx: &'a Context,
    serial: &'a Serial,
    seed: Seed,
}

/// A code to show.
pub struct Shown {
    pub code: Code,
    pub seconds_left: u64,
    /// Whether the code was sent or shown before, so that AWS rejects it.
    pub is_used: bool,
    /// Whether it is the code of the next step, which AWS accepts already.
    pub is_next: bool,
    /// AWS's time minus this computer's, for which the code was generated.
    pub offset: TimeDelta,
    /// Why the code does not count as used from now on: the disk is full or read-only.
    pub unrecorded: Option<CommandError>,
}

/// Two consecutive codes to show.
pub struct Pair {
    pub codes: [Code; 2],
    pub seconds_left: u64,
    pub offset: TimeDelta,
}

impl<'a> Authenticator<'a> {
    /// Fails if the device's secret is not stored here.
    pub fn of(ctx: &'a Context, serial: &'a Serial) -> CommandResult<Self> {
        let seed = ctx.vault.seed(serial)?.ok_or_else(|| {
            let message = format!("no secret is stored for `{serial}`");
            let error = CommandError::new(ErrorKind::Configuration, message);
            ctx.vault.or_lost(error.hint(format!("awsmfa device import --serial {serial}")))
        })?;
        Ok(Self { ctx, serial, seed })
    }

    /// Gives a person an unused code if there is one, otherwise the current one. With `wait`, waits for an unused code. Wherever
    /// the person enters it, AWS accepts it once, so awsmfa does not send it, unless `give` fails.
    pub fn show<T>(&self, wait: bool, give: impl FnOnce(&Shown) -> CommandResult<T>) -> CommandResult<T> {
        loop {
            let ledger = self.ctx.open_ledger(self.serial)?;
            let now = self.aws_now(&ledger);
            let current = Step::at(now);
            let unused = self.unused(&ledger, current);
            if wait && unused.is_none() {
                drop(ledger);
                self.ctx.ui.wait(&*self.ctx.clock, wait_until(current.next().start(), now), "the next code");
                continue;
            }
            let (step, offset) = (unused.unwrap_or(current), ledger.offset());
            return ledger.give(step, &*self.ctx.clock, |unrecorded| {
                give(&Shown {
                    code: self.seed.code(step),
                    seconds_left: step.seconds_left(now),
                    is_used: unused.is_none(),
                    is_next: step != current,
                    offset,
                    unrecorded: unrecorded.map(CommandError::from),
                })
            });
        }
    }

    /// The previous and the current code. AWS compares them to set the device's clock, which does not use them up.
    pub fn pair(&self) -> CommandResult<Pair> {
        let ledger = self.ctx.open_ledger(self.serial)?;
        let now = self.aws_now(&ledger);
        let current = Step::at(now);
        let codes = [self.seed.code(current.previous()), self.seed.code(current)];
        Ok(Pair { codes, seconds_left: current.seconds_left(now), offset: ledger.offset() })
    }

    /// AWS's clock counts, not this computer's.
    fn aws_now(&self, ledger: &DeviceLedger) -> DateTime<Utc> {
        self.ctx.clock.now() + ledger.offset()
    }

    /// The current step, or the next one if the current was used: AWS accepts the next one already, and for longer than a
    /// person takes to type.
    fn unused(&self, ledger: &DeviceLedger, current: Step) -> Option<Step> {
        let is_unused = |step: &Step| !ledger.is_used_up(*step, &self.seed.code(*step));
        [current, current.next()].into_iter().find(is_unused)
    }
}

/// The device that is meant: by its ARN, name or label, or by the profile.
pub fn device(ctx: &Context, device: Option<&str>, profile: Option<&str>) -> CommandResult<Serial> {
    match device {
        Some(arn) if arn.starts_with("arn:") => return Ok(arn.parse()?),
        Some(name) => return Ok(ctx.vault.find(name)?.serial),
        None => {}
    }
    let devices = ctx.vault.devices()?;
    let named = Named::of(profile, &ctx.env);
    match (named, devices.as_slice()) {
        // A person with one device means that one, unless the profile has another.
        (Named::Variable(profile), [one]) => of_profile(ctx, profile).or_else(|_| Ok(one.serial.clone())),
        (Named::Flag(profile) | Named::Variable(profile), _) => of_profile(ctx, profile),
        (Named::Default, [one]) => Ok(one.serial.clone()),
        (Named::Default, []) => Err(ctx.vault.nothing_stored()),
        (Named::Default, several) => of_profile(ctx, named.name()).map_err(|_| {
            let this = CommandError::new(ErrorKind::Usage, "several devices are stored here");
            several.iter().fold(this, |this, device| this.hint(format!("awsmfa code {}", device.serial)))
        }),
    }
}

fn of_profile(ctx: &Context, profile: &str) -> CommandResult<Serial> {
    let resolution = resolve(&ctx.profiles()?, profile)?;
    session::known_serial(ctx, &resolution, None)?.ok_or_else(|| {
        CommandError::new(ErrorKind::Configuration, format!("profile `{profile}` has no `mfa_serial`"))
            .hint("choose a stored device: `awsmfa device list`")
    })
}
