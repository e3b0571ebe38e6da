//! `awsmfa keys store`

use crate::choice::Named;
use crate::commands::OnlyProfileArgs;
use crate::commands::args::{StoreArg, YesArg};
use crate::context::Context;
use crate::error::CommandResult;
use crate::key_storage::{self, StoreOptions, Stored};
use crate::model::shell::CommandLine;

/// Move a profile's long-term keys from the AWS files to the keyring or the file store
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The keys are read back from the store before they are removed from the file, where a comment says where they went. awsmfa uses \
the stored keys from then on: `awsmfa login` and `credential_process` work as before. Other tools cannot use them without \
awsmfa.

The stored text is what a `credential_process` prints, so the keys are readable without awsmfa, too.

Examples:
  awsmfa keys store --profile dev    or: awsmfa keys store dev
  awsmfa keys store --profile dev --store file
  awsmfa keys restore --profile dev")]
pub struct StoreArgs {
    #[command(flatten)]
    profile: OnlyProfileArgs,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    yes: YesArg,
}

pub fn run(ctx: &Context, args: &StoreArgs) -> CommandResult {
    let named = Named::of(args.profile.name(), &ctx.env);
    let options = StoreOptions { store: args.store.store, replace: args.yes.yes };
    let Stored { key, sections, others } = key_storage::store(ctx, named, options)?;
    let (profile, id, store) = (&key.profile, &key.access_key_id, key.store);
    if sections.is_empty() {
        ctx.ui.say(format_args!("access key `{id}` of `{profile}` is in the {store} store"));
    }
    for section in &sections {
        ctx.ui.say(format_args!(
            "moved access key `{id}` of `{profile}` from [{section}] to the {store} store"
        ));
    }
    if sections.contains(profile) {
        ctx.ui.hint(CommandLine::new("awsmfa login").profile(profile));
    }
    for other in &others {
        ctx.ui.warn(format_args!("profile `{other}` still has access key `{id}` in a file"));
        ctx.ui.hint(CommandLine::new("awsmfa keys store").profile(other));
    }
    Ok(())
}
