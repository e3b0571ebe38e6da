//! Looks at a session without getting one, for commands that only show it.

use chrono::{DateTime, TimeDelta, Utc};

use super::base::{Base, Known, User};
use super::plan::Plan;
use super::prepare::Outline;
use super::request::Request;
use super::settings::{Connection, RegionSetting};
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::Resolution;
use crate::cache::SessionKey;
use crate::context::Context;
use crate::error::CommandResult;
use crate::model::serial::Serial;
use crate::model::session::Session;

/// What is known about a session.
#[derive(Debug)]
pub struct Peeked {
    /// The profile, resolved.
    pub profile: Resolution,
    /// The device, if it is known.
    pub serial: Option<Serial>,
    /// The session in the cache. It may have expired.
    pub session: Option<Session>,
    /// AWS's time minus this computer's.
    pub offset: TimeDelta,
    /// The region, if one is configured.
    pub region: Option<RegionSetting>,
}

impl Peeked {
    /// Whether [`obtain`](super::obtain) would return the cached session. `now` is this computer's time.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.session.as_ref().is_some_and(|session| session.holds(Session::is_fresh, now, self.offset))
    }
}

/// Looks for a session. Runs no program, asks AWS nothing, and waits for no lock.
pub fn peek(ctx: &Context, request: &Request) -> CommandResult<Peeked> {
    look(ctx, request, Outline::of(ctx, request)?)
}

/// [`peek`] with the AWS files as they were read before, for callers that look at many profiles.
pub fn peek_in(ctx: &Context, profiles: &Profiles, request: &Request) -> CommandResult<Peeked> {
    look(ctx, request, Outline::in_profiles(ctx, request, profiles.clone())?)
}

fn look(ctx: &Context, request: &Request, outline: Outline) -> CommandResult<Peeked> {
    let Connection { settings, region } = outline.connection(ctx, request)?;
    let cache = ctx.cache();
    let terms = |serial: Option<&Serial>| outline.terms(ctx, request, serial, &settings);
    // A cache that cannot be read counts as empty.
    let session = match (&outline.keys, &outline.serial) {
        (Known::Temporary(base), _) => {
            let plan = Plan { base: Base::Temporary(base.clone()), terms: terms(None)? };
            cache.get(&plan.key()).unwrap_or_default()
        }
        (Known::LongTerm(keys), Some(serial)) => {
            let user = User { keys: keys.clone(), serial: serial.clone(), mfa_process: None };
            let plan = Plan { base: Base::User(user), terms: terms(Some(serial))? };
            cache.get(&plan.key()).unwrap_or_default()
        }
        // The keys are printed by a program, or the device is unknown here: the newest matching session counts.
        (keys, serial) => {
            let of_keys = |key: &SessionKey| match keys {
                Known::LongTerm(keys) => keys.access_key_id() == key.access_key_id,
                Known::Printed(name) => *name == key.access_key_id || !key.serial.is_empty(),
                Known::Temporary(_) => false,
            };
            let fits = |key: &SessionKey| -> bool {
                let device: Option<Serial> = key.serial.parse().ok();
                // A session that comes from temporary credentials has no device.
                let of_device = serial.as_ref().is_none_or(|serial| serial.as_str() == key.serial);
                of_keys(key)
                    && (key.serial.is_empty() || (of_device && device.is_some()))
                    && terms(device.as_ref()).is_ok_and(|terms| terms.match_key(key))
            };
            cache.newest(fits)
        }
    };
    let offset = match &outline.serial {
        Some(serial) => ctx.ledgers().offset(serial)?,
        None => TimeDelta::zero(),
    };
    Ok(Peeked { profile: outline.resolution, serial: outline.serial, session, offset, region })
}
