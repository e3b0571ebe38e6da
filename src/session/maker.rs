//! One session for all that ask: from the cache while it is fresh, else a new one, which one process gets while the others
//! wait for its lock. If AWS is out of reach, a session that has not expired serves, with a warning.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::device::Device;
use super::error::SessionError;
use super::outage;
use super::plan::Plan;
use super::prepare::{LazyAws, Prepared};
use super::request::Request;
use super::sign_in::sign_in;
use crate::answers;
use crate::aws::{AssumeRole, AwsError, AwsErrorKind};
use crate::cache::{Cache, SessionKey};
use crate::context::Context;
use crate::error::CommandError;
use crate::files::Lock;
use crate::model::duration::SessionDuration;
use crate::model::session::{Session, timestamp};

/// How long an SDK waits for another process that is getting the session: if an older session serves, and if none does;
/// the other may be waiting for the next code.
const LOCK_LIMITS: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(35));

/// A base session that is so new serves a forced role, too: `login --all --force` takes a code a user, not one a role.
const NEW: TimeDelta = TimeDelta::minutes(1);

pub struct SessionMaker<'a> {
    ctx: &'a Context,
    request: &'a Request<'a>,
    aws: &'a LazyAws<'a>,
    device: Device<'a>,
    cache: Cache,
}

/// A session, and where it comes from.
pub struct Made {
    pub session: Session,
    /// Whether AWS issued it just now.
    pub is_new: bool,
    /// AWS's time minus this computer's.
    pub offset: TimeDelta,
}

impl<'a> SessionMaker<'a> {
    pub fn new(ctx: &'a Context, request: &'a Request<'a>, prepared: &'a Prepared) -> Self {
        let device = Device::new(ctx, &prepared.plan.serial, request.asker);
        Self { ctx, request, aws: &prepared.aws, device, cache: ctx.cache() }
    }

    /// The session of a plan.
    pub fn ensure(&self, plan: &Plan, force: bool) -> Result<Made, SessionError> {
        let key = plan.key();
        if !force && let Some(found) = self.cached(&key, Session::is_fresh)? {
            return Ok(found);
        }
        let asked = self.ctx.clock.now();
        let Some(lock) = self.lock(&key)? else { return self.still_valid(&key, SessionError::Busy) };
        if !force && let Some(found) = self.cached(&key, Session::is_fresh)? {
            self.ctx.ui.detail("another process has just made the session");
            return Ok(found);
        }
        let made = match outage::since(&lock, asked) {
            // Otherwise everyone in the queue would wait for AWS in turn, and spend a code.
            Some(error) if self.request.asker.is_sdk() => Err(SessionError::KnownOutage(error)),
            _ => self.make(plan, force),
        };
        match made {
            Ok(session) => {
                outage::forget(&lock);
                self.keep(&key, &session);
                Ok(Made { session, is_new: true, offset: self.device.offset()? })
            }
            Err(error) => {
                // Only what AWS did to us: another's note, left again, would last as long as anyone asks.
                if error.is_outage() {
                    outage::note(&lock, self.ctx.clock.now());
                }
                if force || !error.is_transient() { Err(error) } else { self.still_valid(&key, error) }
            }
        }
    }

    /// The session's lock. An SDK is not kept waiting for a person at a prompt, or for long if an older session serves.
    fn lock(&self, key: &SessionKey) -> Result<Option<Lock>, SessionError> {
        if !self.request.asker.is_sdk() {
            let waiting = || self.ctx.ui.say("another awsmfa is making this session; waiting for it");
            return Ok(Some(self.cache.lock(key, &*self.ctx.clock, waiting)?));
        }
        let limit = match self.cached(key, Session::is_valid)? {
            Some(_) => LOCK_LIMITS.0,
            None => LOCK_LIMITS.1,
        };
        Ok(self.cache.lock_within(key, limit, &*self.ctx.clock)?)
    }

    /// Keeps a new session. It cost a code: one that cannot be kept is handed out all the same.
    fn keep(&self, key: &SessionKey, session: &Session) {
        let (ui, folder) = (&self.ctx.ui, self.ctx.paths.cache());
        if let Err(error) = self.cache.put(key, session) {
            ui.warn(format_args!("the session could not be kept in {}: {error}", folder.display()));
        }
        // The answers for other profiles may be of the session before.
        if let Err(error) = answers::forget_all(folder) {
            ui.warn(format_args!("older answers in {} cannot be removed: {error}", folder.display()));
        }
    }

    fn make(&self, plan: &Plan, force: bool) -> Result<Session, SessionError> {
        let Some((role, before)) = plan.terms.roles.split_last() else { return self.sign_in(plan, None) };
        if before.is_empty() && role.duration > SessionDuration::HOUR {
            // A role assumed from a session lasts an hour at most.
            return self.assume_directly(plan, role);
        }
        let base = self.base(plan, force)?;
        let (mut session, mut base_is_old) = (base.session, !base.is_new);
        for role in &plan.terms.roles {
            if role.duration > SessionDuration::HOUR {
                let arn = &role.role_arn;
                self.ctx
                    .ui
                    .warn(format_args!("`{arn}` is assumed for 1 h: AWS gives a role in a chain no longer"));
            }
            let role = AssumeRole { duration: role.duration.min(SessionDuration::HOUR), ..role.clone() };
            self.ctx.ui.detail(format_args!("assuming `{}` from the session", role.role_arn));
            session = self.assume(&session, &role).map_err(|error| match error {
                SessionError::Aws(error) if base_is_old && error.kind == AwsErrorKind::AccessDenied => {
                    SessionError::RoleDenied(error)
                }
                error => error,
            })?;
            // Only the first role sees the code's age; those after it see a role.
            base_is_old = false;
        }
        Ok(session)
    }

    fn assume_directly(&self, plan: &Plan, role: &AssumeRole) -> Result<Session, SessionError> {
        let (arn, ui) = (&role.role_arn, &self.ctx.ui);
        let duration = role.duration.min(SessionDuration::ROLE_MAX);
        ui.detail(format_args!(
            "`{arn}` for {duration}: assumed with the long-term keys and a code, because from a session it would end after 1 h"
        ));
        if role.duration > duration {
            ui.warn(format_args!("`{arn}` is assumed for {duration}, the maximum for a role"));
        }
        self.sign_in(plan, Some(&AssumeRole { duration, ..role.clone() }))
    }

    fn sign_in(&self, plan: &Plan, role: Option<&AssumeRole>) -> Result<Session, SessionError> {
        sign_in(&self.device, &*self.aws.get()?, self.request, plan, role)
    }

    /// The user's own session, from which roles are assumed. It is forced like the role: the role's trust policy may
    /// demand a newer code.
    fn base(&self, plan: &Plan, force: bool) -> Result<Made, SessionError> {
        let plan = plan.without_roles();
        let is_new = |session: &Session, now: DateTime<Utc>| now - session.issued < NEW;
        let force = force && self.cached(&plan.key(), is_new)?.is_none();
        self.ensure(&plan, force)
    }

    /// Assumes a role from a session. The clock may have been set since AWS issued the session; AWS's reply shows it.
    fn assume(&self, session: &Session, role: &AssumeRole) -> Result<Session, SessionError> {
        let aws = self.aws.get()?;
        let send = |offset| aws.signed(&session.into(), offset).assume_role(role, None);
        let reply = send(self.device.offset()?);
        let result = match (reply.result, reply.server_time) {
            (Err(AwsError { kind: AwsErrorKind::ClockSkew, .. }), Some(aws_time)) => {
                let mut ledger = self.device.open_ledger()?;
                self.device.learn_time(&mut ledger, aws_time)?;
                send(ledger.offset()).result
            }
            (result, _) => result,
        };
        result.map_err(SessionError::Aws)
    }

    fn cached(
        &self,
        key: &SessionKey,
        judge: fn(&Session, DateTime<Utc>) -> bool,
    ) -> Result<Option<Made>, SessionError> {
        let offset = self.device.offset()?;
        let local = self.ctx.clock.now();
        // A cache that cannot be read is an empty one.
        let cached = self.cache.get(key).unwrap_or_default();
        let good = cached.filter(|session| session.holds(judge, local, offset));
        Ok(good.map(|session| Made { session, is_new: false, offset }))
    }

    /// The previous session, if it has not expired, with a warning why there is no new one.
    fn still_valid(&self, key: &SessionKey, error: SessionError) -> Result<Made, SessionError> {
        let Some(found) = self.cached(key, Session::is_valid)? else { return Err(error) };
        let reason = CommandError::from(error).message;
        let until = timestamp(found.session.expiration);
        self.ctx.ui.warn(format_args!("{reason}; the session from before still serves until {until}"));
        Ok(found)
    }
}
