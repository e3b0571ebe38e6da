//! `awsmfa store rebuild`

use crate::context::Context;
use crate::custody::rebuild;
use crate::error::CommandResult;
use crate::store::StoreKind;

/// Rebuild the registry of devices from what the stores hold
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The registry, which has no secret, says which store has the secret of which device. If it is lost or damaged, if it refers to the \
wrong store, or if a secret was put into a store by another program, this command corrects the registry. A damaged registry is \
kept beside the new one. No secret is changed.

If both stores have a secret for a device, the registered one is used. With `--store`, the one in that store is used. If the \
keyring is locked or does not respond, nothing is changed; `--store file` does without the keyring.

Examples:
  awsmfa store rebuild
  awsmfa store rebuild --store file")]
pub struct RebuildArgs {
    /// Store to use for secrets that both stores have: `keyring` or `file`
    #[arg(long, value_name = "STORE", add = clap_complete::ArgValueCandidates::new(crate::complete::stores))]
    store: Option<StoreKind>,
}

pub fn run(ctx: &Context, args: &RebuildArgs) -> CommandResult {
    rebuild::rebuild(ctx, args.store)
}
