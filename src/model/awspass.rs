//! What awspass (github.com/6XGate/awspass) keeps in the OS keyring: for each profile, a JSON object with an access key and, if the
//! user has one, the MFA device and its secret.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::account::Account;
use super::secret::Secret;
use super::totp::Seed;

/// The service of its items.
pub const SERVICE: &str = "@aws";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    mfa_device: Option<String>,
    mfa_key: Option<String>,
}

/// The item that belongs to a profile: the section of the profile in the config file.
pub fn item_of(profile: &str) -> String {
    match profile {
        "default" => profile.to_owned(),
        _ => format!("profile {profile}"),
    }
}

/// The account in a profile's item; `None` if it has no secret of a device. An item that cannot be read has none, either: another
/// program may have the same service.
pub fn account(profile: &str, item: &Secret<String>) -> Option<Account> {
    let Item { mfa_device, mfa_key } = serde_json::from_str(item.expose()).ok()?;
    let key = mfa_key.map(Zeroizing::new).filter(|key| !key.is_empty())?;
    let account = Account::of_profile(profile, Seed::from_base32(&key));
    Some(Account { serial: mfa_device.and_then(|device| device.parse().ok()), ..account })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Account> {
        account("dev", &text.into())
    }

    #[test]
    fn item_with_a_key_is_an_account() {
        let item = r#"{"keyId":"AKIAEXAMPLE","secretKey":"s","mfaDevice":"arn:aws:iam::123456789012:mfa/alice","mfaKey":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}"#;
        let account = read(item).unwrap();
        assert_eq!(account.profile.as_deref(), Some("dev"));
        assert_eq!(account.serial.unwrap().as_str(), "arn:aws:iam::123456789012:mfa/alice");
        assert!(account.seed.is_ok() && item_of("dev") == "profile dev" && item_of("default") == "default");
    }

    #[test]
    fn item_without_a_key_is_none() {
        let without =
            r#"{"keyId":"AKIAEXAMPLE","secretKey":"s","mfaDevice":"arn:aws:iam::123456789012:mfa/alice"}"#;
        for text in [without, r#"{"mfaKey":""}"#, "null", "[]", "not JSON"] {
            assert_eq!(read(text), None, "{text}");
        }
        // What AWS's devices cannot have is an error later, with the account's name.
        assert!(read(r#"{"mfaDevice":"phone 1","mfaKey":"A1"}"#).unwrap().seed.is_err());
    }
}
