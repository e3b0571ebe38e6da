//! What this computer stores: each MFA device's record in the registry and its seed in a store, and long-term keys. Only this
//! module finds, saves, assigns and forgets devices and stored keys.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::secret;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::paths::Paths;
use crate::store::registry::{DeviceRecord, Registration, Registry, StoredKey};
use crate::store::{SecretStore, StoreError, StoreKind};
use crate::ui::Ui;

mod attendant;
mod keys;
mod passphrase;
mod stores;
mod unregistered;

pub use keys::enter_key_again;
pub use passphrase::THE_STORE;
pub use stores::{Hold, Opened, Stores};

pub struct Vault {
    registry: Registry,
    pub stores: Stores,
    ui: Rc<Ui>,
}

impl Vault {
    /// Touches nothing yet.
    pub fn new(paths: &Paths, stores: Stores, ui: Rc<Ui>) -> Self {
        Self { registry: Registry::of(paths), stores, ui }
    }

    /// All registered devices, in the order in which they were added.
    pub fn devices(&self) -> CommandResult<Vec<DeviceRecord>> {
        Ok(self.registry.load()?)
    }

    pub fn record(&self, serial: &Serial) -> CommandResult<Option<DeviceRecord>> {
        Ok(self.registry.find(serial)?)
    }

    /// The registered device with this ARN, name or label, else the device of the profile with this name.
    pub fn find(&self, name: &str) -> CommandResult<DeviceRecord> {
        let devices = self.devices()?;
        let is_meant = |d: &&DeviceRecord| {
            d.serial.as_str() == name || d.serial.device_name() == name || d.label.as_deref() == Some(name)
        };
        let found: Vec<&DeviceRecord> = devices.iter().filter(is_meant).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => {
                let used = devices.iter().find(|d| d.profiles.iter().any(|profile| profile == name));
                used.cloned().ok_or_else(|| self.not_stored(name))
            }
            several => {
                let this =
                    CommandError::new(ErrorKind::Usage, format!("several stored devices are named `{name}`"));
                let hint = |this: CommandError, d: &&DeviceRecord| {
                    this.hint(format!("choose a device by its ARN: {}", d.serial))
                };
                Err(several.iter().fold(this, hint))
            }
        }
    }

    /// The device that a profile uses.
    pub fn of_profile(&self, profile: &str) -> CommandResult<Option<DeviceRecord>> {
        Ok(self.registry.for_profile(profile)?)
    }

    /// The device that was remembered for an access key.
    pub fn of_key(&self, access_key_id: &str) -> CommandResult<Option<Serial>> {
        Ok(self.registry.for_key(access_key_id)?)
    }

    /// The devices that were remembered for access keys.
    pub fn devices_of_keys(&self) -> CommandResult<BTreeMap<String, Serial>> {
        Ok(self.registry.remembered()?)
    }

    /// Remembers which device an access key's user has.
    pub fn remember_for_key(&self, access_key_id: &str, serial: &Serial) -> CommandResult {
        Ok(self.registry.remember(access_key_id, serial)?)
    }

    /// Returns whether a device was remembered for the access key.
    pub fn forget_key(&self, access_key_id: &str) -> CommandResult<bool> {
        Ok(self.registry.forget_key(access_key_id)?)
    }

    /// The seed of a registered device; `None` if the device is not registered. A registered device without a seed is an
    /// error.
    pub fn seed(&self, serial: &Serial) -> CommandResult<Option<Seed>> {
        let Some(mut record) = self.record(serial)? else { return Ok(None) };
        loop {
            self.ui.detail(format_args!("the secret of `{serial}` is in the {} store", record.store));
            if let Some(seed) = self.seed_in(record.store, serial)? {
                self.tell_about_swap();
                return Ok(Some(seed));
            }
            // It may have been moved since the record was read.
            match self.record(serial)? {
                Some(now) if now.store != record.store => record = now,
                Some(_) => break,
                None => return Ok(None),
            }
        }
        let message = format!("the secret of `{serial}` is missing from the {} store", record.store);
        Err(CommandError::new(ErrorKind::Store, message)
            .hint("restore the secret from a backup: `awsmfa store restore FILE`")
            .hint(format!("or import it again: `awsmfa device import --serial {serial}`")))
    }

    fn tell_about_swap(&self) {
        if secret::may_be_swapped() {
            self.ui.detail("the system does not lock memory for awsmfa: secrets may be written to swap");
        }
    }

    /// The seed that a store has for a device, registered or not.
    pub fn seed_in(&self, store: StoreKind, serial: &Serial) -> CommandResult<Option<Seed>> {
        let found = self.stores.get(store)?.get(serial.as_str());
        let found = found.map_err(|error| CommandError::about_device(error, serial.as_str()));
        let Some(uri) = found? else { return Ok(None) };
        let seed = Seed::from_uri(uri.expose()).map_err(|error| {
            let message = format!("the stored secret of `{serial}` is damaged: {error}");
            CommandError::new(ErrorKind::Store, message)
                .hint(format!("import the secret again: `awsmfa device import --serial {serial} --yes`"))
        })?;
        Ok(Some(seed))
    }

    /// Waits until no other process changes what the stores hold.
    pub fn hold(&self) -> CommandResult<Hold<'_>> {
        self.stores.hold()
    }

    /// Saves a device's seed in a store, which verifies it. Comes before [`register`](Self::register), so that a registered
    /// device always has a seed.
    pub fn save_seed(&self, store: &dyn SecretStore, serial: &Serial, seed: &Seed) -> Result<(), StoreError> {
        store.put(serial.as_str(), &seed.to_uri(serial))?;
        // If this fails, so does `register`, and says why.
        let _ = self.registry.note_stored(serial);
        Ok(())
    }

    /// Adds a device to the registry or updates its record, and assigns it to the profile, if one is given.
    pub fn register(&self, registration: Registration<'_>) -> CommandResult {
        Ok(self.registry.register(registration)?)
    }

    /// The devices and stored keys that the registry's file has, as far as it can be read.
    pub fn readable_registry(&self) -> CommandResult<(Vec<DeviceRecord>, Vec<StoredKey>)> {
        Ok(self.registry.readable()?)
    }

    /// Whether the registry's file refers to a store, or did before it was damaged.
    pub fn mentions(&self, store: StoreKind) -> CommandResult<bool> {
        Ok(self.registry.mentions(store)?)
    }

    /// Corrects the registry, or writes a new one if it is missing or damaged. Returns the copy of a damaged one.
    pub fn rebuild_registry<T>(
        &self,
        correct: impl FnOnce(&mut Vec<DeviceRecord>, &mut Vec<StoredKey>) -> T,
    ) -> CommandResult<(T, Option<PathBuf>)> {
        Ok(self.registry.rebuild(correct)?)
    }

    /// Records that a secret, which is now in both stores, is used from another one.
    pub fn relocate(&self, name: &str, from: StoreKind, to: StoreKind) -> CommandResult {
        Ok(self.registry.relocate(name, from, to)?)
    }

    /// Deletes a device's seed and then its record, so that an interrupted run can be repeated.
    pub fn forget(&self, record: &DeviceRecord) -> CommandResult {
        let hold = self.hold()?;
        // It may have been moved since the record was read.
        let store = self.record(&record.serial)?.map_or(record.store, |now| now.store);
        hold.get(store)?.delete(record.serial.as_str())?;
        Ok(self.registry.remove(&record.serial)?)
    }

    /// Forgets which profiles and access keys use a device. Its seed stays.
    pub fn forget_uses(&self, serial: &Serial) -> CommandResult {
        Ok(self.registry.forget_uses(serial)?)
    }

    /// The names of the secrets in a store that the registry does not refer to there; none if the platform cannot list them.
    /// Needs no passphrase.
    pub fn unregistered(&self, store: StoreKind) -> CommandResult<Vec<String>> {
        unregistered::names(&self.registry, &self.stores, store)
    }

    /// The devices' secrets and access keys in the file store that no record refers to.
    pub fn overlooked(&self) -> CommandResult<Vec<String>> {
        unregistered::overlooked(&self.registry, &self.stores)
    }

    /// How to find a secret that is stored without a record, or `None` if there is certainly none. Code that says that a device's
    /// secret is not stored asks here, because the registry may have been lost.
    pub fn how_to_find_lost(&self) -> Option<&'static str> {
        unregistered::how_to_find(&self.registry, &self.stores)
    }

    /// The error for a secret that is not stored, with how to find it if only its record was lost.
    pub fn or_lost(&self, error: CommandError) -> CommandError {
        match self.how_to_find_lost() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// The error if there is no device at all.
    pub fn nothing_stored(&self) -> CommandError {
        self.or_lost(CommandError::new(ErrorKind::Configuration, "no device is stored here").hint(
            "enroll a device: `awsmfa enroll`, or import an existing one: `awsmfa device import --profile NAME`",
        ))
    }

    /// The error if no device has this name, or this device has no seed here.
    pub fn not_stored(&self, name: &str) -> CommandError {
        let message = format!("no secret is stored for `{name}`");
        self.or_lost(
            CommandError::new(ErrorKind::Configuration, message)
                .hint("list the devices: `awsmfa device list`"),
        )
    }
}
