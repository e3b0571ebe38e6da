//! `awsmfa store lock`

use crate::context::Context;
use crate::custody::status::{OpenedBy, opened_by};
use crate::error::CommandResult;

/// Lock the file store, so that it needs its passphrase again
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The file store stays unlocked for a while after you type its passphrase (see `AWSMFA_UNLOCK_FOR`): the Linux kernel keeps \
the decryption key in memory. This command deletes that key. Cached sessions stay valid; `awsmfa logout --all` removes them.

The OS keyring is locked together with the desktop session.

Examples:
  awsmfa store lock")]
pub struct LockArgs {}

pub fn run(ctx: &Context, _: &LockArgs) -> CommandResult {
    let store = ctx.vault.stores.age_file()?;
    // Before the files are looked at: whatever has become of them, the key must go.
    let was_unlocked = store.lock();
    if was_unlocked {
        ctx.ui.say("locked the file store");
    } else if store.check()? {
        ctx.ui.say("the file store is already locked");
    } else {
        ctx.ui.say("there is no file store to lock");
        return Ok(());
    }
    if let OpenedBy::This(variable) = opened_by(ctx, store)? {
        ctx.ui.say(format_args!("`{variable}` unlocks the file store whenever a secret is needed"));
    }
    Ok(())
}
