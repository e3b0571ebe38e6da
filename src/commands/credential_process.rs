//! `awsmfa credential-process`

use std::io;

use chrono::{DateTime, Utc};

use crate::answers::{Question, ReadyAnswer};
use crate::choice::Named;
use crate::context::Context;
use crate::error::CommandResult;
use crate::findings;
use crate::model::process_output;
use crate::model::secret::Secret;
use crate::session::{self, Request};
use crate::ui::Verbosity;

/// Print credentials for `credential_process`, used by the AWS CLI and SDKs
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
With the long-term keys in [dev-long-term] in ~/.aws/credentials, add this to ~/.aws/config:

  [profile dev]
  credential_process = awsmfa credential-process --profile dev

The AWS CLI and every SDK then run awsmfa whenever they need credentials for `dev`.")]
pub struct CredentialProcessArgs {
    #[command(flatten)]
    profile: super::ProfileArg,
}

pub fn run(ctx: &Context, args: &CredentialProcessArgs) -> CommandResult {
    let named = Named::of(args.profile.profile.as_deref(), &ctx.env);
    let name = named.name();
    // Before the files are read: if one changes in the meantime, the answer does not count for the new state.
    let ready = ReadyAnswer::as_of_now(Question::Credentials, &ctx.paths, &ctx.env, name);
    let obtained = session::obtain(ctx, &Request::sdk(named))?;
    let output = process_output::render(&obtained.session);
    ctx.ui.result(output.expose())?;
    // SDKs show stderr only after a failure, so without -v nobody would read it.
    if ctx.ui.style().verbosity == Verbosity::Verbose
        && let Ok(profiles) = ctx.profiles()
    {
        for claim in findings::served(&profiles, name) {
            findings::warn(ctx, &findings::of(ctx, &profiles, claim.at(), claim));
        }
    }
    let now = ctx.clock.now();
    // By this computer's clock as it is, and as it would be once corrected.
    let refresh = obtained.session.refresh_at().min(obtained.session.refresh_at() - obtained.offset);
    // A ready answer does not depend on the variables that have keys.
    if now < refresh
        && !obtained.profile.uses_keys_of_environment()
        && let Err(error) = save(ctx, &ready, (now, refresh), &obtained.session.access_key_id, &output)
    {
        ctx.ui.detail(format_args!("cannot cache the answer for next time: {error}"));
    }
    Ok(())
}

/// Saves the answer for next time. `logout` removes sessions first and then answers, so an answer that is saved after that is
/// found here by its missing session.
fn save(
    ctx: &Context,
    ready: &ReadyAnswer,
    (now, refresh): (DateTime<Utc>, DateTime<Utc>),
    access_key_id: &str,
    output: &Secret<String>,
) -> io::Result<()> {
    ready.write(now, refresh, output.expose())?;
    match ctx.cache().key_of(access_key_id) {
        Some(_) => Ok(()),
        None => ready.forget(),
    }
}
