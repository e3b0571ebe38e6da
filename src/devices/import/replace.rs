//! Whether a secret may replace the one that is stored.

use super::ImportRequest;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::totp::Seed;
use crate::store::registry::DeviceRecord;
use crate::store::{StoreError, StoreKind};

/// Asks before another secret is replaced. Returns why the stored one cannot be read if it then remains: it is in a keyring
/// that is not accessible, and the new one goes to another store.
pub(super) fn check(
    ctx: &Context,
    request: &ImportRequest,
    record: &DeviceRecord,
    seed: &Seed,
    store: StoreKind,
) -> CommandResult<Option<StoreError>> {
    // Before the store is read: it may be gone or damaged, which is then the reason for the import.
    if request.replace {
        return Ok(None);
    }
    let old = match ctx.vault.stores.get(record.store)?.get(record.serial.as_str()) {
        Ok(old) => old,
        Err(error) if error.is_inaccessible() && store != record.store => return Ok(Some(error)),
        Err(error) => return Err(request.store_error(error)),
    };
    if old.is_none_or(|uri| Seed::from_uri(uri.expose()).as_ref() == Ok(seed)) {
        return Ok(None);
    }
    let question = format!("replace the other secret stored for `{}`?", record.serial);
    ctx.confirm(&question, |_| {
        let message = format!("another secret is stored for `{}`", record.serial);
        CommandError::new(ErrorKind::Usage, message)
            .hint("use `--yes` to replace the secret; the old secret cannot be recovered")
    })?;
    Ok(None)
}
