//! What the stores hold, whether they work, and which of them new secrets go to.

use chrono::{DateTime, Utc};

use crate::context::Context;
use crate::env::{AWSMFA_PASSPHRASE_COMMAND, AWSMFA_PASSPHRASE_FILE, AWSMFA_STORE};
use crate::error::{CommandError, CommandResult};
use crate::model::secret_name::{PROBE, SecretName};
use crate::store::age_file::AgeFileStore;
use crate::store::registry::{DeviceRecord, StoredKey};
use crate::store::{SecretReader, StoreError, StoreKind};

/// The stores and their secrets.
#[derive(Debug)]
pub struct Overview {
    pub stores: Vec<Store>,
    pub secrets: Vec<Held>,
    /// The store that new secrets go to.
    pub default: StoreKind,
    /// Why it is the default.
    pub reason: Reason,
}

/// Why a store is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Variable,
    KeyringWorks,
    KeyringDoesNotWork,
}

#[derive(Debug)]
pub struct Store {
    pub kind: StoreKind,
    /// The folder, if it is one.
    pub place: Option<String>,
    pub state: State,
}

#[derive(Debug, PartialEq, Eq)]
pub enum State {
    /// The keyring answered.
    Works,
    /// The file store does not exist yet.
    NotCreated,
    /// The file store needs no passphrase until then.
    Unlocked { until: DateTime<Utc> },
    /// The file store needs its passphrase or an age plugin.
    Locked { opened_by: OpenedBy },
    /// It cannot be used, for this reason. These hints help.
    Unavailable { why: String, hints: Vec<String> },
}

/// What opens the file store without a person.
#[derive(Debug, PartialEq, Eq)]
pub enum OpenedBy {
    Nothing,
    /// The variable that provides the passphrase, or the age plugin that has the key.
    This(String),
    /// The passphrase file is set, but cannot be used for this reason.
    NotThis {
        why: String,
    },
}

/// A secret in a store, or one that should be there.
#[derive(Debug)]
pub struct Held {
    pub name: String,
    pub kind: Kind,
    pub store: StoreKind,
    pub profiles: Vec<String>,
    pub state: Presence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Device,
    AccessKey,
    /// Nothing is known about it but its name.
    Unknown,
}

/// Whether the store and the registry agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Stored,
    /// The registry refers to it, and the store does not have it.
    Missing,
    /// The store has it, and the registry refers to the one in the other store.
    Copy,
    /// The store has it, and the registry does not refer to it.
    Unregistered,
    /// The store has it, but it is damaged, or other users can access it.
    Unreadable,
    /// The store cannot be asked.
    Unknown,
}

/// Looks at both stores without changing anything. The platform may prompt to unlock the keyring.
pub fn overview(ctx: &Context) -> CommandResult<Overview> {
    let registered = registered(ctx.vault.devices()?, ctx.vault.stored_keys()?);
    let (mut stores, mut secrets) = (Vec::new(), Vec::new());
    for kind in [StoreKind::Keyring, StoreKind::File] {
        let (listed, state) = match kind {
            StoreKind::Keyring => keyring(ctx)?,
            StoreKind::File => file(ctx)?,
        };
        let place = (kind == StoreKind::File).then(|| ctx.paths.file_store().display().to_string());
        let is_usable = !matches!(state, State::Unavailable { .. });
        let store = ctx.vault.stores.get(kind)?;
        let here = registered.iter().filter(|held| held.store == kind);
        for held in here {
            let state = match is_usable && state != State::NotCreated {
                true => presence(store, &held.name, &listed)?,
                false if state == State::NotCreated => Presence::Missing,
                false => Presence::Unknown,
            };
            secrets.push(Held { state, name: held.name.clone(), profiles: held.profiles.clone(), ..*held });
        }
        let is_known = |name: &str| registered.iter().any(|held| held.store == kind && held.name == name);
        let is_foreign = |name: &String| !is_known(name) && SecretName::of(name) != SecretName::Probe;
        let is_copy = |name: &str| registered.iter().any(|held| held.store != kind && held.name == name);
        secrets.extend(listed.into_iter().filter(is_foreign).map(|name| {
            let state = if is_copy(&name) { Presence::Copy } else { Presence::Unregistered };
            unregistered(name, kind, state)
        }));
        stores.push(Store { kind, place, state });
    }
    let keyring_works = stores.iter().any(|store| store.state == State::Works);
    let (default, reason) = match (ctx.env.get(AWSMFA_STORE), keyring_works) {
        (Some(_), _) => (ctx.vault.stores.for_new(None)?, Reason::Variable),
        (None, true) => (StoreKind::Keyring, Reason::KeyringWorks),
        (None, false) => (StoreKind::File, Reason::KeyringDoesNotWork),
    };
    Ok(Overview { stores, secrets, default, reason })
}

/// What the registry refers to, each secret once.
fn registered(devices: Vec<DeviceRecord>, keys: Vec<StoredKey>) -> Vec<Held> {
    let state = Presence::Stored;
    let mut all: Vec<Held> = Vec::new();
    for DeviceRecord { serial, store, profiles, .. } in devices {
        all.push(Held { name: serial.into(), kind: Kind::Device, store, profiles, state });
    }
    for StoredKey { profile, access_key_id: name, store } in keys {
        match all.iter_mut().find(|held| held.name == name && held.store == store) {
            Some(held) => held.profiles.push(profile),
            None => all.push(Held { name, kind: Kind::AccessKey, store, profiles: vec![profile], state }),
        }
    }
    all
}

fn unregistered(name: String, store: StoreKind, state: Presence) -> Held {
    let kind = match SecretName::of(&name) {
        SecretName::Device(_) => Kind::Device,
        SecretName::AccessKey => Kind::AccessKey,
        SecretName::Probe | SecretName::Other => Kind::Unknown,
    };
    Held { name, kind, store, profiles: Vec::new(), state }
}

fn presence(store: &dyn SecretReader, name: &str, listed: &[String]) -> CommandResult<Presence> {
    let is_there = listed.iter().any(|listed| listed == name) || store.has(name)?;
    Ok(match is_there {
        true if store.check_entry(name).is_err() => Presence::Unreadable,
        true => Presence::Stored,
        false => Presence::Missing,
    })
}

/// The keyring's secrets and state.
fn keyring(ctx: &Context) -> CommandResult<(Vec<String>, State)> {
    let store = ctx.vault.stores.get(StoreKind::Keyring)?;
    // Some keyrings cannot list their items. They can say that there is no such item.
    let asked = store.names().and_then(|names| match names {
        Some(names) => Ok(names),
        None => store.has(PROBE).map(|_| Vec::new()),
    });
    Ok(match asked {
        Ok(names) => (names, State::Works),
        // Many computers have no keyring, and need none.
        Err(why) => (Vec::new(), State::Unavailable { why: why.to_string(), hints: Vec::new() }),
    })
}

/// The file store's secrets and state.
fn file(ctx: &Context) -> CommandResult<(Vec<String>, State)> {
    let store = ctx.vault.stores.age_file()?;
    let look = || -> Result<(Vec<String>, State), StoreError> {
        let names = store.names()?.unwrap_or_default();
        let state = match (store.check()?, store.unlocked_until()?) {
            (false, _) => State::NotCreated,
            (true, Some(until)) => State::Unlocked { until },
            (true, None) => State::Locked { opened_by: opened_by(ctx, store)? },
        };
        Ok((names, state))
    };
    Ok(look().unwrap_or_else(|error| {
        let why = error.to_string();
        (Vec::new(), State::Unavailable { why, hints: CommandError::from(error).hints })
    }))
}

/// What opens the file store without a person.
pub fn opened_by(ctx: &Context, store: &AgeFileStore) -> Result<OpenedBy, StoreError> {
    if let Some(program) = store.plugin_program()? {
        return Ok(OpenedBy::This(program));
    }
    if ctx.env.path(AWSMFA_PASSPHRASE_FILE).is_some() {
        return Ok(match ctx.vault.stores.check_passphrase_file() {
            Ok(()) => OpenedBy::This(AWSMFA_PASSPHRASE_FILE.to_owned()),
            Err(StoreError::NoPassphrase { why }) => OpenedBy::NotThis { why },
            Err(error) => return Err(error),
        });
    }
    Ok(match ctx.env.get(AWSMFA_PASSPHRASE_COMMAND) {
        Some(_) => OpenedBy::This(AWSMFA_PASSPHRASE_COMMAND.to_owned()),
        None => OpenedBy::Nothing,
    })
}
