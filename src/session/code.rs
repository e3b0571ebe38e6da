//! Where a profile's codes come from: the stored seed, a command, or a person.

use std::time::Duration;

use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::totp::{Code, Seed};
use crate::process::{self, ProcessError};
use crate::ui::PromptError;

/// A command that prints a code may wait for the touch of a hardware key.
const PROCESS_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub enum CodeSource {
    /// One code, from the command line.
    Given(Code),
    /// A seed, which generates the code of any step.
    Seed(Seed),
    /// A command that prints the current code.
    Process(String),
    /// A person with the device.
    Person,
}

impl CodeSource {
    /// Whether there can be another code after one was rejected.
    pub fn can_renew(&self) -> bool {
        match self {
            Self::Given(_) => false,
            Self::Seed(_) | Self::Person => true,
            // Until its step is over, it would print the same code again.
            Self::Process(_) => false,
        }
    }

    /// Whether a person enters the codes.
    pub fn is_typed(&self) -> bool {
        matches!(self, Self::Given(_) | Self::Person)
    }
}

/// Finds the source of a device's codes: the stored seed, otherwise the profile's `mfa_process`, otherwise a person.
pub fn find(ctx: &Context, serial: &Serial, mfa_process: Option<&str>) -> CommandResult<CodeSource> {
    if let Some(seed) = ctx.vault.seed(serial)? {
        return Ok(CodeSource::Seed(seed));
    }
    if let Some(command) = mfa_process {
        // Before anything waits for a code.
        process::check(command).map_err(|error| not_run(&error))?;
        ctx.ui.detail("getting the code from the profile's `mfa_process`");
        return Ok(CodeSource::Process(command.to_owned()));
    }
    if ctx.prompt.can_ask_secret() {
        return Ok(CodeSource::Person);
    }
    let message = format!("no secret is stored for `{serial}`, and awsmfa cannot prompt for a code");
    let error = CommandError::new(ErrorKind::Configuration, message);
    Err(ctx.vault.or_lost(error.hint(format!("awsmfa device import --serial {serial}"))))
}

/// Gets a code from a source that is not a seed. `rejected` tells a person why the last code did not work.
pub(super) fn obtain(
    ctx: &Context,
    source: &CodeSource,
    serial: &Serial,
    rejected: Option<&str>,
) -> CommandResult<Code> {
    match source {
        CodeSource::Given(code) => Ok(code.clone()),
        CodeSource::Process(command) => {
            let printed = process::run(command, &ctx.env, PROCESS_LIMIT).map_err(|error| not_run(&error))?;
            printed.expose().trim().parse().map_err(|_| no_code("did not print a six-digit code").hint(SEE))
        }
        CodeSource::Seed(_) | CodeSource::Person => ask(ctx, serial, rejected),
    }
}

const SEE: &str = "run the command by hand to see what it prints";

fn no_code(why: &str) -> CommandError {
    CommandError::new(ErrorKind::Configuration, format!("`mfa_process` {why}"))
}

fn not_run(error: &ProcessError) -> CommandError {
    let this = no_code(&format!("failed: {error}"));
    this.hint(match error {
        ProcessError::NeedsShell(_) => {
            "put the command line in a script, and set `mfa_process` to the script's path"
        }
        // By hand, in a shell, it would work.
        ProcessError::Start { program, .. } if program.starts_with(['~', '$']) => {
            "write the program's absolute path: awsmfa does not expand `~` and variables"
        }
        ProcessError::Start { .. } => "install the program, or write its absolute path",
        _ => SEE,
    })
}

fn ask(ctx: &Context, serial: &Serial, rejected: Option<&str>) -> CommandResult<Code> {
    if let Some(why) = rejected {
        ctx.ui.warn(why);
    }
    loop {
        let answer = ctx.prompt.secret(&format!("code for `{serial}`")).map_err(|error| match error {
            PromptError::CannotAsk(_) | PromptError::Unanswered(_) => {
                CommandError::from(error).hint("pass the code with `--code`")
            }
            other => other.into(),
        })?;
        match answer.expose().parse() {
            Ok(code) => return Ok(code),
            Err(error) => ctx.ui.warn(error),
        }
    }
}
