//! A backup of all that is stored here: one age file, whose content [`archive`](crate::model::archive) describes.

use std::path::Path;

use crate::context::Context;
use crate::custody::moving::lock;
use crate::devices::qr_copy::{self, Choice};
use crate::env::AWSMFA_BACKUP_PASSPHRASE_FILE;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files;
use crate::key_storage;
use crate::model::archive::{Archive, ArchivedDevice, ArchivedKeys};
use crate::store::passphrase::PassphraseSource;
use crate::store::recipient::Recipient;
use crate::store::{StoreError, sealed_file};

/// What the passphrase is for, in prompts.
pub const THE_BACKUP: &str = "the backup";

/// How much a backup has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    pub devices: usize,
    pub keys: usize,
}

/// Writes a backup for the recipients or, without any, under a passphrase. With `replace`, an existing file
/// is overwritten without confirmation.
pub fn back_up(
    ctx: &Context,
    path: &Path,
    recipients: &[Recipient],
    replace: bool,
) -> CommandResult<BackedUp> {
    let _locks = (lock(ctx)?, key_storage::lock(ctx)?);
    // Before anything is asked: whatever can fail without an answer.
    qr_copy::check(ctx, None, &Choice::File { path: path.to_owned(), replace })?;
    let archive = collect(ctx)?;
    let plain = archive.render();
    let sealed = match recipients {
        [] => {
            let passphrase = ctx.vault.stores.passphrase(Some(AWSMFA_BACKUP_PASSPHRASE_FILE), THE_BACKUP);
            let passphrase = passphrase.new_passphrase().map_err(|error| about(error, path))?;
            sealed_file::seal_with_passphrase(&plain, &passphrase)?
        }
        recipients => sealed_file::seal_for(&plain, recipients)?,
    };
    qr_copy::write_secret(ctx, path, &sealed, replace)?;
    match files::read_bounded(path, files::LIMIT) {
        Ok(written) if *written == sealed => {}
        _ => {
            let message = format!("`{}` was not written correctly", path.display());
            return Err(
                CommandError::new(ErrorKind::Failed, message).hint("write the backup to another disk")
            );
        }
    }
    Ok(BackedUp { devices: archive.devices.len(), keys: archive.keys.len() })
}

/// Everything that is stored here. A secret that its store does not have cannot be saved by a backup, but the others can.
fn collect(ctx: &Context) -> CommandResult<Archive> {
    let mut archive = Archive { device_of_key: ctx.vault.devices_of_keys()?, ..Archive::default() };
    let lost = |what: String, error: &dyn std::fmt::Display| {
        ctx.ui.warn(format_args!("the backup does not have {what}: {error}"));
    };
    for record in ctx.vault.devices()? {
        let serial = record.serial;
        match ctx.vault.seed_in(record.store, &serial) {
            Ok(Some(seed)) => {
                let (user, label, profiles) = (record.user, record.label, record.profiles);
                archive.devices.push(ArchivedDevice { serial, seed, user, label, profiles });
            }
            Ok(None) => lost(format!("the secret of `{serial}`"), &missing(record.store)),
            Err(error) if is_damage(&error) => lost(format!("the secret of `{serial}`"), &error),
            Err(error) => return Err(error),
        }
    }
    for record in ctx.vault.stored_keys()? {
        let id = record.access_key_id;
        match ctx.vault.keys_in(record.store, &id) {
            Ok(Some(keys)) => archive.keys.push(ArchivedKeys { profile: record.profile, keys }),
            Ok(None) => lost(format!("access key `{id}`"), &missing(record.store)),
            Err(error) if is_damage(&error) => lost(format!("access key `{id}`"), &error),
            Err(error) => return Err(error),
        }
    }
    match archive.devices.is_empty() && archive.keys.is_empty() {
        false => Ok(archive),
        true => Err(CommandError::new(ErrorKind::Configuration, "there are no stored secrets to back up")
            .hint("compare stores and devices: `awsmfa store status`")),
    }
}

fn missing(store: crate::store::StoreKind) -> String {
    format!("it is missing from the {store} store")
}

/// Whether one secret is damaged, rather than its store locked or unavailable.
fn is_damage(error: &CommandError) -> bool {
    use std::error::Error as _;
    let source = error.source().and_then(|source| source.downcast_ref::<StoreError>());
    error.kind == ErrorKind::Store && matches!(source, None | Some(StoreError::Damaged { .. }))
}

/// What a store's error means for the backup in a file.
pub fn about(error: StoreError, path: &Path) -> CommandError {
    let path = path.display();
    match error {
        StoreError::NoPassphrase { why } => {
            CommandError::new(ErrorKind::Store, format!("no passphrase for `{path}`: {why}")).hint(format!(
                "run the command in a terminal, or set `{AWSMFA_BACKUP_PASSPHRASE_FILE}` to a file with the passphrase"
            ))
        }
        StoreError::WrongPassphrase => {
            CommandError::new(ErrorKind::Store, format!("wrong passphrase for `{path}`"))
                .hint("try again with the right passphrase; nothing was changed")
        }
        StoreError::Damaged { what } => {
            CommandError::new(ErrorKind::Store, what).hint("use another backup; nothing was changed")
        }
        other => other.into(),
    }
}
