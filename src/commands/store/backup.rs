//! `awsmfa store backup`

use std::path::{Path, PathBuf};

use clap::ValueHint;

use crate::commands::args::YesArg;
use crate::context::Context;
use crate::custody::backup::{self, BackedUp};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files;
use crate::store::recipient::Recipient;

/// The largest file of recipients, in bytes.
const RECIPIENTS_LIMIT: u64 = 1024 * 1024;

/// Back up all secrets to one encrypted file
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The backup contains the secrets of all devices, long-term keys that `awsmfa keys store` stored, which profile uses which \
device, and whatever else the stores hold for awsmfa. If a secret is missing or damaged, the backup contains the others: a \
warning names each missing secret, the exit code is 5, and an existing file is not replaced.

The backup is an age file: `age -d FILE` shows its content, in which secrets are `otpauth://` URIs, as authenticator apps \
import them.

By default, the file is encrypted with its own passphrase, which awsmfa prompts for twice or reads from the file in \
`AWSMFA_BACKUP_PASSPHRASE_FILE`. With `--recipient`, it is encrypted to age recipients instead. awsmfa decrypts the backup once \
before it writes the file. For recipients, it uses a temporary key for that, so check that you have the recipients' identities.

Examples:
  awsmfa store backup /media/usb/awsmfa.age
  awsmfa store backup awsmfa.age --recipient age1…
  awsmfa store restore awsmfa.age")]
pub struct BackupArgs {
    /// The file to write, with mode 0600
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Encrypt to this age recipient instead of a passphrase (repeatable)
    #[arg(long = "recipient", value_name = "RECIPIENT")]
    recipients: Vec<String>,
    /// Encrypt to the recipients in this file, one per line (repeatable)
    #[arg(long = "recipients-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    yes: YesArg,
}

pub fn run(ctx: &Context, args: &BackupArgs) -> CommandResult {
    let recipients = args.recipients.iter().map(|text| text.parse::<Recipient>());
    let mut recipients = recipients.collect::<Result<Vec<_>, _>>()?;
    for file in &args.files {
        recipients.extend(read_recipients(file)?);
    }
    let BackedUp { devices, keys, others, left_out } =
        backup::back_up(ctx, &args.file, &recipients, args.yes.yes)?;
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let parts = [(devices, "device"), (keys, "access key"), (others, "other secret")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, what)| count(number, what)).collect();
    let what = match parts.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        parts => parts.concat(),
    };
    let how = match recipients.len() {
        0 => "with the backup's passphrase".to_owned(),
        recipients => format!("to {}", count(recipients, "recipient")),
    };
    ctx.ui.say(format_args!("backed up {what} to {}, encrypted {how}", args.file.display()));
    match left_out {
        0 => Ok(()),
        left_out => {
            let message =
                format!("`{}` is incomplete: it lacks {}", args.file.display(), backup::secrets(left_out));
            Err(CommandError::new(ErrorKind::Store, message)
                .hint("find out what is wrong: `awsmfa store status`"))
        }
    }
}

fn read_recipients(path: &Path) -> CommandResult<Vec<Recipient>> {
    let failed = |why: &dyn std::fmt::Display| {
        CommandError::new(ErrorKind::Usage, format!("cannot read recipients from {}: {why}", path.display()))
    };
    let bytes = files::read_bounded(path, RECIPIENTS_LIMIT).map_err(|error| failed(&error))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| failed(&"it is not UTF-8 text"))?;
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let read = |(number, line): (usize, &str)| {
        line.parse().map_err(|error| failed(&format!("line {}: {error}", number + 1)))
    };
    let recipients: Vec<Recipient> = lines.map(read).collect::<CommandResult<_>>()?;
    match recipients.is_empty() {
        true => Err(failed(&"it has no recipient")),
        false => Ok(recipients),
    }
}
