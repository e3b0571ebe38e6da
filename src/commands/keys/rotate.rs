//! `awsmfa keys rotate`

use crate::choice::Named;
use crate::commands::OnlyProfileArgs;
use crate::commands::args::YesArg;
use crate::context::Context;
use crate::error::CommandResult;
use crate::rotation::{self, Options};

/// Replace a profile's access key with a new one
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Creates a new access key with an MFA session, saves it, waits until AWS accepts it, and writes it wherever this machine has \
the old key. Then the old key is deactivated and deleted. If the command is interrupted, run it again: it resumes where it \
stopped, and a working key is on disk at every moment.

AWS allows two access keys per user, so there must be only one, or one that is inactive and can be deleted.

Examples:
  awsmfa keys rotate --profile dev    or: awsmfa keys rotate dev
  awsmfa keys rotate --profile dev --keep-old    deactivate the old key, but do not delete it")]
pub struct RotateArgs {
    #[command(flatten)]
    profile: OnlyProfileArgs,
    /// Deactivate the old key, but do not delete it
    #[arg(long)]
    keep_old: bool,
    #[command(flatten)]
    yes: YesArg,
}

pub fn run(ctx: &Context, args: &RotateArgs) -> CommandResult {
    let named = Named::of(args.profile.name(), &ctx.env);
    let options = Options { keep_old: args.keep_old, yes: args.yes.yes };
    let rotated = rotation::rotate(ctx, named, options)?;
    let (user, old, new) = (&rotated.user, &rotated.old, &rotated.new);
    ctx.ui.say(format_args!("`{user}` now has access key `{new}` instead of `{old}`"));
    if rotated.kept_old {
        let delete = rotation::delete_command(&rotated.profile, user, old);
        ctx.ui.hint(format_args!("delete the inactive key when nothing needs it: `{delete}`"));
    }
    Ok(())
}
