//! The operations of IAM: the table of operations, and what its modules share.

mod devices;
mod keys;
mod lists;
mod paging;
mod users;

use crate::dispatch::{Call, Operation};
use crate::error::ApiError;

pub(crate) fn operation(action: &str) -> Option<Operation> {
    Some(match action {
        "CreateVirtualMFADevice" => devices::create,
        "EnableMFADevice" => devices::enable,
        "ResyncMFADevice" => devices::resync,
        "DeactivateMFADevice" => devices::deactivate,
        "DeleteVirtualMFADevice" => devices::delete,
        "TagMFADevice" => devices::tag,
        "UntagMFADevice" => devices::untag,
        "ListMFADevices" => lists::of_user,
        "ListVirtualMFADevices" => lists::all_virtual,
        "ListMFADeviceTags" => lists::tags,
        "GetMFADevice" => lists::get,
        "GetUser" => users::get,
        "CreateUser" => users::create,
        "DeleteUser" => users::delete,
        "CreateLoginProfile" => users::create_login_profile,
        "AttachUserPolicy" => users::attach_policy,
        "GetAccountSummary" => users::account_summary,
        "ListAccessKeys" => keys::list,
        "CreateAccessKey" => keys::create,
        "UpdateAccessKey" => keys::update,
        "DeleteAccessKey" => keys::delete,
        "GetAccessKeyLastUsed" => keys::last_used,
        _ => return None,
    })
}

/// The user in `UserName`, or the calling user. Role sessions must set `UserName`.
fn named_or_caller(call: &Call<'_>, named: Option<&str>) -> Result<String, ApiError> {
    named.or(call.caller.user()).map(str::to_owned).ok_or_else(ApiError::user_name_needed)
}

/// Checks the permission for `iam:<action>` on a user, then whether IAM operations see the user yet.
fn authorize_on_user(call: &Call<'_>, user: &str) -> Result<(), ApiError> {
    call.authorize(&format!("iam:{}", call.action), &call.account.user_arn(user))?;
    match call.account.users.get(user) {
        Some(new) if new.known > call.now => Err(ApiError::no_such_user(user)),
        _ => Ok(()),
    }
}
