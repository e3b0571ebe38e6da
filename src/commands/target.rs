//! The command that a person runs through awsmfa, and what to do if it cannot be started.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use crate::env::Env;
use crate::error::CommandError;
use crate::handout::user_shell;
use crate::model::shell::{CommandLine, Shell};
use crate::process::{Program, StartError};

/// A command and its arguments, after `--`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct CommandArg {
    /// Command and its arguments
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// Finds a program. `prefix` is what comes before the command on the command line: `awsmfa exec --`.
pub fn find(env: &Env, prefix: &CommandLine, name: &OsStr) -> Result<Program, CommandError> {
    Program::find(name, env).map_err(|error| explain(env, prefix, name, error))
}

/// The error with what to do about it.
pub fn explain(env: &Env, prefix: &CommandLine, name: &OsStr, error: StartError) -> CommandError {
    let what = match &error {
        StartError::NotFound(_) => io::ErrorKind::NotFound,
        StartError::NotExecutable { source, .. } => source.kind(),
    };
    let error = CommandError::from(error);
    let with = |words: &[&str]| words.iter().fold(prefix.clone(), |command, word| command.arg(*word));
    let Some(name) = name.to_str() else { return error };
    match what {
        io::ErrorKind::NotFound if name.is_empty() => {
            CommandError::new(error.kind, "the command is empty").hint(with(&["aws", "s3", "ls"]))
        }
        io::ErrorKind::PermissionDenied if name.contains('/') => {
            error.hint(format!("make it executable: `{}`", CommandLine::new("chmod +x").arg(name)))
        }
        io::ErrorKind::NotFound => match shlex::split(name).filter(|words| words.len() > 1) {
            // `awsmfa exec -- "aws s3 ls"`
            Some(words) => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                error.hint(format!("pass each word as an argument of its own: `{}`", with(&words)))
            }
            // Neither a path nor an option is an alias or a function.
            None if name.contains('/') => error.hint("check the path of the command"),
            None if name.starts_with('-') => error.hint("put the command right after `--`"),
            None => error.hint(match interactive_shell(env) {
                Some(shell) => {
                    let command = with(&[&shell, "-ic", name]);
                    format!("check the name and PATH; run an alias or a function in your shell: `{command}`")
                }
                None => "check the name and PATH".to_owned(),
            }),
        },
        _ => error,
    }
}

/// The user's shell, if it runs `-ic COMMAND` with the user's aliases and functions.
fn interactive_shell(env: &Env) -> Option<String> {
    let path = PathBuf::from(user_shell(env));
    let name = path.file_name()?.to_str()?;
    matches!(Shell::of_program(name)?, Shell::Posix | Shell::Fish).then(|| name.to_owned())
}
