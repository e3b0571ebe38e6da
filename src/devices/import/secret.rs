//! Reading the secret, from a person, who may try again, or from standard input.

use std::io::Read;

use super::target::Target;
use super::{ImportRequest, accounts, choose};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::otpauth;
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::{Seed, SeedError};

/// The largest input, in bytes. An app's list of otpauth URIs is far shorter.
const INPUT_LIMIT: u64 = 1024 * 1024;
/// How often a person is prompted.
const ATTEMPTS: u32 = 3;

/// Prompts for the secret. A person may try again.
pub(super) fn ask(ctx: &Context, request: &ImportRequest, target: &Target) -> CommandResult<Seed> {
    let mut attempt = 1;
    loop {
        let text = prompt(ctx, request, &target.serial)?;
        if accounts::is_list(&text) {
            let accounts = choose::fitting(accounts::in_texts(&[text])?, target);
            return choose::single(request, &accounts);
        }
        match parse(&text, false) {
            Err(error) if attempt < ATTEMPTS => ctx.ui.warn(error),
            seed => return Ok(seed?),
        }
        attempt += 1;
    }
}

/// The secret key, or the whole URI if a person pastes that.
pub(super) fn parse(text: &Secret<String>, is_uri: bool) -> Result<Seed, SeedError> {
    match otpauth::find(text.expose()) {
        Some(uri) => Seed::from_uri(uri),
        None if is_uri => Seed::from_uri(text.expose()),
        None => Seed::from_base32(text.expose()),
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
