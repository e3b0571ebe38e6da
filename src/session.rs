//! Sessions. Every command gets one through [`obtain`]; [`peek`] shows what is cached.
//!
//! ```text
//! fresh in the cache? → done                     (no lock)
//! take the session's lock                        (a kernel lock; dies with the process)
//! fresh in the cache now? → done                 (another process got it)
//! take the device's lock → code → STS → ledger → cache → unlock
//! ```

mod base;
mod code;
mod device;
mod error;
mod keys;
mod maker;
mod outage;
mod peek;
mod plan;
mod prepare;
mod refused_role;
mod request;
mod serial;
mod settings;
mod sign_in;

use chrono::TimeDelta;

pub use base::check_credential_source;
pub use error::SessionError;
pub use keys::{any_keys_from_process, check_static_keys, keys_of_environment, long_term_keys};
pub use peek::{Peeked, peek, peek_in};
pub use prepare::unconfigured;
pub use request::{Asker, Request};
pub use serial::{UserDevice, choose_device, known_serial, unknown_serial};
pub use settings::{RegionSetting, assume_role, connection};

use crate::aws_files::resolve::Resolution;
use crate::cache::SessionKey;
use crate::context::Context;
use crate::env::Env;
use crate::error::CommandResult;
use crate::model::session::Session;
use maker::{Made, SessionMaker};
use prepare::Prepared;

/// A session, and what is known about it.
#[derive(Debug)]
pub struct Obtained {
    pub session: Session,
    /// Whether AWS issued it just now.
    pub is_new: bool,
    /// AWS's time minus this computer's.
    pub offset: TimeDelta,
    /// The profile, resolved.
    pub profile: Resolution,
    /// The device whose codes get the session; `None` if its role is assumed with credentials that are temporary already.
    pub device: Option<UserDevice>,
    /// The region, if one is configured. The partition's default does not count.
    pub region: Option<RegionSetting>,
}

/// Gets a session: from the cache while it is fresh, otherwise a new one. Errors have hints that name the profile, the key and
/// the device. A serial that was looked up in AWS is remembered.
pub fn obtain(ctx: &Context, request: &Request) -> CommandResult<Obtained> {
    let prepared = prepare::prepare(ctx, request)?;
    match get(ctx, request, &prepared) {
        Ok(made) => Ok(obtained(made, prepared)),
        Err(error) => Err(error.explain(&prepared.plan, &prepared.resolution)),
    }
}

/// Like [`obtain`], for callers that handle some errors themselves: the hints are general.
pub fn try_obtain(ctx: &Context, request: &Request) -> Result<Obtained, SessionError> {
    let prepared = prepare::prepare(ctx, request)?;
    Ok(obtained(get(ctx, request, &prepared)?, prepared))
}

fn get(ctx: &Context, request: &Request, prepared: &Prepared) -> Result<Made, SessionError> {
    let maker = SessionMaker::new(ctx, request, prepared);
    maker.check()?;
    let made = maker.ensure(&prepared.plan, request.force).inspect_err(|error| {
        if let (None, Some(device)) = (&request.serial, &prepared.device) {
            device.doubt(ctx, error);
        }
    })?;
    if let Some(device) = &prepared.device {
        device.remember(ctx);
    }
    Ok(made)
}

fn obtained(made: Made, prepared: Prepared) -> Obtained {
    Obtained {
        session: made.session,
        is_new: made.is_new,
        offset: made.offset,
        profile: prepared.resolution,
        device: prepared.device,
        region: prepared.region,
    }
}

/// The MFA device for a request. Looked up in AWS if nothing here names it.
pub fn device(ctx: &Context, request: &Request) -> CommandResult<UserDevice> {
    let request = Request { without_roles: true, ..request.clone() };
    let device = prepare::prepare(ctx, &request)?.device;
    Ok(device.unwrap_or_else(|| unreachable!("only roles are assumed with temporary credentials")))
}

/// Checks the duration that the environment sets.
pub fn check_duration(env: &Env) -> CommandResult {
    plan::variable_duration(env).map(drop)
}

/// The key under which the session is cached and locked.
pub fn key(ctx: &Context, request: &Request) -> CommandResult<SessionKey> {
    Ok(prepare::prepare(ctx, request)?.plan.key())
}
