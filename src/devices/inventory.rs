//! Devices from both sides, joined by serial: what is stored here, and what AWS lists.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::aws::{AwsError, AwsErrorKind, MfaDevice, VirtualDevice};
use crate::aws_files::SERIAL_KEYS;
use crate::aws_files::profiles::Profiles;
use crate::caller::Caller;
use crate::context::Context;
use crate::error::CommandResult;
use crate::store::StoreKind;
use crate::store::registry::DeviceRecord;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// An ARN, or a hardware token's number.
    pub serial: String,
    /// The IAM user it belongs to, as far as that is known.
    pub user: Option<String>,
    /// What the person calls it.
    pub label: Option<String>,
    /// What AWS says about it.
    pub state: State,
    /// Where its secret is, if it is here.
    pub store: Option<StoreKind>,
    /// The profiles that use it: those it is registered for, and those whose files name it.
    pub profiles: Vec<String>,
}

/// What AWS says about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is somebody's, since when.
    Enabled(Option<DateTime<Utc>>),
    /// It exists and is nobody's, as an interrupted enrolment leaves it.
    Unassigned,
    Missing,
    /// AWS was not asked, or does not say.
    Unknown,
}

/// What a device is, which its serial tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A virtual device: a secret that makes codes.
    Virtual,
    /// A hardware token that makes codes.
    Hardware,
    /// A security key or passkey (FIDO), which makes none.
    SecurityKey,
}

impl Kind {
    /// The kind of the device with this serial.
    pub fn of(serial: &str) -> Self {
        match serial.strip_prefix("arn:").and_then(|arn| arn.splitn(5, ':').last()) {
            Some(resource) if resource.starts_with("mfa/") => Self::Virtual,
            Some(_) => Self::SecurityKey,
            None => Self::Hardware,
        }
    }
}

#[derive(Debug, Default)]
pub struct Remote {
    /// The account that was asked.
    account: Option<String>,
    /// The devices of one user.
    of_user: Vec<MfaDevice>,
    /// Every virtual device of the account, if they may be listed.
    virtual_devices: Option<Vec<VirtualDevice>>,
    /// What could not be learnt, and why.
    pub gap: Option<String>,
}

/// The devices that are stored here, with the profiles that use them.
pub fn local(ctx: &Context) -> CommandResult<Vec<Entry>> {
    let profiles = ctx.profiles().unwrap_or_default();
    let entry = |record: DeviceRecord| Entry {
        profiles: users_of(&profiles, record.serial.as_str(), record.profiles),
        serial: record.serial.into(),
        user: record.user,
        label: record.label,
        state: State::Unknown,
        store: Some(record.store),
    };
    Ok(ctx.vault.devices()?.into_iter().map(entry).collect())
}

/// Asks AWS for a user's devices, by default the caller's own, and for the account's virtual devices.
pub fn ask(ctx: &Context, caller: &mut Caller, user: Option<&str>) -> Result<Remote, AwsError> {
    let mut remote = Remote { account: Some(caller.identity.account.clone()), ..Remote::default() };
    // A role has no devices, and IAM would refuse the question.
    if let Some(user) = user.or(caller.identity.user()).map(str::to_owned) {
        ctx.ui.detail(format_args!("asking AWS for the devices of `{user}`"));
        match caller.send(ctx, |aws| aws.list_mfa_devices(Some(&user))) {
            Ok(devices) => remote.of_user = devices,
            Err(error) if error.kind == AwsErrorKind::AccessDenied => {
                remote.gap = Some(format!("no permission for `iam:ListMFADevices` on user `{user}`"));
            }
            Err(error) => return Err(error),
        }
    }
    ctx.ui.detail("asking AWS for the account's virtual devices");
    match caller.send(ctx, |aws| aws.list_virtual_mfa_devices()) {
        Ok(devices) => remote.virtual_devices = Some(devices),
        Err(error) if error.kind == AwsErrorKind::AccessDenied && remote.gap.is_none() => {
            let gap = "no permission for `iam:ListVirtualMFADevices`, which shows devices that are nobody's";
            remote.gap = Some(gap.to_owned());
        }
        Err(error) if error.kind == AwsErrorKind::AccessDenied => {}
        Err(error) => return Err(error),
    }
    Ok(remote)
}

/// Joins both: what is stored here, then the user's other devices, then virtual devices that are nobody's.
pub fn join(ctx: &Context, local: Vec<Entry>, remote: &Remote) -> Vec<Entry> {
    let profiles = ctx.profiles().unwrap_or_default();
    let mut entries: Vec<Entry> = local.into_iter().map(|entry| remote.complete(entry)).collect();
    let known: BTreeSet<String> = entries.iter().map(|entry| entry.serial.clone()).collect();
    let unassigned = remote.virtual_devices.iter().flatten().filter(|device| device.assigned.is_none());
    let others = remote.of_user.iter().map(|device| &device.serial).chain(unassigned.map(|d| &d.serial));
    entries.extend(others.filter(|serial| !known.contains(*serial)).map(|serial| {
        remote.complete(Entry {
            serial: serial.clone(),
            user: None,
            label: None,
            state: State::Unknown,
            store: None,
            profiles: users_of(&profiles, serial, Vec::new()),
        })
    }));
    entries
}

impl Remote {
    /// The entry with what AWS says about it.
    fn complete(&self, entry: Entry) -> Entry {
        if let Some(device) = self.of_user.iter().find(|device| device.serial == entry.serial) {
            return Entry { user: Some(device.user.clone()), state: State::Enabled(device.enabled), ..entry };
        }
        let Some(devices) = &self.virtual_devices else { return entry };
        if Kind::of(&entry.serial) != Kind::Virtual
            || entry.serial.split(':').nth(4) != self.account.as_deref()
        {
            return entry;
        }
        match devices.iter().find(|device| device.serial == entry.serial) {
            None => Entry { state: State::Missing, ..entry },
            Some(VirtualDevice { assigned: None, .. }) => Entry { state: State::Unassigned, ..entry },
            Some(VirtualDevice { assigned: Some(assigned), .. }) => {
                let user = assigned.user.clone().or(entry.user);
                Entry { user, state: State::Enabled(assigned.enabled), ..entry }
            }
        }
    }
}

/// The profiles that use a device: `registered`, and those whose files name it.
pub fn users_of(profiles: &Profiles, serial: &str, registered: Vec<String>) -> Vec<String> {
    let named =
        profiles.iter().filter(|profile| SERIAL_KEYS.into_iter().any(|key| profile.get(key) == Some(serial)));
    // `<name>-long-term` holds the keys of `<name>`; nobody works with it directly.
    let named = named.map(|profile| profile.name().strip_suffix("-long-term").unwrap_or(profile.name()));
    let mut all = registered;
    for name in named.map(str::to_owned) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_tells_the_kind() {
        assert_eq!(Kind::of("arn:aws-cn:iam::123456789012:mfa/eng/alice"), Kind::Virtual);
        assert_eq!(Kind::of("arn:aws:iam::123456789012:u2f/user/alice/key-ABC"), Kind::SecurityKey);
        assert_eq!(Kind::of("GAHT12345678"), Kind::Hardware);
    }
}
