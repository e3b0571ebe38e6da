//! Devices as a person sees them, and those that are stored here.

use chrono::{DateTime, Utc};

use crate::aws_files::profiles::Profiles;
use crate::aws_files::{SERIAL_KEYS, keeps_keys_of};
use crate::context::Context;
use crate::error::CommandResult;
use crate::store::StoreKind;
use crate::store::registry::DeviceRecord;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// An ARN, or the number of a hardware token.
    pub serial: String,
    /// The IAM user, if known.
    pub user: Option<String>,
    pub label: Option<String>,
    pub status: Status,
    /// Where its secret is, if it is stored here.
    pub store: Option<StoreKind>,
    /// The profiles that use it: those it is registered for, and those that refer to it in the AWS files.
    pub profiles: Vec<String>,
}

/// The status of a device in AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A user has it, since this time.
    Enabled(Option<DateTime<Utc>>),
    /// It exists and no user has it, as an interrupted enrollment leaves it.
    Unassigned,
    Missing,
    /// AWS was not asked or does not say.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    Virtual,
    /// A hardware token that generates codes.
    Hardware,
    /// A security key or passkey (FIDO), which has no codes.
    SecurityKey,
}

impl DeviceKind {
    /// The kind of the device with this serial.
    pub fn of(serial: &str) -> Self {
        match serial.strip_prefix("arn:").and_then(|arn| arn.splitn(5, ':').last()) {
            Some(resource) if resource.starts_with("mfa/") => Self::Virtual,
            Some(_) => Self::SecurityKey,
            None => Self::Hardware,
        }
    }
}

/// The devices that are stored here, with the profiles that use them.
pub fn stored(ctx: &Context) -> CommandResult<Vec<Device>> {
    let profiles = ctx.profiles().unwrap_or_default();
    let device = |record: DeviceRecord| Device {
        profiles: profiles_using(&profiles, record.serial.as_str(), record.profiles),
        serial: record.serial.into(),
        user: record.user,
        label: record.label,
        status: Status::Unknown,
        store: Some(record.store),
    };
    Ok(ctx.vault.devices()?.into_iter().map(device).collect())
}

/// The profiles that use a device: `registered`, and those that refer to it in the AWS files.
pub fn profiles_using(profiles: &Profiles, serial: &str, registered: Vec<String>) -> Vec<String> {
    let referring =
        profiles.iter().filter(|profile| SERIAL_KEYS.into_iter().any(|key| profile.get(key) == Some(serial)));
    // `<name>-long-term` only holds the keys of `<name>`.
    let names = referring.map(|profile| keeps_keys_of(profile.name()).unwrap_or(profile.name()));
    let mut all = registered;
    for name in names {
        if !all.iter().any(|known| known == name) {
            all.push(name.to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_determines_the_kind() {
        assert_eq!(DeviceKind::of("arn:aws-cn:iam::123456789012:mfa/eng/alice"), DeviceKind::Virtual);
        assert_eq!(
            DeviceKind::of("arn:aws:iam::123456789012:u2f/user/alice/key-ABC"),
            DeviceKind::SecurityKey
        );
        assert_eq!(DeviceKind::of("GAHT12345678"), DeviceKind::Hardware);
    }
}
