//! The device registry: a JSON file with the known devices, the stores of their seeds, and the profiles that use them, and with
//! the stores of long-term keys. It holds no secrets.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{StoreKind, entry_name};
use crate::clock::{Clock, SystemClock};
use crate::files::{self, Lock};
use crate::model::secret_name::SecretName;
use crate::model::serial::Serial;
use crate::paths::Paths;

/// The version of the format that this program reads and writes.
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Also the name of the device's secret in its store.
    pub serial: Serial,
    /// The IAM user, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    pub store: StoreKind,
    /// A name that the person chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The profiles that use it.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// When its secret was stored last. A process that has read the secret sees from this that it was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<DateTime<Utc>>,
    /// Fields of other versions of awsmfa, preserved.
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl DeviceRecord {
    /// A device with nothing known but its serial and its store.
    pub fn new(serial: Serial, store: StoreKind) -> Self {
        let (profiles, other) = (Vec::new(), Map::new());
        Self { serial, user: None, store, label: None, profiles, stored_at: None, other }
    }
}

/// What to record about a device. `None` leaves what was recorded before.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    pub serial: &'a Serial,
    pub store: StoreKind,
    pub user: Option<&'a str>,
    pub label: Option<&'a str>,
    /// The profile that uses the device from now on.
    pub profile: Option<&'a str>,
}

impl<'a> Registration<'a> {
    pub fn of(serial: &'a Serial, store: StoreKind) -> Self {
        Self { serial, store, user: None, label: None, profile: None }
    }
}

/// A profile's long-term keys in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// The profile, without `-long-term`.
    pub profile: String,
    /// Also the name of the keys in their store.
    pub access_key_id: String,
    pub store: StoreKind,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u32,
    #[serde(default)]
    devices: Vec<DeviceRecord>,
    /// Devices by their user's access key ID: serials from AWS that no profile can hold.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    keys: BTreeMap<String, Serial>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stored_keys: Vec<StoredKey>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl Contents {
    fn empty() -> Self {
        let (devices, keys, stored_keys) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { version: VERSION, devices, keys, stored_keys, other: Map::new() }
    }
}

/// Only the version, for files of a newer format.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Why the registry could not be read or written. It was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("`{}` was written by a newer awsmfa (format {found}; this version supports format {VERSION})", path.display())]
    Newer { path: PathBuf, found: u32 },
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It could not be read or written; the error names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The device registry, a JSON file.
#[derive(Debug, Clone)]
pub struct Registry {
    path: PathBuf,
    lock_path: PathBuf,
    /// The folder of the file store, whose files say what is in it.
    store: Option<PathBuf>,
}

impl Registry {
    pub fn of(paths: &Paths) -> Self {
        let store = Some(paths.file_store());
        Self { store, ..Self::new(paths.registry(), paths.locks().join("registry.lock")) }
    }

    /// The registry at `path`; the lock at `lock_path` serializes changes. Touches nothing yet.
    pub fn new(path: impl Into<PathBuf>, lock_path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lock_path: lock_path.into(), store: None }
    }

    /// All devices, in the order in which they were added.
    pub fn load(&self) -> Result<Vec<DeviceRecord>, RegistryError> {
        Ok(self.read()?.devices)
    }

    /// The device with this serial.
    pub fn find(&self, serial: &Serial) -> Result<Option<DeviceRecord>, RegistryError> {
        Ok(self.load()?.into_iter().find(|device| device.serial == *serial))
    }

    /// The device that this profile uses; the first one if there are several.
    pub fn for_profile(&self, profile: &str) -> Result<Option<DeviceRecord>, RegistryError> {
        Ok(self.load()?.into_iter().find(|device| device.profiles.iter().any(|p| p == profile)))
    }

    /// The device that was remembered for an access key. A key belongs to one user for life, unlike a profile.
    pub fn for_key(&self, access_key_id: &str) -> Result<Option<Serial>, RegistryError> {
        Ok(self.read()?.keys.remove(access_key_id))
    }

    /// All devices that were remembered for access keys.
    pub fn remembered(&self) -> Result<BTreeMap<String, Serial>, RegistryError> {
        Ok(self.read()?.keys)
    }

    /// Remembers the device of an access key's user.
    pub fn remember(&self, access_key_id: &str, serial: &Serial) -> Result<(), RegistryError> {
        self.change(|contents| {
            contents.keys.insert(access_key_id.to_owned(), serial.clone());
        })
    }

    /// Forgets which device an access key's user has. Returns whether one was remembered.
    pub fn forget_key(&self, access_key_id: &str) -> Result<bool, RegistryError> {
        self.change(|contents| contents.keys.remove(access_key_id).is_some())
    }

    /// The long-term keys in stores.
    pub fn stored_keys(&self) -> Result<Vec<StoredKey>, RegistryError> {
        Ok(self.read()?.stored_keys)
    }

    /// Records that a store has a profile's long-term keys, instead of those recorded before.
    pub fn record_key(&self, key: &StoredKey) -> Result<(), RegistryError> {
        self.change(|contents| {
            contents.stored_keys.retain(|other| other.profile != key.profile);
            contents.stored_keys.push(key.clone());
        })
    }

    /// Records a new access key for all profiles that have this one in a store.
    pub fn replace_key(&self, old: &str, new: &str) -> Result<(), RegistryError> {
        self.change(|contents| {
            for key in contents.stored_keys.iter_mut().filter(|key| key.access_key_id == old) {
                new.clone_into(&mut key.access_key_id);
            }
        })
    }

    /// Records that no store has the profile's long-term keys.
    pub fn forget_stored_key(&self, profile: &str) -> Result<(), RegistryError> {
        self.change(|contents| contents.stored_keys.retain(|key| key.profile != profile))
    }

    /// Forgets which profiles and access keys use a device.
    pub fn forget_uses(&self, serial: &Serial) -> Result<(), RegistryError> {
        self.change(|contents| {
            contents.keys.retain(|_, device| device != serial);
            for device in contents.devices.iter_mut().filter(|device| device.serial == *serial) {
                device.profiles.clear();
            }
        })
    }

    /// Adds a device or updates its record. A profile has one device: the one that was assigned last.
    pub fn register(&self, new: Registration<'_>) -> Result<(), RegistryError> {
        self.update(|devices| {
            for device in devices.iter_mut().filter(|device| device.serial != *new.serial) {
                device.profiles.retain(|profile| Some(profile.as_str()) != new.profile);
            }
            let place = devices.iter().position(|device| device.serial == *new.serial).unwrap_or_else(|| {
                let device = DeviceRecord::new(new.serial.clone(), new.store);
                devices.push(DeviceRecord { stored_at: Some(SystemClock.now()), ..device });
                devices.len() - 1
            });
            let device = &mut devices[place];
            device.store = new.store;
            device.user = new.user.map(str::to_owned).or(device.user.take());
            device.label = new.label.map(str::to_owned).or(device.label.take());
            if let Some(profile) = new.profile
                && !device.profiles.iter().any(|used_by| used_by == profile)
            {
                device.profiles.push(profile.to_owned());
            }
        })
    }

    /// Records that a secret was stored for a device, if the device is registered.
    pub fn note_stored(&self, serial: &Serial) -> Result<(), RegistryError> {
        self.update(|devices| {
            for device in devices.iter_mut().filter(|device| device.serial == *serial) {
                device.stored_at = Some(SystemClock.now());
            }
        })
    }

    /// Records that another store has a secret: a device's by its serial, or long-term keys by their access key ID.
    pub fn relocate(&self, name: &str, from: StoreKind, to: StoreKind) -> Result<(), RegistryError> {
        self.change(|contents| {
            for device in &mut contents.devices {
                if device.serial.as_str() == name && device.store == from {
                    device.store = to;
                }
            }
            for key in &mut contents.stored_keys {
                if key.access_key_id == name && key.store == from {
                    key.store = to;
                }
            }
        })
    }

    /// Removes a device's record, if there is one.
    pub fn remove(&self, serial: &Serial) -> Result<(), RegistryError> {
        self.update(|devices| devices.retain(|device| device.serial != *serial))
    }

    /// Changes the devices under the lock, and writes the file only if something changed.
    fn update<T>(&self, change: impl FnOnce(&mut Vec<DeviceRecord>) -> T) -> Result<T, RegistryError> {
        self.change(|contents| change(&mut contents.devices))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> Result<T, RegistryError> {
        let _lock = Lock::acquire(&self.lock_path)?;
        let mut contents = self.read()?;
        // Devices that are only implied are written, too.
        let before = Self { store: None, ..self.clone() }.read()?;
        let result = change(&mut contents);
        if (&contents.devices, &contents.keys, &contents.stored_keys)
            != (&before.devices, &before.keys, &before.stored_keys)
        {
            self.write(&contents)?;
        }
        Ok(result)
    }

    fn write(&self, contents: &Contents) -> Result<(), RegistryError> {
        let mut text = serde_json::to_string_pretty(contents).map_err(|error| self.damaged(&error))?;
        text.push('\n');
        Ok(files::write_private(&self.path, text.as_bytes())?)
    }

    fn read(&self) -> Result<Contents, RegistryError> {
        let Some(bytes) = files::read_own(&self.path)? else {
            return Ok(Contents { devices: self.implied()?, ..Contents::empty() });
        };
        let damaged = |error: serde_json::Error| self.damaged(&error);
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(damaged)?;
        if version > VERSION {
            return Err(RegistryError::Newer { path: self.path.clone(), found: version });
        }
        serde_json::from_slice(&bytes).map_err(damaged)
    }

    /// The devices in the file store, for a registry that is missing. The file names are all that is known of them.
    fn implied(&self) -> Result<Vec<DeviceRecord>, RegistryError> {
        let Some(folder) = &self.store else { return Ok(Vec::new()) };
        let device = |name: String| match SecretName::of(&name) {
            SecretName::Device(serial) => Some(DeviceRecord::new(serial, StoreKind::File)),
            _ => None,
        };
        Ok(entry_name::names_in(folder)?.into_iter().filter_map(device).collect())
    }

    fn damaged(&self, error: &serde_json::Error) -> RegistryError {
        RegistryError::Damaged { path: self.path.clone(), reason: error.to_string() }
    }
}

mod rebuilding;
#[cfg(test)]
mod tests;
