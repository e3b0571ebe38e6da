//! Whether a secret belongs to a device: AWS issues a session for one of its codes. The session is cached, so the code is
//! not wasted. Only a rejected code prevents a secret from being stored; any other failure is no reason to lose it.

use super::ImportRequest;
use crate::aws::AwsErrorKind;
use crate::aws_files::resolve::resolve;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::session::{self, Asker, Request, SessionError};

/// What is known about an imported secret.
#[derive(Debug)]
pub enum Checked {
    /// AWS issued a session for one of the device's codes.
    Accepted,
    /// The person did not want the check.
    No,
    /// No profile has keys of the device's user.
    NoProfile,
    /// The check was not possible.
    Failed(CommandError),
}

/// Gets a session with the secret. A rejected code is an error.
pub(super) fn check(
    ctx: &Context,
    request: &ImportRequest,
    serial: &Serial,
    seed: &Seed,
    profile: Option<&str>,
) -> CommandResult<Checked> {
    let checked = match profile.map(str::to_owned).or_else(|| profile_of(ctx, serial)) {
        Some(profile) => by_session(ctx, seed, serial, Request::person(Named::Flag(&profile))),
        None => match by_environment(ctx, seed, serial)? {
            Some(checked) => checked,
            None => return Ok(Checked::NoProfile),
        },
    };
    match checked {
        Ok(()) => Ok(Checked::Accepted),
        Err(SessionError::Aws(error)) if error.kind == AwsErrorKind::InvalidCode => {
            let message = format!(
                "AWS rejects the codes that this secret generates for `{serial}`; nothing was stored"
            );
            Err(CommandError::new(ErrorKind::Refused, message)
                .hint("check that the secret key belongs to this device, and that the device was not replaced since then")
                .hint(format!("store the secret without the check: `{} --no-verify`", request.command(request.store))))
        }
        Err(error) => match CommandError::from(error) {
            error if error.kind == ErrorKind::Interrupted => Err(error),
            error => Ok(Checked::Failed(error)),
        },
    }
}

/// Gets a session of the user, not of a role: a role that cannot be assumed says nothing about the secret.
fn by_session(ctx: &Context, seed: &Seed, serial: &Serial, request: Request) -> Result<(), SessionError> {
    ctx.ui.doing("checking that AWS accepts the codes of the secret");
    let request = Request {
        // A check is not worth waiting minutes for.
        asker: Asker::Check,
        serial: Some(serial.clone()),
        seed: Some(seed.clone()),
        force: true,
        without_roles: true,
        ..request
    };
    session::try_obtain(ctx, &request).map(drop)
}

/// Gets a session with the keys in the environment; `None` if there are none, or if they are another user's.
fn by_environment(
    ctx: &Context,
    seed: &Seed,
    serial: &Serial,
) -> CommandResult<Option<Result<(), SessionError>>> {
    let Some(keys) = session::keys_of_environment(ctx)?.and_then(|keys| keys.long_term()) else {
        return Ok(None);
    };
    let unconfigured = session::unconfigured(ctx.env.profile());
    let connection = session::connection(ctx, &ctx.profiles()?, &unconfigured, Some(serial), Asker::Check)?;
    let checked = by_session(ctx, seed, serial, Request::keys(&keys, &connection.settings));
    match &checked {
        Err(SessionError::Aws(error)) if error.kind == AwsErrorKind::CannotValidateCode => return Ok(None),
        Ok(()) => {
            let remembered = ctx.vault.remember_for_key(&keys.access_key_id, serial);
            // AWS can still be asked.
            remembered
                .unwrap_or_else(|error| ctx.ui.detail(format_args!("cannot remember `{serial}`: {error}")));
        }
        Err(_) => {}
    }
    Ok(Some(checked))
}

/// A profile that refers to the device and has keys.
fn profile_of(ctx: &Context, serial: &Serial) -> Option<String> {
    let profiles = ctx.profiles().ok()?;
    let mut names = profiles.names();
    let uses = |name: &&str| {
        resolve(&profiles, name).is_ok_and(|resolution| {
            resolution.keys.is_ok()
                && resolution.serial.is_some_and(|setting| setting.text == serial.as_str())
        })
    };
    names.find(uses).map(str::to_owned)
}
