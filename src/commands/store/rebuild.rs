//! `awsmfa store rebuild`

use crate::context::Context;
use crate::custody::rebuild;
use crate::error::CommandResult;

/// Rebuild the registry of devices from what the stores hold
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The registry, which has no secret, says which store has the secret of which device. If it is lost or damaged, or if a secret was \
put into a store by another program, this command registers what the stores hold. A damaged registry is kept beside the new \
one. No secret is changed.

Examples:
  awsmfa store rebuild")]
pub struct RebuildArgs {}

pub fn run(ctx: &Context, _: &RebuildArgs) -> CommandResult {
    if !rebuild::rebuild(ctx)? {
        ctx.ui.say("the registry has everything that the stores hold");
    }
    Ok(())
}
