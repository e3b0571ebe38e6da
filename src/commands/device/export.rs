//! `awsmfa device export`: a copy of a device's secret, for a phone, another program or a safe, never without confirmation.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::ValueHint;

use crate::commands::args::{DeviceArg, YesArg};
use crate::context::Context;
use crate::devices::qr_copy::{self, Choice};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::recipient::Recipient;

/// Export a device's secret
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Anyone who has the secret can generate the device's codes. The QR code stays on the terminal until you press \
Enter and never goes to a pipe or log; files are created with mode 0600.

Examples:
  awsmfa device export alice                          show a QR code to scan with a phone
  awsmfa device export alice --qr-file alice.png      create a QR code to print
  awsmfa device export alice --age age1… > alice.age  move to another computer, then run there:
      age -d -i key.txt alice.age | awsmfa device import --serial ARN --uri-stdin
  awsmfa device export alice --uri | pass insert -m aws/alice")]
#[command(group = clap::ArgGroup::new("form"))]
pub struct ExportArgs {
    #[command(flatten)]
    device: DeviceArg,
    /// Show a QR code on the terminal [default on a terminal]
    #[arg(long, group = "form")]
    qr: bool,
    /// Write the QR code to a PNG file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "form")]
    qr_file: Option<PathBuf>,
    /// Print the secret as an `otpauth://` URI
    #[arg(long, group = "form")]
    uri: bool,
    /// Print the secret as an age file that only this recipient can decrypt
    #[arg(long, value_name = "RECIPIENT", group = "form")]
    age: Option<String>,
    /// Write the URI or age file to this file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["qr", "qr_file"])]
    output: Option<PathBuf>,
    #[command(flatten)]
    yes: YesArg,
}

pub fn run(ctx: &Context, args: &ExportArgs) -> CommandResult {
    // Before anything is asked: whatever can fail without the secret.
    let recipient = args.age.as_deref().map(str::parse::<Recipient>).transpose()?;
    let serial = ctx.vault.find(&args.device.device)?.serial;
    let target = target(ctx, args)?;
    qr_copy::check(ctx, Some(&serial), &target)?;
    ask(ctx, args, &serial)?;
    let seed = ctx.vault.seed(&serial)?.ok_or_else(|| ctx.vault.not_stored(serial.as_str()))?;
    if target == Choice::Draw || args.qr_file.is_some() {
        return qr_copy::offer(ctx, &seed, &serial, &target);
    }
    give(ctx, args, &text(recipient.as_ref(), &seed, &serial)?)
}

/// Where the QR code goes, if it is one.
fn target(ctx: &Context, args: &ExportArgs) -> CommandResult<Choice> {
    let has_form = args.qr || args.qr_file.is_some() || args.uri || args.age.is_some();
    match args.qr_file.as_ref().or(args.output.as_ref()) {
        Some(path) if has_form => Ok(Choice::File { path: path.clone(), replace: args.yes.yes }),
        // In a pipe, the secret is expected there, not on the terminal.
        None if args.qr || (!has_form && ctx.prompt.can_show() && std::io::stdout().is_terminal()) => {
            Ok(Choice::Draw)
        }
        None if has_form => Ok(Choice::Skip),
        _ => {
            let message = "choose what to export: a QR code is the default only on a terminal";
            Err(CommandError::new(ErrorKind::Usage, message)
                .hint("add `--qr-file FILE`, `--uri` or `--age RECIPIENT`"))
        }
    }
}

fn ask(ctx: &Context, args: &ExportArgs, serial: &Serial) -> CommandResult {
    if args.yes.yes {
        return Ok(());
    }
    let question = format!("export the secret of `{serial}`? Anyone who has the secret can generate codes.");
    ctx.confirm(&question, |error| {
        CommandError::from(error).hint("use `--yes` to export the secret without confirmation")
    })
}

fn text(recipient: Option<&Recipient>, seed: &Seed, serial: &Serial) -> CommandResult<Secret<String>> {
    let uri = seed.to_uri(serial);
    match recipient {
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
    qr_copy::write_secret(ctx, path, text.expose().as_bytes(), args.yes.yes)?;
    ctx.ui.say(format_args!("wrote {}", path.display()));
    Ok(())
}
