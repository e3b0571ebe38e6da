//! `awsmfa serve`

use std::ffi::OsString;

use super::target;
use crate::choice::Named;
use crate::context::Context;
use crate::error::CommandResult;
use crate::interrupt;
use crate::model::script::{Syntax, render};
use crate::model::shell::CommandLine;
use crate::process::Program;
use crate::serving::{Options, Server};

/// Serve credentials to programs on this computer, and renew them for as long as it runs
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The server follows the container credentials contract, which every AWS SDK supports. It listens on 127.0.0.1 only and answers only programs that send its token. Sessions are renewed before they expire, for as long as the server runs.

With a command, the server's address and token are in the command's environment, and the server ends with the command. Without one, they are printed for other shells, and the server runs until Ctrl-C.

Examples:
  awsmfa serve --profile dev -- terraform apply
  awsmfa serve --profile dev --profile prod")]
pub struct ServeArgs {
    /// AWS profile; repeat it to serve several, the default one first [default: `AWS_PROFILE`, then `default`]
    #[arg(short, long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new(), add = clap_complete::ArgValueCandidates::new(crate::complete::profile_names))]
    profile: Vec<String>,
    /// Port on 127.0.0.1 [default: a free port]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    #[command(flatten)]
    session: super::SessionArgs,
    #[command(flatten)]
    command: super::CommandArg,
}

/// Returns the exit code.
pub fn run(ctx: &Context, args: &ServeArgs) -> CommandResult<u8> {
    let profiles = match args.profile.as_slice() {
        [] => vec![Named::of(None, &ctx.env)],
        names => names.iter().map(|name| Named::Flag(name)).collect(),
    };
    // Before a code is used.
    let prefix = args.profile.iter().fold(CommandLine::new("awsmfa serve"), CommandLine::profile);
    let prefix = prefix.option("--port", (args.port != 0).then(|| args.port.to_string()));
    let prefix = args.session.added_to(prefix).arg("--");
    let target = match args.command.command.split_first() {
        Some((name, arguments)) => Some((target::find(&ctx.env, &prefix, name)?, arguments)),
        None => None,
    };
    let options = Options {
        profiles,
        port: args.port,
        duration: args.session.duration,
        policy: args.session.policy()?,
    };
    match target {
        Some((program, arguments)) => run_command(ctx, options, &program, arguments),
        None => print_and_serve(ctx, options),
    }
}

/// Serves while a command runs, and returns its exit code. If a signal ended the command, awsmfa ends in the same way.
pub fn run_command(
    ctx: &Context,
    options: Options,
    program: &Program,
    arguments: &[OsString],
) -> CommandResult<u8> {
    let server = Server::open(ctx, options)?;
    server.warn_of_others();
    Ok(interrupt::end_like(server.run_command(program, arguments)?))
}

fn print_and_serve(ctx: &Context, options: Options) -> CommandResult<u8> {
    let shell = super::env::parent_shell()?;
    let server = Server::open(ctx, options)?;
    ctx.ui.result(render(Syntax::Shell(shell), &server.exports()).expose())?;
    for (profile, url) in server.urls() {
        ctx.ui.say(format_args!("serving `{profile}` at {url}"));
    }
    server.warn_of_others();
    ctx.ui.hint("run these commands in another shell; stop the server with Ctrl-C");
    server.run()?;
    Ok(0)
}
