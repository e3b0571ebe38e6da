//! Sessions: [`ensure`] is the one way in which any command gets one.
//!
//! ```text
//! fresh in the cache? → done                     (no lock)
//! take the session's lock                        (the kernel's; dies with the process)
//! fresh in the cache now? → done                 (someone else made it)
//! check everything that can fail without a code
//! take the device's lock → code → STS → ledger → cache → unlock
//! ```

mod caller;
mod code;
mod discover;
mod plan;
mod sign_in;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;

pub use caller::{Caller, Own, caller, identify};
pub use discover::{ask_aws, known_serial, remember_serial};
pub use plan::{Plan, Prepared, Wishes, long_term_keys, plan_for_keys, prepare, settings};

use crate::aws::{AssumeRole, Aws, AwsError};
use crate::cache::SessionKey;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, RefusedCode, RefusedKeys};
use crate::ledger::Ledgers;
use crate::model::duration::SessionDuration;
use crate::model::session::Session;
use crate::model::totp::Code;

/// A clock that is further off than this is the person's to set: sessions would seem ended, or endless.
const MAX_OFFSET: TimeDelta = TimeDelta::hours(1);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// AWS refused or cannot be reached.
    #[error(transparent)]
    Aws(AwsError),
    /// The computer's clock is so wrong that a session's end could not be told.
    #[error("the clock is off by {by:?}")]
    ClockOff {
        /// Whether it is behind AWS's rather than ahead.
        behind: bool,
        /// By how much.
        by: Duration,
    },
    /// The device's codes were tried so often that AWS would stop judging them.
    #[error("too many tries; rest for {seconds} s")]
    Rest {
        /// When to try again.
        seconds: u64,
    },
    /// A file of ours cannot be read or written.
    #[error("{path}: {source}")]
    State {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
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
    /// What else must hold before a code is spent, such as that the session can be written.
    pub precheck: &'a dyn Fn() -> CommandResult,
}

/// A session and where it comes from.
#[derive(Debug)]
pub struct Ensured {
    /// The session.
    pub session: Session,
    /// Whether it was made now rather than found in the cache.
    pub made: bool,
    /// AWS's time minus this computer's.
    pub offset: TimeDelta,
}

/// Sees to it that there is a session for the plan: from the cache while it is fresh, else a new one, made by one process
/// for all that ask. If AWS is out of reach, a session that has not ended serves, with a warning.
pub fn ensure(ctx: &Context, aws: &Aws, plan: &Plan, options: &Options) -> Result<Ensured, SessionError> {
    let maker = Maker { ctx, aws, options, ledgers: ctx.ledgers()?, cache: ctx.cache()? };
    maker.ensure(plan, options.force)
}

/// An error of [`ensure`] in words, with hints that name the profile, the key and the device.
pub fn explain(error: SessionError, prepared: &Prepared, options: &Options) -> CommandError {
    match error {
        SessionError::Aws(error) => {
            let plan = &prepared.plan;
            let about = RefusedKeys::new(&plan.keys, &prepared.resolution);
            let device = RefusedCode { serial: &plan.serial, typed: options.code.is_some() };
            CommandError::refused(error, &about, Some(&device))
        }
        other => other.into(),
    }
}

struct Maker<'a> {
    ctx: &'a Context,
    aws: &'a Aws,
    options: &'a Options<'a>,
    ledgers: Ledgers,
    cache: crate::cache::Cache,
}

impl Maker<'_> {
    fn ensure(&self, plan: &Plan, force: bool) -> Result<Ensured, SessionError> {
        let key = plan.key();
        if !force && let Some(found) = self.fresh(plan, &key)? {
            return Ok(found);
        }
        let _lock = self.cache.lock(&key).map_err(|e| self.state(e))?;
        if !force && let Some(found) = self.fresh(plan, &key)? {
            self.ctx.ui.detail("another process has just made the session");
            return Ok(found);
        }
        (self.options.precheck)()?;
        match self.make(plan) {
            Ok(session) => {
                self.cache.put(&key, &session).map_err(|e| self.state(e))?;
                Ok(Ensured { session, made: true, offset: self.offset(plan)? })
            }
            Err(error) if is_outage(&error) => self.still_valid(plan, &key, error),
            Err(error) => Err(error),
        }
    }

    fn make(&self, plan: &Plan) -> Result<Session, SessionError> {
        let Some((role, before)) = plan.roles.split_last() else {
            return self.sign_in(plan, None);
        };
        if before.is_empty() && role.duration > SessionDuration::HOUR {
            // A role assumed from a session lives an hour at most.
            let hours = role.duration;
            self.ctx.ui.detail(format_args!(
                "`{}` for {hours}: assumed with the long-term keys and a code, because from a session it would end after 1 h",
                role.role_arn
            ));
            return self.sign_in(plan, Some(role));
        }
        let base = self.ensure(&plan.without_roles(), false)?;
        let mut session = base.session;
        for role in &plan.roles {
            let role = AssumeRole { duration: role.duration.min(SessionDuration::HOUR), ..role.clone() };
            self.ctx.ui.detail(format_args!("assuming `{}` from the session", role.role_arn));
            let reply = self.aws.assume_role(&(&session).into(), &role, None, base.offset);
            session = reply.result.map_err(SessionError::Aws)?;
        }
        Ok(session)
    }

    fn fresh(&self, plan: &Plan, key: &SessionKey) -> Result<Option<Ensured>, SessionError> {
        let offset = self.offset(plan)?;
        let now = self.ctx.clock.now() + offset;
        let cached = self.cache.get(key).map_err(|e| self.state(e))?;
        Ok(cached.filter(|s| s.is_fresh(now)).map(|session| Ensured { session, made: false, offset }))
    }

    fn still_valid(
        &self,
        plan: &Plan,
        key: &SessionKey,
        error: SessionError,
    ) -> Result<Ensured, SessionError> {
        let offset = self.offset(plan)?;
        let now = self.ctx.clock.now() + offset;
        match self.cache.get(key).map_err(|e| self.state(e))?.filter(|s| s.is_valid(now)) {
            Some(session) => {
                let reason = CommandError::from(error).message;
                self.ctx.ui.warn(format_args!(
                    "{reason}; the session from before still serves until {}",
                    crate::model::session::timestamp(session.expiration)
                ));
                Ok(Ensured { session, made: false, offset })
            }
            None => Err(error),
        }
    }

    fn offset(&self, plan: &Plan) -> Result<TimeDelta, SessionError> {
        self.ledgers.offset(&plan.serial).map_err(|e| self.state(e))
    }

    fn state(&self, source: io::Error) -> SessionError {
        SessionError::State { path: self.ctx.env.state_dir().unwrap_or_default(), source }
    }
}

fn is_outage(error: &SessionError) -> bool {
    matches!(error, SessionError::Aws(error) if error.is_outage())
}
