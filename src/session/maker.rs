//! One session for everyone who asks: from the cache while it is fresh, otherwise a new one, which one process gets while the
//! others wait for its lock. If AWS cannot be reached, a session that has not expired is used, with a warning.

use std::io;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::base::Base;
use super::device::Device;
use super::error::SessionError;
use super::outage;
use super::plan::Plan;
use super::prepare::{LazyAws, Prepared};
use super::refused_role::{Proof, RefusedRole};
use super::request::Request;
use super::sign_in::{Target, sign_in};
use crate::answers;
use crate::aws::{AssumeRole, AwsError, AwsErrorKind, Keys};
use crate::aws_files::resolve::Resolution;
use crate::cache::{Cache, SessionKey};
use crate::context::Context;
use crate::error::{CommandError, CommandResult};
use crate::files::Lock;
use crate::model::duration::SessionDuration;
use crate::model::session::{Session, timestamp};
use crate::retry::with_aws_time;

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
    /// `None` if the session comes from temporary credentials.
    device: Option<Device<'a>>,
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
        let device = match &prepared.plan.base {
            Base::User(user) => Some(Device::new(ctx, &user.serial, request.asker)),
            Base::Temporary(_) => None,
        };
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
                Ok(Made { session, is_new: true, offset: self.offset()? })
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
        let (user, device) = match (&plan.base, &self.device) {
            (Base::User(user), Some(device)) => (user, device),
            (Base::User(_), None) => unreachable!("a user has a device"),
            (Base::Temporary(base), _) => {
                let keys = base.load(self.ctx, &*self.aws.get()?).map_err(SessionError::NoBase)?;
                return self.assume_all(keys, &plan.terms.roles, Proof::Unknown);
            }
        };
        let sign_in = |target| sign_in(device, &*self.aws.get()?, self.request, user, target);
        let Some((role, before)) = plan.terms.roles.split_last() else {
            return sign_in(Target::Own(plan.terms.duration));
        };
        if before.is_empty() && role.duration > SessionDuration::HOUR {
            // A role assumed from a session lasts an hour at most.
            let role = self.direct(role);
            return sign_in(Target::Role(&role)).map_err(|error| about_role(error, &role, 0, Proof::Code));
        }
        let base = self.base(plan, force)?;
        let proof = Proof::Session { is_old: !base.is_new };
        self.assume_all(Keys::from(&base.session), &plan.terms.roles, proof)
    }

    /// Assumes the roles in order, the first one with these keys.
    fn assume_all(
        &self,
        mut keys: Keys,
        roles: &[AssumeRole],
        mut proof: Proof,
    ) -> Result<Session, SessionError> {
        let mut last = None;
        for (index, role) in roles.iter().enumerate() {
            if role.duration > SessionDuration::HOUR {
                let arn = &role.role_arn;
                self.ctx.ui.warn(format_args!("`{arn}` is assumed for 1h, the maximum in a role chain"));
            }
            let role = AssumeRole { duration: role.duration.min(SessionDuration::HOUR), ..role.clone() };
            self.ctx.ui.detail(format_args!("assuming `{}` from the session", role.role_arn));
            let session =
                self.assume(&keys, &role).map_err(|error| about_role(error, &role, index, proof))?;
            keys = Keys::from(&session);
            last = Some(session);
            proof = Proof::Chained;
        }
        Ok(last.unwrap_or_else(|| unreachable!("there is a role")))
    }

    /// A role that is assumed with a code, for as long as AWS allows.
    fn direct(&self, role: &AssumeRole) -> AssumeRole {
        let (arn, ui) = (&role.role_arn, &self.ctx.ui);
        let duration = role.duration.min(SessionDuration::ROLE_MAX);
        ui.detail(format_args!(
            "assuming `{arn}` for {duration} directly, with a code, because AWS limits role chaining to 1h"
        ));
        if role.duration > duration {
            ui.warn(format_args!("`{arn}` is assumed for {duration}, the maximum for a role"));
        }
        AssumeRole { duration, ..role.clone() }
    }

    /// The user's own session, from which roles are assumed. Forced like the role, because the role's trust policy may require
    /// a more recent code.
    fn base(&self, plan: &Plan, force: bool) -> Result<Made, SessionError> {
        let plan = plan.without_roles();
        let is_new = |session: &Session, now: DateTime<Utc>| now - session.issued < NEW;
        let force = force && self.cached(&plan.key(), is_new)?.is_none();
        self.ensure(&plan, force)
    }

    /// Assumes a role. If the clock was changed since AWS issued the keys, AWS's reply tells.
    fn assume(&self, keys: &Keys, role: &AssumeRole) -> Result<Session, SessionError> {
        let aws = self.aws.get()?;
        let Some(device) = &self.device else {
            let mut offset = TimeDelta::zero();
            let sent = with_aws_time(self.ctx, &aws, keys, &mut offset, |aws| aws.assume_role(role, None));
            return sent.map_err(SessionError::Aws);
        };
        let send = |offset| aws.signed(keys, offset).assume_role(role, None);
        let reply = send(device.offset()?);
        let result = match (reply.result, reply.server_time) {
            (Err(AwsError { kind: AwsErrorKind::ClockSkew, .. }), Some(aws_time)) => {
                let mut ledger = device.open_ledger()?;
                device.learn_time(&mut ledger, aws_time)?;
                send(ledger.offset()).result
            }
            (result, _) => result,
        };
        result.map_err(SessionError::Aws)
    }

    /// AWS's time minus this computer's, as far as it is known.
    fn offset(&self) -> io::Result<TimeDelta> {
        self.device.as_ref().map_or(Ok(TimeDelta::zero()), Device::offset)
    }

    fn cached(
        &self,
        key: &SessionKey,
        judge: fn(&Session, DateTime<Utc>) -> bool,
    ) -> Result<Option<Made>, SessionError> {
        let offset = self.offset()?;
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

/// What AWS's refusal says about the role.
fn about_role(error: SessionError, role: &AssumeRole, index: usize, proof: Proof) -> SessionError {
    match error {
        SessionError::Aws(error) if RefusedRole::is_about_role(&error) => {
            SessionError::Role(Box::new(RefusedRole { error, role: role.clone(), index, proof }))
        }
        error => error,
    }
}
