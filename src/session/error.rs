//! Why there is no session, and the words for it.

pub mod codes;

use std::io;
use std::time::Duration;

use super::plan::Plan;
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
    /// AWS was out of reach for another process a moment ago, and was not asked again.
    #[error(transparent)]
    KnownOutage(AwsError),
    /// AWS does not let a cached session assume a role.
    #[error(transparent)]
    RoleDenied(AwsError),
    /// There is no code: nobody can be asked, a command failed, or the store is locked.
    #[error(transparent)]
    NoCode(CommandError),
    /// The computer's clock is so wrong that the end of a session is unknown.
    #[error("the clock is off by {by:?}")]
    ClockOff {
        /// Whether it is behind AWS's rather than ahead.
        behind: bool,
        by: Duration,
    },
    /// The device's codes were tried so often that AWS would stop judging them.
    #[error("too many tries; try again in {seconds} s")]
    Rest { seconds: u64 },
    /// Another process is still getting the session.
    #[error("busy")]
    Busy,
    /// A file of awsmfa cannot be read or written; the error names it.
    #[error(transparent)]
    State(#[from] io::Error),
    /// Anything that was already put in words.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// The person's interrupt ends everything; whatever else keeps a code away may be better soon.
pub(super) fn no_code(error: CommandError) -> SessionError {
    match error.kind {
        ErrorKind::Interrupted => error.into(),
        _ => SessionError::NoCode(error),
    }
}

impl SessionError {
    /// Whether AWS was asked in vain, because it cannot be reached or is unwell.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Aws(error) if error.is_outage())
    }

    /// Whether it may be better soon, so that an older session should serve meanwhile.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Rest { .. } | Self::Busy | Self::KnownOutage(_) | Self::NoCode(_) => true,
            other => other.is_outage(),
        }
    }

    /// The error with hints that name the profile, the key and the device.
    pub(super) fn explain(self, plan: &Plan, resolution: &Resolution) -> CommandError {
        let login = format!("awsmfa login --profile {}", quoted(&resolution.profile));
        match self {
            Self::Aws(error) => {
                let about = RefusedKeys::new(&plan.keys, resolution);
                let device = RefusedCode { serial: &plan.serial };
                CommandError::refused(error, &about, Some(&device))
            }
            // AWS does not say which condition of the role's trust policy was not met.
            Self::RoleDenied(error) => {
                CommandError::from(error).hint(format!("if the role demands a newer code: `{login} --force`"))
            }
            Self::NoCode(error) if error.kind == ErrorKind::Configuration => {
                error.hint(format!("or give a code: `{login} --code CODE`"))
            }
            other => other.into(),
        }
    }
}

impl From<SessionError> for CommandError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Command(error) | SessionError::NoCode(error) => error,
            SessionError::Aws(error) | SessionError::KnownOutage(error) | SessionError::RoleDenied(error) => {
                error.into()
            }
            SessionError::ClockOff { behind, by } => {
                let direction = if behind { "behind" } else { "ahead of" };
                Self::new(
                    ErrorKind::Refused,
                    format!("this computer's clock is {} {direction} AWS's; sessions would seem ended or endless", in_words(by)),
                )
                .hint(clock_hint())
            }
            SessionError::Rest { seconds } => Self::new(
                ErrorKind::Refused,
                format!("this device's codes were tried {TRIES_IN_WINDOW} times in 3 minutes; AWS stops judging soon after"),
            )
            .hint(format!("try again in {seconds} s")),
            SessionError::Busy => {
                Self::new(ErrorKind::Failed, "another awsmfa is making this session and does not come to an end")
                    .hint(format!("see whether one waits for a person: `{}`", remedies::here().list_processes()))
            }
            SessionError::State(source) => source.into(),
        }
    }
}
