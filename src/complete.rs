//! What shells complete. The completion script calls the program at each Tab, so a new profile is offered at once. Nothing
//! is asked of AWS or of a person, and whatever is wrong with the files, a Tab stays silent.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap_complete::CompletionCandidate;
use clap_complete::engine::{PathCompleter, ValueCompleter};

use crate::aws_files::keeps_keys_of;
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::resolve;
use crate::env::Env;
use crate::paths::Paths;
use crate::process::Program;
use crate::store::StoreKind;
use crate::store::registry::{DeviceRecord, Registry};

/// The variable with which a completion script asks for candidates.
pub const VARIABLE: &str = "AWSMFA_COMPLETE";

/// The names of all profiles.
pub fn profile_names() -> Vec<CompletionCandidate> {
    // `NAME-long-term` holds the keys of `NAME` and is not used directly.
    let profiles = profiles();
    let names = profiles.names().filter(|name| keeps_keys_of(name).is_none());
    names.map(CompletionCandidate::new).collect()
}

/// The stored devices: by name, which is short, unless several devices share the name or the current word is an ARN.
pub fn device_names(current: &OsStr) -> Vec<CompletionCandidate> {
    let devices = devices();
    let is_arn = current.to_str().is_some_and(|typed| typed.starts_with("arn"));
    let of_name = |name: &str| devices.iter().filter(|device| device.serial.device_name() == name).count();
    let candidate = |device: &DeviceRecord| match device.serial.device_name() {
        name if of_name(name) == 1 && !is_arn => {
            CompletionCandidate::new(name).help(Some(device.serial.to_string().into()))
        }
        _ => CompletionCandidate::new(device.serial.as_str()),
    };
    starting_with(current, devices.iter().map(candidate))
}

/// The serials of all devices that are stored here or set in a profile.
pub fn serials() -> Vec<CompletionCandidate> {
    let profiles = profiles();
    let named = profiles.names().filter_map(|name| resolve(&profiles, name).ok()?.serial);
    let stored = devices().into_iter().map(|device| device.serial.to_string());
    let all: BTreeSet<String> = stored.chain(named.map(|setting| setting.text)).collect();
    all.into_iter().map(CompletionCandidate::new).collect()
}

pub fn stores() -> Vec<CompletionCandidate> {
    [StoreKind::Keyring, StoreKind::File]
        .iter()
        .map(|kind| CompletionCandidate::new(kind.to_string()))
        .collect()
}

/// The programs in `PATH`, or files if a path is typed.
pub fn programs(current: &OsStr) -> Vec<CompletionCandidate> {
    if current.as_encoded_bytes().contains(&b'/') {
        return PathCompleter::any().complete(current);
    }
    let names = Program::names(&Env::from_process());
    starting_with(current, names.into_iter().map(CompletionCandidate::new))
}

fn starting_with(
    current: &OsStr,
    candidates: impl Iterator<Item = CompletionCandidate>,
) -> Vec<CompletionCandidate> {
    let typed = current.as_encoded_bytes();
    candidates.filter(|candidate| candidate.get_value().as_encoded_bytes().starts_with(typed)).collect()
}

fn profiles() -> Profiles {
    let Ok(paths) = Paths::of(&Env::from_process()) else { return Profiles::default() };
    Profiles::load(Some(paths.config()), Some(paths.credentials())).unwrap_or_default()
}

fn devices() -> Vec<DeviceRecord> {
    let Ok(paths) = Paths::of(&Env::from_process()) else { return Vec::new() };
    Registry::of(&paths).load().unwrap_or_default()
}
