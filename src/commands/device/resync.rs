//! `awsmfa device resync`: resynchronizes a device after AWS has rejected its codes.

use crate::caller::Caller;
use crate::commands::args::DeviceInAwsArgs;
use crate::context::Context;
use crate::devices::{in_aws, profile, resync};
use crate::error::{CommandResult, clock_hint};

/// Resynchronize a device with AWS
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Sends two consecutive codes, generated for AWS's current time, as `Resync` in the console does. Both codes can still be used \
to get a session. AWS accepts only codes newer than the last pair, so right after `enroll` the command waits for up to a \
minute. awsmfa remembers how far this computer's clock is off and adjusts later codes.

Examples:
  awsmfa device resync alice
  awsmfa device resync arn:aws:iam::123456789012:mfa/alice --profile admin --user alice")]
pub struct ResyncArgs {
    #[command(flatten)]
    on: DeviceInAwsArgs,
}

pub fn run(ctx: &Context, args: &ResyncArgs) -> CommandResult {
    let record = ctx.vault.find(&args.on.device.device)?;
    let serial = &record.serial;
    let seed = ctx.vault.seed(serial)?.ok_or_else(|| ctx.vault.not_stored(serial.as_str()))?;
    let profile = profile::of_device(ctx, args.on.profile.profile.as_deref(), serial, Some(&record));
    let mut caller = Caller::find(ctx, profile.as_deref())?;
    in_aws::check_account(&caller, serial)?;
    let user = match args.on.user.user.as_ref().or(record.user.as_ref()) {
        Some(user) => user.clone(),
        None => resync::owner(ctx, &mut caller, serial)?,
    };
    resync::resync(ctx, &mut caller, &user, serial, &seed)?;
    ctx.ui.say(format_args!("resynchronized `{serial}` with AWS"));
    let seconds = caller.offset.num_seconds();
    if seconds != 0 {
        let direction = if seconds > 0 { "behind" } else { "ahead of" };
        ctx.ui.warn(format_args!("this computer's clock is {} s {direction} AWS's", seconds.abs()));
        ctx.ui.hint(clock_hint());
    }
    Ok(())
}
