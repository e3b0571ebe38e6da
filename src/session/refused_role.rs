//! Why a role could not be assumed: who tried, with which proof, and what the role's trust policy may require.

use crate::aws::{AssumeRole, AwsError, AwsErrorKind};
use crate::aws_files::resolve::Resolution;
use crate::error::{CommandError, ErrorKind};
use crate::model::shell::CommandLine;

/// How AWS can know that the role is assumed with MFA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A code in the request.
    Code,
    /// A user's session that a code was sent for, just now or earlier.
    Session { is_old: bool },
    /// None: sessions of roles do not prove MFA.
    Chained,
    /// None: the credentials are temporary, and how they came about is unknown.
    Unknown,
}

/// A role that AWS did not let its caller assume.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct RefusedRole {
    pub error: AwsError,
    pub role: AssumeRole,
    /// Its place in the chain.
    pub index: usize,
    pub proof: Proof,
}

impl RefusedRole {
    /// Whether the refusal is about the role, so that this module can explain it.
    pub fn is_about_role(error: &AwsError) -> bool {
        error.kind == AwsErrorKind::AccessDenied || is_too_long(error)
    }

    /// The error with hints for the profile that has the role.
    pub(super) fn explain(self, resolution: &Resolution) -> CommandError {
        let profile = resolution.roles.get(self.index).map_or(&resolution.profile, |role| &role.profile);
        if is_too_long(&self.error) {
            return self.too_long(profile, resolution);
        }
        let Some((principal, reason)) = principal(&self.error.message) else {
            return CommandError::from(self.error);
        };
        let role = &self.role.role_arn;
        let proof = match self.proof {
            Proof::Code | Proof::Session { .. } => "with MFA",
            Proof::Chained => "without MFA",
            Proof::Unknown => "with temporary credentials",
        };
        let id =
            if self.role.external_id.is_some() { "with an external ID" } else { "without an external ID" };
        let is_explicit = reason.contains("explicit deny");
        let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let message = format!("AWS does not let `{principal}` assume `{role}` ({proof}, {id}){because}");
        let this = CommandError::new(ErrorKind::Refused, message);
        let this = match reason {
            "" => self.hint_at_trust(this, profile),
            _ if is_explicit => this.hint("change this policy, or meet its conditions"),
            _ => this.hint("allow `sts:AssumeRole` on this role in a policy of the caller"),
        };
        let this = self.hint_at_mfa(this, resolution);
        this.because(self.error)
    }

    /// AWS does not say whether the role exists, nor which condition of its trust policy is not met.
    fn hint_at_trust(&self, this: CommandError, profile: &str) -> CommandError {
        let name = self.role.role_arn.as_str().rsplit('/').next().unwrap_or_default();
        let show = CommandLine::new("aws iam get-role --role-name").arg(name);
        let this =
            this.hint(format!("check that the role exists and that its trust policy allows this: `{show}`"));
        if self.role.external_id.is_some() {
            return this;
        }
        let set = CommandLine::new("aws configure set external_id ID").profile(profile);
        this.hint(format!("if the trust policy requires an external ID: `{set}`"))
    }

    fn hint_at_mfa(&self, this: CommandError, resolution: &Resolution) -> CommandError {
        match self.proof {
            Proof::Code | Proof::Session { is_old: false } => this,
            Proof::Session { is_old: true } => {
                let login = CommandLine::new("awsmfa login").profile(&resolution.profile).arg("--force");
                this.hint(format!("if the role requires a more recent code: `{login}`"))
            }
            Proof::Chained => {
                this.hint("a role that requires MFA must be the first in the chain: roles do not pass MFA on")
            }
            Proof::Unknown => {
                this.hint("if the role requires MFA: assume it with an IAM user's access key, to which MFA can be added")
            }
        }
    }

    fn too_long(self, profile: &str, resolution: &Resolution) -> CommandError {
        let (role, duration) = (&self.role.role_arn, self.role.duration);
        let message = format!("`{role}` does not allow sessions of {duration}");
        let shorter = match profile == resolution.profile {
            true => format!("`--duration 1h`, or `duration_seconds` in profile `{profile}`"),
            false => format!("set `duration_seconds` in profile `{profile}`"),
        };
        CommandError::new(ErrorKind::Refused, message)
            .hint(format!("request a shorter session: {shorter}"))
            .hint("or raise the role's maximum session duration in the IAM console")
            .because(self.error)
    }
}

fn is_too_long(error: &AwsError) -> bool {
    error.kind == AwsErrorKind::InvalidInput && error.message.contains("MaxSessionDuration")
}

/// The principal in AWS's message (`User: ARN is not authorized to perform: sts:AssumeRole on resource: ARN reason`), and the
/// reason, which is empty if the role's trust policy is the obstacle.
fn principal(message: &str) -> Option<(&str, &str)> {
    let (principal, rest) = message.strip_prefix("User: ")?.split_once(" is not authorized to perform: ")?;
    let (_, resource) = rest.split_once(" on resource: ").unwrap_or((rest, ""));
    let reason = resource.split_once(' ').map_or("", |(_, reason)| reason);
    Some((
        principal,
        ["because ", "with an "].iter().find_map(|words| reason.strip_prefix(words)).unwrap_or(reason),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principal_and_reason_are_found_in_awss_message() {
        let user = "arn:aws:iam::123456789012:user/alice";
        let text = |rest: &str| format!("User: {user} is not authorized to perform: sts:AssumeRole{rest}");
        assert_eq!(principal(&text("")), Some((user, "")));
        let on = " on resource: arn:aws:iam::123456789012:role/admin";
        assert_eq!(principal(&text(on)), Some((user, "")));
        let why = "no identity-based policy allows the sts:AssumeRole action";
        assert_eq!(principal(&text(&format!("{on} because {why}"))), Some((user, why)));
        let denied = "explicit deny in an identity-based policy";
        assert_eq!(principal(&text(&format!("{on} with an {denied}"))), Some((user, denied)));
        assert_eq!(principal("Roles may not be assumed by root accounts"), None);
    }
}
