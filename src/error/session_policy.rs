//! Session policies that AWS would reject.

use super::{CommandError, ErrorKind};
use crate::model::session_policy::PolicyError;

/// What to do about a session policy that is too large.
pub(super) const SHORTER: &str =
    "shorten the policy, or create it as a managed policy in the role's account and pass its ARN";

impl From<PolicyError> for CommandError {
    fn from(error: PolicyError) -> Self {
        let this = Self::new(ErrorKind::Usage, &error);
        match error {
            PolicyError::Json(_) | PolicyError::NoStatement | PolicyError::Effect => this.hint(
                r#"use a policy such as `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`"#,
            ),
            PolicyError::Principal(key) => {
                this.hint(format!("remove the `{key}`: the policy always applies to the session"))
            }
            PolicyError::TooLong(_) => this.hint(SHORTER),
            PolicyError::Arn(_) => {
                this.hint("use an ARN such as `arn:aws:iam::aws:policy/ReadOnlyAccess`: `aws iam list-policies`")
            }
            PolicyError::TooMany(_) => this.hint("combine the policies in a file"),
            PolicyError::OtherAccount { .. } => {
                this.hint("use a policy of AWS's own (`arn:aws:iam::aws:policy/…`) or of the role's account")
            }
        }
    }
}
