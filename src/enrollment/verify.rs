//! Verifying that AWS accepts the device: by a session, which is the user's first, if the user's keys are on this computer;
//! otherwise by AWS's list.

use super::hints;
use super::journal::Journal;
use super::state::{EnabledBy, Enrollment, Failure, Next, Transition, Verification};
use crate::aws::AwsErrorKind;
use crate::caller::OwnKeys;
use crate::choice::Named;
use crate::error::{CommandError, ErrorKind};
use crate::retry::{Backoff, Wait, retry};
use crate::session::{self, Obtained, Request, SessionError};

impl Enrollment<'_> {
    pub(super) fn verify(&mut self, journal: &Journal) -> Transition {
        self.ctx.ui.doing("verifying the device");
        let next = match self.own_keys()? {
            Some(own) => self.verify_by_session(journal, &own)?,
            None => self.verify_by_list(journal)?,
        };
        if let Next::Verified(verification) = next {
            self.report_verification(journal, verification);
        }
        Ok(next)
    }

    fn report_verification(&self, journal: &Journal, verification: Verification) {
        let (serial, user) = (&journal.serial, &journal.user);
        self.ctx.ui.done(match verification {
            Verification::Session(_) => "verified: AWS issued a session for one of the device's codes".to_owned(),
            // Somebody may have created a device with this name again after its secret was stored here.
            Verification::Listed if self.enabled_by == EnabledBy::Unknown => format!(
                "`{serial}` was already enabled for `{user}`; log in to check that the stored secret still matches"
            ),
            Verification::Listed => format!("verified: AWS lists `{serial}` for `{user}`"),
            Verification::Unlisted => {
                "the device is enabled, but not verified: missing permission iam:ListMFADevices".to_owned()
            }
        });
    }

    fn verify_by_session(&mut self, journal: &Journal, own: &OwnKeys) -> Transition {
        let error = match self.first_session(journal, own) {
            Ok(obtained) if obtained.is_new => {
                return Ok(Next::Verified(Verification::Session(obtained.session.expiration)));
            }
            // A cached session may have been issued for an earlier device with this name.
            Ok(_) => return Ok(Next::Verified(Verification::Listed)),
            Err(error) => error,
        };
        match error {
            SessionError::Aws(error) if error.kind == AwsErrorKind::CannotValidateCode => {
                if self.may_start_over() && self.is_listed(journal)? != Some(true) {
                    return self.start_over(journal);
                }
                let message = format!("AWS does not recognize `{}` yet", journal.serial);
                Err(CommandError::new(ErrorKind::Refused, message)
                    .hint("AWS can take half a minute to recognize a new device; then resume")
                    .into())
            }
            // Codes of a device that this run enabled are rejected for another reason.
            SessionError::Aws(error)
                if error.kind == AwsErrorKind::InvalidCode && self.enabled_by != EnabledBy::ThisRun =>
            {
                Err(self.wrong_stored_secret(journal))
            }
            error => Err(error.into()),
        }
    }

    fn first_session(&self, journal: &Journal, own: &OwnKeys) -> Result<Obtained, SessionError> {
        let request = match &own.profile {
            Some(profile) => Request::person(Named::Flag(profile)),
            None => Request::keys(&own.keys, self.caller.aws.settings()),
        };
        let request = Request {
            serial: Some(journal.serial.clone()),
            // Enrolling again changes nothing, so a cached session is not replaced.
            force: self.enabled_by != EnabledBy::Unknown,
            without_roles: true,
            verification: true,
            ..request
        };
        let unknown_key = |error: &SessionError, _| match error {
            SessionError::Aws(error) if error.kind == AwsErrorKind::UnknownKey => self.key_wait(own),
            _ => None,
        };
        retry(self.ctx, Backoff::propagation(), unknown_key, || session::try_obtain(self.ctx, &request))
    }

    /// What to wait for if AWS does not know these keys: that all of AWS recognizes an access key that this run created.
    pub(super) fn key_wait(&self, own: &OwnKeys) -> Option<Wait> {
        let is_new = self.made.access_key_id.as_ref() == Some(&own.keys.access_key_id);
        is_new.then_some(Wait::For("AWS to recognize the new access key"))
    }

    /// Somebody created the device again after its secret was stored here.
    fn wrong_stored_secret(&self, journal: &Journal) -> Failure {
        let serial = &journal.serial;
        let message =
            format!("AWS rejected the codes of `{serial}`: the stored secret does not belong to this device");
        let this = self.check_clock(CommandError::new(ErrorKind::Refused, message));
        let another = hints::command(&self.another());
        Failure::Final(
            this.hint(format!(
                "if you have its secret key, import it: `awsmfa device import --serial {serial}`"
            ))
            .hint(format!("or enroll another device: `{another}`")),
        )
    }

    /// Whether the device may be one that an earlier run enabled, and that no longer belongs to the user.
    fn may_start_over(&self) -> bool {
        self.enabled_by == EnabledBy::EarlierRun && !self.made.started_over
    }

    fn verify_by_list(&mut self, journal: &Journal) -> Transition {
        match self.await_listed(journal, |_, _| Ok(()))? {
            Some(true) => Ok(Next::Verified(Verification::Listed)),
            None => Ok(Next::Verified(Verification::Unlisted)),
            Some(false) if self.may_start_over() => self.start_over(journal),
            Some(false) => {
                let message = format!("AWS does not list `{}` for `{}`", journal.serial, journal.user);
                Err(CommandError::new(ErrorKind::Refused, message).into())
            }
        }
    }
}
