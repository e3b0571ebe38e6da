//! What the registry should say, given what the stores have. Only computes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::secret_name::SecretName;
use crate::model::serial::Serial;
use crate::store::StoreKind;
use crate::store::registry::{DeviceRecord, StoredKey};

/// What the stores and the AWS files show.
#[derive(Debug, Default)]
pub struct Holdings {
    /// The names of the secrets in each store that could be asked.
    pub names: BTreeMap<StoreKind, BTreeSet<String>>,
    /// The store for secrets that both have, if a person chose it.
    pub chosen: Option<StoreKind>,
    /// The unregistered secrets that are the same in both stores.
    pub copies: BTreeSet<String>,
    /// The access keys for which profiles have comments: profile and access key ID.
    pub notes: Vec<(String, String)>,
}

/// What was corrected, or cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The device was registered.
    Device(Serial, StoreKind),
    /// The profile's key was registered.
    Key(StoredKey),
    /// The registry referred to the other store.
    Relocated { name: String, to: StoreKind },
    /// The device was registered twice.
    Merged(Serial),
    /// No store has this registered secret.
    Missing(String),
    /// The stores have different secrets, and nothing says which one counts.
    Ambiguous(Serial),
    /// It is unknown which profile uses the access key.
    Unassigned { access_key_id: String, store: StoreKind },
}

impl Holdings {
    /// Whether a store has a secret; `None` if it could not be asked.
    pub fn has(&self, store: StoreKind, name: &str) -> Option<bool> {
        self.names.get(&store).map(|names| names.contains(name))
    }

    /// The store that a registered secret is used from: the registered one, unless it certainly does not have the secret.
    /// `None` if no store has it.
    fn place(&self, registered: StoreKind, name: &str) -> Option<StoreKind> {
        let other = registered.other();
        match (self.has(registered, name), self.has(other, name)) {
            (_, Some(true)) if self.chosen == Some(other) => Some(other),
            (Some(false), Some(true)) => Some(other),
            (Some(false), Some(false)) => None,
            _ => Some(registered),
        }
    }

    /// The store of an unregistered secret; `None` if both have different ones.
    fn place_of_new(&self, name: &str) -> Option<StoreKind> {
        let has = |store| self.has(store, name) == Some(true);
        match (has(StoreKind::Keyring), has(StoreKind::File)) {
            (true, true) => self.chosen.or_else(|| self.copies.contains(name).then_some(StoreKind::Keyring)),
            (true, false) => Some(StoreKind::Keyring),
            _ => Some(StoreKind::File),
        }
    }

    /// The names in both stores.
    pub fn in_both(&self) -> BTreeSet<String> {
        let has = |name: &&String| self.has(StoreKind::File, name) == Some(true);
        self.names.get(&StoreKind::Keyring).into_iter().flatten().filter(has).cloned().collect()
    }

    fn all(&self) -> BTreeSet<&String> {
        self.names.values().flatten().collect()
    }
}

/// Makes the records refer to what the stores have. No record is removed: what is missing may be in a backup.
pub fn reconcile(
    devices: &mut Vec<DeviceRecord>,
    keys: &mut Vec<StoredKey>,
    held: &Holdings,
) -> Vec<Outcome> {
    let mut outcomes = merge(devices);
    for DeviceRecord { serial, store, .. } in devices.iter_mut() {
        relocate(serial.as_str(), store, held, &mut outcomes);
    }
    for StoredKey { access_key_id, store, .. } in keys.iter_mut() {
        relocate(access_key_id, store, held, &mut outcomes);
    }
    for name in held.all() {
        let SecretName::Device(serial) = SecretName::of(name) else { continue };
        if devices.iter().any(|device| device.serial == serial) {
            continue;
        }
        outcomes.push(match held.place_of_new(name) {
            Some(store) => {
                devices.push(DeviceRecord::new(serial.clone(), store));
                Outcome::Device(serial, store)
            }
            None => Outcome::Ambiguous(serial),
        });
    }
    assign(keys, held, &mut outcomes);
    outcomes
}

/// Keeps one record a device: the first, which is the one that is used, with what only the others have.
fn merge(devices: &mut Vec<DeviceRecord>) -> Vec<Outcome> {
    let mut merged: Vec<DeviceRecord> = Vec::new();
    let mut outcomes = Vec::new();
    for device in devices.drain(..) {
        let Some(first) = merged.iter_mut().find(|first| first.serial == device.serial) else {
            merged.push(device);
            continue;
        };
        outcomes.push(Outcome::Merged(device.serial.clone()));
        first.user = first.user.take().or(device.user);
        first.label = first.label.take().or(device.label);
        let is_new = |profile: &String| !first.profiles.contains(profile);
        let new: Vec<String> = device.profiles.into_iter().filter(is_new).collect();
        first.profiles.extend(new);
    }
    *devices = merged;
    outcomes
}

fn relocate(name: &str, store: &mut StoreKind, held: &Holdings, outcomes: &mut Vec<Outcome>) {
    let outcome = match held.place(*store, name) {
        Some(place) if place == *store => return,
        Some(place) => {
            *store = place;
            Outcome::Relocated { name: name.to_owned(), to: place }
        }
        None => Outcome::Missing(name.to_owned()),
    };
    // A key that several profiles use is mentioned once.
    if !outcomes.contains(&outcome) {
        outcomes.push(outcome);
    }
}

/// Registers stored keys for the profiles whose comments name them. A registered key that a store has is left alone.
fn assign(keys: &mut Vec<StoredKey>, held: &Holdings, outcomes: &mut Vec<Outcome>) {
    for (profile, id) in &held.notes {
        let is_held = held.all().contains(id) && SecretName::of(id) == SecretName::AccessKey;
        let (true, Some(store)) = (is_held, held.place_of_new(id).or(Some(StoreKind::Keyring))) else {
            continue;
        };
        let known = keys.iter().position(|key| key.profile == *profile);
        let is_lost = |key: &StoredKey| held.place(key.store, &key.access_key_id).is_none();
        if known.is_some_and(|at| !is_lost(&keys[at])) {
            continue;
        }
        let key = StoredKey { profile: profile.clone(), access_key_id: id.clone(), store };
        if let Some(at) = known {
            let old = keys.remove(at).access_key_id;
            outcomes.retain(|outcome| *outcome != Outcome::Missing(old.clone()));
        }
        outcomes.push(Outcome::Key(key.clone()));
        keys.push(key);
    }
    for (store, names) in &held.names {
        for id in names.iter().filter(|name| SecretName::of(name) == SecretName::AccessKey) {
            let is_reported = |outcome: &Outcome| matches!(outcome, Outcome::Unassigned { access_key_id, .. } if access_key_id == id);
            if !keys.iter().any(|key| key.access_key_id == *id) && !outcomes.iter().any(is_reported) {
                outcomes.push(Outcome::Unassigned { access_key_id: id.clone(), store: *store });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StoreKind::{File, Keyring};

    const KEY: &str = "AKIAJQMOYWVNWNOMXRVA";
    const OTHER_KEY: &str = "AKIAIOSFODNN7EXAMPLE";

    fn serial(name: &str) -> Serial {
        format!("arn:aws:iam::123456789012:mfa/{name}").parse().unwrap()
    }

    fn held(keyring: Option<&[&str]>, file: Option<&[&str]>) -> Holdings {
        let full = |name: &&str| match name.starts_with("AKIA") {
            true => (*name).to_owned(),
            false => serial(name).into(),
        };
        let mut all = Holdings::default();
        for (store, names) in [(Keyring, keyring), (File, file)] {
            if let Some(names) = names {
                all.names.insert(store, names.iter().map(full).collect());
            }
        }
        all
    }

    /// The outcomes for these devices, with the stores that the registry has afterward.
    fn corrected(devices: &[(&str, StoreKind)], held: &Holdings) -> (Vec<Outcome>, Vec<StoreKind>) {
        let mut records: Vec<_> =
            devices.iter().map(|(name, store)| DeviceRecord::new(serial(name), *store)).collect();
        let outcomes = reconcile(&mut records, &mut Vec::new(), held);
        (outcomes, records.into_iter().map(|record| record.store).collect())
    }

    #[test]
    fn wrong_store_is_corrected() {
        for (from, held) in [(Keyring, held(Some(&[]), Some(&["a"]))), (File, held(Some(&["a"]), Some(&[])))]
        {
            let relocated = Outcome::Relocated { name: serial("a").into(), to: from.other() };
            assert_eq!(corrected(&[("a", from)], &held), (vec![relocated], vec![from.other()]));
        }
    }

    #[test]
    fn record_stays_if_its_store_has_the_secret_or_cannot_be_asked() {
        for held in [held(Some(&["a"]), Some(&["a"])), held(Some(&["a"]), None), held(None, Some(&["a"]))] {
            assert_eq!(corrected(&[("a", Keyring)], &held), (vec![], vec![Keyring]), "{held:?}");
        }
        let missing = vec![Outcome::Missing(serial("a").into())];
        assert_eq!(corrected(&[("a", File)], &held(Some(&[]), Some(&[]))), (missing, vec![File]));
    }

    #[test]
    fn chosen_store_counts_where_it_has_the_secret() {
        let choose = |held: Holdings| Holdings { chosen: Some(File), ..held };
        let relocated = vec![Outcome::Relocated { name: serial("a").into(), to: File }];
        for both in [held(Some(&["a"]), Some(&["a"])), held(None, Some(&["a"]))] {
            assert_eq!(corrected(&[("a", Keyring)], &choose(both)), (relocated.clone(), vec![File]));
        }
        assert_eq!(
            corrected(&[("a", Keyring)], &choose(held(Some(&["a"]), Some(&[])))),
            (vec![], vec![Keyring])
        );
        let new = vec![Outcome::Device(serial("a"), File)];
        assert_eq!(corrected(&[], &choose(held(Some(&["a"]), Some(&["a"])))), (new, vec![File]));
    }

    #[test]
    fn different_secrets_of_an_unregistered_device_are_ambiguous() {
        let mut both = held(Some(&["a"]), Some(&["a"]));
        assert_eq!(corrected(&[], &both), (vec![Outcome::Ambiguous(serial("a"))], vec![]));
        both.copies.insert(serial("a").into());
        assert_eq!(corrected(&[], &both), (vec![Outcome::Device(serial("a"), Keyring)], vec![Keyring]));
    }

    #[test]
    fn device_that_is_registered_twice_has_one_record_with_all_that_is_known() {
        let mut first = DeviceRecord::new(serial("a"), File);
        first.profiles = vec!["x".into()];
        let mut second = DeviceRecord::new(serial("a"), Keyring);
        (second.label, second.profiles) = (Some("phone".into()), vec!["x".into(), "y".into()]);
        let mut records = vec![first, second];
        let outcomes = reconcile(&mut records, &mut Vec::new(), &held(Some(&[]), Some(&["a"])));
        assert_eq!(outcomes, [Outcome::Merged(serial("a"))]);
        assert_eq!(records.len(), 1);
        assert_eq!((records[0].label.as_deref(), records[0].store), (Some("phone"), File));
        assert_eq!(records[0].profiles, ["x", "y"]);
    }

    #[test]
    fn key_is_registered_only_for_a_profile_that_names_it() {
        let note = |profile: &str, id: &str| (profile.to_owned(), id.to_owned());
        let key =
            |profile: &str| StoredKey { profile: profile.into(), access_key_id: KEY.into(), store: File };
        let run = |keys: &mut Vec<StoredKey>, notes: Vec<(String, String)>| {
            reconcile(&mut Vec::new(), keys, &Holdings { notes, ..held(Some(&[]), Some(&[KEY])) })
        };
        let mut keys = Vec::new();
        let unassigned = Outcome::Unassigned { access_key_id: KEY.into(), store: File };
        assert_eq!(run(&mut keys, vec![note("dev", OTHER_KEY)]), std::slice::from_ref(&unassigned));
        assert_eq!(keys, []);
        let both = vec![note("dev", KEY), note("prod", KEY)];
        assert_eq!(run(&mut keys, both.clone()), [Outcome::Key(key("dev")), Outcome::Key(key("prod"))]);
        assert_eq!(run(&mut keys, both), []);
        // A record whose key is gone gives way; one that works does not.
        let lost = StoredKey { access_key_id: OTHER_KEY.into(), ..key("dev") };
        let mut keys = vec![lost];
        assert_eq!(run(&mut keys, vec![note("dev", KEY)]), [Outcome::Key(key("dev"))]);
        assert_eq!(keys, [key("dev")]);
        assert_eq!(run(&mut keys, vec![note("dev", OTHER_KEY)]), []);
    }
}
