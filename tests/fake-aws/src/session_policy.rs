//! Session policies: which ones AssumeRole accepts, and what they leave of the role's permissions.
//!
//! Only `Effect`, `Action`, `NotAction` and the asterisk count; resources and conditions do not.

use serde_json::Value;

use crate::error::ApiError;
use crate::params::{self, Check};

/// The most characters that fit, and how many a managed policy takes. AWS compresses the policies, and says only by how much
/// they exceed its limit.
const SPACE: (usize, usize) = (2048, 40);

/// The policies of a session. What one of them allows and none denies is allowed.
#[derive(Clone, Debug)]
pub(crate) struct SessionPolicy(Vec<Statement>);

#[derive(Clone, Debug)]
struct Statement {
    allows: bool,
    /// Whether the patterns are those of `NotAction`.
    others: bool,
    patterns: Vec<String>,
}

/// The parameters `Policy` and `PolicyArns`, to be read once the request is known to be valid.
pub(crate) struct Given<'a> {
    document: Option<&'a str>,
    arns: Vec<&'a str>,
}

impl<'a> Given<'a> {
    pub(crate) fn check(check: &mut Check<'a>) -> Self {
        let document = check.optional("Policy", &params::SESSION_POLICY);
        let names = (1..).map(|n| format!("PolicyArns.member.{n}.arn"));
        let arns = names.map_while(|name| check.optional(&name, &params::POLICY_ARN)).collect();
        Self { document, arns }
    }

    /// The policies, if there are any and AWS can read them.
    pub(crate) fn read(self) -> Result<Option<SessionPolicy>, ApiError> {
        let mut statements = self.document.map(statements).transpose()?.unwrap_or_default();
        if self.arns.len() > 10 {
            return Err(ApiError::validation("Cannot exceed quota for PolicyArns: 10"));
        }
        let size = self.document.map_or(0, |text| text.chars().count()) + SPACE.1 * self.arns.len();
        if size > SPACE.0 {
            let percent = size * 100 / SPACE.0;
            let message =
                format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
            return Err(ApiError::new(400, "PackedPolicyTooLarge", message));
        }
        if self.document.is_none() && self.arns.is_empty() {
            return Ok(None);
        }
        statements.extend(self.arns.into_iter().filter_map(managed));
        Ok(Some(SessionPolicy(statements)))
    }
}

impl SessionPolicy {
    pub(crate) fn allows(&self, action: &str) -> bool {
        let applies = |statement: &&Statement| {
            statement.patterns.iter().any(|pattern| matches(pattern, action)) != statement.others
        };
        let mut applicable = self.0.iter().filter(applies).peekable();
        applicable.peek().is_some() && applicable.all(|statement| statement.allows)
    }
}

/// Some of AWS's managed policies. An unknown one allows nothing.
fn managed(arn: &str) -> Option<Statement> {
    let patterns: &[&str] = match arn.rsplit('/').next()? {
        "AdministratorAccess" => &["*"],
        "ReadOnlyAccess" => &["iam:Get*", "iam:List*"],
        _ => return None,
    };
    let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    Some(Statement { allows: true, others: false, patterns })
}

fn statements(text: &str) -> Result<Vec<Statement>, ApiError> {
    let policy: Value =
        serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    match policy.get("Statement") {
        Some(Value::Array(all)) if !all.is_empty() => all.iter().map(statement).collect(),
        Some(one @ Value::Object(_)) => Ok(vec![statement(one)?]),
        _ => Err(malformed("Syntax errors in policy.")),
    }
}

fn statement(value: &Value) -> Result<Statement, ApiError> {
    if ["Principal", "NotPrincipal"].iter().any(|key| value.get(key).is_some()) {
        return Err(malformed("Policy document should not specify a principal."));
    }
    let allows = match value.get("Effect").and_then(Value::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err(malformed("Syntax errors in policy.")),
    };
    let (others, actions) = match (value.get("Action"), value.get("NotAction")) {
        (Some(actions), None) => (false, actions),
        (None, Some(actions)) => (true, actions),
        _ => return Err(malformed("Policy statement must contain actions.")),
    };
    if value.get("Resource").or(value.get("NotResource")).is_none() {
        return Err(malformed("Policy statement must contain resources."));
    }
    let texts = match actions {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    };
    let patterns = texts.into_iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    let patterns = patterns.ok_or_else(|| malformed("Syntax errors in policy."))?;
    if patterns.iter().any(|pattern| pattern != "*" && !pattern.contains(':')) {
        return Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
    }
    Ok(Statement { allows, others, patterns })
}

/// Whether a pattern with asterisks matches, regardless of case.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = action.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    last.map_or(rest.is_empty(), |part| part.is_empty() || action.ends_with(part))
}

fn malformed(message: &str) -> ApiError {
    ApiError::new(400, "MalformedPolicyDocument", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: Option<&str>, arns: &[&str]) -> Result<Option<SessionPolicy>, ApiError> {
        Given { document, arns: arns.to_vec() }.read()
    }

    #[test]
    fn allowed_and_not_denied_actions_remain() {
        let text = r#"{"Statement": [
            {"Effect": "Allow", "Action": ["iam:List*", "iam:*User"], "Resource": "*"},
            {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "iam:DeleteUser", "Resource": "*"}]}"#;
        let policy = read(Some(text), &[]).unwrap().unwrap();
        assert!(policy.allows("iam:ListMFADevices") && policy.allows("iam:GetUser"));
        assert!(
            !policy.allows("iam:DeleteUser") && !policy.allows("iam:GetRole") && !policy.allows("s3:List")
        );
        let managed = read(None, &["arn:aws:iam::aws:policy/ReadOnlyAccess"]).unwrap().unwrap();
        assert!(managed.allows("iam:GetUser") && !managed.allows("iam:CreateUser"));
        assert!(read(None, &[]).unwrap().is_none());
    }

    #[test]
    fn bad_policies_have_awss_errors() {
        let code = |text: &str| read(Some(text), &[]).unwrap_err().code;
        for text in [
            "{",
            "{}",
            r#"{"Statement": {"Effect": "Allow", "Action": "iam:*"}}"#,
            r#"{"Statement": {"Effect": "Allow", "Resource": "*"}}"#,
            r#"{"Statement": {"Effect": "Allow", "Action": "List", "Resource": "*"}}"#,
            r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}}"#,
        ] {
            assert_eq!(code(text), "MalformedPolicyDocument", "{text}");
        }
        let large =
            format!(r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"{}"}}}}"#, "x".repeat(2048));
        assert_eq!(code(&large), "PackedPolicyTooLarge");
    }
}
