//! Secrets that a store has and the registry does not refer to: the registry was lost, another program put them there, or a
//! command was interrupted.

use std::collections::BTreeSet;

use super::Vault;
use crate::error::CommandResult;
use crate::model::secret_name::SecretName;
use crate::store::StoreKind;

impl Vault {
    /// The names of the secrets in a store that the registry does not refer to there; none if the platform cannot list them.
    /// Needs no passphrase.
    pub fn unregistered(&self, store: StoreKind) -> CommandResult<Vec<String>> {
        let mut names = self.stores.get(store)?.names()?.unwrap_or_default();
        let known = self.registered_in(store)?;
        names.retain(|name| !known.contains(name) && SecretName::of(name) != SecretName::Probe);
        Ok(names)
    }

    /// The names of the secrets that should be in a store.
    fn registered_in(&self, store: StoreKind) -> CommandResult<BTreeSet<String>> {
        let devices = self.devices()?.into_iter().filter(|device| device.store == store);
        let keys = self.stored_keys()?.into_iter().filter(|key| key.store == store);
        Ok(devices.map(|device| device.serial.into()).chain(keys.map(|key| key.access_key_id)).collect())
    }
}
