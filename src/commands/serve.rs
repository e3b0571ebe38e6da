//! `awsmfa serve`

use super::target;
use crate::choice::Named;
use crate::context::Context;
use crate::error::CommandResult;
use crate::interrupt;
use crate::model::duration::SessionDuration;
use crate::model::handout::Change;
use crate::model::shell::{CommandLine, Shell};
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
    /// Session duration, 15m to 36h [default: the profile's `duration_seconds`, then 12h]
    #[arg(long, value_name = "TIME")]
    duration: Option<SessionDuration>,
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
    let prefix = args.profile.iter().fold(CommandLine::new("awsmfa serve"), CommandLine::profile).arg("--");
    let target = match args.command.command.split_first() {
        Some((name, arguments)) => Some((target::find(&ctx.env, &prefix, name)?, arguments)),
        None => None,
    };
    let server = Server::open(ctx, Options { profiles, port: args.port, duration: args.duration })?;
    match target {
        Some((program, arguments)) => Ok(interrupt::end_like(server.run_command(&program, arguments)?)),
        None => print_and_serve(ctx, server),
    }
}

fn print_and_serve(ctx: &Context, server: Server) -> CommandResult<u8> {
    let shell = Shell::current();
    let changes = server.changes();
    let set =
        changes.iter().filter_map(|Change { name, value }| Some(shell.set(name, value.as_ref()?.expose())));
    let removed: Vec<_> =
        changes.iter().filter(|change| change.value.is_none()).map(|change| change.name.as_str()).collect();
    let lines: Vec<String> = set.chain((!removed.is_empty()).then(|| shell.unset(&removed))).collect();
    ctx.ui.result(&(lines.join("\n") + "\n"))?;
    for (profile, url) in server.urls() {
        ctx.ui.say(format_args!("serving `{profile}` at {url}"));
    }
    ctx.ui.hint("run these commands in another shell; stop the server with Ctrl-C");
    server.run()?;
    Ok(0)
}
