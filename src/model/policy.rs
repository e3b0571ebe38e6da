//! The IAM policy that lets users manage their own MFA and denies everything else until they sign in with it. It is the one in
//! the IAM User Guide ("Allows MFA-authenticated IAM users to manage their own MFA device") with three additions:
//!
//! - Users with a path: `user/${aws:username}` is the ARN of `bob`, but not of `/eng/bob`. `user/*/${aws:username}` is.
//!   It matches no other user: the name is the part after the last slash and is unique in the account regardless of the
//!   path.
//! - With MFA, users can delete the virtual device that has their own name, so that `awsmfa device remove` leaves nothing
//!   behind. AWS deletes only unassigned devices, and without MFA the last statement denies the action.
//! - With MFA, users can replace their own access keys, as `awsmfa keys rotate` does.

use serde::Serialize;

/// What a user needs before MFA: listing, enrolling, and getting a session. AWS advises against adding more.
const WITHOUT_MFA: [&str; 7] = [
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:GetUser",
    "iam:ListMFADevices",
    "iam:ListVirtualMFADevices",
    "iam:ResyncMFADevice",
    "sts:GetSessionToken",
];

/// What users may do to their own user.
const ON_OWN_USER: [&str; 6] = [
    "iam:DeactivateMFADevice",
    "iam:EnableMFADevice",
    "iam:GetMFADevice",
    "iam:GetUser",
    "iam:ListMFADevices",
    "iam:ResyncMFADevice",
];

/// What users may do with their own access keys: the User Guide's statement of that name.
const ON_OWN_KEYS: [&str; 5] = [
    "iam:CreateAccessKey",
    "iam:DeleteAccessKey",
    "iam:GetAccessKeyLastUsed",
    "iam:ListAccessKeys",
    "iam:UpdateAccessKey",
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    action: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_action: &'static [&'static str],
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    /// `IfExists`: requests signed with long-term keys do not contain the MFA key, and are denied too.
    bool_if_exists: MfaPresent,
}

#[derive(Serialize)]
struct MfaPresent {
    #[serde(rename = "aws:MultiFactorAuthPresent")]
    present: &'static str,
}

/// The policy as JSON, for one account (`*` for any) of a partition.
pub fn manage_own_mfa(partition: &str, account: &str) -> String {
    let arn = |resource: &str| format!("arn:{partition}:iam::{account}:{resource}");
    let allow = |sid, action, resource| Statement {
        sid,
        effect: "Allow",
        action,
        not_action: &[],
        resource,
        condition: None,
    };
    let named_after_the_user = |kind: &str| {
        vec![arn(&format!("{kind}/${{aws:username}}")), arn(&format!("{kind}/*/${{aws:username}}"))]
    };
    let deny = Statement {
        sid: "DenyEverythingElseWithoutMFA",
        effect: "Deny",
        action: &[],
        not_action: &WITHOUT_MFA,
        resource: vec!["*".to_owned()],
        condition: Some(Condition { bool_if_exists: MfaPresent { present: "false" } }),
    };
    let policy = Policy {
        version: "2012-10-17",
        statement: vec![
            allow("ListVirtualMFADevices", &["iam:ListVirtualMFADevices"], vec!["*".to_owned()]),
            allow("CreateVirtualMFADevices", &["iam:CreateVirtualMFADevice"], vec![arn("mfa/*")]),
            allow("ManageOwnMFA", &ON_OWN_USER, named_after_the_user("user")),
            allow("ManageOwnAccessKeys", &ON_OWN_KEYS, named_after_the_user("user")),
            allow("DeleteDeviceOfOwnName", &["iam:DeleteVirtualMFADevice"], named_after_the_user("mfa")),
            deny,
        ],
    };
    serde_json::to_string_pretty(&policy).expect("strings can be serialized")
}
