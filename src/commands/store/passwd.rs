//! `awsmfa store passwd`

use crate::context::Context;
use crate::env::{AWSMFA_NEW_PASSPHRASE_FILE, AWSMFA_PASSPHRASE_FILE};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::store::passphrase::PassphraseSource;
use crate::vault::THE_STORE;

/// Change the passphrase of the file store
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Prompts for the current passphrase and then twice for the new one. Only `identity.age` is rewritten; the secrets are \
encrypted to the same identity as before. A copy of the old `identity.age`, for example in a backup of the disk, still opens \
with the old passphrase.

Without a terminal, `AWSMFA_PASSPHRASE_FILE` or `AWSMFA_PASSPHRASE_COMMAND` provides the current passphrase, and \
`AWSMFA_NEW_PASSPHRASE_FILE` the new one.

Examples:
  awsmfa store passwd
  AWSMFA_NEW_PASSPHRASE_FILE=new.txt awsmfa store passwd")]
pub struct PasswdArgs {}

pub fn run(ctx: &Context, _: &PasswdArgs) -> CommandResult {
    let store = ctx.vault.stores.age_file()?;
    if !store.check()? {
        let message = "there is no file store, so there is no passphrase to change";
        return Err(CommandError::new(ErrorKind::Configuration, message));
    }
    let _hold = ctx.vault.hold()?;
    store.change_passphrase(|| {
        ctx.vault.stores.passphrase(Some(AWSMFA_NEW_PASSPHRASE_FILE), THE_STORE).new_passphrase()
    })?;
    ctx.ui.say("changed the passphrase of the file store");
    if let Some(path) = ctx.env.path(AWSMFA_PASSPHRASE_FILE) {
        ctx.ui.warn(format_args!("{} still has the old passphrase", path.display()));
        ctx.ui.hint(format_args!("write the new passphrase to {}", path.display()));
    }
    Ok(())
}
