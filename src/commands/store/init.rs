//! `awsmfa store init`

use std::path::PathBuf;

use crate::context::Context;
use crate::custody::init;
use crate::env::AWSMFA_STORE;
use crate::error::CommandResult;
use crate::store::StoreKind;

/// Create the file store, with a passphrase or a hardware key
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The file store is created when a secret is stored in it for the first time. Create it yourself to choose how it is encrypted.

With `--identity`, its secrets can be decrypted only with this computer's TPM or Secure Enclave, or with a security key. The \
file is what the age plugin prints: `age-plugin-tpm`, `age-plugin-se` and `age-plugin-yubikey` are such plugins. awsmfa runs the \
plugin whenever a secret is needed, and the plugin may ask for a PIN or a touch. The file is copied to the store; \
`age -d -i identity.txt ENTRY.age` decrypts a secret without awsmfa. If the key is lost, so are the secrets: keep a copy of \
them elsewhere.

Examples:
  awsmfa store init
  age-plugin-tpm --generate -o tpm.txt && awsmfa store init --identity tpm.txt")]
pub struct InitArgs {
    /// File with the identity of an age plugin
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    identity: Option<PathBuf>,
}

pub fn run(ctx: &Context, args: &InitArgs) -> CommandResult {
    let opened_by = match &args.identity {
        Some(path) => format!("; `{}` opens it", init::with_identity(ctx, path)?),
        None => {
            init::with_passphrase(ctx)?;
            String::new()
        }
    };
    ctx.ui.say(format_args!("created the file store in {}{opened_by}", ctx.paths.file_store().display()));
    if ctx.env.get(AWSMFA_STORE) != Some(StoreKind::File.name()) {
        ctx.ui.hint(format_args!("set `{AWSMFA_STORE}=file` to store new secrets in it"));
    }
    Ok(())
}
