//! What AWS has: looked up before anything is changed, and again where AWS's lists lag behind.

use super::journal::Journal;
use super::state::Enrollment;
use crate::aws::{AwsError, AwsErrorKind, MfaDevice};
use crate::error::{CommandResult, denied};
use crate::retry::{Backoff, Wait};

impl Enrollment<'_> {
    /// Checks that another user exists, and learns the user's path if the caller may know it.
    pub(super) fn look_at_user(&mut self) -> CommandResult {
        if self.target.is_self || self.made.user {
            return Ok(());
        }
        let user = self.target.user.clone();
        match self.call(|aws| aws.get_user(&user)) {
            Ok(arn) => self.target.arn = arn,
            Err(error) if error.kind == AwsErrorKind::AccessDenied => {}
            Err(error) => return Err(self.refused_user(error)),
        }
        Ok(())
    }

    pub(super) fn look_at_devices(&mut self) -> CommandResult {
        self.facts.devices = self.devices_of_target().map_err(|error| self.refused_user(error))?;
        self.facts.virtuals = match self.call(|aws| aws.list_virtual_mfa_devices()) {
            Ok(devices) => Some(devices),
            Err(error) if error.kind == AwsErrorKind::AccessDenied => None,
            Err(error) => return Err(denied(error, "*", &self.caller.identity.arn)),
        };
        Ok(())
    }

    /// The user's devices; `None` if the caller may not list them.
    pub(super) fn devices_of_target(&mut self) -> Result<Option<Vec<MfaDevice>>, AwsError> {
        let user = self.target.user.clone();
        match self.call(|aws| aws.list_mfa_devices(Some(&user))) {
            Ok(devices) => Ok(Some(devices)),
            Err(error) if error.kind == AwsErrorKind::AccessDenied => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether AWS lists the device for the user; `None` if the caller may not ask.
    pub(super) fn is_listed(&mut self, journal: &Journal) -> CommandResult<Option<bool>> {
        let listed = self.devices_of_target().map_err(|error| self.refused_user(error))?;
        Ok(listed.map(|devices| devices.iter().any(|device| device.serial == journal.serial.as_str())))
    }

    /// Like [`is_listed`](Self::is_listed), but waits for a list that lags behind. `check` runs before each wait.
    pub(super) fn await_listed(
        &mut self,
        journal: &Journal,
        check: impl Fn(&mut Self, &Journal) -> CommandResult,
    ) -> CommandResult<Option<bool>> {
        let mut backoff = Backoff::propagation();
        loop {
            let listed = self.is_listed(journal)?;
            if listed != Some(false) {
                return Ok(listed);
            }
            check(self, journal)?;
            if !backoff.wait(self.ctx, Wait::For("AWS to list the device")) {
                return Ok(listed);
            }
        }
    }
}
