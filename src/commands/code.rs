//! `awsmfa code`: the codes themselves, for the console and for programs that ask.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::aws_files::resolve::resolve;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::ledger::{DeviceLedger, wait_until};
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::model::totp::Seed;
use crate::session;
use crate::store::registry::DeviceRecord;

/// Print the current code of a device
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  awsmfa code                     of the only device, or of the profile's
  awsmfa code alice               of the device of that name
  awsmfa code --wait              an unused code, even if that takes until the next one
  awsmfa code --pair              two consecutive codes, as the console asks for them")]
pub struct CodeArgs {
    /// The device's ARN, its name or its label
    #[arg(value_name = "DEVICE", conflicts_with = "profile", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::device_names))]
    device: Option<String>,
    #[command(flatten)]
    profile: super::ProfileArg,
    /// Two consecutive codes
    #[arg(long)]
    pair: bool,
    /// Wait for an unused code if all that AWS accepts now were used or shown before
    #[arg(long, conflicts_with = "pair")]
    wait: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct CodeOutput<'a> {
    serial: &'a str,
    code: &'a str,
    seconds_left: u64,
    /// Whether the code was used or shown before.
    used: bool,
}

#[derive(Serialize)]
struct PairOutput<'a> {
    serial: &'a str,
    codes: [&'a str; 2],
    seconds_left: u64,
}

pub fn run(ctx: &Context, args: &CodeArgs) -> CommandResult {
    let serial = device(ctx, args)?;
    let Some(seed) = ctx.vault.seed(&serial)? else {
        return Err(CommandError::new(
            ErrorKind::Configuration,
            format!("no secret is stored for `{serial}`"),
        )
        .hint(format!("awsmfa device import --serial {serial}")));
    };
    let (ledger, now) = open(ctx, &serial, &seed, args.wait)?;
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
    show(ctx, args, &serial, &seed, ledger, now)
}

/// The device's ledger and AWS's time; with `wait`, once there is an unused code. The ledger is not kept while waiting.
fn open(
    ctx: &Context,
    serial: &Serial,
    seed: &Seed,
    wait: bool,
) -> CommandResult<(DeviceLedger, DateTime<Utc>)> {
    loop {
        let ledger = ctx.open_ledger(serial)?;
        // AWS's clock counts, not this computer's.
        let now = ctx.clock.now() + ledger.offset();
        if !wait || unused(&ledger, seed, Step::at(now)).is_some() {
            return Ok((ledger, now));
        }
        drop(ledger);
        let left = wait_until(Step::at(now).next().start(), now);
        ctx.ui.wait(&*ctx.clock, left, "the next code");
    }
}

fn show(
    ctx: &Context,
    args: &CodeArgs,
    serial: &Serial,
    seed: &Seed,
    mut ledger: DeviceLedger,
    now: DateTime<Utc>,
) -> CommandResult {
    let current = Step::at(now);
    let unused = unused(&ledger, seed, current);
    let step = unused.unwrap_or(current);
    if unused.is_none() {
        ctx.ui.warn("this code was already used or shown, and AWS accepts each code only once");
        ctx.ui.hint(format_args!("wait for an unused one: `awsmfa code {serial} --wait`"));
    } else if step != current {
        ctx.ui.detail(
            "the current code was already used or shown; this is the next one, which AWS accepts already",
        );
    }
    let (code, seconds_left) = (seed.code(step), step.seconds_left(now));
    // Wherever the person types the code, AWS accepts it once; we must not send it then.
    ledger.mark_shown(step)?;
    let used = unused.is_none();
    let json = CodeOutput { serial: serial.as_str(), code: code.expose(), seconds_left, used };
    print(ctx, args, &json, code.expose())?;
    tell(ctx, args, &format!("of `{serial}`, good for {seconds_left} s"));
    Ok(())
}

/// Says whose the codes are: where no device was named, it may be another than was meant.
fn tell(ctx: &Context, args: &CodeArgs, words: &str) {
    if !args.json {
        ctx.ui.say(words);
    }
}

/// The current step, or the next if that one was used: AWS accepts it already, and for longer than a person types.
fn unused(ledger: &DeviceLedger, seed: &Seed, current: Step) -> Option<Step> {
    let is_unused = |step: &Step| !ledger.is_used(*step) && !ledger.was_sent(&seed.code(*step));
    [current, current.next()].into_iter().find(is_unused)
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
        return Ok(ctx.vault.find(name)?.serial);
    }
    let devices = ctx.vault.devices()?;
    let named = Named::of(args.profile.profile.as_deref(), &ctx.env);
    match (named, devices.as_slice()) {
        // Whoever has one device means it, unless the profile names another.
        (Named::Variable(profile), [one]) => of_profile(ctx, profile).or_else(|_| Ok(one.serial.clone())),
        (Named::Flag(profile) | Named::Variable(profile), _) => of_profile(ctx, profile),
        (Named::Default, [one]) => Ok(one.serial.clone()),
        (Named::Default, []) => Err(no_device()),
        (Named::Default, several) => of_profile(ctx, named.name()).map_err(|_| ambiguous(args, several)),
    }
}

fn of_profile(ctx: &Context, profile: &str) -> CommandResult<Serial> {
    let resolution = resolve(&ctx.profiles()?, profile)?;
    session::known_serial(ctx, &resolution, None)?.ok_or_else(|| {
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
