//! `awsmfa store restore`

use std::path::PathBuf;

use clap::ValueHint;

use crate::commands::args::StoreArg;
use crate::context::Context;
use crate::custody::restore::{self, Options, Restored};
use crate::error::CommandResult;
use crate::model::shell::CommandLine;

/// Restore secrets from a backup
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Adds the secrets in the backup that this computer does not have. Secrets that are stored here stay: if one differs from the \
backup, a warning says so, and `--force` replaces it. A damaged file is replaced, and a copy is kept next to the new file. \
Restored secrets go to the store that the device already uses, otherwise to `--store`.

If the file store's passphrase is lost, move its folder away first: `awsmfa store status` shows where it is.

The AWS files are not changed. If the command is interrupted, run it again.

Examples:
  awsmfa store restore awsmfa.age
  awsmfa store restore awsmfa.age --identity key.txt
  age -d -i key.txt awsmfa.age | awsmfa store restore /dev/stdin")]
pub struct RestoreArgs {
    /// The backup: an age file by `awsmfa store backup`, or its decrypted content
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The age identity of one of the backup's recipients, as `age-keygen` prints it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    identity: Option<PathBuf>,
    /// Replace what differs from the backup; what is replaced cannot be recovered
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    store: StoreArg,
}

pub fn run(ctx: &Context, args: &RestoreArgs) -> CommandResult {
    let options = Options { identity: args.identity.as_deref(), store: args.store.store, force: args.force };
    let Restored { secrets, kept } = restore::restore(ctx, &args.file, options)?;
    if kept > 0 {
        let identity = args.identity.as_ref().map(|path| path.to_string_lossy());
        let command = CommandLine::new("awsmfa store restore").arg(args.file.to_string_lossy());
        let command = command.option("--identity", identity).switch("--force", true);
        let command = command.option("--store", args.store.store.map(|store| store.to_string()));
        ctx.ui.hint(format_args!("overwrite what is stored here, which cannot be undone: `{command}`"));
    } else if secrets == 0 {
        ctx.ui.say("nothing to restore: all secrets in the backup are stored here");
    }
    Ok(())
}
