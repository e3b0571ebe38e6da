//! Long-term keys in a store, by access key ID, and the registry's record of the profiles that use them.

use super::Vault;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::process_output;
use crate::model::session::LongTermKeys;
use crate::model::shell::CommandLine;
use crate::store::registry::StoredKey;
use crate::store::{StoreError, StoreKind};

impl Vault {
    /// The long-term keys in stores, one record a profile.
    pub fn stored_keys(&self) -> CommandResult<Vec<StoredKey>> {
        Ok(self.registry.stored_keys()?)
    }

    /// The record of a profile's keys, if a store has them.
    pub fn stored_key(&self, profile: &str) -> CommandResult<Option<StoredKey>> {
        Ok(self.stored_keys()?.into_iter().find(|key| key.profile == profile))
    }

    /// A profile's long-term keys, which a store has.
    pub fn long_term_keys(&self, profile: &str) -> CommandResult<LongTermKeys> {
        let Some(mut record) = self.stored_key(profile)? else {
            let message = format!("no store has long-term keys of profile `{profile}`");
            return Err(
                CommandError::new(ErrorKind::Store, message).hint("try again: they were moved just now")
            );
        };
        loop {
            let StoredKey { access_key_id, store, .. } = &record;
            self.ui.detail(format_args!("access key `{access_key_id}` is in the {store} store"));
            if let Some(keys) = self.keys_in(*store, access_key_id)? {
                self.tell_about_swap();
                return Ok(keys);
            }
            // They may have been moved or replaced since the record was read.
            match self.stored_key(profile)? {
                Some(now) if now != record => record = now,
                _ => return Err(Self::missing_keys(&record)),
            }
        }
    }

    /// The error for recorded keys that their store does not have.
    pub fn missing_keys(record: &StoredKey) -> CommandError {
        let StoredKey { profile, access_key_id, store } = record;
        let message = format!("the secret of access key `{access_key_id}` is missing from the {store} store");
        let error = CommandError::new(ErrorKind::Store, message);
        enter_key_again(profile).iter().fold(error, CommandError::hint)
    }

    /// The keys that a store has under an access key ID.
    pub fn keys_in(&self, store: StoreKind, access_key_id: &str) -> CommandResult<Option<LongTermKeys>> {
        let found = self.stores.get(store)?.get(access_key_id);
        let Some(text) = found.map_err(CommandError::about_keys)? else { return Ok(None) };
        let printed = process_output::parse(text.expose());
        let keys = printed.map(|printed| printed.keys).filter(|keys| keys.access_key_id == access_key_id);
        keys.map(Some).ok_or_else(|| {
            let message = format!("the stored secret of access key `{access_key_id}` is damaged");
            CommandError::new(ErrorKind::Store, message).hint("restore the store from a backup")
        })
    }

    /// Saves keys in a store and reads them back, even if that needs a person: what they replace may be removed then.
    pub fn save_keys(&self, store: StoreKind, keys: &LongTermKeys) -> CommandResult {
        let hold = self.hold()?;
        let saved = hold.get(store)?.put(&keys.access_key_id, &process_output::render_keys(keys));
        saved.map_err(CommandError::about_keys)?;
        match self.keys_in(store, &keys.access_key_id)?.as_ref() == Some(keys) {
            true => Ok(()),
            false => Err(StoreError::NotKept { kind: store }.into()),
        }
    }

    /// Records that a store has a profile's keys. Comes after [`save_keys`](Self::save_keys), so that recorded keys are always
    /// there.
    pub fn record_keys(&self, key: &StoredKey) -> CommandResult {
        Ok(self.registry.record_key(key)?)
    }

    /// Makes all profiles that have `old` in a store use `new`, which the same stores have.
    pub fn replace_keys(&self, old: &str, new: &str) -> CommandResult {
        Ok(self.registry.replace_key(old, new)?)
    }

    /// Deletes an access key from a store, unless another profile than `owner` has it there.
    pub fn delete_keys(&self, key: &StoredKey) -> CommandResult {
        let hold = self.hold()?;
        let StoredKey { profile, access_key_id, store } = key;
        let is_shared = |other: &StoredKey| {
            other.profile != *profile && other.access_key_id == *access_key_id && other.store == *store
        };
        if self.stored_keys()?.iter().any(is_shared) {
            return Ok(());
        }
        let deleted = hold.get(*store)?.delete(access_key_id);
        deleted.map(drop).map_err(CommandError::about_keys)
    }

    /// Deletes a profile's keys from their store and then their record, so that an interrupted run can be repeated.
    pub fn forget_keys(&self, key: &StoredKey) -> CommandResult {
        let _hold = self.hold()?;
        self.delete_keys(key)?;
        Ok(self.registry.forget_stored_key(&key.profile)?)
    }
}

/// Hints for a profile whose keys are missing from their store.
pub fn enter_key_again(profile: &str) -> [String; 2] {
    let configure = CommandLine::new("aws configure").profile(format!("{profile}-long-term"));
    let again = CommandLine::new("awsmfa keys store").profile(profile);
    [
        format!("enter the access key of the IAM user again: `{configure}`"),
        format!("then move the keys into the store: `{again}`"),
    ]
}
