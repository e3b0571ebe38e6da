//! The programs that profiles run: whether they exist, and what to know about them.

use std::path::{Path, PathBuf};

use super::exam::Exam;
use crate::aws_files::own_command::served_profile;
use crate::aws_files::profiles::{Profile, Profiles, Value};
use crate::aws_files::resolve::{ResolveError, resolve};
use crate::env::Env;
use crate::error::CommandError;
use crate::files;
use crate::findings::Finding;
use crate::model::command_line;
use crate::model::shell::CommandLine;

/// Settings that run a program.
const KEYS: [&str; 2] = ["credential_process", "mfa_process"];

pub fn check(exam: &Exam, found: &mut Vec<Finding>) {
    let Some(profiles) = &exam.profiles else { return };
    for profile in profiles.iter().filter(|profile| exam.covers(profile.name())) {
        for key in KEYS {
            let Some(command) = profile.value(key) else { continue };
            let missing = program(&exam.ctx.env, profile, key, command);
            let is_found = missing.is_none();
            found.extend(missing);
            if key == "credential_process" {
                found.extend(served(profiles, profile, command));
                if is_found {
                    found.extend(other_tool(profile, command));
                }
            }
        }
    }
}

/// What is wrong with the program of a command line. SDKs run it without expanding anything.
fn program(env: &Env, profile: &Profile, key: &str, command: &Value) -> Option<Finding> {
    let name = profile.name();
    let at = |what: String| Finding::error(format!("`{key}` of profile `{name}` {what}")).at(&command.origin);
    let Some(words) = command_line::words(command.text()) else {
        return Some(at("has a quote that is not closed".to_owned()).fix("close the quote"));
    };
    let Some(program) = words.first() else {
        return Some(at("has no program".to_owned()).fix("write the program's path"));
    };
    if program.starts_with(['~', '$']) {
        let expanded = env.expand(Path::new(program));
        let set = set_command(key, name, &expanded, &words[1..]);
        return Some(at(format!("runs `{program}`, which the AWS CLI and boto3 do not expand")).fix(set));
    }
    if find(env, program).is_some() {
        return None;
    }
    let is_path = program.contains(['/', '\\']);
    let finding = match is_path {
        true => at(format!("runs `{program}`, which does not exist or is not executable")),
        false => at(format!("runs `{program}`, which is not in PATH")),
    };
    Some(finding.fix(match command_line::is_awsmfa(program) {
        true => "write the path of awsmfa, as `command -v awsmfa` prints it".to_owned(),
        false => "install the program, or write its absolute path".to_owned(),
    }))
}

fn set_command(key: &str, profile: &str, program: &Path, arguments: &[String]) -> CommandLine {
    let program = program.display().to_string();
    let words: Vec<&str> =
        [program.as_str()].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let value = shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "));
    CommandLine::new("aws configure set").arg(key).arg(value).profile(profile)
}

/// The program's file, as the system finds it.
fn find(env: &Env, program: &str) -> Option<PathBuf> {
    if program.contains(['/', '\\']) {
        return Some(PathBuf::from(program)).filter(|path| files::is_program(path));
    }
    let folders = env.path("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| files::is_program(path))
}

/// A command that asks awsmfa for a profile that does not exist.
fn served(profiles: &Profiles, profile: &Profile, command: &Value) -> Option<Finding> {
    let served = served_profile(command.text())??;
    match resolve(profiles, &served) {
        Err(ResolveError::NoSuchProfile { near, .. }) => {
            let name = profile.name();
            let finding = Finding::error(format!(
                "`credential_process` of profile `{name}` gets the session of profile `{served}`, which does not exist"
            ));
            let finding = finding.at(&command.origin);
            Some(match near.first() {
                Some(near) => finding.fix(format!("write `{near}` instead of `{served}`")),
                None => finding.fix(format!("write the name of an existing profile instead of `{served}`")),
            })
        }
        Err(error @ ResolveError::Ignored { .. }) => Some(CommandError::from(error).into()),
        _ => None,
    }
}

/// Tools that awsmfa replaces.
fn other_tool(profile: &Profile, command: &Value) -> Option<Finding> {
    let words = command_line::words(command.text())?;
    let program = Path::new(words.first()?).file_stem()?.to_str()?;
    let name = profile.name();
    let ours = Path::new("awsmfa");
    let arguments = ["credential-process", "--profile", name].map(str::to_owned);
    (program == "aws-vault").then(|| {
        Finding::note(format!("`credential_process` of profile `{name}` runs `aws-vault`, not awsmfa"))
            .at(&command.origin)
            .fix(format!(
                "use awsmfa instead: `{}`",
                set_command("credential_process", name, ours, &arguments)
            ))
    })
}
