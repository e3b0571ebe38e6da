//! The programs that profiles run: whether they exist, and what to know about them.

use std::path::{Path, PathBuf};

use super::exam::Exam;
use crate::aws_files::own_command::served_profile;
use crate::aws_files::profiles::{Profile, Profiles, Value};
use crate::aws_files::resolve::{ResolveError, resolve};
use crate::aws_files::{AwsFile, header_of};
use crate::context::Context;
use crate::env::Env;
use crate::error::CommandError;
use crate::files;
use crate::findings::{Finding, Repair};
use crate::model::command_line;
use crate::model::shell::CommandLine;

/// Settings that run a program.
const KEYS: [&str; 2] = ["credential_process", "mfa_process"];

pub fn check(exam: &Exam, found: &mut Vec<Finding>) {
    let Some(profiles) = &exam.profiles else { return };
    for profile in profiles.iter().filter(|profile| exam.covers(profile.name())) {
        for key in KEYS {
            let Some(command) = profile.value(key) else { continue };
            let missing = program(exam.ctx, profile, key, command);
            let is_found = missing.is_none();
            found.extend(missing);
            if key == "credential_process" {
                found.extend(served(profiles, profile, command));
                if is_found {
                    found.extend(other_tool(profile, command));
                    found.extend(another_awsmfa(exam.ctx, profile, command));
                }
            }
        }
    }
}

/// What is wrong with the program of a command line. SDKs run it without expanding anything.
fn program(ctx: &Context, profile: &Profile, key: &str, command: &Value) -> Option<Finding> {
    let name = profile.name();
    let at = |what: String| Finding::error(format!("`{key}` of profile `{name}` {what}")).at(&command.origin);
    let Some(words) = command_line::words(command.text()) else {
        return Some(at("has a quote that is not closed".to_owned()).fix("close the quote"));
    };
    let Some((program, arguments)) = words.split_first() else {
        return Some(at("has no program".to_owned()).fix("write the program's path"));
    };
    if let Some(syntax) = command_line::shell_syntax(command.text()) {
        let none = if key == KEYS[0] { "and the AWS CLI and boto3 use none" } else { "and awsmfa uses none" };
        let what = format!("contains {syntax}, which needs a shell, {none}");
        let fix = format!("put the command line in a script, and set `{key}` to the script's path");
        return Some(at(what).fix(fix));
    }
    if program.starts_with(['~', '$']) {
        let finding = at(format!("runs `{program}`, which the AWS CLI and boto3 do not expand"));
        let expanded = ctx.env.expand(Path::new(program));
        return Some(rewritten(ctx, finding, profile, (key, command), &expanded, arguments));
    }
    if find(&ctx.env, program).is_some() {
        return None;
    }
    let finding = match program.contains(['/', '\\']) {
        true => at(format!("runs `{program}`, which does not exist or is not executable")),
        false => at(format!("runs `{program}`, which is not in PATH")),
    };
    Some(match (served_profile(command.text()), ctx.env.own_program()) {
        (Some(_), Ok(own)) => rewritten(ctx, finding, profile, (key, command), &own, arguments),
        _ => finding.fix("install the program, or write its absolute path"),
    })
}

/// The finding with the command, and the repair, that run `program` instead.
fn rewritten(
    ctx: &Context,
    finding: Finding,
    profile: &Profile,
    (key, command): (&str, &Value),
    program: &Path,
    arguments: &[String],
) -> Finding {
    let program = program.display().to_string();
    let words: Vec<&str> =
        [program.as_str()].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let Some(value) = command_line::for_setting(&words) else {
        return finding.fix(format!("write the path `{program}`"));
    };
    let set = CommandLine::new("aws configure set").arg(key).arg(&value).profile(profile.name());
    let file = match ctx.aws_files().path(AwsFile::Config) == command.origin.path.as_path() {
        true => AwsFile::Config,
        false => AwsFile::Credentials,
    };
    let section = header_of(file, profile.name());
    let key = if key == KEYS[0] { KEYS[0] } else { KEYS[1] };
    finding.fix(set).repair(Repair::SetKey { file, section, key, value })
}

/// The program's file, as the system finds it.
fn find(env: &Env, program: &str) -> Option<PathBuf> {
    if program.contains(['/', '\\']) {
        return Some(PathBuf::from(program)).filter(|path| files::is_program(path));
    }
    let folders = env.path("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| files::is_program(path))
}

/// A command that runs another awsmfa than this one, or that not every program finds.
fn another_awsmfa(ctx: &Context, profile: &Profile, command: &Value) -> Option<Finding> {
    served_profile(command.text())?;
    let words = command_line::words(command.text())?;
    let (program, arguments) = words.split_first()?;
    let (found, own) = (find(&ctx.env, program)?, ctx.env.own_program().ok()?);
    let name = profile.name();
    let is_own = found.canonicalize().ok()? == own.canonicalize().ok()?;
    let finding = match is_own {
        false => Finding::warning(format!(
            "`credential_process` of profile `{name}` runs another awsmfa, {}, not this one, {}",
            found.display(),
            own.display()
        )),
        true if Path::new(program).is_absolute() => return None,
        true => Finding::note(format!(
            "`credential_process` of profile `{name}` runs `{program}` without its path, which programs with another PATH do not find"
        )),
    };
    let finding = finding.at(&command.origin);
    let fixed = rewritten(ctx, finding, profile, (KEYS[0], command), &own, arguments);
    // Which of two programs is right is for the person to say.
    Some(if is_own { fixed } else { Finding { repair: None, ..fixed } })
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
    (program == "aws-vault").then(|| {
        let setup = CommandLine::new("awsmfa setup").profile(name);
        Finding::note(format!("`credential_process` of profile `{name}` runs `aws-vault`, not awsmfa"))
            .at(&command.origin)
            .fix(format!("use awsmfa instead: `{setup}`"))
    })
}
