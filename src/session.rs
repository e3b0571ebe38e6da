//! Sessions: [`ensure`] is the one way in which any command gets one.
//!
//! ```text
//! fresh in the cache? → done                     (no lock)
//! take the session's lock                        (the kernel's; dies with the process)
//! fresh in the cache now? → done                 (someone else made it)
//! check everything that can fail without a code
//! take the device's lock → code → STS → ledger → cache → unlock
//! ```

mod code;
mod discover;
mod plan;
mod settings;
mod sign_in;

use std::io;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use discover::{doubt_serial, known_serial, remember_for_key, remember_serial};
pub use plan::{
    Plan, Prepared, Wishes, any_keys_from_process, keys_of_environment, long_term_keys, plan_for_keys,
    prepare, unconfigured,
};
pub use settings::{assume_role, check_static_keys, settings};

use crate::answers;
use crate::aws::{AssumeRole, Aws, AwsError, AwsErrorKind};
use crate::cache::SessionKey;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind, RefusedCode, RefusedKeys};
use crate::files::Lock;
use crate::ledger::Ledgers;
use crate::model::duration::SessionDuration;
use crate::model::session::{Session, timestamp};
use crate::model::totp::{Code, Seed};
use crate::model::visible::quoted;

/// How long an SDK waits for another process that is making the session: if an older session serves, and if none does;
/// the other may be waiting for the next code.
const LOCK_LIMITS: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(35));

/// A base session that is so new serves a forced role, too: `login --all --force` takes a code a user, not one a role.
const NEW: TimeDelta = TimeDelta::minutes(1);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// AWS refused or cannot be reached.
    #[error(transparent)]
    Aws(AwsError),
    /// AWS was out of reach for another process a moment ago, and was not asked again.
    #[error(transparent)]
    KnownOutage(AwsError),
    /// AWS does not let a session from the cache assume a role.
    #[error(transparent)]
    RoleDenied(AwsError),
    /// No code can be had: nobody can be asked, a command failed, or the store is locked.
    #[error(transparent)]
    NoCode(Box<CommandError>),
    /// The computer's clock is so wrong that a session's end could not be told.
    #[error("the clock is off by {by:?}")]
    ClockOff {
        /// Whether it is behind AWS's rather than ahead.
        behind: bool,
        by: Duration,
    },
    /// The device's codes were tried so often that AWS would stop judging them.
    #[error("too many tries; rest for {seconds} s")]
    Rest {
        /// When to try again.
        seconds: u64,
    },
    /// Another process is making the session and does not come to an end.
    #[error("busy")]
    Busy,
    /// A file of ours cannot be read or written; the error names it.
    #[error(transparent)]
    State(#[from] io::Error),
    /// Anything that was already put in words.
    #[error(transparent)]
    Command(Box<CommandError>),
}

impl From<CommandError> for SessionError {
    fn from(error: CommandError) -> Self {
        Self::Command(Box::new(error))
    }
}

/// How a session is to be had.
pub struct Options<'a> {
    /// Make a new one even if one is fresh.
    pub force: bool,
    /// An SDK waits for the answer: nothing takes longer than a step.
    pub unattended: bool,
    /// A code that the person gave.
    pub code: Option<Code>,
    /// A secret that is not stored yet and has to prove itself.
    pub seed: Option<Seed>,
    /// What else must hold before a code is spent, such as that the session can be written.
    pub precheck: &'a dyn Fn() -> CommandResult,
}

/// A session and where it comes from.
#[derive(Debug)]
pub struct Ensured {
    pub session: Session,
    /// Whether it was made now rather than found in the cache.
    pub made: bool,
    /// AWS's time minus this computer's.
    pub offset: TimeDelta,
}

/// Sees to it that there is a session for the plan: from the cache while it is fresh, else a new one, made by one process
/// for all that ask. If AWS is out of reach, a session that has not ended serves, with a warning.
pub fn ensure(ctx: &Context, aws: &Aws, plan: &Plan, options: &Options) -> Result<Ensured, SessionError> {
    Maker::new(ctx, aws, options, false)?.ensure(plan, options.force)
}

/// A session that shows whether the stored secret is the device's: [`ensure`], but a rejected code is an answer, not a sign
/// that another computer uses the device. So that this is certain, several codes are tried.
pub fn prove(ctx: &Context, aws: &Aws, plan: &Plan, options: &Options) -> Result<Ensured, SessionError> {
    Maker::new(ctx, aws, options, true)?.ensure(plan, options.force)
}

/// An error of [`ensure`] in words, with hints that name the profile, the key and the device.
pub fn explain(error: SessionError, prepared: &Prepared) -> CommandError {
    match error {
        SessionError::Aws(error) => {
            let plan = &prepared.plan;
            let about = RefusedKeys::new(&plan.keys, &prepared.resolution);
            let device = RefusedCode { serial: &plan.serial };
            CommandError::refused(error, &about, Some(&device))
        }
        // AWS does not say which condition of the role's trust policy was not met.
        SessionError::RoleDenied(error) => CommandError::from(error).hint(format!(
            "if the role demands a newer code: `awsmfa login --profile {} --force`",
            quoted(&prepared.resolution.profile)
        )),
        SessionError::NoCode(error) if error.kind == ErrorKind::Configuration => error.hint(format!(
            "or give a code: `awsmfa login --profile {} --code CODE`",
            quoted(&prepared.resolution.profile)
        )),
        other => other.into(),
    }
}

struct Maker<'a> {
    ctx: &'a Context,
    aws: &'a Aws,
    options: &'a Options<'a>,
    ledgers: Ledgers,
    cache: crate::cache::Cache,
    /// Whether rejected codes are the answer that is wanted.
    probing: bool,
}

impl<'a> Maker<'a> {
    fn new(ctx: &'a Context, aws: &'a Aws, options: &'a Options, probing: bool) -> CommandResult<Self> {
        // A seed that is not stored yet is there to be proved.
        let probing = probing || options.seed.is_some();
        Ok(Self { ctx, aws, options, ledgers: ctx.ledgers(), cache: ctx.cache(), probing })
    }

    fn ensure(&self, plan: &Plan, force: bool) -> Result<Ensured, SessionError> {
        let key = plan.key();
        if !force && let Some(found) = self.cached(plan, &key, Session::is_fresh)? {
            return Ok(found);
        }
        let asked = self.ctx.clock.now();
        let Some(lock) = self.lock(plan, &key)? else {
            return self.still_valid(plan, &key, SessionError::Busy);
        };
        if !force && let Some(found) = self.cached(plan, &key, Session::is_fresh)? {
            self.ctx.ui.detail("another process has just made the session");
            return Ok(found);
        }
        (self.options.precheck)()?;
        let made = match outage_since(&lock, asked) {
            // Else everyone in the queue would wait for AWS in turn, and spend a code.
            Some(error) if self.options.unattended => Err(SessionError::KnownOutage(error)),
            _ => self.make(plan, force),
        };
        match made {
            Ok(session) => {
                forget_outage(&lock);
                self.keep(&key, &session);
                Ok(Ensured { session, made: true, offset: self.offset(plan)? })
            }
            Err(error) => {
                // Only what AWS did to us: what another noted, noted anew, would go on for as long as anyone asks.
                if is_outage(&error) {
                    note_outage(&lock, self.ctx.clock.now());
                }
                if force || !is_passing(&error) { Err(error) } else { self.still_valid(plan, &key, error) }
            }
        }
    }

    /// The session's lock. An SDK is not kept waiting for a person at a prompt, or for long if an older session serves.
    fn lock(&self, plan: &Plan, key: &SessionKey) -> Result<Option<Lock>, SessionError> {
        if !self.options.unattended {
            let waiting = || self.ctx.ui.say("another awsmfa is making this session; waiting for it");
            let lock = self.cache.lock(key, &*self.ctx.clock, waiting);
            return Ok(Some(lock?));
        }
        let limit = match self.cached(plan, key, Session::is_valid)? {
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
        let Some((role, before)) = plan.roles.split_last() else {
            return self.sign_in(plan, None);
        };
        if before.is_empty() && role.duration > SessionDuration::HOUR {
            // A role assumed from a session lives an hour at most.
            let (arn, hours) = (&role.role_arn, role.duration.min(SessionDuration::ROLE_MAX));
            self.ctx.ui.detail(format_args!(
                "`{arn}` for {hours}: assumed with the long-term keys and a code, because from a session it would end after 1 h"
            ));
            if role.duration > hours {
                self.ctx.ui.warn(format_args!("`{arn}` is assumed for {hours}, the maximum for a role"));
            }
            return self.sign_in(plan, Some(&AssumeRole { duration: hours, ..role.clone() }));
        }
        let base = self.base(plan, force)?;
        let mut session = base.session;
        for (index, role) in plan.roles.iter().enumerate() {
            if role.duration > SessionDuration::HOUR {
                let arn = &role.role_arn;
                self.ctx
                    .ui
                    .warn(format_args!("`{arn}` is assumed for 1 h: AWS gives a role in a chain no longer"));
            }
            let role = AssumeRole { duration: role.duration.min(SessionDuration::HOUR), ..role.clone() };
            self.ctx.ui.detail(format_args!("assuming `{}` from the session", role.role_arn));
            session = self.assume(plan, &session, &role)?.map_err(|error| {
                // Only the first role sees the code's age; those after it see a role.
                match error.kind == AwsErrorKind::AccessDenied && !base.made && index == 0 {
                    true => SessionError::RoleDenied(error),
                    false => SessionError::Aws(error),
                }
            })?;
        }
        Ok(session)
    }

    /// The user's own session, from which roles are assumed. It is forced like the role: the role's trust policy may
    /// demand a newer code.
    fn base(&self, plan: &Plan, force: bool) -> Result<Ensured, SessionError> {
        let plan = plan.without_roles();
        let is_new = |session: &Session, now: DateTime<Utc>| now - session.issued < NEW;
        let force = force && self.cached(&plan, &plan.key(), is_new)?.is_none();
        self.ensure(&plan, force)
    }

    /// Assumes a role from a session. The clock may have been set since the session was made; AWS's reply tells.
    fn assume(
        &self,
        plan: &Plan,
        session: &Session,
        role: &AssumeRole,
    ) -> Result<Result<Session, AwsError>, SessionError> {
        let send = |offset| self.aws.signed(&session.into(), offset).assume_role(role, None);
        let reply = send(self.offset(plan)?);
        match (reply.result, reply.server_time) {
            (Err(error), Some(aws_time)) if error.kind == AwsErrorKind::ClockSkew => {
                let mut ledger = self.open_ledger(plan)?;
                self.learn_time(&mut ledger, aws_time)?;
                Ok(send(ledger.offset()).result)
            }
            (result, _) => Ok(result),
        }
    }

    fn cached(
        &self,
        plan: &Plan,
        key: &SessionKey,
        judge: fn(&Session, DateTime<Utc>) -> bool,
    ) -> Result<Option<Ensured>, SessionError> {
        let offset = self.offset(plan)?;
        let local = self.ctx.clock.now();
        // A cache that cannot be read is an empty one.
        let cached = self.cache.get(key).unwrap_or_default();
        let good = cached.filter(|session| session.holds(judge, local, offset));
        Ok(good.map(|session| Ensured { session, made: false, offset }))
    }

    /// The session from before, if it has not ended, with a warning why there is no new one.
    fn still_valid(
        &self,
        plan: &Plan,
        key: &SessionKey,
        error: SessionError,
    ) -> Result<Ensured, SessionError> {
        let Some(found) = self.cached(plan, key, Session::is_valid)? else { return Err(error) };
        let reason = CommandError::from(error).message;
        let until = timestamp(found.session.expiration);
        self.ctx.ui.warn(format_args!("{reason}; the session from before still serves until {until}"));
        Ok(found)
    }

    fn state(&self, source: io::Error) -> SessionError {
        source.into()
    }

    fn offset(&self, plan: &Plan) -> Result<TimeDelta, SessionError> {
        Ok(self.ledgers.offset(&plan.serial)?)
    }
}

fn is_outage(error: &SessionError) -> bool {
    matches!(error, SessionError::Aws(error) if error.is_outage())
}

/// Whether it may be better soon, so that an older session should serve meanwhile.
fn is_passing(error: &SessionError) -> bool {
    match error {
        SessionError::Rest { .. }
        | SessionError::Busy
        | SessionError::KnownOutage(_)
        | SessionError::NoCode(_) => true,
        other => is_outage(other),
    }
}

const OUTAGE: &str = "outage ";

/// Tells those who wait for the lock that AWS is out of reach. Without the note they find out for themselves.
fn note_outage(lock: &Lock, now: DateTime<Utc>) {
    let _ = lock.leave_note(&format!("{OUTAGE}{}", now.timestamp_millis()));
}

/// So that no note is taken for a later one when a clock goes back.
fn forget_outage(lock: &Lock) {
    let _ = lock.leave_note("");
}

/// An outage that another process has met since `asked`.
fn outage_since(lock: &Lock, asked: DateTime<Utc>) -> Option<AwsError> {
    let at: i64 = lock.note().ok()?.strip_prefix(OUTAGE)?.parse().ok()?;
    let message = "another process has just tried".to_owned();
    let error = AwsError::new(AwsErrorKind::Unreachable, "GetSessionToken", message);
    (at >= asked.timestamp_millis()).then_some(error)
}
