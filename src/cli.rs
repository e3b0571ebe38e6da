//! Runs a command line: parses it, sets up the terminal, and reports what went wrong.

mod args;
mod mistake;
mod order;
mod tips;

use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;

pub use args::{Cli, is_for_sdk};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, PathCompleter};

use crate::aws_files::ahead::Ahead;
use crate::clock::{Clock, SystemClock};
use crate::complete::{self, VARIABLE};
use crate::env::Env;
use crate::error::{CommandError, ErrorKind};
use crate::files;
use crate::model::again::{self, Again};
use crate::model::shell::Shell;
use crate::paths::Paths;
use crate::ui::{Style, Ui};
use crate::{interrupt, stdio};

/// Parses the command line (the program's name comes first), runs it with the real terminal, clock and streams, and returns
/// the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>, env: Env) -> u8 {
    let args = order::profile_last(args.into_iter().collect());
    if args.len() == 1 {
        return print_start();
    }
    let ahead = read_ahead(&args, &env);
    let mut command = Cli::command();
    let parsed = command.try_get_matches_from_mut(&args).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        Ok((cli, typed(&matches)))
    });
    let cli = match parsed {
        Ok((cli, typed)) => {
            typed.settle();
            cli
        }
        Err(error) => return mistake::print(error, &args, &env),
    };
    Shell::detect(cfg!(windows), |name| env.get(name)).settle();
    let style = cli.style(&env);
    let descriptors = files::check_descriptors();
    interrupt::watch(style.one_line);
    let ui = Rc::new(Ui::new(style, Box::new(stdio::stdout()), Box::new(std::io::stderr())));
    let run =
        descriptors.map_err(|error| few_descriptors(&error)).and_then(|()| cli.command.run(env, ahead, &ui));
    match run {
        Ok(code) => code,
        Err(error) => error.choose_profile(&again::typed()).report(&ui),
    }
}

/// Starts to read the AWS files, if the command needs them.
fn read_ahead(args: &[OsString], env: &Env) -> Option<Ahead> {
    if !args::reads_aws_files(args) {
        return None;
    }
    let paths = Paths::of(env).ok()?;
    Some(Ahead::start(paths.config(), paths.credentials(), SystemClock.now()))
}

fn few_descriptors(error: &std::io::Error) -> CommandError {
    CommandError::new(ErrorKind::Failed, format!("the limit on open files is too low: {error}"))
        .hint("raise the limit: `ulimit -n 256`")
}

/// Without a command: prints where to start, like `gh` and `cargo`.
fn print_start() -> u8 {
    let ui = Ui::new(Style::default(), Box::new(stdio::stdout()), Box::new(std::io::stderr()));
    let text = format!(
        "MFA for the AWS command line, with nothing to type.\n\n{}\nAll commands: awsmfa --help\n",
        args::START
    );
    match ui.result(&text).map_err(CommandError::from) {
        Ok(()) => 0,
        Err(error) => error.report(&ui),
    }
}

/// The command as it was typed, without awsmfa's general options, and without a code, which can be used only once.
fn typed(matches: &ArgMatches) -> Again {
    let (mut command, mut matches) = (&Cli::command(), matches);
    let mut path = command.get_name().to_owned();
    while let Some((name, inner)) = matches.subcommand() {
        let Some(sub) = command.find_subcommand(name) else { break };
        path = format!("{path} {}", sub.get_name());
        (command, matches) = (sub, inner);
    }
    let mut typed = Again::new(&path);
    for id in matches.ids().map(clap::Id::as_str) {
        let arg = command.get_arguments().find(|arg| arg.get_id() == id);
        let Some(arg) = arg.filter(|_| matches.value_source(id) == Some(ValueSource::CommandLine)) else {
            continue;
        };
        let raw = || matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy());
        typed = match arg.get_long().map(|long| format!("--{long}")) {
            Some(option) if option == "--code" => typed,
            Some(option) if arg.get_action().takes_values() => {
                raw().fold(typed, |typed, value| typed.option(&option, Some(&*value)))
            }
            Some(option) => typed.option(&option, None),
            None if arg.is_last_set() => typed.rest(raw().map(Into::into)),
            // A profile without its flag.
            None if id == "name" => raw().fold(typed, |typed, value| typed.profile(&value)),
            None => raw().fold(typed, Again::operand),
        };
    }
    typed
}

/// The commands as they are after `--`: there is no profile, which clap would still complete, but a program or its arguments.
fn after_dashes(command: Command, is_program: bool) -> Command {
    let completer = move || match is_program {
        true => ArgValueCompleter::new(complete::programs),
        false => ArgValueCompleter::new(PathCompleter::any()),
    };
    command.mut_subcommands(|sub| {
        let runs_program = sub.get_positionals().any(Arg::is_last_set);
        sub.mut_args(|arg| match arg.get_id().as_str() {
            "name" if runs_program => arg.long("profile-name").hide(true),
            _ if arg.is_last_set() => arg.add(completer()),
            _ => arg,
        })
    })
}

/// Answers a shell's request for completions. Returns whether there was one.
pub fn complete(env: &Env, args: &[OsString]) -> bool {
    if env.get(VARIABLE).is_none() {
        return false;
    }
    // The words of the line follow `--`. Some shells say which of them is completed; for the others, it is the last one.
    let words = args.iter().position(|arg| arg == "--").map_or(args, |dashes| &args[dashes + 1..]);
    let index = env.get("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse().ok());
    let before = words.get(..index.unwrap_or(words.len().saturating_sub(1))).unwrap_or_default();
    let dashes = before.iter().position(|word| word == "--");
    let factory = || match dashes {
        Some(dashes) => after_dashes(Cli::command(), dashes + 1 == before.len()),
        None => Cli::command(),
    };
    let completer = CompleteEnv::with_factory(factory).var(VARIABLE);
    // A shell cannot use an error.
    completer.try_complete(args.iter().cloned(), Some(Path::new("."))).unwrap_or(true)
}
