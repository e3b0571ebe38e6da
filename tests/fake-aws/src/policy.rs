//! Who may do what: the three kinds of permission a user can have here, and the words of a refusal.
//!
//! Not a policy language: the self-management policy of the IAM User Guide is written out as code.

use crate::account::{Account, Principal, UserEntry};
use crate::auth::Caller;
use crate::error::ApiError;

/// The identity-based policies of a user or role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permissions {
    /// Everything.
    Admin,
    /// The IAM User Guide's policy for managing one's own MFA devices: an allow-list on the user's own
    /// path-less ARN, and a Deny of everything but a few actions for callers without MFA.
    #[default]
    SelfManageMfa,
    /// Nothing; GetSessionToken and GetCallerIdentity work all the same.
    None,
}

/// What the policy's Deny spares when MFA is absent.
const WITHOUT_MFA: &[&str] = &[
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:GetUser",
    "iam:ListMFADevices",
    "iam:ListVirtualMFADevices",
    "iam:ResyncMFADevice",
    "sts:GetSessionToken",
];

/// What the policy allows on `arn:aws:iam::*:user/${aws:username}`.
const ON_ONESELF: &[&str] = &[
    "iam:DeactivateMFADevice",
    "iam:EnableMFADevice",
    "iam:GetUser",
    "iam:GetMFADevice",
    "iam:ListMFADevices",
    "iam:ResyncMFADevice",
];

enum Verdict {
    Allowed,
    ExplicitDeny,
    NotAllowed,
}

/// Whether `caller` may do `action` (`iam:X`) to `resource`. `mfa`: the request's
/// `aws:MultiFactorAuthPresent`.
pub(crate) fn authorize(
    account: &Account,
    caller: &Caller,
    mfa: bool,
    action: &str,
    resource: &str,
) -> Result<(), ApiError> {
    let verdict = match &caller.principal {
        Principal::User(name) => account.users.get(name).map(|user| of_user(user, mfa, action, resource)),
        Principal::Role { role, .. } => account.roles.get(role).map(|role| match role.spec.permissions {
            Permissions::Admin => Verdict::Allowed,
            _ => Verdict::NotAllowed,
        }),
    };
    let reason = match verdict.unwrap_or(Verdict::NotAllowed) {
        Verdict::Allowed => return Ok(()),
        Verdict::ExplicitDeny => "with an explicit deny in an identity-based policy".to_owned(),
        Verdict::NotAllowed => format!("because no identity-based policy allows the {action} action"),
    };
    Err(refusal(caller, action, resource, &reason))
}

/// Whether an identity-based policy forbids what a role's trust policy would allow.
pub(crate) fn explicit_deny(
    account: &Account,
    caller: &Caller,
    mfa: bool,
    action: &str,
    resource: &str,
) -> Result<(), ApiError> {
    let Principal::User(name) = &caller.principal else { return Ok(()) };
    match account.users.get(name).map(|user| of_user(user, mfa, action, resource)) {
        Some(Verdict::ExplicitDeny) => {
            Err(refusal(caller, action, resource, "with an explicit deny in an identity-based policy"))
        }
        _ => Ok(()),
    }
}

/// `User: … is not authorized to perform: … on resource: …`, with a reason if AWS gives one.
pub(crate) fn refusal(caller: &Caller, action: &str, resource: &str, reason: &str) -> ApiError {
    let space = if reason.is_empty() { "" } else { " " };
    ApiError::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {resource}{space}{reason}",
        caller.arn
    ))
}

fn of_user(user: &UserEntry, mfa: bool, action: &str, resource: &str) -> Verdict {
    if user.denied.iter().any(|denied| denied.eq_ignore_ascii_case(action)) {
        return Verdict::ExplicitDeny;
    }
    match user.permissions {
        Permissions::Admin => Verdict::Allowed,
        Permissions::None => Verdict::NotAllowed,
        Permissions::SelfManageMfa if !mfa && !WITHOUT_MFA.contains(&action) => Verdict::ExplicitDeny,
        Permissions::SelfManageMfa => match action {
            "iam:ListVirtualMFADevices" | "iam:CreateVirtualMFADevice" => Verdict::Allowed,
            _ if ON_ONESELF.contains(&action) && resource.ends_with(&format!(":user/{}", user.name)) => {
                Verdict::Allowed
            }
            _ => Verdict::NotAllowed,
        },
    }
}
