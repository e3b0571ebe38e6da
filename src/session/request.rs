//! Which session is requested, and by whom.

use std::time::Duration;

use crate::aws::Settings;
use crate::aws_files::resolve::Resolution;
use crate::choice::Named;
use crate::error::CommandResult;
use crate::model::duration::SessionDuration;
use crate::model::serial::Serial;
use crate::model::session::LongTermKeys;
use crate::model::session_policy::SessionPolicy;
use crate::model::totp::{Code, Seed};

/// Who waits for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A person, who can type a code and can wait for AWS or another process.
    Person,
    /// An SDK that runs awsmfa. There are no prompts, and no wait is longer than the one for the next code.
    Sdk,
    /// A check, for a person. AWS may take its time, but the check is not worth waiting longer for codes or other processes
    /// than an SDK does.
    Check,
}

impl Asker {
    /// Whether waits must be short.
    pub fn is_hurried(self) -> bool {
        self != Self::Person
    }

    /// How long a request to AWS may take.
    pub fn deadline(self) -> Duration {
        Duration::from_secs(match self {
            Self::Person | Self::Check => 15,
            Self::Sdk => 3,
        })
    }
}

/// Whose session it is.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A profile's.
    Profile(Named<'a>),
    /// The session of a user whose keys are in no profile, and how AWS is reached.
    Keys(&'a LongTermKeys, &'a Settings),
}

/// A request for a session.
#[derive(Clone)]
pub struct Request<'a> {
    /// Whose session.
    pub subject: Subject<'a>,
    /// Who waits for it.
    pub asker: Asker,
    /// The session duration, instead of the environment's or the profile's.
    pub duration: Option<SessionDuration>,
    /// Narrows the session of the profile's role. A user's session cannot be narrowed.
    pub policy: Option<SessionPolicy>,
    /// The MFA device, instead of the profile's.
    pub serial: Option<Serial>,
    /// A code from the command line.
    pub code: Option<Code>,
    /// A secret that is not stored yet, to generate codes with.
    pub seed: Option<Seed>,
    /// Get a new session even if a fresh one is cached.
    pub force: bool,
    /// The user's own session, even if the profile has a role.
    pub without_roles: bool,
    /// Find out whether the codes are correct: if AWS rejects a code, that is the answer, not a sign that another computer
    /// used the code.
    pub verification: bool,
    /// Another condition, such as that the session can be written. Checked before the cache is read, and again after a
    /// wait for another process.
    pub check: Option<&'a dyn Fn(&Resolution) -> CommandResult>,
}

impl<'a> Request<'a> {
    /// A profile's session, for a person.
    pub fn person(profile: Named<'a>) -> Self {
        Self::new(Subject::Profile(profile), Asker::Person)
    }

    /// A profile's session, for an SDK.
    pub fn sdk(profile: Named<'a>) -> Self {
        Self::new(Subject::Profile(profile), Asker::Sdk)
    }

    /// The session of a user whose keys are in no profile, for a person.
    pub fn keys(keys: &'a LongTermKeys, settings: &'a Settings) -> Self {
        Self::new(Subject::Keys(keys, settings), Asker::Person)
    }

    fn new(subject: Subject<'a>, asker: Asker) -> Self {
        Self {
            subject,
            asker,
            duration: None,
            policy: None,
            serial: None,
            code: None,
            seed: None,
            force: false,
            without_roles: false,
            verification: false,
            check: None,
        }
    }
}
