//! Moving secrets from one store to the other. Each is copied, read back and compared, then the registry refers to the copy, and
//! only then the original is deleted. So every secret is in a store at any moment, and a run that was interrupted is finished by
//! the next one.

use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files::Lock;
use crate::key_storage;
use crate::model::secret::Secret;
use crate::model::shell::CommandLine;
use crate::store::{SecretReader, StoreKind};
use crate::vault::Hold;

/// A secret that belongs into the other store, or has a copy there.
struct Item {
    name: String,
    /// For messages: ``the secret of `ARN` ``.
    title: String,
    /// The store that the registry refers to.
    store: StoreKind,
}

/// How many secrets were moved, and how many old copies of secrets that had been moved before were deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub secrets: usize,
    pub copies: usize,
}

/// Keeps other commands from changing stored secrets and long-term keys. Callers that need both locks take them in this order.
pub fn lock(ctx: &Context) -> CommandResult<(Lock, Hold<'_>)> {
    Ok((key_storage::lock(ctx)?, ctx.vault.hold()?))
}

/// Moves secrets to a store: those that `chosen` selects by device or access key ID, or all. With `replace`, another secret
/// that the store has under the same name is replaced without confirmation.
pub fn move_to(ctx: &Context, to: StoreKind, chosen: &[String], replace: bool) -> CommandResult<Moved> {
    let (_lock, hold) = lock(ctx)?;
    let items = items(ctx, chosen)?;
    let (here, away): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| item.store == to);
    let mut moved = Moved::default();
    // Everything that can fail is done before anything is changed.
    let mut ready = Vec::new();
    let mut missing = Vec::new();
    for item in away {
        match read(ctx, item.store, &item)? {
            Some(value) => {
                confirm_replacement(ctx, to, &item, &value, replace)?;
                ready.push((item, value));
            }
            None => missing.push(item),
        }
    }
    for (item, value) in ready {
        copy(&hold, to, &item, &value)?;
        ctx.vault.relocate(&item.name, item.store, to)?;
        delete(&hold, item.store, &item, &value)?;
        ctx.ui.say(format_args!("moved {} from the {} store to the {to} store", item.title, item.store));
        moved.secrets += 1;
    }
    for item in here {
        moved.copies += usize::from(delete_old_copy(ctx, &hold, to.other(), &item)?);
    }
    match missing.first() {
        None => Ok(moved),
        Some(item) => {
            let message =
                format!("{} is missing from the {} store, so it was not moved", item.title, item.store);
            Err(CommandError::new(ErrorKind::Store, message)
                .hint("compare stores and devices: `awsmfa store status`"))
        }
    }
}

/// What the registry refers to, each secret once.
fn items(ctx: &Context, chosen: &[String]) -> CommandResult<Vec<Item>> {
    let mut all = Vec::new();
    for device in ctx.vault.devices()? {
        let title = format!("the secret of `{}`", device.serial);
        all.push(Item { name: device.serial.into(), title, store: device.store });
    }
    for key in ctx.vault.stored_keys()? {
        if !all.iter().any(|item: &Item| item.name == key.access_key_id && item.store == key.store) {
            let title = format!("access key `{}`", key.access_key_id);
            all.push(Item { name: key.access_key_id, title, store: key.store });
        }
    }
    if chosen.is_empty() {
        return Ok(all);
    }
    let mut names = Vec::new();
    for name in chosen {
        match all.iter().any(|item| item.name == *name) {
            true => names.push(name.clone()),
            false => names.push(ctx.vault.find(name)?.serial.into()),
        }
    }
    all.retain(|item| names.contains(&item.name));
    Ok(all)
}

fn read(ctx: &Context, store: StoreKind, item: &Item) -> CommandResult<Option<Secret<String>>> {
    ctx.vault.stores.get(store)?.get(&item.name).map_err(CommandError::about_keys)
}

/// A different secret in the way may be one that nothing refers to any more, but it is lost when it is replaced.
fn confirm_replacement(
    ctx: &Context,
    to: StoreKind,
    item: &Item,
    value: &Secret<String>,
    replace: bool,
) -> CommandResult {
    let store = ctx.vault.stores.get(to)?;
    if replace || !store.has(&item.name).map_err(CommandError::about_keys)? {
        return Ok(());
    }
    if read(ctx, to, item)?.as_ref() == Some(value) {
        return Ok(());
    }
    let message = format!("the {to} store has another secret under the name `{}`", item.name);
    ctx.confirm(&format!("{message}; replace it? It cannot be recovered."), |_| {
        CommandError::new(ErrorKind::Usage, &message).hint("use `--yes` to replace it; nothing was changed")
    })
}

/// Copies a secret and reads the copy back, even if that needs a person: the original is deleted next.
fn copy(hold: &Hold<'_>, to: StoreKind, item: &Item, value: &Secret<String>) -> CommandResult {
    let store = hold.get(to)?;
    let has_copy = |store: &dyn SecretReader| Ok(store.get(&item.name)?.as_ref() == Some(value));
    if store.has(&item.name).map_err(CommandError::about_keys)?
        && has_copy(store).map_err(CommandError::about_keys)?
    {
        return Ok(());
    }
    store.put(&item.name, value).map_err(CommandError::about_keys)?;
    match has_copy(store).map_err(CommandError::about_keys)? {
        true => Ok(()),
        false => {
            let message = format!("the {to} store did not return {}; the original stays", item.title);
            Err(CommandError::new(ErrorKind::Store, message))
        }
    }
}

/// Deletes the original, unless it was changed since it was copied.
fn delete(hold: &Hold<'_>, from: StoreKind, item: &Item, value: &Secret<String>) -> CommandResult {
    let store = hold.get(from)?;
    match store.delete_if(&item.name, value).map_err(CommandError::about_keys)? {
        true => Ok(()),
        false => {
            let message = format!("{} was changed in the {from} store while it was moved", item.title);
            Err(CommandError::new(ErrorKind::Store, message).hint("run the same command again"))
        }
    }
}

/// Deletes the copy that an interrupted run left. If the store cannot be used, a copy there is no reason to fail.
fn delete_old_copy(ctx: &Context, hold: &Hold<'_>, from: StoreKind, item: &Item) -> CommandResult<bool> {
    let store = hold.get(from)?;
    match store.has(&item.name) {
        Ok(true) => {}
        Ok(false) => return Ok(false),
        Err(error) => {
            ctx.ui.detail(format_args!("cannot look for an old copy of {}: {error}", item.title));
            return Ok(false);
        }
    }
    let Some(value) = read(ctx, item.store, item)? else { return Ok(false) };
    let deleted = store.delete_if(&item.name, &value).map_err(CommandError::about_keys)?;
    match deleted {
        true => ctx.ui.say(format_args!("deleted the old copy of {} from the {from} store", item.title)),
        false => {
            ctx.ui.warn(format_args!(
                "the {from} store has another secret under the name `{}`, which nothing uses",
                item.name
            ));
            let rebuild = CommandLine::new("awsmfa store rebuild").option("--store", Some(from.name()));
            ctx.ui.hint(format_args!("use the secrets in the {from} store instead: `{rebuild}`"));
        }
    }
    Ok(deleted)
}
