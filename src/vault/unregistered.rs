//! Secrets that a store has and the registry does not refer to: the registry was lost, another program put them there, or a
//! command was interrupted.

use std::collections::BTreeSet;

use super::stores::Stores;
use crate::error::CommandResult;
use crate::model::secret_name::SecretName;
use crate::store::StoreKind;
use crate::store::registry::Registry;

/// The names of the secrets in a store that the registry does not refer to there; none if the platform cannot list them.
pub(super) fn names(registry: &Registry, stores: &Stores, store: StoreKind) -> CommandResult<Vec<String>> {
    let mut names = stores.get(store)?.names()?.unwrap_or_default();
    let known = registered_in(registry, store)?;
    names.retain(|name| !known.contains(name) && SecretName::of(name) != SecretName::Probe);
    Ok(names)
}

/// The devices' secrets and access keys in the file store that no record refers to.
pub(super) fn overlooked(registry: &Registry, stores: &Stores) -> CommandResult<Vec<String>> {
    let mut names = names(registry, stores, StoreKind::File)?;
    // What is registered in the keyring has a copy here.
    let elsewhere = registered_in(registry, StoreKind::Keyring)?;
    names.retain(|name| !elsewhere.contains(name) && SecretName::of(name) != SecretName::Other);
    Ok(names)
}

/// How to find a secret that is stored without a record, or `None` if there is certainly none. The keyring is not asked: it might
/// prompt.
pub(super) fn how_to_find(registry: &Registry, stores: &Stores) -> Option<&'static str> {
    if overlooked(registry, stores).is_ok_and(|names| !names.is_empty()) {
        return Some("register what the file store holds: `awsmfa store rebuild`");
    }
    let is_empty = registry.load().is_ok_and(|devices| devices.is_empty());
    (is_empty && stores.may_use_keyring())
        .then_some("find secrets that were stored here before: `awsmfa store rebuild`")
}

/// The names of the secrets that should be in a store.
fn registered_in(registry: &Registry, store: StoreKind) -> CommandResult<BTreeSet<String>> {
    let devices = registry.load()?.into_iter().filter(|device| device.store == store);
    let keys = registry.stored_keys()?.into_iter().filter(|key| key.store == store);
    Ok(devices.map(|device| device.serial.into()).chain(keys.map(|key| key.access_key_id)).collect())
}
