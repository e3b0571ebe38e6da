//! What the name of a stored secret says. Names can be listed without decrypting anything.

use super::serial::Serial;

/// The name of the throwaway secret with which a store is checked.
pub const PROBE: &str = "awsmfa-probe";

/// What a store has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretName {
    /// The seed of the device with this serial.
    Device(Serial),
    /// Long-term keys, by their access key ID.
    AccessKey,
    /// What an interrupted check left behind. It is no secret, and the next check removes it.
    Probe,
    /// Anything else that a person or another program put there.
    Other,
}

impl SecretName {
    pub fn of(name: &str) -> Self {
        if name == PROBE || name.strip_prefix(PROBE).is_some_and(|rest| rest.starts_with('-')) {
            return Self::Probe;
        }
        // A key ID would pass as the number of a hardware token.
        if is_access_key_id(name) {
            return Self::AccessKey;
        }
        name.parse().map_or(Self::Other, Self::Device)
    }
}

/// Access key IDs of IAM users: `AKIA` and, up to now, 16 capital letters and digits. AWS allows 16 to 128 characters in all.
fn is_access_key_id(name: &str) -> bool {
    name.starts_with("AKIA")
        && (16..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_says_what_a_secret_is() {
        let arn = "arn:aws:iam::123456789012:mfa/alice";
        assert_eq!(SecretName::of(arn), SecretName::Device(arn.parse().unwrap()));
        assert_eq!(SecretName::of("GAHT12345678"), SecretName::Device("GAHT12345678".parse().unwrap()));
        // A short number with the same beginning is a token's.
        assert_eq!(SecretName::of("AKIA12345"), SecretName::Device("AKIA12345".parse().unwrap()));
        for key in ["AKIAJQMOYWVNWNOMXRVA", "AKIA123456789012"] {
            assert_eq!(SecretName::of(key), SecretName::AccessKey);
        }
        for probe in ["awsmfa-probe", "awsmfa-probe-4711-0"] {
            assert_eq!(SecretName::of(probe), SecretName::Probe);
        }
        for other in [
            "",
            "alice",
            "awsmfa-probes",
            "unreadable:arn:aws:iam::123456789012:mfa/alice",
            "AKIAjqmoywvnwnomxrva1234",
        ] {
            assert_eq!(SecretName::of(other), SecretName::Other, "{other}");
        }
    }
}
