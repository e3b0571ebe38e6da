//! Serials: how AWS identifies MFA devices.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The serial of a device that generates codes: a virtual device's ARN or a hardware token's number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial(String);

/// Why a text is not the serial of a device that generates codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    #[error("`{given}` is the ARN of a user, not of an MFA device")]
    User {
        given: String,
        /// The serial of the user's device if it has the user's name.
        likely: String,
    },
    /// A security key or passkey; STS cannot use those.
    #[error(
        "`{0}` is a security key or passkey; AWS STS accepts codes only from virtual devices and hardware tokens"
    )]
    Fido(String),
    #[error("`{0}` is not an MFA device serial")]
    Malformed(String),
}

impl Serial {
    /// The text that AWS calls `SerialNumber`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a virtual device's ARN rather than a hardware token's number.
    pub fn is_virtual(&self) -> bool {
        self.0.starts_with("arn:")
    }

    /// The device's account, twelve digits; `None` for hardware tokens.
    pub fn account(&self) -> Option<&str> {
        self.0.split(':').nth(4).filter(|_| self.is_virtual())
    }

    /// The device's name without its path. Often the same as the user's name.
    pub fn device_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        let malformed = || SerialError::Malformed(text.to_owned());
        // SerialNumber: 9..256 characters of [\w+=/:,.@-] (aws-sdk-iam model).
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=/:,.@-".contains(c);
        if !(9..=256).contains(&text.len()) || !text.chars().all(allowed) {
            return Err(malformed());
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
            return if is_hardware(text) { Ok(Self(text.to_owned())) } else { Err(malformed()) };
        };
        if partition.is_empty() || account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(malformed());
        }
        match resource.split_once('/') {
            Some(("mfa", name)) if !name.is_empty() && !name.ends_with('/') => Ok(Self(text.to_owned())),
            Some(("user", user)) => {
                let name = user.rsplit('/').next().unwrap_or(user);
                let likely = format!("arn:{partition}:iam::{account}:mfa/{name}");
                Err(SerialError::User { given: text.to_owned(), likely })
            }
            Some(("u2f" | "fido", _)) => Err(SerialError::Fido(text.to_owned())),
            _ => Err(malformed()),
        }
    }
}

/// Hardware tokens have short numbers such as `GAHT12345678`. A longer text may be a secret pasted into the wrong place.
fn is_hardware(text: &str) -> bool {
    text.len() <= 20
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.bytes().any(|b| b.is_ascii_digit())
}

impl TryFrom<String> for Serial {
    type Error = SerialError;

    fn try_from(text: String) -> Result<Self, SerialError> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_that_generate_codes_are_accepted() {
        for text in [
            "arn:aws:iam::123456789012:mfa/alice",
            "arn:aws-cn:iam::123456789012:mfa/eng/team/alice@example.com",
            "arn:aws:iam::123456789012:mfa/root-account-mfa-device",
            "GAHT12345678",
        ] {
            assert_eq!(text.parse::<Serial>().unwrap().as_str(), text);
        }
        let serial: Serial = "arn:aws-us-gov:iam::123456789012:mfa/eng/alice".parse().unwrap();
        assert_eq!((serial.account(), serial.device_name()), (Some("123456789012"), "alice"));
        let token: Serial = "GAHT12345678".parse().unwrap();
        assert!(!token.is_virtual() && token.account().is_none());
    }

    #[test]
    fn other_serials_are_rejected_with_the_likely_one() {
        let error = "arn:aws:iam::123456789012:user/eng/alice".parse::<Serial>().unwrap_err();
        let SerialError::User { likely, .. } = error else { panic!("{error:?}") };
        assert_eq!(likely, "arn:aws:iam::123456789012:mfa/alice");
        let fido =
            "arn:aws:iam::123456789012:u2f/user/alice/key-ABCDEFGHIJKLMNOPQRSTUVWXYZ".parse::<Serial>();
        assert!(matches!(fido, Err(SerialError::Fido(_))));
        for text in [
            "",
            "alice",
            "short",
            "arn:aws:iam::12345:mfa/alice",
            "arn:aws:iam::123456789012:mfa/",
            "arn:aws:iam::123456789012:role/x",
            "arn:aws:iam::123456789012:mfa/a b",
            "mfa/alice-device",
            "my-phone-mfa",
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        ] {
            assert!(matches!(text.parse::<Serial>(), Err(SerialError::Malformed(_))), "{text}");
        }
    }
}
