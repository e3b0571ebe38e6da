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
mod request;
mod requests;
mod resume;
mod seed;
mod state;
mod target;
mod verify;

use journal::{Journal, Journals, Stage, UserJournal};
use state::{EnabledBy, Enrollment, Facts, Failure, Made, Next};
pub use state::{EnrollRequest, Enrolled, NewUser, Verification};
use target::Target;

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::caller::Caller;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::interrupt;
use crate::model::serial::Serial;

/// Enrolls a device, or resumes the user's unfinished enrollment.
pub fn enroll(ctx: &Context, request: &EnrollRequest) -> CommandResult<Enrolled> {
    let journals = Journals::new(ctx.paths.enrollments());
    let request = resume::request(ctx, &journals, request)?;
    ctx.ui.doing("checking the AWS credentials");
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

/// An enrollment that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    pub serial: Serial,
    pub user: String,
    pub began: DateTime<Utc>,
    /// The command that resumes it.
    pub resume: String,
}

/// All unfinished enrollments, those that another process is working on included.
pub fn unfinished(ctx: &Context) -> CommandResult<Vec<Unfinished>> {
    let journals = Journals::new(ctx.paths.enrollments()).unfinished()?;
    let of = |journal: Journal| Unfinished {
        resume: hints::resume(&journal.user, journal.profile.as_deref()).to_string(),
        serial: journal.serial,
        user: journal.user,
        began: journal.began,
    };
    Ok(journals.into_iter().map(of).collect())
}

/// The journals that cannot be read.
pub fn damaged_journals(ctx: &Context) -> CommandResult<Vec<PathBuf>> {
    Ok(Journals::new(ctx.paths.enrollments()).damaged()?)
}

/// Removes the journals of a device that is being removed: its enrollment cannot be resumed.
pub fn forget_journal_of(ctx: &Context, serial: &Serial) -> CommandResult {
    let journals = Journals::new(ctx.paths.enrollments());
    for file in journals.with(|journal| journal.serial == *serial)? {
        let file = file.lock()?;
        if file.read()?.is_some_and(|journal| journal.serial == *serial) {
            file.remove()?;
        }
    }
    Ok(())
}

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
