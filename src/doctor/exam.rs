//! What all checks look at, read once.

use std::collections::{BTreeSet, HashMap};

use crate::aws_files::keeps_keys_of;
use crate::aws_files::own_command::served_profile;
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{Resolution, resolve};
use crate::context::Context;
use crate::findings::Finding;
use crate::model::serial::Serial;
use crate::store::registry::DeviceRecord;

/// What to look at.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    /// Only this profile and what it depends on; otherwise, all.
    pub profile: Option<&'a str>,
    /// Do not ask AWS.
    pub offline: bool,
}

pub struct Exam<'a> {
    pub ctx: &'a Context,
    /// `None` if a file cannot be read.
    pub profiles: Option<Profiles>,
    /// The profiles to check, by the names that people use: `dev` for [dev-long-term].
    pub names: BTreeSet<String>,
    /// The profile that was asked for.
    pub only: Option<String>,
    /// Whether AWS is not asked.
    pub offline: bool,
    /// The registered devices; empty if the registry cannot be read.
    pub devices: Vec<DeviceRecord>,
    /// Whether the registry can be read.
    pub knows_devices: bool,
    /// The profiles that awsmfa serves, each with the profiles that have the `credential_process`.
    pub served: HashMap<String, Vec<String>>,
}

/// A profile that resolves.
pub struct Sound {
    pub resolution: Resolution,
    /// Whether it is used with awsmfa: it has a device, or its `credential_process` is awsmfa.
    pub is_ours: bool,
    /// Its device, if it is used with awsmfa and the device is known without asking AWS.
    pub serial: Option<Serial>,
}

impl<'a> Exam<'a> {
    pub fn new(
        ctx: &'a Context,
        options: &Options,
        profiles: Option<Profiles>,
        found: &mut Vec<Finding>,
    ) -> Self {
        let devices = ctx.vault.devices();
        let knows_devices = devices.is_ok();
        let devices = devices.unwrap_or_else(|error| {
            found.push(error.into());
            Vec::new()
        });
        let only = options.profile;
        let names = profiles.as_ref().map(|profiles| names(profiles, only)).unwrap_or_default();
        let served = profiles.as_ref().map(served).unwrap_or_default();
        Self {
            ctx,
            profiles,
            names,
            only: only.map(str::to_owned),
            offline: options.offline,
            devices,
            knows_devices,
            served,
        }
    }

    /// Whether a section belongs to a profile to check.
    pub fn covers(&self, section: &str) -> bool {
        let of_role = section.strip_suffix("-session").is_some_and(|profile| self.names.contains(profile));
        of_role || self.names.contains(keeps_keys_of(section).unwrap_or(section))
    }

    /// The device with this serial, if it is registered.
    pub fn device(&self, serial: &str) -> Option<&DeviceRecord> {
        self.devices.iter().find(|device| device.serial.as_str() == serial)
    }
}

fn names(profiles: &Profiles, only: Option<&str>) -> BTreeSet<String> {
    match only {
        Some(name) => {
            let chain = resolve(profiles, name).map(|resolution| resolution.chain);
            chain.unwrap_or_default().into_iter().chain([name.to_owned()]).collect()
        }
        None => profiles.names().map(|name| keeps_keys_of(name).unwrap_or(name).to_owned()).collect(),
    }
}

fn served(profiles: &Profiles) -> HashMap<String, Vec<String>> {
    let mut served: HashMap<String, Vec<String>> = HashMap::new();
    for profile in profiles.iter() {
        let Some(whom) = profile.get("credential_process").and_then(served_profile) else { continue };
        let whom = whom.unwrap_or_else(|| profile.name().to_owned());
        served.entry(whom).or_default().push(profile.name().to_owned());
    }
    served
}
