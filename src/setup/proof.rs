//! The proof that a profile works: credentials are requested as an SDK would, and AWS says whose they are.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::aws::Keys;
use crate::caller::identify;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::session::{self, Asker, Request};

use super::plan::Target;
use super::request::Mode;

/// A session that a tool would use for a profile.
pub struct Proof {
    pub profile: String,
    /// Who it belongs to.
    pub arn: String,
    pub expiration: DateTime<Utc>,
    /// AWS's time minus this computer's.
    pub offset: TimeDelta,
}

/// Requests credentials for a profile and asks AWS whose they are.
pub(super) fn of(ctx: &Context, target: &Target, mode: Mode) -> CommandResult<Proof> {
    ctx.ui.doing(format_args!("checking profile `{}`", target.profile));
    let profiles = ctx.profiles()?;
    let named = Named::Flag(&target.profile);
    let obtained = session::obtain(ctx, &Request::person(named))?;
    let keys = match mode {
        _ if target.has_role => {
            served(ctx, &target.base, mode)?;
            let session = &obtained.session;
            let token = Some(session.session_token.clone());
            Keys::new(&session.access_key_id, session.secret_access_key.clone(), token)
        }
        _ => served(ctx, &target.profile, mode)?,
    };
    let serial = Some(&target.serial);
    let connection = session::connection(ctx, &profiles, &obtained.profile, serial, Asker::Person)?;
    let aws = ctx.aws(connection.settings)?;
    let (identity, _) = identify(ctx, &aws, &keys)?;
    Ok(Proof {
        profile: target.profile.clone(),
        arn: identity.arn,
        expiration: obtained.session.expiration,
        offset: obtained.offset,
    })
}

/// The credentials that an SDK gets for a profile without a role: it runs the command, or reads the keys.
fn served(ctx: &Context, profile: &str, mode: Mode) -> CommandResult<Keys> {
    let profiles = ctx.profiles()?;
    let found = profiles.get(profile);
    let missing = || CommandError::new(ErrorKind::Failed, format!("profile `{profile}` has no session"));
    if mode == Mode::Login {
        let keys = found.and_then(|profile| profile.static_keys().ok().flatten()).ok_or_else(missing)?;
        return Ok(Keys::new(&keys.access_key_id, keys.secret, keys.session_token));
    }
    let command = found.and_then(|profile| profile.get("credential_process")).ok_or_else(missing)?;
    session::any_keys_from_process(ctx, profile, command)
}

/// How long the session is still valid.
impl Proof {
    pub fn left(&self, now: DateTime<Utc>) -> Duration {
        (self.expiration - (now + self.offset)).to_std().unwrap_or_default()
    }
}
