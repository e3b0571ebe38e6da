//! `awsmfa credential-process`: the session as credential_process JSON. SDKs run this, so nothing may be in the way.

use super::findings;
use crate::answers::ReadyAnswer;
use crate::context::Context;
use crate::error::CommandResult;
use crate::model::process_output;
use crate::session::{self, Options, Wishes};
use crate::ui::Verbosity;

/// Print the session for an AWS SDK's `credential_process`
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Put this into ~/.aws/config, and the AWS CLI and every SDK get sessions by themselves:

  [profile dev-mfa]
  credential_process = awsmfa credential-process --profile dev")]
pub struct CredentialProcessArgs {
    #[command(flatten)]
    profile: super::ProfileArg,
}

pub fn run(ctx: &Context, args: &CredentialProcessArgs) -> CommandResult {
    let name = args.profile.profile.as_deref().unwrap_or(ctx.env.profile());
    // Before the files are read: if one changes meanwhile, the answer is not taken for one about the new state.
    let ready = ReadyAnswer::as_of_now(&ctx.paths, &ctx.env, name);
    let wishes = Wishes { profile: Some(name.to_owned()), unattended: true, ..Wishes::default() };
    let prepared = session::prepare(ctx, &wishes)?;
    let options = Options { force: false, unattended: true, code: None, seed: None, precheck: &|| Ok(()) };
    let ensured = session::ensure(ctx, &prepared.aws, &prepared.plan, &options)
        .inspect_err(|error| session::doubt_serial(ctx, &prepared, error))
        .map_err(|error| session::explain(error, &prepared))?;
    let output = process_output::render(&ensured.session);
    ctx.ui.result(output.expose())?;
    session::remember_serial(ctx, &prepared);
    if ctx.ui.style().verbosity == Verbosity::Verbose {
        // SDKs show what we write only when we fail, so without -v nobody would read it.
        for claim in findings::served(&prepared.profiles, name) {
            findings::warn(ctx, &findings::of(ctx, &prepared.profiles, claim.at(), claim));
        }
    }
    let now = ctx.clock.now();
    // By this computer's clock as it is, and as it would be if someone set it now.
    let refresh = ensured.session.refresh_at().min(ensured.session.refresh_at() - ensured.offset);
    if now < refresh
        && let Err(error) = ready.write(now, refresh, output.expose())
    {
        ctx.ui.detail(format_args!("the answer could not be kept for next time: {error}"));
    }
    Ok(())
}
