//! Importing the secret of a device. A secret is verified before it is stored: neither a wrong secret nor a crash loses what
//! was stored before.

mod accounts;
mod check;
mod choose;
mod pictures;
mod replace;
mod request;
mod secret;
mod target;

pub use check::Checked;
pub use request::{ImportRequest, Input};

use crate::answers;
use crate::context::Context;
use crate::custody::moving;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::account::Account;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::registry::{DeviceRecord, Registration};
use crate::store::{StoreError, StoreKind};
use crate::vault::Vault;
use target::Target;

#[derive(Debug)]
pub struct Imported {
    pub serial: Serial,
    pub store: StoreKind,
    /// The profile that uses the device from now on.
    pub profile: Option<String>,
    pub checked: Checked,
}

/// Imports what the request asks for. `imported` gets each device as soon as its secret is stored. Returns whether these are all
/// accounts in another tool's file, which is then superfluous.
pub fn import(
    ctx: &Context,
    request: &ImportRequest,
    mut imported: impl FnMut(Imported),
) -> CommandResult<bool> {
    let accounts = match &request.input {
        Input::Images(paths) => accounts::in_pictures(paths)?,
        Input::GoogleExport(paths) => accounts::in_google_export(paths)?,
        Input::Export(path) => accounts::in_export(path)?,
        Input::Prompt => {
            // First whatever can fail without the secret.
            let target = Target::requested(ctx, request)?;
            let (known, store) = place(ctx, request, &target)?;
            let seed = secret::ask(ctx, request, &target)?;
            imported(save(ctx, request, target, known.as_ref(), store, &seed)?);
            return Ok(false);
        }
        Input::SecretStdin | Input::UriStdin | Input::Clipboard => {
            let texts = match request.input {
                Input::Clipboard => accounts::pasted(ctx)?,
                _ => vec![secret::read_stdin()?],
            };
            match texts.as_slice() {
                [text]
                    if !accounts::is_list(text)
                        && (request.has_device() || !accounts::names_device(text)) =>
                {
                    let target = Target::requested(ctx, request)?;
                    let (known, store) = place(ctx, request, &target)?;
                    let seed = secret::parse(text, request.input == Input::UriStdin)?;
                    imported(save(ctx, request, target, known.as_ref(), store, &seed)?);
                    return Ok(false);
                }
                texts => accounts::in_texts(texts)?,
            }
        }
    };
    let (count, is_other_tools) = (accounts.len(), accounts.iter().all(|account| account.profile.is_some()));
    let chosen = choose::choose(ctx, request, accounts)?;
    let chosen = choose::for_one_device(ctx, request, chosen)?;
    let is_everything = is_other_tools && chosen.len() == count;
    let mut targets = targets(ctx, request, chosen)?.into_iter();
    let mut failed = Vec::new();
    let is_only = targets.len() == 1;
    for (target, account, seed) in targets.by_ref() {
        // The hints are about this account only.
        let this = ImportRequest { account: Some(account.title()), ..request.clone() };
        let request = if is_only { request } else { &this };
        let saved = place(ctx, request, &target)
            .and_then(|(known, store)| save(ctx, request, target, known.as_ref(), store, &seed));
        match saved {
            Ok(saved) => imported(saved),
            Err(error) if is_only || error.kind == ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                ctx.ui.error(
                    &format!("`{}`: {}", account.title(), error.message),
                    &error.causes(),
                    &error.hints,
                );
                failed.push(error.kind);
            }
        }
    }
    match failed.first() {
        None => Ok(is_everything),
        Some(kind) => Err(CommandError::new(*kind, "some accounts could not be imported")),
    }
}

/// The device of each account. Two different secrets cannot belong to one device.
fn targets(
    ctx: &Context,
    request: &ImportRequest,
    accounts: Vec<Account>,
) -> CommandResult<Vec<(Target, Account, Seed)>> {
    let mut found: Vec<(Target, Account, Seed)> = Vec::new();
    for account in accounts {
        let seed = account.seed.clone()?;
        let target = Target::of_account(ctx, request, &account)?;
        match found.iter().find(|(other, ..)| other.serial == target.serial) {
            None => found.push((target, account, seed)),
            Some((_, _, other)) if *other == seed => {}
            Some((_, other, _)) => return Err(choose::same_device(request, other, &account, &target.serial)),
        }
    }
    Ok(found)
}

/// The record of a stored device, and the store for the secret.
fn place(
    ctx: &Context,
    request: &ImportRequest,
    target: &Target,
) -> CommandResult<(Option<DeviceRecord>, StoreKind)> {
    let known = ctx.vault.record(&target.serial)?;
    let store = match &known {
        Some(record) if request.store.is_none() => record.store,
        _ => ctx.vault.stores.for_new(request.store)?,
    };
    Ok((known, store))
}

/// Checks and stores a secret.
fn save(
    ctx: &Context,
    request: &ImportRequest,
    target: Target,
    known: Option<&DeviceRecord>,
    store: StoreKind,
    seed: &Seed,
) -> CommandResult<Imported> {
    let Target { serial, device, profile } = target;
    let unread = replace::check(ctx, request, &serial, known, seed, store)?;
    let checked = if request.verify {
        check::check(ctx, request, &serial, seed, profile.as_deref())?
    } else {
        Checked::No
    };
    // Not while the secret is moved: then the registry, read again, says where it is now.
    let _lock = moving::lock(ctx)?;
    let known = ctx.vault.record(&serial)?;
    Vault::save_seed(ctx.vault.stores.get(store)?, &serial, seed)
        .map_err(|error| request.store_error(error))?;
    let new = Registration::of(&serial, store);
    ctx.vault.register(Registration {
        label: request.label.as_deref(),
        profile: profile.as_deref(),
        ..new
    })?;
    // A ready answer may be a session of another device.
    answers::forget_all(ctx.paths.cache())?;
    if let Some(device) = device {
        device.remember(ctx);
    }
    if let Some(old) = known.filter(|record| record.store != store) {
        delete_copy(ctx, &serial, old.store, unread)?;
    }
    Ok(Imported { serial, store, profile, checked })
}

/// Deletes the copy in the previous store. That comes last, because the old copy counts until the registry is changed. A
/// store that is gone, perhaps for good, is no reason to fail: that is why people switch stores.
fn delete_copy(ctx: &Context, serial: &Serial, old: StoreKind, unread: Option<StoreError>) -> CommandResult {
    let deleted = match unread {
        Some(error) => Err(error),
        None => ctx.vault.stores.get(old)?.delete(serial.as_str()),
    };
    if let Err(error) = deleted {
        ctx.ui.warn(format_args!("the old copy of the secret remains in the {old} store: {error}"));
    }
    Ok(())
}
