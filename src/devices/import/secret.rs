//! Reading the secret, from a person, who may try again, or from standard input.

use std::io::{self, Read};

use zeroize::Zeroizing;

use super::target::Target;
use super::{ImportRequest, accounts};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files;
use crate::model::account::Account;
use crate::model::secret::{self, Secret};
use crate::model::serial::Serial;

/// The largest input, in bytes. An app's list of otpauth URIs is far shorter.
const INPUT_LIMIT: usize = 1024 * 1024;
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
    let too_large = || {
        let message = "standard input is larger than 1 MiB";
        CommandError::new(ErrorKind::Usage, message).hint("pipe in the secret key or the URI")
    };
    let unreadable = |error: &dyn std::fmt::Display| {
        CommandError::new(ErrorKind::Usage, format!("cannot read standard input: {error}"))
            .hint("pipe in the secret key or the URI as text, not as an image")
    };
    let mut all = Zeroizing::new(Vec::new());
    // Not smaller than std's own buffer, which would keep a copy until the process ends.
    let mut chunk = Zeroizing::new([0; 16 * 1024]);
    secret::lock(chunk.as_slice());
    loop {
        match io::stdin().lock().read(chunk.as_mut_slice()) {
            Ok(0) => break,
            Ok(count) if all.len() + count > INPUT_LIMIT => return Err(too_large()),
            Ok(count) => files::append(&mut all, &chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(&error)),
        }
    }
    if all.trim_ascii().is_empty() {
        return Err(CommandError::new(ErrorKind::Usage, "standard input is empty")
            .hint("check the command before the pipe: it printed no secret"));
    }
    let all = Secret::locked(std::mem::take(&mut *all));
    let text =
        std::str::from_utf8(all.expose()).map_err(|_| unreadable(&"stream did not contain valid UTF-8"))?;
    Ok(Secret::locked(text.to_owned()))
}
