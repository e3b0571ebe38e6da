//! Importing the secret of a device. A secret is verified before it is stored: neither a wrong secret nor a crash loses what
//! was stored before.

mod accounts;
mod batch;
mod check;
mod choose;
mod file;
mod pictures;
mod replace;
mod request;
mod secret;
mod target;

pub use check::Checked;
pub use request::{ImportRequest, Input};

use crate::answers;
use crate::context::Context;
use crate::error::CommandResult;
use crate::model::account::Account;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::registry::{DeviceRecord, Registration};
use crate::store::{StoreError, StoreKind};
use crate::vault::Hold;
use batch::Batch;
use target::{Target, Targets};

#[derive(Debug)]
pub struct Imported {
    pub serial: Serial,
    pub store: StoreKind,
    /// The profile that uses the device from now on.
    pub profile: Option<String>,
    pub checked: Checked,
    /// Whether the ARN was derived from the account's name, which does not contain all of it.
    pub is_guess: bool,
}

impl Imported {
    /// Whether only the account's name shows the device.
    pub fn is_unconfirmed(&self) -> bool {
        self.is_guess && !matches!(self.checked, Checked::Accepted)
    }
}

/// Imports what the request asks for. `imported` gets each device as soon as its secret is stored. Returns whether these are all
/// accounts in another tool's file, which is then superfluous.
pub fn import(
    ctx: &Context,
    request: &ImportRequest,
    mut imported: impl FnMut(Imported),
) -> CommandResult<bool> {
    let targets = Targets::new(ctx, request);
    if request.is_for_one_device() {
        // First whatever can fail without the secret.
        place(ctx, request, &targets.requested()?)?;
    }
    let accounts = read(ctx, request, &targets)?;
    let (count, is_other_tools) = (accounts.len(), accounts.iter().all(|account| account.profile.is_some()));
    let chosen = choose::choose(ctx, request, &targets, accounts)?;
    if let (Some(_), [_, _, ..]) = (&request.label, chosen.as_slice()) {
        return Err(choose::one_label(request, &chosen));
    }
    let is_everything = is_other_tools && chosen.len() == count;
    let resolved = batch::resolve(request, &targets, chosen, count);
    let mut batch = Batch::new(ctx, resolved.len());
    for (account, only, found) in resolved {
        match found.and_then(|(target, seed)| save_at_place(ctx, &only, target, &seed)) {
            Ok(saved) => imported(saved),
            Err(error) => batch.failed(&account, error)?,
        }
    }
    batch.end().map(|()| is_everything)
}

fn read(ctx: &Context, request: &ImportRequest, targets: &Targets) -> CommandResult<Vec<Account>> {
    match &request.input {
        Input::Images(paths) => accounts::in_pictures(paths),
        Input::GoogleExport(paths) => accounts::in_google_export(paths),
        Input::Export(path) => accounts::in_export(path),
        Input::Clipboard => accounts::pasted(ctx),
        Input::Awspass => accounts::of_awspass(ctx, request.profile.as_deref()),
        Input::SecretStdin => accounts::in_text(&secret::read_stdin()?, false),
        Input::UriStdin => accounts::in_text(&secret::read_stdin()?, true),
        Input::Prompt => secret::ask(ctx, request, &targets.requested()?),
    }
}

fn save_at_place(
    ctx: &Context,
    request: &ImportRequest,
    target: Target,
    seed: &Seed,
) -> CommandResult<Imported> {
    let (known, store) = place(ctx, request, &target)?;
    save(ctx, request, target, known.as_ref(), store, seed)
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
    let Target { serial, device, profile, is_guess } = target;
    let unread = replace::check(ctx, request, &serial, known, seed, store)?;
    let checked = if request.verify {
        check::check(ctx, request, &serial, seed, profile.as_deref())?
    } else {
        Checked::No
    };
    // Not while the secret is moved: then the registry, read again, says where it is now.
    let hold = ctx.vault.hold()?;
    let known = ctx.vault.record(&serial)?;
    ctx.vault.save_seed(hold.get(store)?, &serial, seed).map_err(|error| request.store_error(error))?;
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
        delete_copy(ctx, &hold, &serial, old.store, unread)?;
    }
    Ok(Imported { serial, store, profile, checked, is_guess })
}

/// Deletes the copy in the previous store. That comes last, because the old copy counts until the registry is changed. A
/// store that is gone, perhaps for good, is no reason to fail: that is why people switch stores.
fn delete_copy(
    ctx: &Context,
    hold: &Hold<'_>,
    serial: &Serial,
    old: StoreKind,
    unread: Option<StoreError>,
) -> CommandResult {
    let deleted = match unread {
        Some(error) => Err(error),
        None => hold.get(old)?.delete(serial.as_str()),
    };
    if let Err(error) = deleted {
        ctx.ui.warn(format_args!("the old copy of the secret remains in the {old} store: {error}"));
    }
    Ok(())
}
