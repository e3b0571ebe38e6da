//! `--replace`: deleting an unassigned device that has the name.

use super::state::Enrollment;
use crate::aws::AwsErrorKind;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;

impl Enrollment<'_> {
    /// Whether a device may be deleted. Each one is deleted at most once.
    pub(super) fn may_replace(&self, serial: &Serial) -> bool {
        self.request.replace && !self.made.deleted.contains(serial)
    }

    pub(super) fn replace(&mut self, serial: &Serial) -> CommandResult {
        self.ctx.ui.doing(format_args!("deleting `{serial}`"));
        self.made.deleted.push(serial.clone());
        let deleted = self.change(|aws| aws.delete_virtual_mfa_device(serial))?;
        match deleted.result {
            Ok(()) => {}
            Err(error) => match error.kind {
                AwsErrorKind::NotFound => {}
                AwsErrorKind::DeleteConflict => {
                    let message = format!("`{serial}` is assigned to a user, so it was not replaced");
                    return Err(CommandError::new(ErrorKind::Refused, message)
                        .hint("choose another name: `--device-name NAME`"));
                }
                AwsErrorKind::Lost => return Err(error.into()),
                _ => {
                    return Err(self
                        .refused_device(error, serial)
                        .hint("or keep the device and use another name: leave out `--replace`"));
                }
            },
        }
        self.ctx.ui.done(format_args!("deleted `{serial}`, an unassigned device without a stored secret"));
        Ok(())
    }
}
