//! Importing the secret of a device. A secret is verified before it is stored: neither a wrong secret nor a crash loses what
//! was stored before.

mod check;
mod replace;
mod request;
mod secret;

pub use check::Checked;
pub use request::{ImportRequest, Input};

use crate::answers;
use crate::aws_files::resolve::resolve;
use crate::choice::Named;
use crate::context::Context;
use crate::error::CommandResult;
use crate::model::serial::Serial;
use crate::session::{self, UserDevice};
use crate::store::registry::Registration;
use crate::store::{StoreError, StoreKind};
use crate::vault::Vault;

#[derive(Debug)]
pub struct Imported {
    pub serial: Serial,
    pub store: StoreKind,
    /// The profile that uses the device from now on.
    pub profile: Option<String>,
    pub checked: Checked,
}

pub fn import(ctx: &Context, request: &ImportRequest) -> CommandResult<Imported> {
    // First whatever can fail without the secret.
    let profile = profile(ctx, request)?;
    let (serial, device) = serial(ctx, request, profile.as_deref())?;
    let known = ctx.vault.record(&serial)?;
    let store = match &known {
        Some(record) if request.store.is_none() => record.store,
        _ => ctx.vault.stores.for_new(request.store)?,
    };
    let seed = secret::read(ctx, request, &serial)?;
    let unread = match &known {
        Some(record) => replace::check(ctx, request, record, &seed, store)?,
        None => None,
    };
    let checked = if request.verify {
        check::check(ctx, request, &serial, &seed, profile.as_deref())?
    } else {
        Checked::No
    };
    Vault::save_seed(ctx.vault.stores.get(store)?, &serial, &seed)
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

/// The profile to assign the device to: the one given by flag, or the one that determines the serial. A device given by its
/// serial, such as the root user's, may have nothing to do with `AWS_PROFILE`.
fn profile(ctx: &Context, request: &ImportRequest) -> CommandResult<Option<String>> {
    let named = request.profile.clone();
    if let (Some(name), true) = (&named, request.serial.is_some()) {
        resolve(&ctx.profiles()?, name)?;
    }
    Ok(named.or_else(|| request.serial.is_none().then(|| ctx.env.profile().to_owned())))
}

/// The serial and, if AWS determined it, the device to remember.
fn serial(
    ctx: &Context,
    request: &ImportRequest,
    profile: Option<&str>,
) -> CommandResult<(Serial, Option<UserDevice>)> {
    if let Some(text) = &request.serial {
        return Ok((text.parse()?, None));
    }
    // A profile that has a serial needs no keys for this.
    let named = Named::of(profile, &ctx.env);
    let resolution = resolve(&ctx.profiles()?, named.name())?;
    if let Some(serial) = session::known_serial(ctx, &resolution, None)? {
        return Ok((serial, None));
    }
    let device = session::device(ctx, &session::Request::person(named))?;
    Ok((device.serial.clone(), Some(device)))
}
