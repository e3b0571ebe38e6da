//! Where a profile's codes come from: the store's seed, a command, or a person.

use std::time::Duration;

use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::totp::{Code, Seed};
use crate::process;
use crate::ui::PromptError;

/// A command that prints a code may wait for a touch on a key.
const PROCESS_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub enum CodeSource {
    /// One code, given with the command.
    Given(Code),
    /// The seed in the store: any step's code.
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
            // It would print the same code again until its step is over.
            Self::Process(_) => false,
        }
    }

    /// Whether a person enters the codes.
    pub fn is_typed(&self) -> bool {
        matches!(self, Self::Given(_) | Self::Person)
    }
}

/// Finds the source of a device's codes: the stored seed, else the profile's `mfa_process`, else a person.
pub fn find(ctx: &Context, serial: &Serial, mfa_process: Option<&str>) -> CommandResult<CodeSource> {
    if let Some(seed) = ctx.vault.seed(serial)? {
        return Ok(CodeSource::Seed(seed));
    }
    if let Some(command) = mfa_process {
        ctx.ui.detail("the code comes from the profile's `mfa_process`");
        return Ok(CodeSource::Process(command.to_owned()));
    }
    if ctx.prompt.can_ask() {
        return Ok(CodeSource::Person);
    }
    Err(CommandError::new(
        ErrorKind::Configuration,
        format!("no secret is stored for `{serial}`, and nobody can be asked for a code"),
    )
    .hint(format!("awsmfa device import --serial {serial}")))
}

/// Asks a source that is not a seed for a code. A person is told why the last one was `rejected`.
pub(super) fn obtain(
    ctx: &Context,
    source: &CodeSource,
    serial: &Serial,
    rejected: Option<&str>,
) -> CommandResult<Code> {
    match source {
        CodeSource::Given(code) => Ok(code.clone()),
        CodeSource::Process(command) => {
            let failed = |why: &dyn std::fmt::Display| {
                CommandError::new(ErrorKind::Configuration, format!("`mfa_process` {why}"))
                    .hint("run the command by hand to see what it prints")
            };
            let printed = process::run(command, &ctx.env, PROCESS_LIMIT)
                .map_err(|e| failed(&format_args!("failed: {e}")))?;
            printed.expose().trim().parse().map_err(|_| failed(&"did not print a code of six digits"))
        }
        CodeSource::Seed(_) | CodeSource::Person => ask(ctx, serial, rejected),
    }
}

fn ask(ctx: &Context, serial: &Serial, rejected: Option<&str>) -> CommandResult<Code> {
    if let Some(why) = rejected {
        ctx.ui.warn(why);
    }
    loop {
        let answer = ctx.prompt.secret(&format!("code of {serial}")).map_err(|error| match error {
            PromptError::CannotAsk(_) => CommandError::from(error).hint("give it with `--code`"),
            other => other.into(),
        })?;
        match answer.expose().parse() {
            Ok(code) => return Ok(code),
            Err(error) => ctx.ui.warn(error),
        }
    }
}
