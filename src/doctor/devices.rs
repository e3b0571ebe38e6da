//! Registered devices and their stores. A store that needs a person is a finding.

use std::error::Error as _;

use super::exam::{Exam, Sound};
use crate::aws_files::SERIAL_KEYS;
use crate::aws_files::resolve::KeySource;
use crate::env::{AWSMFA_PASSPHRASE_COMMAND, AWSMFA_PASSPHRASE_FILE};
use crate::error::CommandError;
use crate::findings::Finding;
use crate::model::place::Place;
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;
use crate::session;
use crate::store::registry::DeviceRecord;
use crate::store::{StoreError, StoreKind};

/// Returns how many devices were checked.
pub fn check(exam: &Exam, sound: &[Sound], found: &mut Vec<Finding>) -> usize {
    let devices: Vec<&DeviceRecord> =
        exam.devices.iter().filter(|device| exam.only.is_none() || is_used(exam, device)).collect();
    for kind in [StoreKind::File, StoreKind::Keyring] {
        secrets(exam, kind, &devices, found);
    }
    // Reading them finds out what is wrong.
    let stored = sound.iter().filter(|s| matches!(s.resolution.keys, Ok(KeySource::Stored { .. })));
    let wrong = stored.filter_map(|s| session::long_term_keys(exam.ctx, &s.resolution).err());
    found.extend(wrong.map(|error| of_store(exam, error)));
    if exam.only.is_none() {
        overlooked(exam, found);
        duplicates(exam, found);
        if exam.profiles.is_some() {
            devices.iter().for_each(|device| uses(exam, sound, device, found));
        }
    }
    devices.len()
}

/// Whether one of the profiles uses the device.
fn is_used(exam: &Exam, device: &DeviceRecord) -> bool {
    device.profiles.iter().any(|name| exam.names.contains(name))
        || exam.names.iter().any(|name| refers(exam, name, &device.serial))
}

fn refers(exam: &Exam, name: &str, serial: &Serial) -> bool {
    let profile = exam.profiles.as_ref().and_then(|profiles| profiles.get(name));
    profile.is_some_and(|profile| SERIAL_KEYS.iter().any(|key| profile.get(key) == Some(serial.as_str())))
}

/// Whether each secret is in its store. What is wrong with the store itself is reported once.
fn secrets(exam: &Exam, kind: StoreKind, devices: &[&DeviceRecord], found: &mut Vec<Finding>) {
    for device in devices.iter().filter(|device| device.store == kind) {
        let Err(error) = exam.ctx.vault.seed(&device.serial) else { continue };
        let is_whole = store_error(&error).is_some_and(|error| {
            matches!(error, StoreError::NoPassphrase { .. } | StoreError::WrongPassphrase)
                || error.is_inaccessible()
        });
        found.push(of_store(exam, error));
        if is_whole {
            return;
        }
    }
}

fn store_error(error: &CommandError) -> Option<&StoreError> {
    error.source()?.downcast_ref()
}

/// A store's error as a finding. Nobody has tried to unlock the store.
fn of_store(exam: &Exam, error: CommandError) -> Finding {
    match store_error(&error) {
        Some(StoreError::NoPassphrase { .. }) if source(exam).is_none() => locked(),
        Some(StoreError::WrongPassphrase) => {
            let source = source(exam).unwrap_or(AWSMFA_PASSPHRASE_FILE);
            Finding::error(format!("the passphrase from `{source}` does not open the file store"))
                .at(Place::Variable(source.to_owned()))
                .fix("provide the right passphrase")
        }
        _ => error.into(),
    }
}

/// The variable that provides the file store's passphrase, unless a person types it.
fn source(exam: &Exam) -> Option<&'static str> {
    let all = [AWSMFA_PASSPHRASE_FILE, AWSMFA_PASSPHRASE_COMMAND];
    all.into_iter().find(|name| exam.ctx.env.get(name).is_some())
}

fn locked() -> Finding {
    Finding::warning("the file store is locked, so SDKs cannot renew sessions until its passphrase is typed")
        .fix("unlock the store: run `awsmfa code` in a terminal")
        .fix(format!("or set `{AWSMFA_PASSPHRASE_FILE}` to a file with the passphrase"))
}

/// Secrets in the file store that no record refers to. The keyring is not asked, because it might prompt.
fn overlooked(exam: &Exam, found: &mut Vec<Finding>) {
    // An unreadable registry is reported elsewhere.
    for name in exam.ctx.vault.overlooked().unwrap_or_default() {
        found.push(
            Finding::warning(format!("the file store has `{name}`, which the registry does not refer to"))
                .at(exam.ctx.paths.registry().as_path())
                .fix("register what the stores hold: `awsmfa store rebuild`"),
        );
    }
}

/// Devices that a name does not distinguish, and profiles that are assigned to several devices.
fn duplicates(exam: &Exam, found: &mut Vec<Finding>) {
    let registry = exam.ctx.paths.registry();
    for (at, device) in exam.devices.iter().enumerate() {
        let serial = &device.serial;
        for other in &exam.devices[..at] {
            if other.serial == *serial {
                found.push(
                    Finding::warning(format!("`{serial}` is registered twice; only the first entry is used"))
                        .at(registry.as_path())
                        .fix("remove one of the two entries"),
                );
                continue;
            }
            for profile in device.profiles.iter().filter(|profile| other.profiles.contains(profile)) {
                let import = CommandLine::new("awsmfa device import").profile(profile);
                let import = import.option("--serial", Some(serial.as_str()));
                found.push(
                    Finding::warning(format!(
                        "profile `{profile}` has two devices, `{}` and `{serial}`; only the first one is used",
                        other.serial
                    ))
                    .at(registry.as_path())
                    .fix(format!("choose one by importing its secret again: `{import}`")),
                );
            }
        }
    }
}

/// Profiles that do not exist anymore, and devices that no profile uses.
fn uses(exam: &Exam, sound: &[Sound], device: &DeviceRecord, found: &mut Vec<Finding>) {
    let (serial, registry) = (&device.serial, exam.ctx.paths.registry());
    let exists = |name: &String| exam.names.contains(name);
    let refers = exam.names.iter().any(|name| refers(exam, name, serial))
        || sound.iter().any(|s| s.resolution.serial.as_ref().is_some_and(|set| set.text == serial.as_str()));
    for name in device.profiles.iter().filter(|name| !exists(name)) {
        found.push(
            Finding::note(format!("`{serial}` is registered for profile `{name}`, which does not exist"))
                .at(registry.as_path())
                .fix(format!("create the profile: `{}`", CommandLine::new("aws configure").profile(name))),
        );
    }
    if !refers && !device.profiles.iter().any(exists) {
        let set = CommandLine::new("aws configure set mfa_serial").arg(serial.as_str()).profile("NAME");
        let remove = CommandLine::new("awsmfa device remove").arg(serial.as_str()).switch("--local", true);
        found.push(
            Finding::note(format!("no profile uses `{serial}`"))
                .at(registry.as_path())
                .fix(format!("use the device in a profile: `{set}`"))
                .fix(format!("or delete the secret that is stored here: `{remove}`")),
        );
    }
}
