//! Encrypts a secret to an age recipient, for a copy that leaves the stores.

use std::str::FromStr;

use age::x25519;

use super::StoreError;
use crate::model::secret::Secret;

/// The public key of an X25519 identity, `age1…`.
#[derive(Debug, Clone)]
pub struct Recipient(x25519::Recipient);

/// What someone gave instead of a recipient. The text is not repeated: an identity is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotARecipient {
    #[error("an age identity is secret and cannot be a recipient")]
    Identity,
    #[error("SSH keys are not supported as recipients")]
    Ssh,
    #[error("recipients of age plugins are not supported")]
    Plugin,
    #[error("an age recipient looks like `age1…`")]
    Other,
}

impl FromStr for Recipient {
    type Err = NotARecipient;

    fn from_str(text: &str) -> Result<Self, NotARecipient> {
        let text = text.trim();
        text.parse().map(Self).map_err(|_| match text {
            _ if text.to_ascii_uppercase().starts_with("AGE-") => NotARecipient::Identity,
            _ if text.starts_with("ssh-") => NotARecipient::Ssh,
            _ if text.parse::<age::plugin::Recipient>().is_ok() => NotARecipient::Plugin,
            _ => NotARecipient::Other,
        })
    }
}

impl Recipient {
    pub(super) fn key(&self) -> &x25519::Recipient {
        &self.0
    }

    /// An armored age file with the value and a newline, as `age -d` prints it.
    pub fn seal(&self, value: &Secret<String>) -> Result<String, StoreError> {
        let mut line = String::with_capacity(value.expose().len() + 1);
        line.push_str(value.expose());
        line.push('\n');
        age::encrypt_and_armor(&self.0, Secret::locked(line).expose().as_bytes())
            .map_err(|error| StoreError::damaged(format!("age failed to encrypt: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_recipient_opens_it() {
        let key = x25519::Identity::generate();
        let recipient: Recipient = key.to_public().to_string().parse().unwrap();
        let sealed = recipient.seal(&"otpauth://totp/x".into()).unwrap();
        assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
        assert_eq!(age::decrypt(&key, sealed.as_bytes()).unwrap(), b"otpauth://totp/x\n");
        assert!(age::decrypt(&x25519::Identity::generate(), sealed.as_bytes()).is_err());
        assert_eq!("ssh-ed25519 AAAA".parse::<Recipient>().unwrap_err(), NotARecipient::Ssh);
    }
}
