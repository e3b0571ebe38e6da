//! `awsmfa device export`: a copy of a device's secret, for a phone, another program or a safe. Never unasked.

use std::path::PathBuf;

use crate::commands::backup::{self, Choice};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::recipient::Recipient;

/// Give out the secret of a device
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Whoever has the secret can make the device's codes. The QR code is drawn on the terminal itself, so
that it gets into no pipe and no log; files are written for you alone (0600).

Examples:
  awsmfa device export alice --qr                     for a phone, on the terminal
  awsmfa device export alice --qr-file alice.png      for a printer
  awsmfa device export alice --age age1… > alice.age  for another computer; there:
      age -d -i key.txt alice.age | awsmfa device import --serial ARN --uri-stdin
  awsmfa device export alice --uri | pass insert -m aws/alice")]
#[command(group = clap::ArgGroup::new("form").required(true))]
pub struct ExportArgs {
    /// The device's ARN, its name or its label
    #[arg(value_name = "SERIAL", add = clap_complete::ArgValueCandidates::new(crate::commands::completions::device_names))]
    device: String,
    /// Draw it as a QR code on the terminal
    #[arg(long, group = "form")]
    qr: bool,
    /// Write the QR code to a PNG file
    #[arg(long, value_name = "FILE", group = "form")]
    qr_file: Option<PathBuf>,
    /// Print it as an `otpauth://` URI
    #[arg(long, group = "form")]
    uri: bool,
    /// Print it as an age file that only this recipient can open
    #[arg(long, value_name = "RECIPIENT", group = "form")]
    age: Option<Recipient>,
    /// Write the URI or the age file here instead
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["qr", "qr_file"])]
    output: Option<PathBuf>,
    /// Do not ask, neither before the secret is given out nor before a file is overwritten
    #[arg(short, long)]
    yes: bool,
}

/// Runs the command.
pub fn run(ctx: &Context, args: &ExportArgs) -> CommandResult {
    let serial = super::stored(ctx, &args.device)?.serial;
    // Before anybody is asked: whatever can fail without the secret.
    backup::check(ctx, Some(&serial), &target(args))?;
    ask(ctx, args, &serial)?;
    let Some(seed) = ctx.seed(&serial)? else { return Err(super::not_stored(serial.as_str())) };
    if args.qr || args.qr_file.is_some() {
        return backup::offer(ctx, &seed, &serial, &target(args));
    }
    give(ctx, args, &text(args, &seed, &serial)?)
}

/// Where the copy goes, for what `backup` knows about.
fn target(args: &ExportArgs) -> Choice {
    match args.qr_file.as_ref().or(args.output.as_ref()) {
        Some(path) => Choice::File { path: path.clone(), replace: args.yes },
        None if args.qr => Choice::Draw,
        None => Choice::Skip,
    }
}

fn ask(ctx: &Context, args: &ExportArgs, serial: &Serial) -> CommandResult {
    if args.yes {
        return Ok(());
    }
    let question = format!("give out the secret of `{serial}`? Whoever has it can make its codes.");
    let answer = ctx.prompt.confirm(&question).map_err(|error| {
        CommandError::from(error).hint("the secret is given out without a question only with `--yes`")
    })?;
    match answer {
        true => Ok(()),
        false => Err(CommandError::new(ErrorKind::Failed, "nothing was given out")),
    }
}

fn text(args: &ExportArgs, seed: &Seed, serial: &Serial) -> CommandResult<Secret<String>> {
    let uri = seed.to_uri(serial);
    match &args.age {
        Some(recipient) => Ok(Secret::new(recipient.seal(&uri)?)),
        None => {
            let mut line = String::with_capacity(uri.expose().len() + 1);
            line.push_str(uri.expose());
            line.push('\n');
            Ok(Secret::new(line))
        }
    }
}

fn give(ctx: &Context, args: &ExportArgs, text: &Secret<String>) -> CommandResult {
    let Some(path) = &args.output else { return Ok(ctx.ui.result(text.expose())?) };
    backup::write_secret(ctx, path, text.expose().as_bytes(), args.yes)?;
    ctx.ui.say(format_args!("wrote {}", path.display()));
    Ok(())
}
