//! Names, paths and tags, checked against the patterns in IAM's API model before a request is sent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that IAM would reject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("{what} consists of up to {limit} letters, digits and `_+=,.@-`; not `{text}`")]
    Name {
        what: &'static str,
        /// In characters.
        limit: usize,
        text: String,
    },
    #[error("a path is `/`, or starts and ends with a slash, such as `/engineering/`; not `{0}`")]
    Path(String),
    #[error(
        "a tag is KEY=VALUE, with 1 to 128 and 0 to 256 letters, digits, spaces and `_.:/=+-@`; not `{0}`"
    )]
    Tag(String),
    #[error("a policy's ARN looks like `arn:aws:iam::aws:policy/ReadOnlyAccess`; not `{0}`")]
    Policy(String),
}

/// `[\w+=,.@-]+`
fn is_name(text: &str, limit: usize) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (1..=limit).contains(&text.len()) && text.chars().all(allowed)
}

/// A virtual MFA device's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceName(String);

/// A device's ARN has at most 256 characters; without a path, this is what is left for the name.
const DEVICE_NAME_LIMIT: usize = 226;

impl FromStr for DeviceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match is_name(text, DEVICE_NAME_LIMIT) {
            true => Ok(Self(text.to_owned())),
            false => Err(NameError::Name {
                what: "a device's name",
                limit: DEVICE_NAME_LIMIT,
                text: text.to_owned(),
            }),
        }
    }
}

impl DeviceName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `n`th variant of the name: the name itself, `NAME-2`, `NAME-3`, …
    #[must_use]
    pub fn numbered(&self, n: usize) -> Self {
        if n < 2 { self.clone() } else { Self(format!("{}-{n}", self.0)) }
    }
}

/// An IAM user's name, without the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(String);

/// New users' names have at most 64 characters; older ones have up to 128.
const USER_NAME_LIMIT: usize = 128;

impl FromStr for UserName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match is_name(text, USER_NAME_LIMIT) {
            true => Ok(Self(text.to_owned())),
            false => {
                Err(NameError::Name { what: "a user's name", limit: USER_NAME_LIMIT, text: text.to_owned() })
            }
        }
    }
}

impl UserName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user's or device's path: `/`, or a text that starts and ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IamPath(String);

impl Default for IamPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for IamPath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // `(/)|(/[!-~]+/)`, 512 at most. `//` would result in an ARN that no request accepts again.
        let visible = text.bytes().all(|b| (b'!'..=b'~').contains(&b));
        let whole = text.starts_with('/') && text.ends_with('/') && !text.contains("//");
        match visible && whole && text.len() <= 512 {
            true => Ok(Self(text.to_owned())),
            false => Err(NameError::Path(text.to_owned())),
        }
    }
}

impl IamPath {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A tag as typed: `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagText {
    pub key: String,
    /// May be empty.
    pub value: String,
}

impl FromStr for TagText {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |t: &str| t.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c));
        match text.split_once('=') {
            Some((key, value))
                if (1..=128).contains(&key.chars().count())
                    && value.chars().count() <= 256
                    && allowed(key)
                    && allowed(value) =>
            {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err(NameError::Tag(text.to_owned())),
        }
    }
}

impl TagText {
    /// The first duplicate key. IAM ignores case in keys.
    pub fn twice(tags: &[Self]) -> Option<&str> {
        let same = |a: &Self, b: &Self| a.key.to_lowercase() == b.key.to_lowercase();
        let is_second = |(n, tag): &(usize, &Self)| tags[..*n].iter().any(|before| same(before, tag));
        tags.iter().enumerate().find(is_second).map(|(_, tag)| tag.key.as_str())
    }
}

/// The ARN of a managed policy: AWS's own, or one of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyArn(String);

impl FromStr for PolicyArn {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match is_policy(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(NameError::Policy(text.to_owned())),
        }
    }
}

impl PolicyArn {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `arn:PARTITION:iam::(aws|ACCOUNT):policy/[PATH/]NAME`
fn is_policy(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", owner, resource] = parts.as_slice() else { return false };
    let is_account = owner.len() == 12 && owner.bytes().all(|b| b.is_ascii_digit());
    let Some((path, name)) = resource.strip_prefix("policy").and_then(|rest| rest.rsplit_once('/')) else {
        return false;
    };
    let path = format!("{path}/").parse::<IamPath>();
    partition.starts_with("aws") && (*owner == "aws" || is_account) && path.is_ok() && is_name(name, 128)
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )*};
}

as_text!(DeviceName, UserName, IamPath, PolicyArn);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_iams_pattern() {
        for name in ["a", "al.ice+x=y,z@example.com", "aws_mfa-demo"] {
            assert!(name.parse::<DeviceName>().is_ok() && name.parse::<UserName>().is_ok(), "{name}");
        }
        for name in ["", "a b", "a/b", "é", "a:b", &"x".repeat(227)] {
            assert!(name.parse::<DeviceName>().is_err() && name.parse::<UserName>().is_err(), "{name}");
        }
        let name: DeviceName = "dev".parse().unwrap();
        assert_eq!((name.numbered(1).as_str(), name.numbered(2).as_str()), ("dev", "dev-2"));
    }

    #[test]
    fn paths_start_and_end_with_a_slash() {
        for path in ["/", "/a/", "/a/b!c/"] {
            assert!(path.parse::<IamPath>().is_ok(), "{path}");
        }
        for path in ["", "a", "/a", "a/", "//", "/a b/", "/a//b/", "/é/"] {
            assert!(path.parse::<IamPath>().is_err(), "{path}");
        }
    }

    #[test]
    fn tags_have_a_key_and_an_optional_value() {
        assert_eq!("k=v=w".parse(), Ok(TagText { key: "k".into(), value: "v=w".into() }));
        assert!("k=".parse::<TagText>().is_ok());
        for tag in ["", "k", "=v", "k=<"] {
            assert!(tag.parse::<TagText>().is_err(), "{tag}");
        }
        let tags = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<TagText>>();
        assert_eq!(TagText::twice(&tags(&["a=1", "b=1", "ab=1"])), None);
        assert_eq!(TagText::twice(&tags(&["a=1", "b=1", "A=2"])), Some("A"));
    }

    #[test]
    fn policies_must_be_arns() {
        for policy in [
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws-cn:iam::aws:policy/service-role/AmazonEC2RoleforSSM",
            "arn:aws:iam::123456789012:policy/a/b/c+x",
        ] {
            assert!(policy.parse::<PolicyArn>().is_ok(), "{policy}");
        }
        for policy in [
            "",
            "nonsense",
            "ReadOnlyAccess",
            "arn:aws:iam::aws:policy/",
            "arn:aws:iam::aws:policy",
            "arn:aws:iam::aws:policyReadOnly",
            "arn:aws:iam::12345:policy/a",
            "arn:aws:iam::123456789012:role/a",
            "arn:aws:s3:::policy/a",
            "arn:aws:iam:eu-central-1:aws:policy/a",
        ] {
            assert!(policy.parse::<PolicyArn>().is_err(), "{policy}");
        }
    }
}
