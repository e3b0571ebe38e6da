//! `awsmfa device remove`: removes a device from AWS, and its secret from here.

use crate::commands::args::{DeviceInAwsArgs, YesArg};
use crate::context::Context;
use crate::devices::in_aws::Assignment;
use crate::devices::remove::{self, Removal, Target};
use crate::devices::{forget, profile};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::interrupt;
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;

/// Remove a device from AWS and its secret from this machine
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Deactivates and deletes the device in AWS, then deletes the device's secret, its cached sessions and the `mfa_serial` lines \
that refer to the device from this machine. If the command is interrupted, run it again. If AWS requires MFA, awsmfa gets a \
session with another of your devices or with this one.

Examples:
  awsmfa device remove old-phone
  awsmfa device remove arn:aws:iam::123456789012:mfa/bob --profile admin --user bob
  awsmfa device remove alice --local      delete only the secret stored here")]
pub struct RemoveArgs {
    #[command(flatten)]
    on: DeviceInAwsArgs,
    /// Delete only the secret stored here
    #[arg(long, conflicts_with_all = ["profile", "user"])]
    local: bool,
    #[command(flatten)]
    yes: YesArg,
}

pub fn run(ctx: &Context, args: &RemoveArgs) -> CommandResult {
    if args.local {
        return forget_here(ctx, args);
    }
    let user = args.on.user.user.as_deref();
    let target = remove::target(ctx, &args.on.device.device, user)?;
    let (serial, record) = (&target.serial, target.record.as_ref());
    let profile = profile::of_device(ctx, args.on.profile.profile.as_deref(), serial, record);
    let mut removal = Removal::prepare(ctx, &target, profile.as_deref(), user)?;
    if removal.is_gone() {
        ctx.ui.say(format_args!("there is no device `{serial}`, neither in AWS nor here"));
        return forget::uses(ctx, serial);
    }
    confirm(ctx, args, &question(&target, &removal.assignment))?;
    let resume = resume(args, serial);
    interrupt::say(&format!("resume with {resume}"));
    removal.run().map_err(|error| match error.kind {
        ErrorKind::Network | ErrorKind::Interrupted => {
            error.hint(format!("nothing is lost; resume with {resume}"))
        }
        _ => error,
    })?;
    interrupt::forget();
    if let Assignment::User { name, devices: Some(1) } = &removal.assignment {
        ctx.ui.warn(format_args!("`{name}` has no MFA device left"));
        let enroll =
            CommandLine::new("awsmfa enroll").option("--user", Some(name)).option("--profile", profile);
        ctx.ui.hint(format_args!("enroll another device: `{enroll}`"));
    }
    Ok(())
}

/// The command to run again after an outage or Ctrl-C.
fn resume(args: &RemoveArgs, serial: &Serial) -> String {
    let command = CommandLine::new("awsmfa device remove")
        .arg(serial.as_str())
        .option("--profile", args.on.profile.profile.as_deref())
        .option("--user", args.on.user.user.as_deref());
    format!("`{command}`")
}

fn forget_here(ctx: &Context, args: &RemoveArgs) -> CommandResult {
    let record = ctx.vault.find(&args.on.device.device)?;
    let question = format!(
        "delete the secret of `{}`? The device stays in AWS, and without another copy of its secret it cannot be used.",
        record.serial
    );
    confirm(ctx, args, &question)?;
    forget::secret(ctx, &record)
}

fn question(target: &Target, assignment: &Assignment) -> String {
    let serial = &target.serial;
    let secret = if target.record.is_some() { " and delete its secret" } else { "" };
    match assignment {
        Assignment::User { name, devices: Some(1) } => {
            format!("remove `{serial}`, the last MFA device of `{name}`, from AWS{secret}?")
        }
        Assignment::User { name, .. } => format!("remove device `{serial}` of `{name}` from AWS{secret}?"),
        Assignment::Unassigned => format!("remove unassigned device `{serial}` from AWS{secret}?"),
        Assignment::Missing => format!("`{serial}` does not exist in AWS; delete its secret?"),
        Assignment::Unknown => format!("remove device `{serial}` from AWS{secret}?"),
    }
}

fn confirm(ctx: &Context, args: &RemoveArgs, question: &str) -> CommandResult {
    if args.yes.yes {
        return Ok(());
    }
    ctx.confirm(question, |error| {
        CommandError::from(error).hint("use `--yes` to remove the device without confirmation")
    })
}
