//! Tips for mistakes with a likely meaning.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use super::args::Cli;
use crate::model::shell::quoted;

/// What people type for commands that have a different name here.
const OTHER_NAMES: [(&str, &str); 9] = [
    ("devices", "device list"),
    ("list-devices", "device list"),
    ("add", "device import"),
    ("create", "enroll"),
    ("signin", "login"),
    ("totp", "code"),
    ("check", "doctor"),
    ("diagnose", "doctor"),
    ("verify", "doctor"),
];

/// The mistake with a tip, if there is one that is better than clap's own.
pub(super) fn with_tip(mut error: clap::Error, args: &[OsString]) -> clap::Error {
    let tip = match error.kind() {
        ErrorKind::InvalidSubcommand => command_tip(&error, args),
        ErrorKind::ArgumentConflict => dashes_tip(args),
        ErrorKind::UnknownArgument => {
            profile_tip(&error, args).or_else(|| no_command_tip(&error, args)).or_else(|| dashes_tip(args))
        }
        _ => None,
    };
    if let Some(tip) = tip {
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    }
    error
}

/// `awsmfa list`: a command of a group, without the group.
fn command_tip(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let (path, _) = command(args);
    if path != "awsmfa" {
        return None;
    }
    let other = OTHER_NAMES.iter().find(|(name, _)| name == typed).map(|(_, meant)| (*meant).to_owned());
    let grouped = || {
        let root = Cli::command();
        root.get_subcommands().find_map(|group| {
            let meant = group.find_subcommand(typed)?;
            Some(format!("{} {}", group.get_name(), meant.get_name()))
        })
    };
    Some(format!("did you mean 'awsmfa {}'?", other.or_else(grouped)?))
}

/// `awsmfa --profile dev`: a profile without a command.
fn no_command_tip(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else { return None };
    let is_profile = typed.starts_with("--profile") || typed.starts_with("-p");
    let (path, _) = command(args);
    let name = profile(args).filter(|_| is_profile && path == "awsmfa")?;
    Some(format!("add a command: awsmfa login --profile {}", quoted(name)))
}

/// The value of the first profile flag.
fn profile(args: &[OsString]) -> Option<&str> {
    let mut args = args.iter().skip(1).take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next() {
        if matches!(arg, "--profile" | "-p") {
            return args.next();
        }
        let joined = arg.strip_prefix("--profile=").or_else(|| arg.strip_prefix("-p"));
        if joined.is_some() {
            return joined;
        }
    }
    None
}

/// `awsmfa enroll dev`: a profile without its flag.
fn profile_tip(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else { return None };
    let (path, command) = command(args);
    let takes_profile = command.get_arguments().any(|arg| arg.get_long() == Some("profile"));
    // A word too many is not a second profile, nor a second device.
    let has_dashes = args.iter().any(|arg| arg == "--");
    let mut operands = command.get_positionals();
    let is_taken = profile(args).is_some() || operands.any(|arg| !(arg.is_last_set() && has_dashes));
    if typed.starts_with('-') || !takes_profile || is_taken {
        return None;
    }
    Some(format!("to use a profile: {path} --profile {}", quoted(typed)))
}

/// `awsmfa exec --profile dev aws s3 ls`: a program without `--` before it.
fn dashes_tip(args: &[OsString]) -> Option<String> {
    let (path, command) = command(args);
    if args.iter().any(|arg| arg == "--") || !command.get_positionals().any(clap::Arg::is_last_set) {
        return None;
    }
    let names_value = |word: &str| {
        let takes_value = |arg: &&clap::Arg| arg.get_action().takes_values();
        let mut flags = command.get_arguments().filter(takes_value);
        flags.any(|arg| {
            arg.get_long().is_some_and(|long| word == format!("--{long}"))
                || arg.get_short().is_some_and(|short| word == format!("-{short}"))
        })
    };
    let words: Option<Vec<&str>> = args.iter().skip(2).map(|arg| arg.to_str()).collect();
    let words = words?;
    let mut first = 0;
    while let Some(word) = words.get(first).filter(|word| word.starts_with('-')) {
        first += if names_value(word) { 2 } else { 1 };
    }
    let (options, program) = words.split_at_checked(first).filter(|(_, program)| !program.is_empty())?;
    let quote = |words: &[&str]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    // Without the flag, the first word may be the profile or the program.
    Some(match profile(&args[..first + 2]) {
        Some(_) => format!("put '--' before the command: {path} {} -- {}", quote(options), quote(program)),
        None => format!("put '--' before the command, as in: {path} --profile dev -- aws s3 ls"),
    })
}

/// The command that a command line names, with its path.
fn command(args: &[OsString]) -> (String, Command) {
    let mut command = Cli::command();
    let mut path = command.get_name().to_owned();
    for word in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
        if let Some(next) = command.find_subcommand(word) {
            path = format!("{path} {}", next.get_name());
            command = next.clone();
        }
    }
    (path, command)
}
