//! How a secret is called in the platform's own programs for secrets: Seahorse, KWalletManager.

use super::serial::Serial;

/// A label that a person recognizes: `awsmfa: alice (123456789012)` for a device, `awsmfa: AKIA…` for an access key.
pub fn item_label(name: &str) -> String {
    let serial: Option<Serial> = name.parse().ok();
    match serial.as_ref().and_then(|serial| Some((serial.device_name(), serial.account()?))) {
        Some((device, account)) => format!("awsmfa: {device} ({account})"),
        None => format!("awsmfa: {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_is_the_device_with_its_account() {
        assert_eq!(item_label("arn:aws:iam::123456789012:mfa/eng/alice"), "awsmfa: alice (123456789012)");
        assert_eq!(item_label("GAHT12345678"), "awsmfa: GAHT12345678");
        assert_eq!(item_label("AKIAEXAMPLE"), "awsmfa: AKIAEXAMPLE");
    }
}
