//! AssumeRole's parameters, checked against the STS API model before a code is used.

use std::fmt;
use std::str::FromStr;

use super::partition;

/// Why a text is not a valid AssumeRole parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    #[error("`{0}` is not a role ARN")]
    Arn(String),
    #[error("`{0}` is not a valid role session name (2 to 64 letters, digits and `_+=,.@-`)")]
    SessionName(String),
    /// Not an external ID. The text is not shown: some people treat it as a secret.
    #[error("not a valid external ID (2 to 1224 letters, digits and `_+=,.@:/-`)")]
    ExternalId,
}

/// `[\w<others>]{least,most}`
fn is_of(text: &str, others: &str, least: usize, most: usize) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || others.contains(c);
    (least..=most).contains(&text.len()) && text.chars().all(allowed)
}

/// `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`
fn is_role_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return false };
    let name = resource.strip_prefix("role/").filter(|name| !name.ends_with('/'));
    let is_partition = partition.starts_with("aws") && is_of(partition, "-", 3, 32);
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    is_partition && is_account && name.is_some_and(|name| is_of(name, "+=,.@-/", 1, 576))
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:expr, $error:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = RoleError;

            fn from_str(text: &str) -> Result<Self, RoleError> {
                if $check(text) { Ok(Self(text.to_owned())) } else { Err($error(text)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// The ARN of a role.
    RoleArn,
    is_role_arn,
    |text: &str| RoleError::Arn(text.to_owned())
);
checked_text!(
    /// The session name that CloudTrail shows.
    RoleSessionName,
    |text: &str| is_of(text, "+=,.@-", 2, 64),
    |text: &str| RoleError::SessionName(text.to_owned())
);
checked_text!(
    /// The external ID that a role's trust policy may require.
    ExternalId,
    |text: &str| is_of(text, "+=,.@:/-", 2, 1224),
    |_: &str| RoleError::ExternalId
);

impl RoleArn {
    pub fn partition(&self) -> &str {
        partition::of_arn(&self.0)
    }

    /// Twelve digits.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

impl Default for RoleSessionName {
    fn default() -> Self {
        Self("awsmfa".to_owned())
    }
}

impl RoleSessionName {
    /// A session name derived from another name; `None` if too few characters are allowed.
    pub fn derived_from(name: &str) -> Option<Self> {
        let kept: String = name.chars().filter(|c| is_of(&c.to_string(), "+=,.@-", 1, 1)).take(64).collect();
        kept.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arns_need_a_partition_an_account_and_a_name() {
        for text in
            ["arn:aws:iam::123456789012:role/a", "arn:aws-us-gov:iam::123456789012:role/eng/x+=,.@-_y"]
        {
            assert_eq!(text.parse::<RoleArn>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "admin",
            "role/admin",
            "arn:aws:iam::12345678901:role/a",
            "arn:aws:iam::1234-5678-9012:role/a",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:sts::123456789012:assumed-role/a/b",
            "arn:aws:iam:us-east-1:123456789012:role/a",
            "arn:aws:iam::123456789012:role/a b",
            "arn::iam::123456789012:role/a",
        ] {
            assert!(text.parse::<RoleArn>().is_err(), "{text}");
        }
    }

    #[test]
    fn session_names_and_external_ids_follow_the_sts_model() {
        assert!(
            "a.b@example.com".parse::<RoleSessionName>().is_ok() && "x:y/z".parse::<ExternalId>().is_ok()
        );
        for text in ["", "a", "a b", "a/b", &"x".repeat(65)] {
            assert!(text.parse::<RoleSessionName>().is_err(), "{text}");
        }
        for text in ["", "a", "a b", "é1", &"x".repeat(1225)] {
            assert!(text.parse::<ExternalId>().is_err(), "{text}");
        }
        assert_eq!(RoleSessionName::derived_from("a/b c").unwrap().as_str(), "abc");
        assert_eq!(RoleSessionName::derived_from("é"), None);
    }
}
