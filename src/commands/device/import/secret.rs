//! Reading the secret: from a person, who may try again, or from standard input.

use std::io::Read;

use super::{ImportArgs, command};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::otpauth;
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::{Seed, SeedError};

/// The most that is read of stdin: an otpauth URI is far shorter.
const INPUT_LIMIT: u64 = 16 * 1024;
/// How often a person is asked.
const ATTEMPTS: u32 = 3;

/// The seed from wherever the command line says.
pub(super) fn read(ctx: &Context, args: &ImportArgs, serial: &Serial) -> CommandResult<Seed> {
    if args.uri_stdin {
        let text = read_stdin()?;
        return Ok(Seed::from_uri(otpauth::find(text.expose()).unwrap_or(text.expose()))?);
    }
    if args.secret_stdin {
        return Ok(either(&read_stdin()?)?);
    }
    let mut attempt = 1;
    loop {
        match either(&ask(ctx, args, serial)?) {
            Err(error) if attempt < ATTEMPTS => ctx.ui.warn(error),
            seed => return Ok(seed?),
        }
        attempt += 1;
    }
}

fn ask(ctx: &Context, args: &ImportArgs, serial: &Serial) -> CommandResult<Secret<String>> {
    ctx.prompt.secret(&format!("secret key of {serial}")).map_err(|error| {
        let this = CommandError::from(error);
        if this.kind == ErrorKind::Interrupted {
            return this;
        }
        let message = format!("the secret key is missing: {}", this.message);
        let piped = format!("… | {} --secret-stdin", command(args, args.store));
        CommandError { message, ..this }.hint(format!("pipe it in: `{piped}`"))
    })
}

/// People paste what they have: the secret key, or the whole URI.
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
        CommandError::new(ErrorKind::Usage, format!("standard input cannot be read: {error}"))
            .hint("pipe in the secret key or the URI as text, not a picture")
    })?;
    Ok(text)
}
