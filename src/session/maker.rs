//! One session for everyone who asks: from the cache while it is fresh, otherwise a new one, which one process gets while the
//! others wait for its lock. If AWS cannot be reached, a session that has not expired is used, with a warning.

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
use crate::aws_files::resolve::Resolution;
use crate::cache::{Cache, SessionKey};
use crate::context::Context;
use crate::error::{CommandError, CommandResult};
use crate::files::Lock;
use crate::model::duration::SessionDuration;
use crate::model::session::{Session, timestamp};

/// How long an SDK waits for another process that is getting the session: with an older session to use, and without one.
/// The other process may be waiting for the next code.
const LOCK_LIMITS: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(35));

/// A base session this new also serves a forced role: `login --all --force` uses one code per user, not one per role.
const NEW: TimeDelta = TimeDelta::minutes(1);

pub struct SessionMaker<'a> {
    ctx: &'a Context,
    request: &'a Request<'a>,
    aws: &'a LazyAws<'a>,
    profile: &'a Resolution,
    device: Device<'a>,
    cache: Cache,
}

/// A session, and whether it is new.
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
        Self { ctx, request, aws: &prepared.aws, profile: &prepared.resolution, device, cache: ctx.cache() }
    }

    /// Whether the request's own condition holds.
    pub fn check(&self) -> CommandResult {
        self.request.check.map_or(Ok(()), |check| check(self.profile))
    }

    /// The session of a plan.
    pub fn ensure(&self, plan: &Plan, force: bool) -> Result<Made, SessionError> {
        let key = plan.key();
        if !force && let Some(found) = self.cached(&key, Session::is_fresh)? {
            return Ok(found);
        }
        let asked = self.ctx.clock.now();
        let free = self.cache.lock_within(&key, Duration::ZERO, &*self.ctx.clock)?;
        let has_waited = free.is_none();
        let Some(lock) = free.map_or_else(|| self.lock(&key), |lock| Ok(Some(lock)))? else {
            return self.still_valid(&key, SessionError::Busy);
        };
        if !force && let Some(found) = self.cached(&key, Session::is_fresh)? {
            self.ctx.ui.detail("another process has just cached the session");
            return Ok(found);
        }
        // The files may have changed during the wait, and a code is about to be used.
        if has_waited {
            self.check()?;
        }
        let made = match outage::since(&lock, asked) {
            // Otherwise every process in the queue would wait for AWS and spend a code.
            Some(error) if self.request.asker.is_hurried() => Err(SessionError::KnownOutage(error)),
            _ => self.make(plan, force),
        };
        match made {
            Ok(session) => {
                outage::forget(&lock);
                self.keep(&key, &session);
                Ok(Made { session, is_new: true, offset: self.device.offset()? })
            }
            Err(error) => {
                // Only for this process's own outage: copying another process's note would prolong it forever.
                if error.is_outage() {
                    outage::note(&lock, self.ctx.clock.now());
                }
                if force || !error.is_transient() { Err(error) } else { self.still_valid(&key, error) }
            }
        }
    }

    /// The session's lock. An SDK does not wait for a person at a prompt, and only briefly if there is an older session.
    fn lock(&self, key: &SessionKey) -> Result<Option<Lock>, SessionError> {
        if !self.request.asker.is_hurried() {
            let waiting = || self.ctx.ui.say("waiting for another awsmfa process to get this session");
            return Ok(Some(self.cache.lock(key, &*self.ctx.clock, waiting)?));
        }
        let limit = match self.cached(key, Session::is_valid)? {
            Some(_) => LOCK_LIMITS.0,
            None => LOCK_LIMITS.1,
        };
        Ok(self.cache.lock_within(key, limit, &*self.ctx.clock)?)
    }

    /// Caches a new session. If that fails, the session is used anyway: it cost a code.
    fn keep(&self, key: &SessionKey, session: &Session) {
        let (ui, folder) = (&self.ctx.ui, self.ctx.paths.cache());
        if let Err(error) = self.cache.put(key, session) {
            ui.warn(format_args!("cannot cache the session in {}: {error}", folder.display()));
        }
        // The answers for other profiles may contain the previous session.
        if let Err(error) = answers::forget_all(folder) {
            ui.warn(format_args!("cannot remove older cached answers from {}: {error}", folder.display()));
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
                self.ctx.ui.warn(format_args!("`{arn}` is assumed for 1h, the maximum in a role chain"));
            }
            let role = AssumeRole { duration: role.duration.min(SessionDuration::HOUR), ..role.clone() };
            self.ctx.ui.detail(format_args!("assuming `{}` from the session", role.role_arn));
            session = self.assume(&session, &role).map_err(|error| match error {
                SessionError::Aws(error) if base_is_old && error.kind == AwsErrorKind::AccessDenied => {
                    SessionError::RoleDenied(error)
                }
                error => error,
            })?;
            // Only the first role in a chain sees the age of the code.
            base_is_old = false;
        }
        Ok(session)
    }

    fn assume_directly(&self, plan: &Plan, role: &AssumeRole) -> Result<Session, SessionError> {
        let (arn, ui) = (&role.role_arn, &self.ctx.ui);
        let duration = role.duration.min(SessionDuration::ROLE_MAX);
        ui.detail(format_args!(
            "assuming `{arn}` for {duration} directly, with a code, because AWS limits role chaining to 1h"
        ));
        if role.duration > duration {
            ui.warn(format_args!("`{arn}` is assumed for {duration}, the maximum for a role"));
        }
        self.sign_in(plan, Some(&AssumeRole { duration, ..role.clone() }))
    }

    fn sign_in(&self, plan: &Plan, role: Option<&AssumeRole>) -> Result<Session, SessionError> {
        sign_in(&self.device, &*self.aws.get()?, self.request, plan, role)
    }

    /// The user's own session, from which roles are assumed. Forced like the role, because the role's trust policy may require
    /// a more recent code.
    fn base(&self, plan: &Plan, force: bool) -> Result<Made, SessionError> {
        let plan = plan.without_roles();
        let is_new = |session: &Session, now: DateTime<Utc>| now - session.issued < NEW;
        let force = force && self.cached(&plan.key(), is_new)?.is_none();
        self.ensure(&plan, force)
    }

    /// Assumes a role from a session. If the clock was changed since AWS issued the session, AWS's reply tells.
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
        // A cache that cannot be read counts as empty.
        let cached = self.cache.get(key).unwrap_or_default();
        let good = cached.filter(|session| session.holds(judge, local, offset));
        Ok(good.map(|session| Made { session, is_new: false, offset }))
    }

    /// The previous session, if it has not expired, with a warning why there is no new one.
    fn still_valid(&self, key: &SessionKey, error: SessionError) -> Result<Made, SessionError> {
        let Some(found) = self.cached(key, Session::is_valid)? else { return Err(error) };
        let reason = CommandError::from(error).message;
        let until = timestamp(found.session.expiration);
        self.ctx.ui.warn(format_args!("{reason}; using the previous session, valid until {until}"));
        Ok(found)
    }
}
