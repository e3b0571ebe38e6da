//! `awsmfa store move`

use crate::commands::args::YesArg;
use crate::context::Context;
use crate::custody::moving::{self, Moved};
use crate::error::CommandResult;
use crate::store::StoreKind;

/// Move secrets from one store to the other
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Moves the secrets of devices, and long-term keys that `awsmfa keys store` stored. Each secret is copied, read back and \
compared before the original is deleted. If the command is interrupted, run it again.

Examples:
  awsmfa store move --to keyring
  awsmfa store move --to file alice")]
pub struct MoveArgs {
    /// The store that the secrets are moved to: `keyring` or `file`
    #[arg(long, value_name = "STORE", add = clap_complete::ArgValueCandidates::new(crate::complete::stores))]
    to: StoreKind,
    /// Device ARN, name or label, or the ID of a stored access key [default: all]
    #[arg(value_name = "DEVICE", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::device_names))]
    devices: Vec<String>,
    #[command(flatten)]
    yes: YesArg,
}

pub fn run(ctx: &Context, args: &MoveArgs) -> CommandResult {
    let moved = moving::move_to(ctx, args.to, &args.devices, args.yes.yes)?;
    if moved == Moved::default() {
        ctx.ui.say(format_args!("nothing to move to the {} store", args.to));
    }
    Ok(())
}
