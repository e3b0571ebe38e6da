//! Whether a secret is the device's: a session tells, which is then cached, so that the code is not wasted. Only codes that
//! AWS rejects keep a secret from being stored; whatever else prevents the check is no reason to lose one.

use super::{ImportArgs, command};
use crate::aws::AwsErrorKind;
use crate::aws_files::resolve::resolve;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::session::{self, Asker, Request, SessionError};

/// What is known about the secret.
#[derive(Debug)]
pub(super) enum Checked {
    /// AWS issued a session for one of its codes.
    Accepted,
    /// Nothing prevented the check but the person.
    No,
    /// There are no keys of the device's user.
    NoProfile,
    /// It could not be found out.
    Failed(CommandError),
}

/// Gets a session with the secret. Codes that AWS rejects are an error.
pub(super) fn check(
    ctx: &Context,
    args: &ImportArgs,
    serial: &Serial,
    seed: &Seed,
    profile: Option<&str>,
) -> CommandResult<Checked> {
    let Some(profile) = profile.map(str::to_owned).or_else(|| profile_of(ctx, serial)) else {
        return Ok(Checked::NoProfile);
    };
    let checked = by_session(ctx, seed, serial, &profile);
    match checked {
        Ok(()) => Ok(Checked::Accepted),
        Err(SessionError::Aws(error)) if error.kind == AwsErrorKind::InvalidCode => {
            let message = format!("AWS rejects the codes of this secret for `{serial}`; nothing was stored");
            Err(CommandError::new(ErrorKind::Refused, message)
                .hint("check that the secret key belongs to this device, and that the device was not replaced since")
                .hint(format!("store the secret without the check: `{} --no-verify`", command(args, args.store))))
        }
        Err(error) => match CommandError::from(error) {
            error if error.kind == ErrorKind::Interrupted => Err(error),
            error => Ok(Checked::Failed(error)),
        },
    }
}

/// A session of the user alone: a role that may not be assumed says nothing about the secret.
fn by_session(ctx: &Context, seed: &Seed, serial: &Serial, profile: &str) -> Result<(), SessionError> {
    ctx.ui.doing("checking that AWS accepts the codes of the secret");
    let request = Request {
        // Nobody waits minutes for a check.
        asker: Asker::Sdk,
        serial: Some(serial.clone()),
        seed: Some(seed.clone()),
        force: true,
        without_roles: true,
        ..Request::person(Named::Flag(profile))
    };
    session::try_obtain(ctx, &request).map(drop)
}

/// A profile that names the device and has keys.
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
