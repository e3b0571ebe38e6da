//! `awsmfa exec`

use std::ffi::OsString;

use super::login::validity;
use super::{serve, target};
use crate::choice::Named;
use crate::context::Context;
use crate::env::Env;
use crate::error::{CommandError, CommandResult};
use crate::handout::{self, HandedOut};
use crate::model::shell::CommandLine;
use crate::process::{Program, StartError};
use crate::serving::Options;

/// Run a command with an MFA session in its environment
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The command gets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION, the profile's region and, for prompts, AWSMFA_PROFILE. Variables that would make a tool use other credentials, such as AWS_PROFILE, are removed. The session is not renewed while the command runs; with `--serve`, it is. Without a command, your shell starts.

The exit code is the command's own, 127 if the command is not found, or 126 if it cannot be executed.

Examples:
  awsmfa exec --profile dev -- aws s3 ls    or: awsmfa exec dev -- aws s3 ls
  awsmfa exec --profile dev                 your shell, with the session of `dev`
  awsmfa exec --profile dev --duration 1h -- terraform apply")]
pub struct ExecArgs {
    #[command(flatten)]
    profile: super::OnlyProfileArgs,
    #[command(flatten)]
    session: super::SessionArgs,
    /// Serve the session to the command from 127.0.0.1 instead, and renew it while the command runs: see `awsmfa serve`
    #[arg(long)]
    serve: bool,
    #[command(flatten)]
    command: super::CommandArg,
}

/// Returns the exit code of the command, where awsmfa does not become the command itself.
pub fn run(ctx: &Context, args: &ExecArgs) -> CommandResult<u8> {
    let named = Named::of(args.profile.name(), &ctx.env);
    let prefix = CommandLine::new("awsmfa exec").option("--profile", args.profile.name());
    let prefix = args.session.added_to(prefix.switch("--serve", args.serve)).arg("--");
    let shell = [handout::user_shell(&ctx.env)];
    let is_shell = args.command.command.is_empty();
    let words: &[OsString] = if is_shell { &shell } else { &args.command.command };
    let (name, arguments) = words.split_first().expect("a shell is at least its name");
    let explain = |mut error: CommandError| {
        if is_shell {
            error.hints =
                vec!["set SHELL to your shell, or give a command: `awsmfa exec -- COMMAND`".to_owned()];
        }
        error
    };
    // Before a code is used.
    let program = target::find(&ctx.env, &prefix, name).map_err(explain)?;
    if args.serve {
        let (duration, policy) = (args.session.duration, args.session.policy()?);
        let options = Options { profiles: vec![named], port: 0, duration, policy };
        return serve::run_command(ctx, options, &program, arguments).map_err(|e| with_dashes(ctx, args, e));
    }
    let HandedOut { obtained, changes } =
        handout::hand_out(ctx, named, args.session.duration, args.session.policy()?)
            .map_err(|error| with_dashes(ctx, args, error))?;
    handout::warn_of_ignored_keys(ctx, named, &obtained, "awsmfa exec");
    if is_shell {
        let (profile, validity) = (&obtained.profile.profile, validity(ctx, &obtained));
        ctx.ui.say(format_args!(
            "starting {} with the session for `{profile}`, {validity}; leave it with `exit`",
            name.to_string_lossy()
        ));
    }
    let env = ctx.env.changed(&changes);
    start(&program, arguments, &env).map_err(|error| explain(target::explain(&ctx.env, &prefix, name, error)))
}

/// `awsmfa exec ls`: a program where a profile is expected.
fn with_dashes(ctx: &Context, args: &ExecArgs, mut error: CommandError) -> CommandError {
    let Some(name) = args.profile.bare().filter(|_| args.command.command.is_empty()) else { return error };
    let is_profile = ctx.profiles().is_ok_and(|profiles| profiles.get(name).is_some());
    if !is_profile && Program::find(name.as_ref(), &ctx.env).is_ok() {
        let command = args.session.added_to(CommandLine::new("awsmfa exec").switch("--serve", args.serve));
        let command = command.arg("--").arg(name);
        error.hints.insert(0, format!("put `--` before the command: `{command}`"));
    }
    error
}

#[cfg(unix)]
fn start(program: &Program, arguments: &[OsString], env: &Env) -> Result<u8, StartError> {
    Err(program.become_it(arguments, env))
}

/// Windows has no way to become another program.
#[cfg(not(unix))]
fn start(program: &Program, arguments: &[OsString], env: &Env) -> Result<u8, StartError> {
    let ended = crate::process::child::Foreground::start(program, arguments, env)?.wait();
    Ok(ended.map_or(1, crate::interrupt::end_like))
}
