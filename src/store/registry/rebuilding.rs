//! A new registry in place of one that is missing, damaged or wrong.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Contents, DeviceRecord, Registry, RegistryError, StoreKind, StoredKey};
use crate::files::{self, Lock};

impl Registry {
    /// The devices and stored keys that the file has, as far as it can be read; without a file, none.
    pub fn readable(&self) -> Result<(Vec<DeviceRecord>, Vec<StoredKey>), RegistryError> {
        let (Contents { devices, stored_keys, .. }, _) = self.salvage()?;
        Ok((devices, stored_keys))
    }

    /// Whether the name of a store is in the file, which may be damaged.
    pub fn mentions(&self, store: StoreKind) -> Result<bool, RegistryError> {
        let bytes = files::read_own(&self.path)?.unwrap_or_default();
        let name = format!("\"{store}\"");
        Ok(bytes.windows(name.len()).any(|window| window == name.as_bytes()))
    }

    /// Corrects the devices and stored keys. What can be read of a damaged file stays, and the file itself is copied before it is
    /// replaced; the copy is returned. At every moment, the old or the new registry is there.
    pub fn rebuild<T>(
        &self,
        correct: impl FnOnce(&mut Vec<DeviceRecord>, &mut Vec<StoredKey>) -> T,
    ) -> Result<(T, Option<PathBuf>), RegistryError> {
        let _lock = Lock::acquire(&self.lock_path)?;
        let (mut contents, is_damaged) = self.salvage()?;
        let before = (contents.devices.clone(), contents.stored_keys.clone());
        let result = correct(&mut contents.devices, &mut contents.stored_keys);
        let copy = if is_damaged { files::copy_aside(&self.path)? } else { None };
        if is_damaged || (&contents.devices, &contents.stored_keys) != (&before.0, &before.1) {
            self.write(&contents)?;
        }
        Ok((result, copy))
    }

    /// The file's content, and whether the file is damaged.
    fn salvage(&self) -> Result<(Contents, bool), RegistryError> {
        let file = Self { store: None, ..self.clone() };
        match file.read() {
            Err(RegistryError::Damaged { .. }) => {
                let bytes = files::read_own(&self.path)?.unwrap_or_default();
                Ok((parts(&bytes), true))
            }
            read => Ok((read?, false)),
        }
    }
}

/// The sound parts of a registry that is not sound as a whole: somebody may have edited it.
fn parts(bytes: &[u8]) -> Contents {
    let mut contents = Contents::empty();
    let Ok(Value::Object(mut found)) = serde_json::from_slice(bytes) else { return contents };
    contents.devices = sound(found.remove("devices"));
    contents.stored_keys = sound(found.remove("stored_keys"));
    if let Some(Value::Object(keys)) = found.remove("keys") {
        let parsed = keys.into_iter().map(|(id, serial)| Some((id, serde_json::from_value(serial).ok()?)));
        contents.keys = parsed.flatten().collect();
    }
    contents
}

fn sound<T: DeserializeOwned>(list: Option<Value>) -> Vec<T> {
    let Some(Value::Array(all)) = list else { return Vec::new() };
    all.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect()
}
