//! Reading the secret, from a person, who may try again, or from standard input.

use std::io::Read;

use super::{ImportRequest, Input};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::otpauth;
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::{Seed, SeedError};

/// How many bytes of stdin are read; an otpauth URI is far shorter.
const INPUT_LIMIT: u64 = 16 * 1024;
/// How often a person is prompted.
const ATTEMPTS: u32 = 3;

pub(super) fn read(ctx: &Context, request: &ImportRequest, serial: &Serial) -> CommandResult<Seed> {
    if request.input == Input::UriStdin {
        let text = read_stdin()?;
        return Ok(Seed::from_uri(otpauth::find(text.expose()).unwrap_or(text.expose()))?);
    }
    if request.input == Input::SecretStdin {
        return Ok(either(&read_stdin()?)?);
    }
    let mut attempt = 1;
    loop {
        match either(&ask(ctx, request, serial)?) {
            Err(error) if attempt < ATTEMPTS => ctx.ui.warn(error),
            seed => return Ok(seed?),
        }
        attempt += 1;
    }
}

fn ask(ctx: &Context, request: &ImportRequest, serial: &Serial) -> CommandResult<Secret<String>> {
    ctx.prompt.secret(&format!("secret key of `{serial}`")).map_err(|error| {
        let this = CommandError::from(error);
        if this.kind == ErrorKind::Interrupted {
            return this;
        }
        let piped = format!("… | {} --secret-stdin", request.command(request.store));
        this.at("the secret key is missing").hint(format!("pipe it in: `{piped}`"))
    })
}

/// The secret key, or the whole URI if a person pastes that.
fn either(text: &Secret<String>) -> Result<Seed, SeedError> {
    match otpauth::find(text.expose()) {
        Some(uri) => Seed::from_uri(uri),
        None => Seed::from_base32(text.expose()),
    }
}

fn read_stdin() -> CommandResult<Secret<String>> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(INPUT_LIMIT).read_to_string(&mut text);
    let text = Secret::new(text);
    read.map_err(|error| {
        CommandError::new(ErrorKind::Usage, format!("cannot read standard input: {error}"))
            .hint("pipe in the secret key or the URI as text, not as an image")
    })?;
    Ok(text)
}
