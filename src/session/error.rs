//! Why there is no session, with messages and hints.

pub mod codes;

use std::io;
use std::time::Duration;

use super::base::Base;
use super::plan::Plan;
use super::refused_role::RefusedRole;
use crate::aws::AwsError;
use crate::aws_files::resolve::Resolution;
use crate::error::{CommandError, ErrorKind, RefusedCode, RefusedKeys, clock_hint};
use crate::ledger::TRIES_IN_WINDOW;
use crate::model::duration::in_words;
use crate::model::shell::quoted;
use crate::ui::remedies;

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// AWS refused the request or cannot be reached.
    #[error(transparent)]
    Aws(AwsError),
    /// Another process could not reach AWS a moment ago, so AWS was not asked again.
    #[error(transparent)]
    KnownOutage(AwsError),
    /// AWS does not let the caller assume a role.
    #[error(transparent)]
    Role(Box<RefusedRole>),
    /// The temporary credentials that a role is assumed with cannot be loaded.
    #[error(transparent)]
    NoBase(CommandError),
    /// There is no code or no access key: awsmfa cannot prompt, a command failed, or the store is locked.
    #[error(transparent)]
    NoCode(CommandError),
    /// The computer's clock is too wrong to track session expiry.
    #[error("the clock is off by {by:?}")]
    ClockOff {
        /// Whether it is behind AWS's rather than ahead.
        behind: bool,
        by: Duration,
    },
    /// There were so many attempts with the device that AWS would soon stop validating its codes.
    #[error("too many tries; try again in {seconds} s")]
    Rest { seconds: u64 },
    /// Another process is still getting the session.
    #[error("busy")]
    Busy,
    /// One of awsmfa's files cannot be read or written; the error names it.
    #[error(transparent)]
    State(#[from] io::Error),
    /// An error that already has its message and hints.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// An interrupt ends everything. Any other reason for not getting a code may be temporary.
pub(super) fn no_code(error: CommandError) -> SessionError {
    match error.kind {
        ErrorKind::Interrupted => error.into(),
        _ => SessionError::NoCode(error),
    }
}

impl SessionError {
    /// Whether AWS could not be reached or is unavailable.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Aws(error) if error.is_outage())
    }

    /// Whether the error is likely temporary, so that an older session should be used in the meantime.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Rest { .. } | Self::Busy | Self::KnownOutage(_) | Self::NoCode(_) | Self::NoBase(_) => true,
            other => other.is_outage(),
        }
    }

    /// The error, with hints that name the profile, the key and the device.
    pub(super) fn explain(self, plan: &Plan, resolution: &Resolution) -> CommandError {
        let login = format!("awsmfa login --profile {}", quoted(&resolution.profile));
        match self {
            Self::Aws(error) => match &plan.base {
                Base::User(user) => {
                    let about = RefusedKeys::new(user.keys.access_key_id(), resolution);
                    let device = RefusedCode { serial: &user.serial };
                    CommandError::refused(error, &about, Some(&device))
                }
                Base::Temporary(base) => base.refused(error),
            },
            Self::Role(refused) => refused.explain(resolution),
            Self::NoCode(error) if error.kind == ErrorKind::Configuration => {
                error.hint(format!("or pass a code: `{login} --code CODE`"))
            }
            other => other.into(),
        }
    }
}

impl From<SessionError> for CommandError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Command(error) | SessionError::NoCode(error) | SessionError::NoBase(error) => error,
            SessionError::Aws(error) | SessionError::KnownOutage(error) => error.into(),
            SessionError::Role(refused) => refused.error.into(),
            SessionError::ClockOff { behind, by } => {
                let direction = if behind { "behind" } else { "ahead of" };
                Self::new(
                    ErrorKind::Refused,
                    format!("this computer's clock is {} {direction} AWS, so session expiry cannot be tracked", in_words(by)),
                )
                .hint(clock_hint())
            }
            SessionError::Rest { seconds } => Self::new(
                ErrorKind::Refused,
                format!("too many attempts with this device ({TRIES_IN_WINDOW} in 3 minutes); more would lock it out for a while"),
            )
            .hint(format!("try again in {seconds} s")),
            SessionError::Busy => {
                Self::new(ErrorKind::Failed, "another awsmfa process is still getting this session")
                    .hint(format!("check whether it is waiting at a prompt: `{}`", remedies::here().list_processes()))
            }
            SessionError::State(source) => source.into(),
        }
    }
}
