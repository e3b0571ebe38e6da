//! Tips for mistakes with a likely meaning.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use super::args::Cli;
use crate::model::shell::quoted;

/// What people type for commands that have a different name here.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("devices", "device list"),
    ("list-devices", "device list"),
    ("add", "device import"),
    ("create", "enroll"),
    ("signin", "login"),
    ("totp", "code"),
];

/// The mistake with a tip, if there is one that is better than clap's own.
pub(super) fn with_tip(mut error: clap::Error, args: &[OsString]) -> clap::Error {
    let tip = match error.kind() {
        ErrorKind::InvalidSubcommand => command_tip(&error, args),
        ErrorKind::UnknownArgument => profile_tip(&error, args).or_else(|| no_command_tip(&error, args)),
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
    let is_taken = profile(args).is_some() || command.get_positionals().next().is_some();
    if typed.starts_with('-') || !takes_profile || is_taken {
        return None;
    }
    Some(format!("to use a profile: {path} --profile {}", quoted(typed)))
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
