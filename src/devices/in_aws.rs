//! Devices as IAM has them: whose one is, and which ones the caller has.

use crate::aws::{AwsError, AwsErrorKind};
use crate::caller::Caller;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::partition;
use crate::model::serial::Serial;

/// What IAM says about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It is enabled for this user, who has so many devices in all.
    Of {
        user: String,
        /// How many devices the user has, of whatever kind; `None` if they may not be listed.
        devices: Option<usize>,
    },
    /// It exists and is nobody's.
    Nobodys,
    Nowhere,
    /// AWS does not let the caller see.
    Unknown,
}

/// Refuses credentials of another account: there, a device is missing because it never was there.
pub fn check_account(caller: &Caller, serial: &Serial) -> CommandResult {
    let (theirs, ours) = (&caller.identity, serial.as_str());
    let same_partition = partition::of_arn(&theirs.arn) == partition::of_arn(ours);
    if serial.account().is_none_or(|account| account == theirs.account && same_partition) {
        return Ok(());
    }
    let message =
        format!("`{ours}` is of another account than `{}`, whose credentials these are", theirs.arn);
    Err(CommandError::new(ErrorKind::Refused, message)
        .hint("name a profile of the device's account: `--profile NAME`"))
}

/// Finds a device: among those of `user`, if one is named or known, of the caller's, and of the account.
pub fn find(
    ctx: &Context,
    caller: &mut Caller,
    serial: &Serial,
    user: Option<&str>,
) -> Result<Place, AwsError> {
    let mut users: Vec<String> = user.into_iter().chain(caller.identity.user()).map(str::to_owned).collect();
    users.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    for user in users {
        match caller.send(ctx, |aws| aws.list_mfa_devices(Some(&user))) {
            Ok(devices) if devices.iter().any(|device| device.serial == serial.as_str()) => {
                return Ok(Place::Of { user, devices: Some(devices.len()) });
            }
            Ok(_) => {}
            // The user was deleted, or may not be looked at; the device may still be there.
            Err(error) if matches!(error.kind, AwsErrorKind::NotFound | AwsErrorKind::AccessDenied) => {}
            Err(error) => return Err(error),
        }
    }
    // A hardware token is in nobody's list but its owner's, and that may be anybody.
    if !serial.is_virtual() {
        return Ok(Place::Unknown);
    }
    let all = caller.send(ctx, |aws| aws.list_virtual_mfa_devices());
    let all = match all {
        Err(error) if error.kind == AwsErrorKind::AccessDenied => return Ok(Place::Unknown),
        other => other?,
    };
    match all.into_iter().find(|device| device.serial == serial.as_str()).map(|device| device.assigned) {
        None => Ok(Place::Nowhere),
        Some(None) => Ok(Place::Nobodys),
        // Root has no name by which it could be asked for.
        Some(Some(assigned)) => Ok(match assigned.user {
            Some(user) => {
                let of_user = caller.send(ctx, |aws| aws.list_mfa_devices(Some(&user)));
                Place::Of { user, devices: of_user.ok().map(|devices| devices.len()) }
            }
            None => Place::Unknown,
        }),
    }
}

/// The caller's own devices that can make codes, which a session with MFA can be made with; the one that is about to
/// go comes last: if it is nobody's already, a session that was made with it may still be there. Where devices may not
/// be listed, those that the caller's profile names.
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
