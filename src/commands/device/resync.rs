//! `awsmfa device resync`: tells AWS the device's clock, for a device whose codes it has come to refuse.

use std::cell::Cell;

use crate::aws::{AwsError, AwsErrorKind, CodePair, Signer};
use crate::caller::Caller;
use crate::context::Context;
use crate::devices::in_aws;
use crate::error::{CommandError, CommandResult, ErrorKind, clock_hint, denied};
use crate::ledger::{DeviceLedger, wait_until};
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::model::totp::Seed;
use crate::vault;

/// Synchronise a device with AWS's clock
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Sends two consecutive codes, made for AWS's time, as the console does under `Resync`. They are not
used up for sessions. AWS accepts only codes that are newer than the last pair: right after
`enroll`, the command waits for them, up to a minute. How far this computer's clock is off is remembered for later codes.

Examples:
  awsmfa device resync alice
  awsmfa device resync arn:aws:iam::123456789012:mfa/alice --profile admin --user alice")]
pub struct ResyncArgs {
    /// The device's ARN, its name or its label
    #[arg(value_name = "DEVICE", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::device_names))]
    device: String,
    #[command(flatten)]
    profile: crate::commands::ProfileArg,
    /// The user who has the device [default: as it is registered, then whose AWS says it is]
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
}

pub fn run(ctx: &Context, args: &ResyncArgs) -> CommandResult {
    let record = ctx.vault.find(&args.device)?;
    let serial = record.serial.clone();
    let Some(seed) = ctx.vault.seed(&serial)? else { return Err(vault::not_stored(serial.as_str())) };
    let profile = super::profile_of(ctx, args.profile.profile.as_deref(), &serial, Some(&record));
    let mut caller = Caller::find(ctx, profile.as_deref())?;
    in_aws::check_account(&caller, &serial)?;
    let user = match args.user.clone().or(record.user) {
        Some(user) => user,
        None => owner(ctx, &mut caller, &serial)?,
    };
    // Nobody else generates codes of the device meanwhile.
    let mut ledger = open_for_pair(ctx, &serial, &caller)?;
    let synced = sync(ctx, &mut caller, &user, &serial, &seed);
    let local = ctx.clock.now();
    ledger.observe(local + caller.offset, local)?;
    ledger.mark_pair(synced.map_err(|error| not_taken(error, &caller, &serial, &user))?)?;
    let off = caller.offset.num_seconds();
    ctx.ui.say(format_args!("AWS took two codes of `{serial}` and knows its clock now"));
    if off != 0 {
        let direction = if off > 0 { "behind" } else { "ahead of" };
        ctx.ui.warn(format_args!("this computer's clock is {} s {direction} AWS's", off.abs()));
        ctx.ui.hint(clock_hint());
    }
    Ok(())
}

fn owner(ctx: &Context, caller: &mut Caller, serial: &Serial) -> CommandResult<String> {
    match in_aws::find(ctx, caller, serial, None)? {
        in_aws::Place::Of { user, .. } => Ok(user),
        in_aws::Place::Nobodys | in_aws::Place::Nowhere => Err(not_enabled(serial, None)),
        in_aws::Place::Unknown => caller.identity.user().map(str::to_owned).ok_or_else(|| {
            CommandError::new(ErrorKind::Usage, format!("whose device `{serial}` is cannot be told"))
                .hint("name the user: `--user NAME`")
        }),
    }
}

/// The device's ledger, once there are two codes that are newer than the last pair that AWS accepted, such as that of
/// `enroll`.
fn open_for_pair(ctx: &Context, serial: &Serial, caller: &Caller) -> CommandResult<DeviceLedger> {
    loop {
        let ledger = ctx.open_ledger(serial)?;
        let now = ctx.clock.now() + caller.offset;
        let Some(then) = ledger.next_pair(now) else { return Ok(ledger) };
        drop(ledger);
        ctx.ui.wait(
            &*ctx.clock,
            wait_until(then, now),
            "codes that are newer than the last pair AWS accepted",
        );
    }
}

/// Sends the codes of the step before and the current one, and once more if the answer shows that they were made for
/// the wrong time. Returns the second step.
fn sync(
    ctx: &Context,
    caller: &mut Caller,
    user: &str,
    serial: &Serial,
    seed: &Seed,
) -> Result<Step, AwsError> {
    let made_for = Cell::new(Step::at(ctx.clock.now()));
    let resync = |aws: Signer<'_>| {
        let step = Step::at(aws.now());
        made_for.set(step);
        let codes = CodePair { first: seed.code(step.previous()), second: seed.code(step) };
        aws.resync_mfa_device(user, serial, &codes)
    };
    let sent = match caller.send(ctx, resync) {
        Err(error)
            if error.kind == AwsErrorKind::InvalidPair
                && Step::at(ctx.clock.now() + caller.offset) != made_for.get() =>
        {
            ctx.ui.detail("the codes were made for another time than AWS's; sending those of its time");
            caller.send(ctx, resync)
        }
        result => result,
    };
    sent.map(|()| made_for.get())
}

fn not_taken(error: AwsError, caller: &Caller, serial: &Serial, user: &str) -> CommandError {
    match error.kind {
        AwsErrorKind::InvalidPair => {
            CommandError::new(ErrorKind::Refused, format!("AWS refused two codes of `{serial}`"))
                .hint("the stored secret may be another device's, or the device may have been made anew")
                .hint(
                    "or another computer synchronized it less than a minute ago: AWS accepts only newer codes; try again in a minute",
                )
        }
        AwsErrorKind::NotFound => not_enabled(serial, Some(user)),
        _ => denied(error, &caller.identity.user_arn("/", user), &caller.identity.arn),
    }
}

fn not_enabled(serial: &Serial, user: Option<&str>) -> CommandError {
    let of = user.map(|user| format!(" for user `{user}`")).unwrap_or_default();
    CommandError::new(ErrorKind::Refused, format!("`{serial}` is not enabled{of}"))
        .hint("see whose it is: `awsmfa device list`")
}
