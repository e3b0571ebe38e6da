//! A session policy: what a role's session may do at most, whatever the role itself may do. Checked as far as that is possible
//! without AWS, before a code is used.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde_json::Value;

use super::partition;

/// The longest inline policy that STS accepts, in characters, without whitespace between its parts.
const LIMIT: usize = 2048;

/// How many managed policies STS accepts.
const MOST_ARNS: usize = 10;

/// Why something is not a session policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("not valid JSON: {0}")]
    Json(String),
    #[error("a policy is a JSON object with a `Statement`")]
    NoStatement,
    #[error("a statement of a session policy cannot have a `{0}`")]
    Principal(&'static str),
    #[error("`Effect` of a statement must be `Allow` or `Deny`")]
    Effect,
    #[error("the policy has {0} characters, and AWS accepts {LIMIT}")]
    TooLong(usize),
    #[error("`{0}` is not the ARN of a managed policy")]
    Arn(String),
    #[error("there are {0} managed policies, and AWS accepts {MOST_ARNS}")]
    TooMany(usize),
    /// A managed policy of another account or partition.
    #[error("`{policy}` belongs to another account than `{role}`")]
    OtherAccount { policy: String, role: String },
}

/// An inline policy, without whitespace between its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDocument(String);

impl FromStr for PolicyDocument {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        // PowerShell writes it.
        let text = text.trim_start_matches('\u{feff}');
        let policy: Value = serde_json::from_str(text).map_err(|e| PolicyError::Json(e.to_string()))?;
        let statements = match policy.get("Statement") {
            Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            _ => return Err(PolicyError::NoStatement),
        };
        for statement in statements {
            if let Some(principal) =
                ["Principal", "NotPrincipal"].into_iter().find(|key| statement.get(key).is_some())
            {
                return Err(PolicyError::Principal(principal));
            }
            if !statement.get("Effect").is_some_and(|effect| effect == "Allow" || effect == "Deny") {
                return Err(PolicyError::Effect);
            }
        }
        let short = compact(text);
        match short.chars().count() {
            length if length > LIMIT => Err(PolicyError::TooLong(length)),
            _ => Ok(Self(short)),
        }
    }
}

/// Valid JSON without whitespace between its parts, and with characters beyond Latin-1, which STS rejects, escaped. The text
/// is not rendered again: what AWS evaluates is what the file says, even if a key occurs twice.
fn compact(json: &str) -> String {
    let mut short = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in json.chars() {
        if !quoted && c.is_ascii_whitespace() {
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        match u32::from(c) {
            0..=0x7e | 0xa0..=0xff => short.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(short, "\\u{unit:04x}");
                }
            }
        }
    }
    short
}

/// The ARN of a managed policy: `arn:PARTITION:iam::ACCOUNT:policy/[PATH/]NAME`, where ACCOUNT is `aws` for AWS's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyArn(String);

impl PolicyArn {
    fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

impl FromStr for PolicyArn {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let is_arn = match parts.as_slice() {
            ["arn", partition, "iam", "", account, resource] => {
                let name = resource.strip_prefix("policy/").unwrap_or_default();
                let is_account =
                    *account == "aws" || (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()));
                let is_name = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-/".contains(c);
                partition.starts_with("aws")
                    && is_account
                    && !name.is_empty()
                    && !name.ends_with('/')
                    && name.len() <= 640
                    && name.chars().all(is_name)
            }
            _ => false,
        };
        if is_arn { Ok(Self(text.to_owned())) } else { Err(PolicyError::Arn(text.to_owned())) }
    }
}

impl fmt::Display for PolicyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a role's session may do at most: the permissions that the role and these policies have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPolicy {
    document: Option<PolicyDocument>,
    // Their order means nothing.
    arns: BTreeSet<PolicyArn>,
}

impl SessionPolicy {
    /// These policies together; `None` if there are none.
    pub fn new(
        document: Option<PolicyDocument>,
        arns: impl IntoIterator<Item = PolicyArn>,
    ) -> Result<Option<Self>, PolicyError> {
        let arns = arns.into_iter().collect::<BTreeSet<_>>();
        match arns.len() {
            0 if document.is_none() => Ok(None),
            count if count > MOST_ARNS => Err(PolicyError::TooMany(count)),
            _ => Ok(Some(Self { document, arns })),
        }
    }

    /// The inline policy.
    pub fn document(&self) -> Option<&str> {
        self.document.as_ref().map(|document| document.0.as_str())
    }

    /// The managed policies.
    pub fn arns(&self) -> impl Iterator<Item = &str> {
        self.arns.iter().map(|arn| arn.0.as_str())
    }

    /// Checks that the managed policies can narrow a session of this role: they are AWS's own or in the role's account.
    pub fn check_role(&self, role: &super::role::RoleArn) -> Result<(), PolicyError> {
        let fits = |arn: &&PolicyArn| {
            let same_account = arn.account() == "aws" || arn.account() == role.account();
            same_account && partition::of_arn(&arn.0) == role.partition()
        };
        match self.arns.iter().find(|arn| !fits(arn)) {
            Some(arn) => Err(PolicyError::OtherAccount { policy: arn.to_string(), role: role.to_string() }),
            None => Ok(()),
        }
    }

    /// Equal for policies that narrow a session equally, so that it can be cached.
    pub fn key(&self) -> String {
        let parts = self.arns().chain(self.document());
        parts.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> PolicyError {
        text.parse::<PolicyDocument>().unwrap_err()
    }

    #[test]
    fn document_loses_whitespace_between_its_parts_only() {
        let text = "\u{feff}{ \"Statement\":\r\n [{\"Effect\": \"Allow\", \"Sid\": \"a b \\\" {\u{e9}\u{20ac}\u{1f600}\u{7f} \\\\\" }]}\n";
        let policy = SessionPolicy::new(Some(text.parse().unwrap()), []).unwrap().unwrap();
        assert_eq!(
            policy.document().unwrap(),
            "{\"Statement\":[{\"Effect\":\"Allow\",\"Sid\":\"a b \\\" {\u{e9}\\u20ac\\ud83d\\ude00\\u007f \\\\\"}]}"
        );
        let value = |text: &str| serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')).unwrap();
        assert_eq!(value(policy.document().unwrap()), value(text));
    }

    #[test]
    fn document_is_checked_before_aws_sees_it() {
        assert!(matches!(error_of(""), PolicyError::Json(_)));
        assert!(matches!(error_of("{\"Statement\": [}"), PolicyError::Json(_)));
        for text in
            ["[]", "1", "{}", "{\"Statement\": []}", "{\"Statement\": \"Allow\"}", "{\"statement\": [{}]}"]
        {
            assert_eq!(error_of(text), PolicyError::NoStatement, "{text}");
        }
        assert_eq!(error_of("{\"Statement\": {\"Effect\": \"allow\"}}"), PolicyError::Effect);
        assert_eq!(error_of("{\"Statement\": [1]}"), PolicyError::Effect);
        let principal = "{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\"}}";
        assert_eq!(error_of(principal), PolicyError::Principal("Principal"));
        let sized = |sid: usize| {
            format!("{{\"Statement\":{{\"Effect\":\"Allow\",\"Sid\":\"{}\"}}}}", "x".repeat(sid))
        };
        let most = LIMIT - sized(0).len();
        assert!(sized(most).parse::<PolicyDocument>().is_ok());
        assert_eq!(error_of(&sized(most + 1)), PolicyError::TooLong(LIMIT + 1));
    }

    #[test]
    fn policy_arns_need_a_partition_an_account_and_a_name() {
        for text in [
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
            "arn:aws-us-gov:iam::123456789012:policy/x+=,.@-_y",
        ] {
            assert_eq!(text.parse::<PolicyArn>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "arn:",
            "arn:aws:iam::123456789012:role/a",
            "arn:aws:iam::12345678901:policy/a",
            "arn:aws:iam::aws:policy/",
            "arn:aws:iam::aws:policy/a b",
            "arn:aws:iam:us-east-1:aws:policy/a",
        ] {
            assert!(text.parse::<PolicyArn>().is_err(), "{text}");
        }
    }

    #[test]
    fn managed_policies_belong_to_the_roles_account_or_to_aws() {
        let role = "arn:aws:iam::123456789012:role/a".parse().unwrap();
        let of =
            |arn: &str| SessionPolicy::new(None, [arn.parse().unwrap()]).unwrap().unwrap().check_role(&role);
        assert!(of("arn:aws:iam::aws:policy/A").is_ok() && of("arn:aws:iam::123456789012:policy/A").is_ok());
        for other in ["arn:aws:iam::210987654321:policy/A", "arn:aws-cn:iam::aws:policy/A"] {
            assert!(matches!(of(other), Err(PolicyError::OtherAccount { .. })), "{other}");
        }
    }

    #[test]
    fn order_of_managed_policies_means_nothing() {
        let arn = |n: usize| format!("arn:aws:iam::aws:policy/p{n}").parse::<PolicyArn>().unwrap();
        let of = |numbers: &[usize]| SessionPolicy::new(None, numbers.iter().copied().map(arn)).unwrap();
        assert_eq!(of(&[1, 2, 1]).unwrap().key(), of(&[2, 1]).unwrap().key());
        assert_ne!(of(&[1]).unwrap().key(), of(&[2]).unwrap().key());
        assert_eq!(of(&[]), None);
        assert_eq!(SessionPolicy::new(None, (0..11).map(arn)), Err(PolicyError::TooMany(11)));
    }
}
