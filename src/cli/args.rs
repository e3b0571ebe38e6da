//! The command line as clap parses it. The arguments of a command are in the command's file.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::rc::Rc;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use super::order;
use crate::aws_files::ahead::Ahead;
use crate::clock::SystemClock;
use crate::commands;
use crate::context::Context;
use crate::env::{AWSMFA_NO_INPUT, Env, OWN_VARIABLES};
use crate::error::CommandResult;
use crate::ui::{Style, Terminal, Ui, Verbosity, ascii, color};

/// The heading of the options that every command has, after the command's own.
const GLOBAL: &str = "Global options";

/// MFA for the AWS command line, with nothing to type.
#[derive(Debug, Parser)]
#[command(name = "awsmfa", bin_name = "awsmfa", version, max_term_width = 100, after_long_help = after_help())]
pub struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Show each step (never secrets)
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    verbose: bool,
    /// Print only errors
    #[arg(short, long, global = true, help_heading = GLOBAL, conflicts_with = "verbose")]
    quiet: bool,
    /// When to use color: auto, always or never (honors `NO_COLOR`)
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(super) color: ColorChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    Auto,
    Always,
    Never,
}

impl From<ColorChoice> for color::When {
    fn from(choice: ColorChoice) -> Self {
        match choice {
            ColorChoice::Auto => Self::Auto,
            ColorChoice::Always => Self::Always,
            ColorChoice::Never => Self::Never,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Enroll(Box<commands::enroll::EnrollArgs>),
    Setup(commands::setup::SetupArgs),
    Login(commands::login::LoginArgs),
    Logout(commands::logout::LogoutArgs),
    CredentialProcess(commands::credential_process::CredentialProcessArgs),
    Exec(commands::exec::ExecArgs),
    Env(commands::env::EnvArgs),
    Status(commands::status::StatusArgs),
    Console(commands::console::ConsoleArgs),
    Serve(commands::serve::ServeArgs),
    Code(commands::code::CodeArgs),
    /// List, import, export, resynchronize and remove MFA devices
    #[command(subcommand)]
    Device(commands::device::DeviceCommand),
    /// Rotate long-term access keys, and move them to a store and back
    #[command(subcommand)]
    Keys(commands::keys::KeysCommand),
    /// Show, lock, move, back up and restore the stores of secrets
    #[command(subcommand)]
    Store(commands::store::StoreCommand),
    Doctor(commands::doctor::DoctorArgs),
    Policy(commands::policy::PolicyArgs),
    Completions(commands::completions::CompletionsArgs),
    Man(commands::man::ManArgs),
}

pub(super) const START: &str = "Start here:
  awsmfa enroll --profile dev           enroll an MFA device (once)
  awsmfa device import --profile dev    or import an existing one
  awsmfa setup --profile dev            let every AWS tool get sessions by itself
  awsmfa login --profile dev            or write a session to ~/.aws/credentials
";

fn after_help() -> String {
    let mut text = format!("{START}\nVariables:\n");
    for (name, meaning) in OWN_VARIABLES {
        text.push_str(&format!("  {name:<29} {meaning}\n"));
    }
    text.push_str("  AWS_PROFILE, AWS_REGION, AWS_CONFIG_FILE, … work as in the AWS CLI\n\n");
    text.push_str("Exit codes: 0 success, 1 failure, 2 usage, 3 configuration, 4 refused by AWS,\n");
    text.push_str("            5 store locked or unavailable, 6 network or AWS unavailable, 130 interrupted");
    text
}

/// Whether the reader of a command-line mistake is probably an SDK, which shows stderr on one line.
pub fn is_for_sdk(args: &[OsString]) -> bool {
    order::command(args).is_some_and(|word| word == "credential-process") && !std::io::stderr().is_terminal()
}

/// The commands that read both AWS files, whatever their arguments are.
const READERS: [&str; 12] = [
    "enroll",
    "setup",
    "login",
    "logout",
    "credential-process",
    "exec",
    "env",
    "serve",
    "console",
    "status",
    "keys",
    "doctor",
];

/// Whether a command line reads both AWS files, as far as that is visible before it is parsed. Help reads none: the files may be
/// on a network drive that is gone.
pub(super) fn reads_aws_files(args: &[OsString]) -> bool {
    let is_help = |arg: &OsString| match arg.as_encoded_bytes() {
        b"--help" => true,
        [b'-', letters @ ..] if !letters.starts_with(b"-") => {
            // What follows a `p` is a profile.
            letters.iter().take_while(|letter| **letter != b'p').any(|letter| *letter == b'h')
        }
        _ => false,
    };
    order::command(args).is_some_and(|word| READERS.iter().any(|reader| word == *reader))
        && !args.iter().take_while(|arg| *arg != "--").any(is_help)
}

impl Cli {
    pub(super) fn style(&self, env: &Env) -> Style {
        let terminal = std::io::stderr().is_terminal();
        let obeys = color::enable();
        let wanted = |terminal| obeys && color::is_wanted(self.color.into(), env, terminal);
        let (color, color_on_device) = (wanted(terminal), wanted(true));
        let color_results = wanted(std::io::stdout().is_terminal());
        let verbosity = match (self.verbose, self.quiet) {
            (true, _) => Verbosity::Verbose,
            (_, true) => Verbosity::Quiet,
            _ => Verbosity::Normal,
        };
        let live = terminal && obeys && env.get("TERM") != Some("dumb");
        let live_screen =
            obeys && (cfg!(windows) || env.get("TERM").is_some_and(|terminal| terminal != "dumb"));
        let one_line = matches!(self.command, Command::CredentialProcess(_)) && !terminal;
        let ascii = ascii::is_needed(env);
        Style { verbosity, color, color_results, color_on_device, live, live_screen, ascii, one_line }
    }
}

impl Command {
    /// Returns the exit code.
    pub(super) fn run(&self, env: Env, ahead: Option<Ahead>, ui: &Rc<Ui>) -> CommandResult<u8> {
        // `doctor` only looks: whatever needs a person is a finding.
        let env = if matches!(self, Self::Doctor(_)) { env.with(AWSMFA_NO_INPUT, "1") } else { env };
        // Not dropped: the process ends with it, and wiping thousands of profiles takes longer than giving back the memory.
        let context = || -> CommandResult<&Context> {
            let prompt = Arc::new(Terminal::new(&env, ui));
            let ctx = Context::new(env, Arc::new(SystemClock), ui.clone(), prompt)?;
            ahead.into_iter().for_each(|ahead| ctx.aws_files().take(ahead));
            Ok(Box::leak(Box::new(ctx)))
        };
        let done: CommandResult = match self {
            // It may end like a command that it runs.
            Self::Serve(args) => return commands::serve::run(context()?, args),
            Self::Enroll(args) => commands::enroll::run(context()?, args),
            Self::Setup(args) => commands::setup::run(context()?, args),
            Self::Login(args) => commands::login::run(context()?, args),
            Self::Logout(args) => commands::logout::run(context()?, args),
            Self::CredentialProcess(args) => commands::credential_process::run(context()?, args),
            Self::Exec(args) => return commands::exec::run(context()?, args),
            Self::Env(args) => commands::env::run(context()?, args),
            Self::Console(args) => commands::console::run(context()?, args),
            Self::Status(args) => commands::status::run(context()?, args),
            Self::Code(args) => commands::code::run(context()?, args),
            Self::Device(command) => commands::device::run(context()?, command),
            Self::Keys(command) => commands::keys::run(context()?, command),
            Self::Store(command) => commands::store::run(context()?, command),
            Self::Doctor(args) => commands::doctor::run(context()?, args),
            // These two need no home folder.
            Self::Policy(args) => commands::policy::run(ui, args),
            Self::Completions(args) => commands::completions::run(ui, args),
            Self::Man(args) => commands::man::run(ui, args, Cli::command()),
        };
        done.map(|()| 0)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn aws_files_are_read_early_only_by_commands_that_need_them() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for line in [
            "awsmfa login",
            "awsmfa -v login -p dev",
            "awsmfa -p login status",
            "awsmfa --color never env",
            "awsmfa login -pharry",
            "awsmfa exec -p dev -- aws --help",
        ] {
            assert!(reads_aws_files(&words(line)), "{line}");
        }
        for line in [
            "awsmfa --help",
            "awsmfa -V",
            "awsmfa --version",
            "awsmfa login --help",
            "awsmfa login -h",
            "awsmfa -vh login",
            "awsmfa -v login -vh",
            "awsmfa --help login",
            "awsmfa help login",
            "awsmfa policy",
            "awsmfa man --out login",
            "awsmfa completions bash",
            "awsmfa code login",
            "awsmfa -p login",
            "awsmfa loign",
            "awsmfa -- login",
            "awsmfa",
        ] {
            assert!(!reads_aws_files(&words(line)), "{line}");
        }
        let command = Cli::command();
        for reader in READERS {
            assert!(command.find_subcommand(reader).is_some(), "{reader}");
        }
    }

    #[test]
    fn help_is_a_command() {
        for words in ["help", "help login", "help device remove", "device help remove"] {
            let said = Cli::try_parse_from(std::iter::once("awsmfa").chain(words.split(' '))).unwrap_err();
            assert_eq!(said.kind(), clap::error::ErrorKind::DisplayHelp, "{words}: {said}");
        }
    }
}
