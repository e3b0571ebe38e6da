//! Accounts of authenticator apps: what their QR codes and exports contain.

use super::otpauth;
use super::serial::Serial;
use super::totp::{Seed, SeedError};

/// An account of an authenticator app.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// Who issued the secret, such as `Amazon Web Services`; may be empty.
    pub issuer: String,
    /// The account's name; AWS's are `DEVICE@ACCOUNT`.
    pub name: String,
    /// The profile that uses the secret, if another tool for AWS stored it.
    pub profile: Option<String>,
    /// The device, if the other tool stored that, too.
    pub serial: Option<Serial>,
    /// The secret, or why AWS's devices have no such secret.
    pub seed: Result<Seed, SeedError>,
}

/// What AWS writes into the name of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label<'a> {
    /// The device's name, without its path.
    pub device: &'a str,
    /// The AWS account's number; `None` if the name has the account's alias.
    pub account_id: Option<&'a str>,
}

impl Account {
    /// The account in an `otpauth://` URI.
    pub fn of_uri(uri: &str) -> Self {
        let (issuer, name) = otpauth::label(uri);
        Self { issuer, name, profile: None, serial: None, seed: Seed::from_uri(uri) }
    }

    pub fn new(issuer: &str, name: &str, seed: Result<Seed, SeedError>) -> Self {
        Self {
            issuer: issuer.trim().to_owned(),
            name: name.trim().to_owned(),
            profile: None,
            serial: None,
            seed,
        }
    }

    /// A secret key alone, without a name.
    pub fn of_key(seed: Result<Seed, SeedError>) -> Self {
        Self::new("", "", seed)
    }

    /// The secret that another tool for AWS stored for a profile.
    pub fn of_profile(profile: &str, seed: Result<Seed, SeedError>) -> Self {
        let name = format!("profile {profile}");
        Self { issuer: String::new(), name, profile: Some(profile.to_owned()), serial: None, seed }
    }

    /// Whether nothing shows whose secret it is.
    pub fn is_unnamed(&self) -> bool {
        self.issuer.is_empty() && self.name.is_empty()
    }

    /// The issuer and the name, as apps show them.
    pub fn title(&self) -> String {
        match (self.issuer.as_str(), self.name.as_str()) {
            ("", "") => "unnamed account".to_owned(),
            ("", one) | (one, "") => one.to_owned(),
            (issuer, name) => format!("{issuer}:{name}"),
        }
    }

    /// Whether AWS issued the secret, as far as its issuer and its name show. People rename accounts, mostly to `AWS …`.
    pub fn is_aws(&self) -> bool {
        self.has_aws_issuer()
            || self.profile.is_some()
            || self.label().is_some_and(|label| label.account_id.is_some())
            || (self.issuer.is_empty() && self.name.to_ascii_lowercase().starts_with("aws"))
    }

    fn has_aws_issuer(&self) -> bool {
        let issuer = self.issuer.to_ascii_lowercase();
        let mut words = issuer.split(|c: char| !c.is_ascii_alphanumeric());
        issuer.contains("amazon web services") || words.any(|word| word == "aws")
    }

    /// The device and the AWS account, if the name has both.
    pub fn label(&self) -> Option<Label<'_>> {
        // A device's name may contain an `@`.
        let (device, account) = self.name.trim().rsplit_once('@')?;
        let device = device.rsplit('/').next().unwrap_or(device);
        if device.is_empty() || account.is_empty() {
            return None;
        }
        let is_id = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        // Elsewhere, it is an email address.
        if !is_id && !self.has_aws_issuer() {
            return None;
        }
        Some(Label { device, account_id: is_id.then_some(account) })
    }

    /// Whether this is the account that a person means: its title, its name or a part of them, in any case.
    pub fn is_named(&self, text: &str) -> bool {
        self.title().to_lowercase().contains(&text.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn of(label: &str, issuer: &str) -> Account {
        Account::of_uri(&format!("otpauth://totp/{label}?secret={KEY}&issuer={issuer}"))
    }

    #[test]
    fn issuer_and_name_are_read_as_apps_write_them() {
        for (label, issuer) in [
            ("Amazon%20Web%20Services:alice@123456789012", "Amazon%20Web%20Services"),
            ("Amazon Web Services%3Aalice%40123456789012", ""),
            ("Amazon+Web+Services:%20alice@123456789012", "Amazon+Web+Services"),
            ("alice@123456789012", "Amazon%20Web%20Services"),
        ] {
            let account = of(label, issuer);
            assert_eq!(account.title(), "Amazon Web Services:alice@123456789012", "{label}");
            assert!(account.is_aws() && account.seed.is_ok());
            let label = Label { device: "alice", account_id: Some("123456789012") };
            assert_eq!(account.label(), Some(label));
        }
        let renamed = of("eng/alice+1@example.com@my-company", "AWS%20prod");
        assert_eq!(renamed.label(), Some(Label { device: "alice+1@example.com", account_id: None }));
        assert!(renamed.is_aws());
    }

    #[test]
    fn other_issuers_are_not_aws() {
        for (label, issuer) in [
            ("GitHub:alice", "GitHub"),
            ("Amazon:alice@example.com", "Amazon"),
            ("Laws:alice", "Laws"),
            ("alice@example.com", ""),
        ] {
            assert!(!of(label, issuer).is_aws(), "{label}");
        }
        assert_eq!(of("Example:alice@example.com", "Example").label(), None);
        // Twelve digits are the number of an account, and others are an alias.
        assert!(!of("alice@12345678901", "").is_aws());
        assert_eq!(of("alice@1", "AWS").label(), Some(Label { device: "alice", account_id: None }));
        assert_eq!((of("@123456789012", "AWS").label(), of("alice@", "AWS").label()), (None, None));
        assert!(of("AWS prod", "").is_aws() && of("root-account-mfa-device@123456789012", "").is_aws());
    }

    #[test]
    fn part_of_the_title_names_an_account() {
        let account = of("alice@123456789012", "Amazon%20Web%20Services");
        for text in ["Amazon Web Services:alice@123456789012", "ALICE", "123456789012"] {
            assert!(account.is_named(text), "{text}");
        }
        assert!(!account.is_named("bob"));
    }
}
