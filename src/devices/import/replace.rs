//! Whether a secret may replace the one that is stored.

use super::ImportRequest;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::registry::DeviceRecord;
use crate::store::{StoreError, StoreKind};

/// Asks before another secret is replaced. Returns why the stored one cannot be read if it then remains: it is in a keyring
/// that is not accessible, and the new one goes to another store.
pub(super) fn check(
    ctx: &Context,
    request: &ImportRequest,
    serial: &Serial,
    record: Option<&DeviceRecord>,
    seed: &Seed,
    store: StoreKind,
) -> CommandResult<Option<StoreError>> {
    // Before the store is read: it may be gone or damaged, which is then the reason for the import.
    if request.yes {
        return Ok(None);
    }
    let mut unread = None;
    let used = record.map(|record| record.store);
    // A store may have a secret that the registry does not know, if the registry was lost.
    for place in used.into_iter().chain(Some(store).filter(|store| used != Some(*store))) {
        match ctx.vault.stores.get(place)?.get(serial.as_str()) {
            Ok(old) => confirm(ctx, serial, old.as_ref(), seed)?,
            Err(error) if error.is_inaccessible() && store != place => unread = Some(error),
            Err(error) => return Err(request.store_error(error)),
        }
    }
    Ok(unread)
}

fn confirm(ctx: &Context, serial: &Serial, old: Option<&Secret<String>>, seed: &Seed) -> CommandResult {
    if old.is_none_or(|uri| Seed::from_uri(uri.expose()).as_ref() == Ok(seed)) {
        return Ok(());
    }
    let question = format!("replace the other secret stored for `{serial}`?");
    ctx.confirm(&question, |_| {
        let message = format!("another secret is stored for `{serial}`");
        CommandError::new(ErrorKind::Usage, message)
            .hint("use `--yes` to replace the secret; the old secret cannot be recovered")
    })
}
