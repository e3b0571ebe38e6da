//! `awsmfa code`

use chrono::TimeDelta;
use serde::Serialize;

use crate::authenticator::{self, Authenticator, Shown};
use crate::clipboard::{CLEARED_AFTER, Clipboard, ClipboardError, Copied};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;

/// Print a device's current code
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  awsmfa code                     for the profile's device, or the only device stored here
  awsmfa code alice               for the device named alice
  awsmfa code --wait              an unused code; waits for the next one if necessary
  awsmfa code --copy              to the clipboard, which is cleared after 30 seconds
  awsmfa code --watch             the codes of all devices, live; `c` copies a code
  awsmfa code --pair              two consecutive codes, as the console requests them")]
pub struct CodeArgs {
    /// Device ARN, name or label
    #[arg(value_name = "DEVICE", conflicts_with = "profile", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::device_names))]
    device: Option<String>,
    #[command(flatten)]
    profile: super::ProfileArg,
    /// Print two consecutive codes
    #[arg(long)]
    pair: bool,
    /// Wait for an unused code if every code that AWS accepts now was already used or shown
    #[arg(long, conflicts_with = "pair")]
    wait: bool,
    /// Copy the code to the clipboard instead of printing it (over SSH, the terminal copies it)
    #[arg(long, conflicts_with_all = ["pair", "json"])]
    copy: bool,
    /// Show the codes of all devices, or of this one, on the whole terminal until you quit
    #[arg(long, conflicts_with_all = ["pair", "wait", "copy", "json"])]
    watch: bool,
    /// Print the result as JSON
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
    let profile = args.profile.profile.as_deref();
    if args.watch {
        return watch(ctx, args.device.as_deref(), profile);
    }
    let serial = authenticator::device(ctx, args.device.as_deref(), profile)
        .map_err(|error| with_flags(error, args))?;
    let device = Authenticator::of(ctx, &serial)?;
    if args.pair {
        let pair = device.pair()?;
        say_offset(ctx, pair.offset);
        let codes = [pair.codes[0].expose(), pair.codes[1].expose()];
        let json = PairOutput { serial: serial.as_str(), codes, seconds_left: pair.seconds_left };
        print(ctx, args, &json, &codes.join("\n"))?;
        say(ctx, args, &format!("two consecutive codes for `{serial}`; enter them in this order"));
        return Ok(());
    }
    let mut clipboard = Clipboard::new(&ctx.env);
    if args.copy {
        clipboard.check().map_err(|error| not_copied(error, &serial))?;
    }
    device.show(args.wait, |shown| {
        say_offset(ctx, shown.offset);
        say_use(ctx, args, shown, &serial);
        if args.copy {
            let copied = clipboard.copy(&shown.code).map_err(|error| not_copied(error, &serial))?;
            say_copied(ctx, copied, &serial, shown.seconds_left);
            return Ok(());
        }
        let (code, seconds_left) = (shown.code.expose(), shown.seconds_left);
        let json = CodeOutput { serial: serial.as_str(), code, seconds_left, used: shown.is_used };
        print(ctx, args, &json, code)?;
        say(ctx, args, &format!("code for `{serial}`, valid for {seconds_left} s"));
        Ok(())
    })
}

/// Says that AWS accepts the code no more, or that it is not the current one.
fn say_use(ctx: &Context, args: &CodeArgs, shown: &Shown, serial: &Serial) {
    if shown.is_used {
        ctx.ui.warn("this code was already used or shown, and AWS accepts each code only once");
        let copy = if args.copy { " --copy" } else { "" };
        ctx.ui.hint(format_args!("get an unused code: `awsmfa code {serial} --wait{copy}`"));
    } else if shown.is_next {
        ctx.ui.detail(
            "the current code was already used or shown; showing the next one, which AWS accepts now",
        );
    }
    if let Some(error) = &shown.unrecorded {
        ctx.ui.warn(format_args!(
            "could not record that this code was shown, so the same code may be shown again: {error}"
        ));
        error.hints.iter().for_each(|hint| ctx.ui.hint(hint));
    }
}

/// All devices, unless one is given: who watches codes has no profile in mind.
fn watch(ctx: &Context, device: Option<&str>, profile: Option<&str>) -> CommandResult {
    let given = device.is_some() || profile.is_some();
    let only = given.then(|| authenticator::device(ctx, device, profile)).transpose()?;
    let instead = only.as_ref().map_or_else(String::new, |serial| format!(" {serial}"));
    let hint = format!("print a code once: `awsmfa code{instead}`");
    let not_shown = |error| CommandError::of_watch(error, &hint);
    ctx.ui.check_live().map_err(not_shown)?;
    let mut watch = authenticator::Watch::of(ctx, only.as_ref())?;
    ctx.ui.live_codes(&mut watch).map_err(not_shown)
}

/// The clipboard cannot be reached, but the code can be printed.
fn not_copied(error: ClipboardError, serial: &Serial) -> CommandError {
    CommandError::new(ErrorKind::Failed, &error)
        .because(error)
        .hint(format!("print the code instead: `awsmfa code {serial}`"))
}

fn say_copied(ctx: &Context, copied: Copied, serial: &Serial, seconds_left: u64) {
    let words = format!("copied the code for `{serial}`, valid for {seconds_left} s");
    match copied {
        Copied::Desktop => {
            ctx.ui.say(format_args!("{words}; the clipboard is cleared in {} s", CLEARED_AFTER.as_secs()));
        }
        Copied::Terminal { blocked_by_tmux } => {
            ctx.ui.say(format_args!("{words}, through the terminal"));
            if blocked_by_tmux {
                ctx.ui.hint("let tmux pass on what programs copy: `tmux set-option -s set-clipboard on`");
            }
        }
    }
}

/// The commands in the hints, with the flags that were given.
fn with_flags(mut error: CommandError, args: &CodeArgs) -> CommandError {
    let flags = [(args.pair, "pair"), (args.wait, "wait"), (args.copy, "copy"), (args.json, "json")];
    for hint in error.hints.iter_mut().filter(|hint| hint.starts_with("awsmfa code ")) {
        for (_, flag) in flags.iter().filter(|(is_given, _)| *is_given) {
            hint.push_str(" --");
            hint.push_str(flag);
        }
    }
    error
}

fn say_offset(ctx: &Context, offset: TimeDelta) {
    let seconds = offset.num_seconds();
    if seconds != 0 {
        let direction = if seconds > 0 { "ahead of" } else { "behind" };
        ctx.ui.say(format_args!(
            "adjusted to AWS's clock ({} s {direction} this computer at the last login)",
            seconds.abs()
        ));
    }
}

/// Says which device the codes are for: where none was given, it may not be the one that was meant.
fn say(ctx: &Context, args: &CodeArgs, words: &str) {
    if !args.json {
        ctx.ui.say(words);
    }
}

fn print(ctx: &Context, args: &CodeArgs, json: &impl Serialize, text: &str) -> CommandResult {
    match args.json {
        true => Ok(ctx.ui.json(json)?),
        false => Ok(ctx.ui.result(&format!("{text}\n"))?),
    }
}
