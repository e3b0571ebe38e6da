//! Reading the secret, from a person, who may try again, or from standard input.

use std::io::Read;

use super::target::Target;
use super::{ImportRequest, accounts};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::account::Account;
use crate::model::secret::Secret;
use crate::model::serial::Serial;

/// The largest input, in bytes. An app's list of otpauth URIs is far shorter.
const INPUT_LIMIT: u64 = 1024 * 1024;
/// How often a person is prompted.
const ATTEMPTS: u32 = 3;

/// Prompts for the secret key. A person may paste a URI, or the URIs of several accounts, and may try again.
pub(super) fn ask(ctx: &Context, request: &ImportRequest, target: &Target) -> CommandResult<Vec<Account>> {
    let mut attempt = 1;
    loop {
        let text = prompt(ctx, request, &target.serial)?;
        match accounts::in_text(&text, false).and_then(usable) {
            Err(error) if attempt < ATTEMPTS => ctx.ui.warn(error),
            accounts => return accounts,
        }
        attempt += 1;
    }
}

/// A single account must have a secret that a device can have; of several, another one may be meant.
fn usable(accounts: Vec<Account>) -> CommandResult<Vec<Account>> {
    match accounts.as_slice() {
        [Account { seed: Err(error), .. }] => Err(error.clone().into()),
        _ => Ok(accounts),
    }
}

fn prompt(ctx: &Context, request: &ImportRequest, serial: &Serial) -> CommandResult<Secret<String>> {
    ctx.prompt.secret(&format!("secret key of `{serial}`")).map_err(|error| {
        let this = CommandError::from(error);
        if this.kind == ErrorKind::Interrupted {
            return this;
        }
        let piped = format!("… | {} --secret-stdin", request.command(request.store));
        this.at("the secret key is missing").hint(format!("pipe it in: `{piped}`"))
    })
}

pub(super) fn read_stdin() -> CommandResult<Secret<String>> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(INPUT_LIMIT + 1).read_to_string(&mut text);
    let text = Secret::locked(text);
    if text.expose().len() as u64 > INPUT_LIMIT {
        let message = "standard input is larger than 1 MiB";
        return Err(CommandError::new(ErrorKind::Usage, message).hint("pipe in the secret key or the URI"));
    }
    read.map_err(|error| {
        CommandError::new(ErrorKind::Usage, format!("cannot read standard input: {error}"))
            .hint("pipe in the secret key or the URI as text, not as an image")
    })?;
    Ok(text)
}
