//! Permissions: the three sets of permissions that a user can have, and the texts of denials.
//!
//! There is no policy language: the self-management policy of the IAM User Guide is code.

use crate::account::{Account, UserEntry};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::session::Principal;

/// The identity-based policies of a user or role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permissions {
    /// All actions.
    Admin,
    /// The IAM User Guide's policy that lets users manage their own MFA devices. It allows a few actions on the
    /// user's ARN (if that has no path), and denies almost everything to callers without MFA.
    #[default]
    SelfManageMfa,
    /// No actions. GetSessionToken and GetCallerIdentity do not need a permission.
    None,
}

/// What the policy does not deny without MFA.
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
    /// A managed policy denies it; its name.
    DeniedBy(&'static str),
    /// An inline policy, which has no ARN, denies it.
    DeniedInline,
    NotAllowed,
}

/// The managed policy that [`Permissions::SelfManageMfa`] stands for.
const SELF_MANAGE: &str = "SelfManageMFA";

/// Checks whether `caller` may perform `action` (`iam:X`) on `resource`. `mfa` is `aws:MultiFactorAuthPresent`.
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
        Principal::Federated { .. } => None,
    };
    let verdict = verdict.unwrap_or(Verdict::NotAllowed);
    let narrowed = caller.policy.as_ref().is_some_and(|policy| !policy.allows(action));
    if narrowed {
        let reason = format!("because no session policy allows the {action} action");
        return Err(refusal(caller, action, resource, &reason));
    }
    if matches!(verdict, Verdict::Allowed) {
        return Ok(());
    }
    let reason = denial(account, &verdict)
        .unwrap_or_else(|| format!("because no identity-based policy allows the {action} action"));
    Err(refusal(caller, action, resource, &reason))
}

/// The reason that AWS states for an explicit deny. Since January 2026 it ends with the policy's ARN if there is one.
fn denial(account: &Account, verdict: &Verdict) -> Option<String> {
    const DENY: &str = "with an explicit deny in an identity-based policy";
    match verdict {
        Verdict::DeniedBy(name) => Some(format!("{DENY}: {}", account.arn("iam", &format!("policy/{name}")))),
        Verdict::DeniedInline => Some(DENY.to_owned()),
        Verdict::Allowed | Verdict::NotAllowed => None,
    }
}

/// Checks whether an identity-based policy denies what a role's trust policy allows.
pub(crate) fn explicit_deny(
    account: &Account,
    caller: &Caller,
    mfa: bool,
    action: &str,
    resource: &str,
) -> Result<(), ApiError> {
    let Principal::User(name) = &caller.principal else { return Ok(()) };
    let verdict = account.users.get(name).map(|user| of_user(user, mfa, action, resource));
    match verdict.and_then(|verdict| denial(account, &verdict)) {
        Some(reason) => Err(refusal(caller, action, resource, &reason)),
        None => Ok(()),
    }
}

/// `User: … is not authorized to perform: … on resource: …`, with a reason if AWS states one.
pub(crate) fn refusal(caller: &Caller, action: &str, resource: &str, reason: &str) -> ApiError {
    let space = if reason.is_empty() { "" } else { " " };
    ApiError::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {resource}{space}{reason}",
        caller.arn
    ))
}

fn of_user(user: &UserEntry, mfa: bool, action: &str, resource: &str) -> Verdict {
    if user.denied.iter().any(|denied| denied.eq_ignore_ascii_case(action)) {
        return Verdict::DeniedInline;
    }
    match user.permissions {
        Permissions::Admin => Verdict::Allowed,
        Permissions::None => Verdict::NotAllowed,
        Permissions::SelfManageMfa if !mfa && !WITHOUT_MFA.contains(&action) => {
            Verdict::DeniedBy(SELF_MANAGE)
        }
        Permissions::SelfManageMfa => match action {
            "iam:ListVirtualMFADevices" | "iam:CreateVirtualMFADevice" => Verdict::Allowed,
            _ if ON_ONESELF.contains(&action) && resource.ends_with(&format!(":user/{}", user.name)) => {
                Verdict::Allowed
            }
            _ => Verdict::NotAllowed,
        },
    }
}
