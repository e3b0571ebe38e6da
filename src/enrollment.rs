//! Enrollment: gives a user an MFA device whose secret is stored on this computer and whose codes AWS accepts.
//!
//! Everything that can fail without changing anything in AWS is checked first ([`preflight`]). Then each stage returns what
//! comes next, and the journal is on disk before the next stage begins. Each stage finds out by itself what an earlier run
//! has done already, so running the same command again resumes an enrollment that was killed or lost a response. AWS shows
//! the seed once, so it is saved before anything else happens.
//!
//! | from | when | to |
//! |---|---|---|
//! | start | the name is free | planned |
//! | start | the device is unassigned, and its secret is stored here | stored |
//! | start | the device belongs to the user, and its secret is stored here | enabled |
//! | planned | AWS created the device, now or in an earlier run, and its secret is stored here | stored |
//! | planned | another device has the name, and `--replace` deleted it | planned |
//! | planned | another device has the name; the next name is chosen | planned, stored, enabled |
//! | stored | AWS enabled the device, now or in an earlier run | enabled |
//! | stored | the device was deleted in the meantime (once) | planned |
//! | stored | AWS rejects the codes of the stored secret, and `--replace` deleted the device (once) | planned |
//! | enabled | AWS issued a session for a code, or lists the device | verified |
//! | enabled | the device no longer belongs to the user; a name is chosen again (once) | planned, stored, enabled |
//! | verified | the device is registered and the profile uses it | done |
//!
//! An enrollment that is resumed after its secret was removed from the store is planned again.

mod access_key;
mod choose;
mod create;
mod enable;
mod finish;
mod hints;
mod journal;
mod lists;
mod new_user;
mod own_keys;
mod preflight;
mod replace;
mod requests;
mod resume;
mod seed;
mod target;
mod verify;

use chrono::{DateTime, Utc};

pub use journal::Stage;
use journal::{Candidate, Journal, Journals, UserJournal};
use lists::Facts;
use target::Target;

use crate::aws::Tag;
use crate::caller::Caller;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::interrupt;
use crate::model::names::{DeviceName, IamPath, PolicyArn, UserName};
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::StoreKind;

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct EnrollRequest {
    /// Who gets the device; `None` for the caller.
    pub user: Option<UserName>,
    /// The profile whose credentials sign the requests.
    pub profile: Option<String>,
    /// The device's name; `None` for the user's name.
    pub device_name: Option<DeviceName>,
    pub path: IamPath,
    /// The profile that will use the device.
    pub for_profile: Option<String>,
    pub store: Option<StoreKind>,
    /// Resume an unfinished enrollment; do not start a new one.
    pub resume: bool,
    /// Delete an unassigned device that has the name.
    pub replace: bool,
    /// Answer yes to all prompts.
    pub yes: bool,
    /// Tags of the device, for which IAM wants another permission.
    pub tags: Vec<Tag>,
    /// Create the user first.
    pub new_user: Option<NewUser>,
}

/// What to create for a user. Whatever exists already is left alone.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    pub path: IamPath,
    pub policies: Vec<PolicyArn>,
    pub console_password: bool,
    /// Create an access key and save it as the profile's long-term keys.
    pub access_key: bool,
}

/// What shows that AWS has the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// AWS issued a session for one of its codes; the session is valid until then.
    Session(DateTime<Utc>),
    /// AWS lists the device for the user.
    Listed,
    /// Only AWS's answer to EnableMFADevice: the caller must not list devices.
    Unlisted,
}

/// A finished enrollment.
#[derive(Debug)]
pub struct Enrolled {
    pub user: String,
    pub account: String,
    pub serial: Serial,
    pub seed: Seed,
    pub store: StoreKind,
    /// The profile that uses the device.
    pub profile: Option<String>,
    pub verification: Verification,
    /// Unassigned devices that had the name, and whose secrets are lost.
    pub stale: Vec<Serial>,
    /// Whether this run created the user.
    pub created_user: bool,
    /// The access key that this run created.
    pub access_key_id: Option<String>,
}

/// Enrolls a device, or resumes the user's unfinished enrollment.
pub fn enroll(ctx: &Context, request: &EnrollRequest) -> CommandResult<Enrolled> {
    let journals = Journals::new(ctx.paths.enrollments());
    let request = resume::request(ctx, &journals, request)?;
    ctx.ui.doing("asking AWS whose credentials these are");
    let caller = Caller::find(ctx, request.profile.as_deref())?;
    let target = Target::of(&request, &caller)?;
    let mut enrollment = Enrollment {
        ctx,
        caller,
        target,
        request,
        facts: Facts::default(),
        made: Made::default(),
        enabled_by: EnabledBy::ThisRun,
    };
    let file = enrollment.open(&journals)?;
    let mut journal = enrollment.prepare(&journals, &file)?;
    let finished = enrollment.drive(&file, &mut journal);
    // From here on, Ctrl-C interrupts something else.
    interrupt::forget();
    match finished {
        Ok(verification) => enrollment.enrolled(&journal, verification),
        Err(failure) => Err(enrollment.failed(&file, &journal, failure)?),
    }
}

/// Removes the journals of a device that is being removed: its enrollment cannot be resumed.
pub fn forget_journal_of(ctx: &Context, serial: &Serial) -> CommandResult {
    let journals = Journals::new(ctx.paths.enrollments());
    for file in journals.naming(serial)? {
        let file = file.lock()?;
        if file.read()?.is_some_and(|journal| journal.serial == *serial) {
            file.remove()?;
        }
    }
    Ok(())
}

/// An enrollment in progress.
struct Enrollment<'a> {
    ctx: &'a Context,
    /// What the command line asks for, completed by what it asked for when the enrollment was started.
    request: EnrollRequest,
    caller: Caller,
    target: Target,
    facts: Facts,
    made: Made,
    enabled_by: EnabledBy,
}

/// What this run changed in AWS.
#[derive(Debug, Default)]
struct Made {
    user: bool,
    device: bool,
    access_key_id: Option<String>,
    /// Devices that were deleted to create them again, which happens once for each.
    deleted: Vec<Serial>,
    /// Whether the enrollment was started over because its device was gone, which happens once.
    started_over: bool,
}

/// Which run had AWS enable the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EnabledBy {
    ThisRun,
    /// The run that is resumed.
    EarlierRun,
    /// Nothing says so: the device was enabled, and no journal was left of it.
    Unknown,
}

/// Where a stage leads.
enum Next {
    /// To another stage of the same device.
    Stage(Stage),
    /// To another device.
    Device(Candidate),
    Verified(Verification),
    Done,
}

/// Why a stage failed.
enum Failure {
    /// Running the same command again resumes.
    Resumable(CommandError),
    /// Running the same command again would fail in the same way.
    Final(CommandError),
}

impl<E: Into<CommandError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Resumable(error.into())
    }
}

type Transition = Result<Next, Failure>;

impl Enrollment<'_> {
    /// Checks what can be checked, creates the user if requested, and decides which device to enroll.
    fn prepare(&mut self, journals: &Journals, file: &UserJournal) -> CommandResult<Journal> {
        let begun = self.begun(file)?;
        if self.request.resume && file.read()?.is_none() {
            return Err(self.nothing_to_resume(journals)?);
        }
        self.adopt(begun.as_ref());
        self.check_places(file)?;
        self.report_lost_key(file)?;
        let mut needs_store = begun.as_ref().is_none_or(|journal| journal.stage == Stage::Planned);
        if let Some(new_user) = self.request.new_user.clone() {
            if std::mem::take(&mut needs_store) {
                self.check_store()?;
            }
            interrupt::say(hints::AGAIN);
            self.new_user(&new_user, file).map_err(|error| match error.kind {
                ErrorKind::Network => error.hint(hints::AGAIN),
                _ => error,
            })?;
        }
        let journal = self.plan(begun)?;
        if needs_store && journal.stage == Stage::Planned {
            self.check_store()?;
        }
        Ok(journal)
    }

    /// Goes from stage to stage until the device is in use.
    fn drive(&mut self, file: &UserJournal, journal: &mut Journal) -> Result<Verification, Failure> {
        // A run that was killed in its last stage had verified the device.
        let mut verification = Verification::Unlisted;
        loop {
            self.facts.serial = Some(journal.serial.clone());
            journal.stale.clone_from(&self.facts.stale);
            file.save(journal)?;
            interrupt::say(&format!("resume with `{}`", self.resume_command()));
            let next = match journal.stage {
                Stage::Planned => self.create(journal)?,
                Stage::Stored => self.enable(journal)?,
                Stage::Enabled => self.verify(journal)?,
                Stage::Verified => self.finish(journal)?,
            };
            match next {
                Next::Stage(stage) => journal.stage = stage,
                Next::Device(candidate) => journal.take(candidate),
                Next::Verified(how) => {
                    journal.stage = Stage::Verified;
                    verification = how;
                }
                Next::Done => {
                    file.remove()?;
                    return Ok(verification);
                }
            }
        }
    }

    fn enrolled(self, journal: &Journal, verification: Verification) -> CommandResult<Enrolled> {
        Ok(Enrolled {
            user: journal.user.clone(),
            account: journal.account.clone(),
            serial: journal.serial.clone(),
            seed: self.seed(journal)?,
            store: journal.store,
            profile: self.using_profile(),
            verification,
            stale: journal.stale.clone(),
            created_user: self.made.user,
            access_key_id: self.made.access_key_id,
        })
    }

    /// Adds how to resume, unless there is nothing to resume; then the journal is removed.
    fn failed(&self, file: &UserJournal, journal: &Journal, failure: Failure) -> CommandResult<CommandError> {
        match failure {
            // After an outage, AWS may have created the device.
            Failure::Resumable(error)
                if journal.stage > Stage::Planned || error.kind == ErrorKind::Network =>
            {
                Ok(error.hint(format!("nothing is lost; resume with `{}`", self.resume_command())))
            }
            Failure::Resumable(error) | Failure::Final(error) => {
                file.remove()?;
                Ok(error)
            }
        }
    }
}
