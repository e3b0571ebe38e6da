//! Resynchronizing a device: sends AWS two consecutive codes, from which it learns the device's clock.

use std::cell::Cell;

use super::in_aws::{self, Assignment};
use crate::aws::{AwsError, AwsErrorKind, CodePair, Signer};
use crate::caller::Caller;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind, denied};
use crate::ledger::{DeviceLedger, wait_until};
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::model::totp::Seed;

/// Waits for a pair of codes that is new enough and sends it.
pub fn resync(ctx: &Context, caller: &mut Caller, user: &str, serial: &Serial, seed: &Seed) -> CommandResult {
    // While the ledger is locked, no other process generates codes of the device.
    let mut ledger = open_for_pair(ctx, serial, caller)?;
    let synced = send_pair(ctx, caller, user, serial, seed);
    let local = ctx.clock.now();
    ledger.observe(local + caller.offset, local)?;
    ledger.mark_pair(synced.map_err(|error| rejected(error, caller, serial, user))?)?;
    Ok(())
}

/// The user who has the device, as far as AWS shows it.
pub fn owner(ctx: &Context, caller: &mut Caller, serial: &Serial) -> CommandResult<String> {
    match in_aws::find(ctx, caller, serial, None)? {
        Assignment::User { name, .. } => Ok(name),
        Assignment::Unassigned | Assignment::Missing => Err(not_enabled(serial, None)),
        Assignment::Unknown => caller.identity.user().map(str::to_owned).ok_or_else(|| {
            CommandError::new(ErrorKind::Usage, format!("cannot determine which user has `{serial}`"))
                .hint("set the user: `--user NAME`")
        }),
    }
}

/// The device's ledger, once two codes exist that are newer than the last pair AWS accepted, such as the pair of `enroll`.
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

/// Sends the codes of the previous and the current step, and again if the response shows that they were made for the wrong
/// time. Returns the second step.
fn send_pair(
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
            ctx.ui.detail("the codes did not match AWS's clock; sending new ones");
            caller.send(ctx, resync)
        }
        result => result,
    };
    sent.map(|()| made_for.get())
}

fn rejected(error: AwsError, caller: &Caller, serial: &Serial, user: &str) -> CommandError {
    match error.kind {
        AwsErrorKind::InvalidPair => {
            CommandError::new(ErrorKind::Refused, format!("AWS rejected two codes of `{serial}`"))
                .hint("the stored secret may belong to another device, or the device may have been re-created")
                .hint(
                    "or another computer resynchronized the device less than a minute ago, and AWS accepts only newer codes; try again in a minute",
                )
        }
        AwsErrorKind::NotFound => not_enabled(serial, Some(user)),
        _ => denied(error, &caller.identity.user_arn("/", user), &caller.identity.arn),
    }
}

fn not_enabled(serial: &Serial, user: Option<&str>) -> CommandError {
    let of = user.map(|user| format!(" for user `{user}`")).unwrap_or_default();
    CommandError::new(ErrorKind::Refused, format!("`{serial}` is not enabled{of}"))
        .hint("see which user has the device: `awsmfa device list`")
}
