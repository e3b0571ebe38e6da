//! `awsmfa env`

use std::io::IsTerminal;

use clap::ValueEnum;

use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::handout::{self, HandedOut};
use crate::model::handout::remnants;
use crate::model::script::{Syntax, render};
use crate::model::shell::{CommandLine, Shell};
use crate::process;

/// Print an MFA session as environment variables, for a shell to evaluate
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The variables are those of `awsmfa exec`, in the syntax of the shell that runs awsmfa. The session is not renewed; run the command again for a new one.

In bash, zsh and other POSIX shells:
  eval \"$(awsmfa env --profile dev)\"    or: eval \"$(awsmfa env dev)\"
  eval \"$(awsmfa env --unset)\"

In fish:
  awsmfa env --profile dev | source

In PowerShell:
  awsmfa env --profile dev | Out-String | Invoke-Expression

In cmd (`%%i` in a batch file):
  for /f \"delims=\" %i in ('awsmfa env --profile dev --shell cmd') do @%i

In Nushell:
  load-env (awsmfa env --profile dev --shell json | from json)

For a container; `dotenv` contains only AWS's own variables:
  docker run --env-file <(awsmfa env --profile dev --shell dotenv) amazon/aws-cli s3 ls")]
pub struct EnvArgs {
    #[command(flatten)]
    profile: super::OnlyProfileArgs,
    #[command(flatten)]
    session: super::SessionArgs,
    /// Syntax to print [default: that of the shell that runs awsmfa]
    #[arg(long, value_name = "SYNTAX")]
    shell: Option<SyntaxArg>,
    /// Remove the session from the environment, and restore what it replaced
    #[arg(long, conflicts_with_all = ["profile", "name", "duration", "policies"])]
    unset: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SyntaxArg {
    /// bash, zsh and other POSIX shells
    #[value(aliases = ["bash", "zsh", "dash", "ksh", "posix"])]
    Sh,
    Fish,
    #[value(name = "powershell", alias = "pwsh")]
    PowerShell,
    Cmd,
    /// Nushell
    #[value(alias = "nushell")]
    Nu,
    /// NAME=value, without quotes, as for `docker --env-file`
    Dotenv,
    Json,
}

impl From<SyntaxArg> for Syntax {
    fn from(argument: SyntaxArg) -> Self {
        match argument {
            SyntaxArg::Sh => Self::Shell(Shell::Posix),
            SyntaxArg::Fish => Self::Shell(Shell::Fish),
            SyntaxArg::PowerShell => Self::Shell(Shell::PowerShell),
            SyntaxArg::Cmd => Self::Shell(Shell::Cmd),
            SyntaxArg::Nu => Self::Shell(Shell::Nushell),
            SyntaxArg::Dotenv => Self::Dotenv,
            SyntaxArg::Json => Self::Json,
        }
    }
}

pub fn run(ctx: &Context, args: &EnvArgs) -> CommandResult {
    let syntax = match args.shell {
        Some(syntax) => syntax.into(),
        None => Syntax::Shell(parent_shell()?),
    };
    if args.unset {
        return unset(ctx, syntax);
    }
    let named = Named::of(args.profile.name(), &ctx.env);
    let HandedOut { obtained, changes } =
        handout::hand_out(ctx, named, args.session.duration, args.session.policy()?)?;
    handout::warn_of_ignored_keys(ctx, named, &obtained, "awsmfa env");
    handout::warn_of_lost_keys(ctx, &obtained);
    let changes = ctx.env.inherited_changes(&changes);
    ctx.ui.result(render(syntax, &changes).expose())?;
    if let (true, Syntax::Shell(shell)) = (std::io::stdout().is_terminal(), syntax) {
        ctx.ui.hint(format_args!("to use the session in this shell, run `{}`", evaluate(args, shell)));
    }
    Ok(())
}

fn unset(ctx: &Context, syntax: Syntax) -> CommandResult {
    if !matches!(syntax, Syntax::Shell(_)) {
        return Err(CommandError::new(ErrorKind::Usage, "`dotenv` and `json` cannot remove variables")
            .hint("choose a shell: `awsmfa env --unset --shell sh`"));
    }
    let taken_back = match ctx.env.handed_out() {
        Some(_) => Vec::new(),
        None => match remnants(|name| ctx.env.get(name)) {
            Some(remnants) => {
                ctx.ui.say("the environment has other credentials now, which stay");
                remnants
            }
            None => {
                ctx.ui.say("there is no session from awsmfa in the environment");
                return Ok(());
            }
        },
    };
    let changes = ctx.env.inherited_changes(&taken_back);
    Ok(ctx.ui.result(render(syntax, &changes).expose())?)
}

/// Shells with a syntax that is not supported.
const OTHER_SHELLS: &[&str] = &["csh", "tcsh", "elvish", "xonsh", "rc", "es", "ion"];

/// The shell that runs awsmfa. `SHELL` is the user's login shell, which may be another one.
pub(super) fn parent_shell() -> CommandResult<Shell> {
    for name in process::ancestors() {
        if let Some(shell) = Shell::of_program(&name) {
            return Ok(shell);
        }
        if OTHER_SHELLS.contains(&name.as_str()) {
            return Err(CommandError::new(
                ErrorKind::Usage,
                format!("the syntax of `{name}` is not supported"),
            )
            .hint("choose another syntax: `awsmfa env --shell json`"));
        }
    }
    Ok(Shell::current())
}

/// The command that evaluates the output in a shell.
fn evaluate(args: &EnvArgs, shell: Shell) -> String {
    let command = CommandLine::new("awsmfa env").option("--profile", args.profile.name());
    let command = args.session.added_to(command);
    let with = |syntax| command.clone().option("--shell", Some(syntax)).in_shell(shell);
    match shell {
        Shell::Posix => format!("eval \"$({})\"", command.in_shell(shell)),
        Shell::Fish => format!("{} | source", command.in_shell(shell)),
        Shell::PowerShell => format!("{} | Out-String | Invoke-Expression", command.in_shell(shell)),
        Shell::Cmd => format!("for /f \"delims=\" %i in ('{}') do @%i", with("cmd")),
        Shell::Nushell => format!("load-env ({} | from json)", with("json")),
    }
}
