//! Devices in IAM: which user has a device, and which devices the caller has.

use crate::aws::{AwsError, AwsErrorKind};
use crate::caller::Caller;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::partition;
use crate::model::serial::Serial;

/// Which user has a device, according to IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignment {
    /// It is enabled for this user.
    User {
        name: String,
        /// How many devices of any kind the user has; `None` if the caller may not list them.
        devices: Option<usize>,
    },
    /// It exists and is not enabled for anyone.
    Unassigned,
    Missing,
    /// The caller is not allowed to know.
    Unknown,
}

/// Refuses credentials for another account, where every device of this one would seem to be missing.
pub fn check_account(caller: &Caller, serial: &Serial) -> CommandResult {
    let (theirs, ours) = (&caller.identity, serial.as_str());
    let same_partition = partition::of_arn(&theirs.arn) == partition::of_arn(ours);
    if serial.account().is_none_or(|account| account == theirs.account && same_partition) {
        return Ok(());
    }
    let message = format!("`{ours}` is in another account; these credentials belong to `{}`", theirs.arn);
    Err(CommandError::new(ErrorKind::Refused, message)
        .hint("use a profile of the device's account: `--profile NAME`"))
}

/// Looks for a device among those of `user`, if given, then of the caller, then of the account.
pub fn find(
    ctx: &Context,
    caller: &mut Caller,
    serial: &Serial,
    user: Option<&str>,
) -> Result<Assignment, AwsError> {
    let mut users: Vec<String> = user.into_iter().chain(caller.identity.user()).map(str::to_owned).collect();
    users.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    for user in users {
        match caller.send(ctx, |aws| aws.list_mfa_devices(Some(&user))) {
            Ok(devices) if devices.iter().any(|device| device.serial == serial.as_str()) => {
                return Ok(Assignment::User { name: user, devices: Some(devices.len()) });
            }
            Ok(_) => {}
            // The user was deleted or may not be looked at, but the device may still exist.
            Err(error) if matches!(error.kind, AwsErrorKind::NotFound | AwsErrorKind::AccessDenied) => {}
            Err(error) => return Err(error),
        }
    }
    // Only the list of its user shows a hardware token, and that may be any user.
    if !serial.is_virtual() {
        return Ok(Assignment::Unknown);
    }
    let all = caller.send(ctx, |aws| aws.list_virtual_mfa_devices());
    let all = match all {
        Err(error) if error.kind == AwsErrorKind::AccessDenied => return Ok(Assignment::Unknown),
        other => other?,
    };
    match all.into_iter().find(|device| device.serial == serial.as_str()).map(|device| device.assigned) {
        None => Ok(Assignment::Missing),
        Some(None) => Ok(Assignment::Unassigned),
        // The root user has no name to ask for.
        Some(Some(assigned)) => Ok(match assigned.user {
            Some(user) => {
                let of_user = caller.send(ctx, |aws| aws.list_mfa_devices(Some(&user)));
                Assignment::User { name: user, devices: of_user.ok().map(|devices| devices.len()) }
            }
            None => Assignment::Unknown,
        }),
    }
}

/// The caller's own devices that generate codes, for a session with MFA. The one that is being removed comes last, even if it
/// is unassigned already: a session made with it may still be cached. If the caller may not list devices, those that the
/// caller's profile refers to.
pub fn own_devices(ctx: &Context, caller: &mut Caller, last: &Serial) -> CommandResult<Vec<Serial>> {
    let listed = caller.send(ctx, |aws| aws.list_mfa_devices(None));
    let mut own: Vec<Serial> = match listed {
        Ok(devices) => devices.iter().filter_map(|device| device.serial.parse().ok()).collect(),
        Err(_) => caller.known_devices(ctx)?,
    };
    let was_own = own.contains(last);
    own.retain(|serial| serial != last);
    if was_own || ctx.vault.record(last)?.is_some() {
        own.push(last.clone());
    }
    Ok(own)
}
