//! The files that authenticator apps and password managers export: Aegis, 2FAS, andOTP and Bitwarden, as far as they are not
//! encrypted. A file's structure shows which app wrote it.

mod mfa_file;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::account::Account;
use super::otpauth;
use super::totp::{Seed, SeedError};

/// An app with exports that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    Aegis,
    TwoFas,
    AndOtp,
    Bitwarden,
}

impl App {
    /// How the app exports without encryption.
    pub fn plain_export(self) -> &'static str {
        match self {
            Self::Aegis => {
                "export again in Aegis: Settings, Import & Export, Export, without `Encrypt the vault`"
            }
            Self::TwoFas => "export again in 2FAS: Settings, 2FAS Backup, Export, without a password",
            Self::AndOtp => "export again in andOTP: Backups, `Backup (plain text)`",
            Self::Bitwarden => {
                "export again in Bitwarden: Export vault, file format `.json`, not `.json (Encrypted)`"
            }
        }
    }
}

impl std::fmt::Display for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Aegis => "Aegis",
            Self::TwoFas => "2FAS",
            Self::AndOtp => "andOTP",
            Self::Bitwarden => "Bitwarden",
        })
    }
}

/// Why a file is not an export that can be read. No variant contains what is in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppExportError {
    #[error("it is not an export of Aegis, 2FAS, andOTP or Bitwarden")]
    Unknown,
    #[error("it is an encrypted export of {0}")]
    Encrypted(App),
    /// Its structure is known only in part: it is truncated, or from a newer version.
    #[error("it looks like an export of {0}, but is damaged or in another format")]
    Malformed(App),
}

/// The accounts with a TOTP secret in an export.
pub fn accounts(text: &str) -> Result<Vec<Account>, AppExportError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Some(accounts) = mfa_file::accounts(text) {
        return Ok(accounts);
    }
    if text.starts_with('[') {
        return Ok(parse::<Vec<AndOtp>>(text, App::AndOtp)?.into_iter().map(AndOtp::account).collect());
    }
    let outline: Outline = serde_json::from_str(text).map_err(|_| AppExportError::Unknown)?;
    match outline {
        Outline { db: Some(Kind::Text), .. } => Err(AppExportError::Encrypted(App::Aegis)),
        Outline { db: Some(_), .. } => {
            let export: Aegis = parse(text, App::Aegis)?;
            Ok(export.db.entries.into_iter().map(AegisEntry::account).collect())
        }
        Outline { services_encrypted: Some(Kind::Text), .. } => Err(AppExportError::Encrypted(App::TwoFas)),
        Outline { services: Some(_), .. } => {
            let export: TwoFas = parse(text, App::TwoFas)?;
            Ok(export.services.into_iter().map(TwoFasService::account).collect())
        }
        Outline { encrypted: Some(true), .. } => Err(AppExportError::Encrypted(App::Bitwarden)),
        Outline { items: Some(_), .. } => {
            let export: Bitwarden = parse(text, App::Bitwarden)?;
            Ok(export.items.into_iter().filter_map(BitwardenItem::account).collect())
        }
        _ => Err(AppExportError::Unknown),
    }
}

fn parse<T: DeserializeOwned>(text: &str, app: App) -> Result<T, AppExportError> {
    serde_json::from_str(text).map_err(|_| AppExportError::Malformed(app))
}

/// What tells the apps apart.
#[derive(Deserialize)]
struct Outline {
    db: Option<Kind>,
    services: Option<Kind>,
    #[serde(rename = "servicesEncrypted")]
    services_encrypted: Option<Kind>,
    items: Option<Kind>,
    encrypted: Option<bool>,
}

/// The kind of a value, without the value.
enum Kind {
    Text,
    Other,
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Kind;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }
            fn visit_str<E>(self, _: &str) -> Result<Kind, E> {
                Ok(Kind::Text)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut values: A) -> Result<Kind, A::Error> {
                while values.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(Kind::Other)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut values: A) -> Result<Kind, A::Error> {
                while values.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
                Ok(Kind::Other)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A secret, wiped on drop.
struct Text(Zeroizing<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// A secret with the parameters of its codes.
fn seed(kind: &str, secret: &Text, parameters: &Codes) -> Result<Seed, SeedError> {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let algorithm = parameters.algorithm.as_deref().unwrap_or_default();
    otpauth::check_type_and_parameters(
        if kind.is_empty() { "totp" } else { kind },
        &[
            ("digits", &number(parameters.digits)),
            ("period", &number(parameters.period)),
            ("algorithm", algorithm),
        ],
    )?;
    Seed::from_base32(&secret.0)
}

#[derive(Deserialize, Default)]
struct Codes {
    digits: Option<u64>,
    period: Option<u64>,
    #[serde(alias = "algo")]
    algorithm: Option<String>,
}

#[derive(Deserialize)]
struct Aegis {
    db: AegisDb,
}

#[derive(Deserialize)]
struct AegisDb {
    entries: Vec<AegisEntry>,
}

#[derive(Deserialize)]
struct AegisEntry {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    issuer: Option<String>,
    info: AegisInfo,
}

#[derive(Deserialize)]
struct AegisInfo {
    secret: Text,
    #[serde(flatten)]
    codes: Codes,
}

impl AegisEntry {
    fn account(self) -> Account {
        let seed = seed(&self.kind, &self.info.secret, &self.info.codes);
        Account::new(&self.issuer.unwrap_or_default(), &self.name.unwrap_or_default(), seed)
    }
}

#[derive(Deserialize)]
struct TwoFas {
    services: Vec<TwoFasService>,
}

#[derive(Deserialize)]
struct TwoFasService {
    /// The issuer, as the person may have renamed it.
    name: Option<String>,
    secret: Text,
    #[serde(default)]
    otp: TwoFasOtp,
}

#[derive(Deserialize, Default)]
struct TwoFasOtp {
    account: Option<String>,
    label: Option<String>,
    issuer: Option<String>,
    #[serde(rename = "tokenType")]
    kind: Option<String>,
    #[serde(flatten)]
    codes: Codes,
}

impl TwoFasService {
    fn account(self) -> Account {
        let otp = self.otp;
        let issuer = [otp.issuer, self.name].into_iter().flatten().find(|text| !text.is_empty());
        let label = otp.label.as_deref().map(|label| label.rsplit(':').next().unwrap_or(label));
        let name = otp.account.as_deref().filter(|text| !text.is_empty()).or(label);
        let seed = seed(&otp.kind.unwrap_or_default(), &self.secret, &otp.codes);
        Account::new(&issuer.unwrap_or_default(), name.unwrap_or_default(), seed)
    }
}

#[derive(Deserialize)]
struct AndOtp {
    secret: Text,
    issuer: Option<String>,
    label: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(flatten)]
    codes: Codes,
}

impl AndOtp {
    fn account(self) -> Account {
        let label = self.label.unwrap_or_default();
        // Old versions have no issuer and write both into the label.
        let (issuer, name) = match self.issuer.filter(|issuer| !issuer.is_empty()) {
            Some(issuer) => (issuer, label.as_str()),
            None => match label.split_once(" - ").or_else(|| label.split_once(':')) {
                Some((issuer, name)) => (issuer.to_owned(), name),
                None => (String::new(), label.as_str()),
            },
        };
        let seed = seed(&self.kind.unwrap_or_default(), &self.secret, &self.codes);
        Account::new(&issuer, name, seed)
    }
}

#[derive(Deserialize)]
struct Bitwarden {
    items: Vec<BitwardenItem>,
}

#[derive(Deserialize)]
struct BitwardenItem {
    name: Option<String>,
    login: Option<BitwardenLogin>,
}

#[derive(Deserialize)]
struct BitwardenLogin {
    username: Option<String>,
    totp: Option<Text>,
}

impl BitwardenItem {
    fn account(self) -> Option<Account> {
        let BitwardenLogin { username, totp } = self.login?;
        let totp = totp.filter(|text| !text.0.trim().is_empty())?;
        let (item, username) = (self.name.unwrap_or_default(), username.unwrap_or_default());
        let text = totp.0.trim();
        if text.contains("://") && otpauth::find(text).is_none() {
            // Such as Steam's.
            return Some(Account::new(
                &item,
                &username,
                Err(SeedError::Foreign("a nonstandard type".to_owned())),
            ));
        }
        let Some(uri) = otpauth::find(text) else {
            return Some(Account::new(&item, &username, Seed::from_base32(text)));
        };
        let mut account = Account::of_uri(uri);
        if account.issuer.is_empty() {
            account.issuer = item;
        }
        if account.name.is_empty() {
            account.name = username;
        }
        Some(account)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn titles(text: &str) -> Vec<(String, bool)> {
        let accounts = accounts(&text.replace("KEY", KEY)).unwrap();
        accounts.iter().map(|account| (account.title(), account.seed.is_ok())).collect()
    }

    #[test]
    fn names_are_found_wherever_an_app_writes_them() {
        let aws = [("AWS:alice@1".to_owned(), true)];
        for text in [
            r#"{"services": [{"name": "AWS", "secret": "KEY", "otp": {"account": "alice@1"}}]}"#,
            r#"{"services": [{"name": "x", "secret": "KEY", "otp": {"label": "AWS:alice@1", "issuer": "AWS", "tokenType": "TOTP"}}]}"#,
            r#"[{"secret": "KEY====", "label": "AWS - alice@1", "type": "TOTP"}]"#,
            r#"[{"secret": "KEY", "issuer": "", "label": "AWS - alice@1", "type": "TOTP"}]"#,
            r#"[{"secret": "KEY", "issuer": "AWS", "label": "alice@1", "type": "TOTP", "digits": 6, "period": 30, "algorithm": "SHA1"}]"#,
            r#"{"items": [{"type": 2}, {"name": "AWS", "login": {"username": "alice@1", "totp": "KEY"}}, {"name": "x", "login": {"totp": null}}, {"name": "y", "login": {"totp": " "}}]}"#,
            r#"{"items": [{"name": "AWS", "login": {"username": "alice@1", "totp": "otpauth://totp/?secret=KEY"}}]}"#,
            "\u{feff}{\"db\": {\"entries\": [{\"type\": \"totp\", \"name\": \"alice@1\", \"issuer\": \"AWS\", \"info\": {\"secret\": \"KEY\"}}]}}",
        ] {
            assert_eq!(titles(text), aws, "{text}");
        }
    }

    #[test]
    fn other_kinds_of_codes_have_no_seed() {
        let foreign = |what: &str| SeedError::Foreign(what.to_owned());
        for (text, why) in [
            (
                r#"[{"secret": "KEY", "label": "x", "type": "STEAM", "digits": 5}]"#,
                foreign("a nonstandard type"),
            ),
            (r#"[{"secret": "KEY", "label": "x", "type": "HOTP"}]"#, SeedError::Hotp),
            (r#"[{"secret": "KEY", "label": "x", "type": "TOTP", "digits": 8}]"#, foreign("8 digits")),
            (
                r#"[{"secret": "KEY", "label": "x", "type": "TOTP", "period": 60}]"#,
                foreign("a period of 60 seconds"),
            ),
            (
                r#"[{"secret": "KEY", "label": "x", "type": "TOTP", "algorithm": "SHA256"}]"#,
                foreign("algorithm SHA256"),
            ),
            (
                r#"{"items": [{"name": "x", "login": {"totp": "steam://KEY"}}]}"#,
                foreign("a nonstandard type"),
            ),
        ] {
            let [account] = accounts(&text.replace("KEY", KEY)).unwrap().try_into().unwrap();
            assert_eq!((account.title(), account.seed), ("x".to_owned(), Err(why)), "{text}");
        }
    }

    #[test]
    fn encrypted_foreign_and_damaged_files_are_told_apart() {
        use AppExportError::{Encrypted, Malformed, Unknown};
        for (text, error) in [
            (r#"{"version": 1, "header": {"slots": [{}]}, "db": "c2VjcmV0"}"#, Encrypted(App::Aegis)),
            (r#"{"services": [], "servicesEncrypted": "a:b:c"}"#, Encrypted(App::TwoFas)),
            (r#"{"encrypted": true, "passwordProtected": true, "data": "2.x"}"#, Encrypted(App::Bitwarden)),
            (r#"{"db": {"version": 99}}"#, Malformed(App::Aegis)),
            (r#"[{"secret": 1}]"#, Malformed(App::AndOtp)),
            (r#"{"services": [{}]}"#, Malformed(App::TwoFas)),
            (r#"{"hello": "world"}"#, Unknown),
            (r#"{"db": {"entries": ["#, Unknown),
            ("secret: KEY", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(accounts(text).unwrap_err(), error, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[\[{]?.{0,60}"#) {
            let _ = accounts(&text);
        }
    }
}
