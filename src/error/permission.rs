//! Missing permissions: which action on which resource, and the policy statement that would allow it.

use super::CommandError;
use crate::aws::{AwsError, AwsErrorKind};

/// The error for an IAM request about `resource` (an ARN, or `*`) that `caller` (an ARN) signed. If a permission is missing,
/// a hint shows the policy statement that would allow the request.
pub fn denied(error: AwsError, resource: &str, caller: &str) -> CommandError {
    if error.kind != AwsErrorKind::AccessDenied {
        return error.into();
    }
    let action = format!("iam:{}", error.operation);
    let mut this = CommandError::from(error.clone());
    this.message = format!("`{caller}` has no permission for `{action}` on `{resource}`");
    let statement = format!(r#"{{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}"#);
    this = this.hint(format!("an administrator can allow it with this policy statement: {statement}"));
    if error.message.contains("explicit deny") {
        let hint = "a policy also explicitly denies it; if that is because MFA is missing, add the action to its `NotAction`";
        this = this.hint(hint);
    }
    this
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_allows_the_action_on_the_resource() {
        let message = "User: a is not authorized with an explicit deny in an identity-based policy";
        let error = AwsError::new(AwsErrorKind::AccessDenied, "CreateVirtualMFADevice", message);
        let error = denied(error, "arn:aws:iam::1:mfa/a", "arn:aws:iam::1:user/a");
        assert_eq!(error.kind as u8, 4);
        let statement = r#"{"Effect": "Allow", "Action": "iam:CreateVirtualMFADevice", "Resource": "arn:aws:iam::1:mfa/a"}"#;
        assert!(error.hints[0].ends_with(statement), "{:?}", error.hints);
        assert_eq!(error.hints.len(), 2);
    }
}
