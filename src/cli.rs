//! Runs a command line: parses it, sets up the terminal, and reports what went wrong.

mod args;
mod mistake;
mod order;
mod tips;

use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;

pub use args::{Cli, is_for_sdk};
use clap::{Arg, Command, CommandFactory, Parser};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, PathCompleter};

use crate::complete::{self, VARIABLE};
use crate::env::Env;
use crate::error::{CommandError, ErrorKind};
use crate::files;
use crate::model::shell::{Shell, quoted};
use crate::ui::{Style, Ui};
use crate::{interrupt, stdio};

/// Parses the command line (the program's name comes first), runs it with the real terminal, clock and streams, and returns
/// the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>, env: Env) -> u8 {
    let args = order::profile_last(args.into_iter().collect());
    if args.len() == 1 {
        return print_start();
    }
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return mistake::print(error, &args, &env),
    };
    Shell::detect(cfg!(windows), |name| env.get(name)).settle();
    let style = cli.style(&env);
    let descriptors = files::check_descriptors();
    interrupt::watch(style.one_line);
    let ui = Rc::new(Ui::new(style, Box::new(stdio::stdout()), Box::new(std::io::stderr())));
    let run = descriptors.map_err(|error| few_descriptors(&error)).and_then(|()| cli.command.run(env, &ui));
    match run {
        Ok(code) => code,
        Err(error) => {
            let (command, rest) = words(&args);
            error.choose_profile(&command, &rest).report(&ui)
        }
    }
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

/// The command as it was typed, for a hint to run it with another profile, and what follows a `--`: `awsmfa exec` and
/// ` -- aws s3 ls`.
fn words(args: &[OsString]) -> (String, String) {
    let (own, others) = args.split_at(args.iter().position(|arg| arg == "--").unwrap_or(args.len()));
    let quoted = |arg: &OsString| arg.to_str().map(|arg| format!(" {}", quoted(arg)));
    (own_words(own), others.iter().map(quoted).collect::<Option<String>>().unwrap_or_default())
}

/// awsmfa's own words: `awsmfa device remove alice`. Without arguments if one of them may be a secret (a code) or sets the
/// profile.
fn own_words(args: &[OsString]) -> String {
    let repeatable = |arg: &str| {
        let short = arg.starts_with('-') && !arg.starts_with("--");
        let stays = !["--code", "--profile"].iter().any(|flag| arg.starts_with(flag)) && arg != "default";
        stays && !(short && arg.contains(['c', 'p']))
    };
    let given = args.iter().skip(1).map(|arg| arg.to_str().filter(|arg| repeatable(arg)).map(quoted));
    if let Some(given) = given.collect::<Option<Vec<_>>>() {
        return format!("awsmfa {}", given.join(" "));
    }
    let mut command = &Cli::command();
    let mut words = "awsmfa".to_owned();
    for arg in args.iter().skip(1) {
        if let Some(sub) = command.find_subcommand(arg) {
            words.push_str(&format!(" {}", sub.get_name()));
            command = sub;
        }
    }
    words
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
