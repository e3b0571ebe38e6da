//! Rebuilding the registry from what the stores hold, after it was lost or damaged. Labels and users cannot be found that way.

use std::collections::BTreeSet;

use crate::aws_files::{AwsFile, keeps_keys_of, key_edits};
use crate::context::Context;
use crate::custody::moving::lock;
use crate::error::{CommandError, CommandResult};
use crate::model::serial::Serial;
use crate::store::StoreKind;
use crate::store::registry::{DeviceRecord, StoredKey};

/// Registers what the stores hold and nothing refers to. Returns whether there was anything.
pub fn rebuild(ctx: &Context) -> CommandResult<bool> {
    let _locks = lock(ctx)?;
    // Without a registry, the file store is used as if its devices were registered, so nothing is lost if this is interrupted.
    if let Some(kept) = ctx.vault.set_damaged_registry_aside()? {
        ctx.ui.say(format_args!("moved the damaged registry to {}", kept.display()));
    }
    let (mut devices, mut keys) = (Vec::new(), Vec::new());
    for store in [StoreKind::Keyring, StoreKind::File] {
        for name in names(ctx, store)? {
            match name.parse::<Serial>() {
                _ if name.starts_with("AKIA") => keys.push((name, store)),
                Ok(serial) => devices.push(DeviceRecord::new(serial, store)),
                Err(_) => {}
            }
        }
    }
    let known = ctx.vault.registered_on_disk()?;
    devices.retain(|device| !known.contains(device.serial.as_str()));
    keys.retain(|(id, _)| !known.contains(id));
    let mut found = false;
    for DeviceRecord { serial, store, .. } in devices {
        // The same secret may be in both stores: the keyring comes first, as for new secrets.
        if !ctx.vault.registered_on_disk()?.contains(serial.as_str()) {
            ctx.vault.register(crate::store::registry::Registration::of(&serial, store))?;
            ctx.ui.say(format_args!("registered `{serial}`; its secret is in the {store} store"));
            found = true;
        }
    }
    Ok(register_keys(ctx, &keys)? || found)
}

/// The names of a store's secrets; none, with a warning, if the store cannot be asked.
fn names(ctx: &Context, store: StoreKind) -> CommandResult<Vec<String>> {
    match ctx.vault.stores.get(store)?.names() {
        Ok(Some(names)) => Ok(names),
        Ok(None) => {
            ctx.ui.warn("this system cannot list the secrets in its keyring; import those devices again");
            Ok(Vec::new())
        }
        Err(error) if store == StoreKind::Keyring => {
            ctx.ui.warn(format_args!("the keyring could not be listed: {error}"));
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// Registers stored keys for the profiles whose sections say that awsmfa stores their key.
fn register_keys(ctx: &Context, keys: &[(String, StoreKind)]) -> CommandResult<bool> {
    let profiles = profiles_without_keys(ctx)?;
    match (keys, profiles.as_slice()) {
        ([], _) => Ok(false),
        ([(id, store)], [profile]) => {
            let (profile, access_key_id, store) = (profile.clone(), id.clone(), *store);
            ctx.vault.record_keys(&StoredKey { profile: profile.clone(), access_key_id, store })?;
            ctx.ui.say(format_args!(
                "registered access key `{id}` of `{profile}`, which is in the {store} store"
            ));
            Ok(true)
        }
        (keys, _) => {
            for (id, store) in keys {
                ctx.ui.warn(format_args!(
                    "access key `{id}` is in the {store} store, but its profile is unknown"
                ));
                if let Some(command) = ctx.vault.stores.get(*store)?.reading_command(id) {
                    ctx.ui.hint(format_args!(
                        "print the key and add it to its profile with `aws configure`: `{command}`"
                    ));
                }
            }
            Ok(true)
        }
    }
}

/// The profiles whose keys were moved to a store that the registry does not know.
fn profiles_without_keys(ctx: &Context) -> CommandResult<Vec<String>> {
    let files = ctx.aws_files();
    let documents = [files.read(AwsFile::Credentials)?, files.read(AwsFile::Config)?];
    let all = files.profiles().map_err(CommandError::from)?;
    let names: BTreeSet<String> =
        all.names().map(|name| keeps_keys_of(name).unwrap_or(name).to_owned()).collect();
    let mut without = Vec::new();
    for name in names {
        let has_note = documents.iter().any(|document| key_edits::has_note(document, &name));
        if has_note && ctx.vault.stored_key(&name)?.is_none() {
            without.push(name);
        }
    }
    Ok(without)
}
