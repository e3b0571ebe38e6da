//! `awsmfa keys restore`

use crate::choice::Named;
use crate::commands::OnlyProfileArgs;
use crate::context::Context;
use crate::error::CommandResult;
use crate::key_storage::{self, Restored};

/// Move a profile's long-term keys back to the AWS files
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The keys go where they were before `awsmfa keys store`, or to [PROFILE-long-term] if they would hide a session or a \
`credential_process` in the profile itself.

Example:
  awsmfa keys restore --profile dev    or: awsmfa keys restore dev")]
pub struct RestoreArgs {
    #[command(flatten)]
    profile: OnlyProfileArgs,
}

pub fn run(ctx: &Context, args: &RestoreArgs) -> CommandResult {
    let named = Named::of(args.profile.name(), &ctx.env);
    let Restored { profile, access_key_id, section, from } = key_storage::restore(ctx, named)?;
    match from {
        Some(store) => ctx.ui.say(format_args!(
            "moved access key `{access_key_id}` of `{profile}` from the {store} store back to [{section}]"
        )),
        None => ctx.ui.say(format_args!("access key `{access_key_id}` of `{profile}` is in [{section}]")),
    }
    Ok(())
}
