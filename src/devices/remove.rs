//! Removing a device: deactivate it, delete it, forget it, in this order. Each step accepts that it was done before, so an
//! interrupted removal can be repeated; no secret is deleted before AWS has confirmed that the device is gone.

use super::forget;
use super::in_aws::{self, Assignment};
use crate::aws::{AwsError, AwsErrorKind, Reply, Signer};
use crate::caller::Caller;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind, denied};
use crate::model::serial::{Serial, SerialError};
use crate::model::shell::quoted;
use crate::retry;
use crate::store::registry::DeviceRecord;

/// The device to remove: one that is stored here, or one that only AWS knows.
pub struct Target {
    pub serial: Serial,
    pub record: Option<DeviceRecord>,
}

/// The device of this ARN or number, or the stored device of this name, label or profile.
pub fn target(ctx: &Context, device: &str, user: Option<&str>) -> CommandResult<Target> {
    match ctx.vault.find(device) {
        Ok(record) => Ok(Target { serial: record.serial.clone(), record: Some(record) }),
        Err(error) if error.kind == ErrorKind::Configuration => match device.parse() {
            Ok(serial) if is_serial(&serial) => Ok(Target { serial, record: None }),
            Err(error) if device.starts_with("arn:") => Err(not_removable(device, user, error)),
            _ => Err(ctx.vault.not_stored(device)),
        },
        Err(error) => Err(error),
    }
}

/// A name could pass for a hardware token's number, which consists of capital letters and digits.
fn is_serial(serial: &Serial) -> bool {
    let number = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    serial.is_virtual() || serial.as_str().chars().all(number)
}

/// A security key has neither a secret nor codes, so the AWS CLI removes it.
fn not_removable(device: &str, user: Option<&str>, error: SerialError) -> CommandError {
    if !matches!(error, SerialError::Fido(_)) {
        return error.into();
    }
    let message = format!("`{device}` is a security key or passkey; use the AWS CLI to remove it");
    CommandError::new(ErrorKind::Usage, message).hint(format!(
        "aws iam deactivate-mfa-device --user-name {} --serial-number {}",
        quoted(user.unwrap_or("NAME")),
        quoted(device)
    ))
}

/// A removal that passed every check that is possible beforehand.
pub struct Removal<'a> {
    ctx: &'a Context,
    caller: Caller,
    target: &'a Target,
    /// The user to deactivate the device for if AWS does not show its user.
    user: Option<String>,
    pub assignment: Assignment,
}

/// What is left of a device in AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// The device itself, unassigned: the caller is not allowed to delete it.
    Unassigned,
}

/// Why AWS did not make a change.
enum ChangeError {
    Aws(AwsError),
    Other(CommandError),
}

impl<'a> Removal<'a> {
    /// Looks the device up in AWS. `user` is the user who has the device, as given by the person.
    pub fn prepare(
        ctx: &'a Context,
        target: &'a Target,
        profile: Option<&str>,
        user: Option<&str>,
    ) -> CommandResult<Self> {
        let mut caller = Caller::find(ctx, profile)?;
        in_aws::check_account(&caller, &target.serial)?;
        let recorded = target.record.as_ref().and_then(|record| record.user.as_deref());
        let likely = user.or(recorded).map(str::to_owned);
        let assignment = in_aws::find(ctx, &mut caller, &target.serial, likely.as_deref())?;
        check_user(&target.serial, user, &assignment)?;
        Ok(Self { ctx, caller, target, user: likely, assignment })
    }

    /// Whether there is nothing to remove, neither in AWS nor here.
    pub fn is_gone(&self) -> bool {
        self.assignment == Assignment::Missing && self.target.record.is_none()
    }

    pub fn run(&mut self) -> CommandResult {
        match self.remove_in_aws()? {
            Left::Nothing => forget::all(self.ctx, &self.target.serial, self.target.record.as_ref()),
            Left::Unassigned => self.keep_secret(),
        }
    }

    fn remove_in_aws(&mut self) -> CommandResult<Left> {
        let user = match &self.assignment {
            Assignment::User { name, .. } => Some(name.clone()),
            Assignment::Unassigned => None,
            Assignment::Missing => return Ok(Left::Nothing),
            Assignment::Unknown => self.user.as_deref().or(self.caller.identity.user()).map(str::to_owned),
        };
        let was_active = user.map(|user| self.deactivate(&user)).transpose()?;
        let is_inactive = self.assignment != Assignment::Unknown || was_active == Some(true);
        if self.target.serial.is_virtual() {
            self.delete(is_inactive)
        } else if is_inactive {
            Ok(Left::Nothing)
        } else {
            Err(owner_unknown(&self.target.serial))
        }
    }

    /// Deactivates the device. Returns whether it was active until now.
    fn deactivate(&mut self, user: &str) -> CommandResult<bool> {
        let serial = &self.target.serial;
        match self.change(|aws| aws.deactivate_mfa_device(user, serial)) {
            Ok(()) => {
                self.ctx.ui.say(format_args!("deactivated `{serial}` for `{user}`"));
                Ok(true)
            }
            // An earlier run or someone else has deactivated it.
            Err(ChangeError::Aws(error)) if error.kind == AwsErrorKind::NotFound => Ok(false),
            Err(ChangeError::Aws(error)) => {
                let identity = &self.caller.identity;
                Err(denied(error, &identity.user_arn("/", user), &identity.arn))
            }
            Err(ChangeError::Other(error)) => Err(error),
        }
    }

    fn delete(&mut self, is_inactive: bool) -> CommandResult<Left> {
        let serial = &self.target.serial;
        let error = match self.change(|aws| aws.delete_virtual_mfa_device(serial)) {
            Ok(()) => {
                self.ctx.ui.say(format_args!("deleted `{serial}`"));
                return Ok(Left::Nothing);
            }
            Err(ChangeError::Aws(error)) => error,
            Err(ChangeError::Other(error)) => return Err(error),
        };
        let caller = &self.caller.identity.arn;
        match error.kind {
            AwsErrorKind::NotFound => Ok(Left::Nothing),
            AwsErrorKind::AccessDenied if is_inactive => Ok(Left::Unassigned),
            AwsErrorKind::DeleteConflict => {
                let message = format!("`{serial}` is enabled for a user that `{caller}` has no access to");
                Err(CommandError::new(ErrorKind::Refused, message).hint("set the user: `--user NAME`"))
            }
            _ => Err(denied(error, serial.as_str(), caller)),
        }
    }

    /// Requests a change, and again in a session with MFA if AWS does not allow it otherwise.
    fn change(&mut self, send: impl Fn(Signer<'_>) -> Reply<()>) -> Result<(), ChangeError> {
        let error = match self.repeat(&send) {
            Err(ChangeError::Aws(error)) => error,
            other => return other,
        };
        let needs_mfa = matches!(error.kind, AwsErrorKind::NeedsMfa | AwsErrorKind::AccessDenied);
        if !needs_mfa || self.caller.own.is_none() || self.caller.keys.long_term().is_none() {
            return Err(ChangeError::Aws(error));
        }
        let devices = in_aws::own_devices(self.ctx, &mut self.caller, &self.target.serial)
            .map_err(ChangeError::Other)?;
        match self.caller.use_mfa(self.ctx, &devices) {
            Ok(true) => self.repeat(&send),
            Ok(false) => Err(ChangeError::Aws(error)),
            // MFA might not have helped, and then the first refusal says more.
            Err(why) if error.kind == AwsErrorKind::AccessDenied && why.kind == ErrorKind::Refused => {
                self.ctx.ui.detail(format_args!("no session with MFA: {why}"));
                Err(ChangeError::Aws(error))
            }
            Err(why) => Err(ChangeError::Other(why)),
        }
    }

    /// Requests a change, and again if the response was lost: AWS then answers that there is nothing to change.
    fn repeat(&mut self, send: impl Fn(Signer<'_>) -> Reply<()>) -> Result<(), ChangeError> {
        let ctx = self.ctx;
        let send = |caller: &mut Caller| caller.send_once(ctx, &send);
        let answered =
            retry::change(ctx, &mut self.caller, send, retry::ask_again).map_err(ChangeError::Other)?;
        match answered.result {
            Err(error) if error.kind == AwsErrorKind::NotFound && answered.in_doubt => Ok(()),
            result => result.map_err(ChangeError::Aws),
        }
    }

    /// The device remains in AWS, unassigned. Forgets what uses it, but not its secret.
    fn keep_secret(&self) -> CommandResult {
        let (serial, ui) = (&self.target.serial, &self.ctx.ui);
        forget::uses(self.ctx, serial)?;
        ui.warn(format_args!(
            "`{serial}` was deactivated but not deleted, because `{}` lacks the permission \
             `iam:DeleteVirtualMFADevice`; it remains in AWS, unassigned",
            self.caller.identity.arn
        ));
        ui.hint(format_args!(
            "an administrator can delete it: `aws iam delete-virtual-mfa-device --serial-number {serial}`"
        ));
        if self.target.record.is_some() {
            ui.hint(format_args!(
                "the secret is kept, because the device can be enabled again; to delete the secret: \
                 `awsmfa device remove {serial} --local`"
            ));
        }
        Ok(())
    }
}

/// A person who names a user means that user's device and no other.
fn check_user(serial: &Serial, user: Option<&str>, assignment: &Assignment) -> CommandResult {
    match (user, assignment) {
        (Some(given), Assignment::User { name, .. }) if !given.eq_ignore_ascii_case(name) => {
            let message = format!("`{serial}` belongs to `{name}`, not to `{given}`; nothing was changed");
            Err(CommandError::new(ErrorKind::Refused, message).hint("check the serial and the user"))
        }
        _ => Ok(()),
    }
}

/// A hardware token that AWS did not deactivate for anyone may be enabled for someone.
fn owner_unknown(serial: &Serial) -> CommandError {
    let message = format!("cannot determine which user has `{serial}`; nothing was changed");
    CommandError::new(ErrorKind::Usage, message)
        .hint("set the user: `--user NAME`")
        .hint(format!("or, if no user has it anymore: `awsmfa device remove {serial} --local`"))
}
