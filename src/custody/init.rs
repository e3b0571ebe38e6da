//! Creates the file store before a secret needs it: with a passphrase, or with a key that only an age plugin has. Other commands
//! that would create it wait meanwhile, so that nobody chooses a passphrase in vain.

use std::path::Path;

use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files;
use crate::store::age_file::plugin::{NotAPluginIdentity, PluginIdentity};

/// The largest file with an identity, in bytes. A plugin's own comments are long.
const LIMIT: u64 = 64 * 1024;

/// Creates the file store with a new passphrase.
pub fn with_passphrase(ctx: &Context) -> CommandResult {
    let _hold = ctx.vault.hold()?;
    let store = ctx.vault.stores.age_file()?;
    match store.init()? {
        true => Ok(()),
        false => Err(exists(ctx)),
    }
}

/// Creates the file store with the identity in a file. Returns the plugin's program.
pub fn with_identity(ctx: &Context, path: &Path) -> CommandResult<String> {
    let store = ctx.vault.stores.age_file()?;
    let rejected = |why: &dyn std::fmt::Display| {
        CommandError::new(ErrorKind::Usage, format!("cannot use the identity `{}`: {why}", path.display()))
    };
    let bytes = files::read_bounded(path, LIMIT).map_err(|error| rejected(&error))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| NotAPluginIdentity::Missing);
    let identity = text.and_then(PluginIdentity::parse).map_err(|why| {
        rejected(&why).hint(match why {
            NotAPluginIdentity::Several => "leave only one identity in the file",
            NotAPluginIdentity::Plain => "create a store with a passphrase instead: `awsmfa store init`",
            NotAPluginIdentity::Encrypted => {
                "decrypt the file first with `age -d`, or create a store with a passphrase: `awsmfa store init`"
            }
            NotAPluginIdentity::Missing => {
                "create an identity with `age-plugin-tpm`, `age-plugin-se` or `age-plugin-yubikey`"
            }
        })
    })?;
    let _hold = ctx.vault.hold()?;
    match store.init_with(&identity, &bytes)? {
        true => Ok(identity.program()),
        false => Err(exists(ctx)),
    }
}

fn exists(ctx: &Context) -> CommandError {
    let folder = ctx.paths.file_store();
    CommandError::new(ErrorKind::Failed, format!("the file store already exists in {}", folder.display()))
        .hint("show what it holds: `awsmfa store status`")
}
