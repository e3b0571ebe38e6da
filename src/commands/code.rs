//! `awsmfa code`: the codes themselves, for the console and for programs that ask.

use serde::Serialize;

use crate::aws_files::resolve::resolve;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::ledger::DeviceLedger;
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::session;
use crate::store::registry::DeviceRecord;

/// Print the current code of a device
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  awsmfa code                     of the only device, or of the profile's
  awsmfa code alice               of the device of that name
  awsmfa code --pair              two consecutive codes, as the console asks for them")]
pub struct CodeArgs {
    /// The device's ARN, its name or its label
    #[arg(value_name = "DEVICE", conflicts_with = "profile", add = clap_complete::ArgValueCandidates::new(super::completions::device_names))]
    device: Option<String>,
    #[command(flatten)]
    profile: super::ProfileArg,
    /// Two consecutive codes
    #[arg(long)]
    pair: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct CodeOutput<'a> {
    serial: &'a str,
    code: &'a str,
    seconds_left: u64,
}

#[derive(Serialize)]
struct PairOutput<'a> {
    serial: &'a str,
    codes: [&'a str; 2],
    seconds_left: u64,
}

/// Runs the command.
pub fn run(ctx: &Context, args: &CodeArgs) -> CommandResult {
    let serial = device(ctx, args)?;
    let Some(seed) = ctx.seed(&serial)? else {
        return Err(CommandError::new(
            ErrorKind::Configuration,
            format!("no secret is stored for `{serial}`"),
        )
        .hint(format!("awsmfa device import --serial {serial}")));
    };
    let mut ledger = ctx.open_ledger(&serial)?;
    // AWS's clock counts, not this computer's.
    let now = ctx.clock.now() + ledger.offset();
    if !ledger.offset().is_zero() {
        let seconds = ledger.offset().num_seconds();
        ctx.ui.say(format_args!(
            "made for AWS's clock, which differed from this computer's by {seconds:+} s at the last login"
        ));
    }
    let current = Step::at(now);
    if args.pair {
        // AWS does not use these up for sessions: it takes them to set the device's clock.
        let codes = [seed.code(current.previous()), seed.code(current)];
        let codes = [codes[0].expose(), codes[1].expose()];
        let json = PairOutput { serial: serial.as_str(), codes, seconds_left: current.seconds_left(now) };
        print(ctx, args, &json, &codes.join("\n"))?;
        tell(ctx, args, &format!("two codes of `{serial}`, in the order to type them"));
        return Ok(());
    }
    let step = unused(ctx, &ledger, current);
    let (code, seconds_left) = (seed.code(step), step.seconds_left(now));
    // Wherever the person types it, AWS takes it once; we must not send it then.
    ledger.mark_shown(step)?;
    print(
        ctx,
        args,
        &CodeOutput { serial: serial.as_str(), code: code.expose(), seconds_left },
        code.expose(),
    )?;
    tell(ctx, args, &format!("of `{serial}`, good for {seconds_left} s"));
    Ok(())
}

/// Says whose the codes are: where no device was named, it may be another than was meant.
fn tell(ctx: &Context, args: &CodeArgs, words: &str) {
    if !args.json {
        ctx.ui.say(words);
    }
}

/// The current step, or the next if that one was used: AWS takes it already, and for longer than a person types.
fn unused(ctx: &Context, ledger: &DeviceLedger, current: Step) -> Step {
    if !ledger.is_used(current) {
        return current;
    }
    if !ledger.is_used(current.next()) {
        ctx.ui.detail(
            "the current code was used or shown before; this is the next one, which AWS takes already",
        );
        return current.next();
    }
    ctx.ui.warn("this code was used or shown before, and AWS takes each once; wait for the next");
    current
}

fn print(ctx: &Context, args: &CodeArgs, json: &impl Serialize, text: &str) -> CommandResult {
    match args.json {
        true => Ok(ctx.ui.json(json)?),
        false => Ok(ctx.ui.result(&format!("{text}\n"))?),
    }
}

fn device(ctx: &Context, args: &CodeArgs) -> CommandResult<Serial> {
    if let Some(arn) = args.device.as_deref().filter(|name| name.starts_with("arn:")) {
        return Ok(arn.parse()?);
    }
    if let Some(name) = &args.device {
        return Ok(super::device::stored(ctx, name)?.serial);
    }
    let devices = ctx.registry()?.load()?;
    let named = args.profile.profile.as_deref().or(ctx.env.named_profile());
    match (named, devices.as_slice()) {
        // Whoever has one device means it, unless the profile names another.
        (Some(profile), [one]) if args.profile.profile.is_none() => {
            of_profile(ctx, profile).or_else(|_| Ok(one.serial.clone()))
        }
        (Some(profile), _) => of_profile(ctx, profile),
        (None, [one]) => Ok(one.serial.clone()),
        (None, []) => Err(no_device()),
        (None, several) => of_profile(ctx, "default").map_err(|_| ambiguous(args, several)),
    }
}

fn of_profile(ctx: &Context, profile: &str) -> CommandResult<Serial> {
    let resolution = resolve(&ctx.profiles()?, profile)?;
    session::known_serial(ctx, None, &resolution, None)?.ok_or_else(|| {
        CommandError::new(ErrorKind::Configuration, format!("profile `{profile}` has no `mfa_serial`"))
            .hint("name the device: `awsmfa device list` shows those that are stored")
    })
}

fn no_device() -> CommandError {
    CommandError::new(ErrorKind::Configuration, "no device is stored")
        .hint("make one: `awsmfa enroll`; one that exists: `awsmfa device import --profile NAME`")
}

fn ambiguous(args: &CodeArgs, devices: &[DeviceRecord]) -> CommandError {
    let this = CommandError::new(ErrorKind::Usage, "several devices could be meant");
    let pair = if args.pair { " --pair" } else { "" };
    devices.iter().fold(this, |this, device| this.hint(format!("awsmfa code {}{pair}", device.serial)))
}
