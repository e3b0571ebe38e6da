//! A backup of all that is stored here: one age file, whose content [`archive`](crate::model::archive) describes.

use std::path::Path;

use crate::context::Context;
use crate::custody::moving::lock;
use crate::devices::qr_copy::{self, Choice};
use crate::env::AWSMFA_BACKUP_PASSPHRASE_FILE;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::archive::{Archive, ArchivedDevice, ArchivedKeys, ArchivedOther};
use crate::model::process_output;
use crate::model::secret_name::SecretName;
use crate::model::totp::Seed;
use crate::store::passphrase::PassphraseSource;
use crate::store::recipient::Recipient;
use crate::store::registry::{DeviceRecord, StoredKey};
use crate::store::{StoreError, StoreKind, sealed_file};

/// What the passphrase is for, in prompts.
pub const THE_BACKUP: &str = "the backup";

/// How much a backup has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    pub devices: usize,
    pub keys: usize,
    pub others: usize,
    /// Secrets that could not be read.
    pub left_out: usize,
}

/// Writes a backup for the recipients or, without any, under a passphrase. With `replace`, an existing file
/// is overwritten without confirmation, but never with a backup that lacks a secret.
pub fn back_up(
    ctx: &Context,
    path: &Path,
    recipients: &[Recipient],
    replace: bool,
) -> CommandResult<BackedUp> {
    let _locks = match lock(ctx) {
        // Nothing can change what is stored there. A disk with errors is mounted like that, and then a backup matters most.
        Err(error) if is_read_only(&error) => None,
        locks => Some(locks?),
    };
    // Before anything is asked: whatever can fail without an answer.
    qr_copy::check(ctx, None, &Choice::File { path: path.to_owned(), replace })?;
    let Collected { archive, left_out, .. } = collect(ctx)?;
    if left_out > 0 && path.exists() {
        let message = format!(
            "`{}` was not overwritten: it may contain {} that the new backup lacks",
            path.display(),
            secrets(left_out)
        );
        return Err(CommandError::new(ErrorKind::Store, message).hint(
            "write an incomplete backup to another file, or find out what is wrong: `awsmfa store status`",
        ));
    }
    let is_replacement = path.exists();
    if is_replacement && !replace {
        qr_copy::confirm_replacement(ctx, path)?;
    }
    let plain = archive.render();
    let sealed = match recipients {
        [] => {
            let passphrase = ctx.vault.stores.passphrase(Some(AWSMFA_BACKUP_PASSPHRASE_FILE), THE_BACKUP);
            let passphrase = passphrase.new_passphrase().map_err(|error| about(error, path))?;
            sealed_file::seal_with_passphrase(&plain, &passphrase)?
        }
        recipients => sealed_file::seal_for(&plain, recipients)?,
    };
    qr_copy::write_secret(ctx, path, &sealed, replace || is_replacement)?;
    let Archive { devices, keys, others, .. } = &archive;
    Ok(BackedUp { devices: devices.len(), keys: keys.len(), others: others.len(), left_out })
}

/// `1 secret`, `2 secrets`.
pub fn secrets(count: usize) -> String {
    if count == 1 { "1 secret".to_owned() } else { format!("{count} secrets") }
}

/// What the stores have, and how many secrets could not be read.
#[derive(Default)]
struct Collected {
    archive: Archive,
    left_out: usize,
    /// What was said: a folder that other users can write has the same for each secret.
    hints: Vec<String>,
}

/// Everything that is stored here. A secret that its store does not have cannot be saved by a backup, but the others can.
fn collect(ctx: &Context) -> CommandResult<Collected> {
    let mut all = Collected::default();
    all.archive.device_of_key = ctx.vault.devices_of_keys()?;
    for record in ctx.vault.devices()? {
        let found = ctx.vault.seed_in(record.store, &record.serial);
        if let Some(seed) = all.readable(ctx, &title(record.serial.as_str()), record.store, found)? {
            let DeviceRecord { serial, user, label, profiles, .. } = record;
            all.archive.devices.push(ArchivedDevice { serial, seed, user, label, profiles });
        }
    }
    for StoredKey { profile, access_key_id, store } in ctx.vault.stored_keys()? {
        let found = ctx.vault.keys_in(store, &access_key_id);
        if let Some(keys) = all.readable(ctx, &title(&access_key_id), store, found)? {
            all.archive.keys.push(ArchivedKeys { profile: Some(profile), keys });
        }
    }
    for store in [StoreKind::Keyring, StoreKind::File] {
        for name in unregistered(ctx, store)? {
            all.add_unregistered(ctx, store, name)?;
        }
    }
    let Archive { devices, keys, others, .. } = &all.archive;
    match devices.is_empty() && keys.is_empty() && others.is_empty() {
        false => Ok(all),
        true if all.left_out > 0 => {
            let message = "none of the stored secrets can be read, so no backup was written";
            Err(CommandError::new(ErrorKind::Store, message)
                .hint("find out what is wrong: `awsmfa store status`"))
        }
        true => Err(CommandError::new(ErrorKind::Configuration, "there are no stored secrets to back up")
            .hint("compare stores and devices: `awsmfa store status`")),
    }
}

/// The names of secrets that the registry does not refer to. A keyring that does not work has none that can be read.
fn unregistered(ctx: &Context, store: StoreKind) -> CommandResult<Vec<String>> {
    let error = match ctx.vault.unregistered(store) {
        Ok(names) => return Ok(names),
        Err(error) => error,
    };
    match store_error(&error) {
        Some(StoreError::Unavailable { .. }) => ctx.ui.detail(&error),
        Some(error) if error.is_inaccessible() => {
            ctx.ui.warn(format_args!("the backup does not include secrets from the keyring: {error}"));
        }
        _ => return Err(error),
    }
    Ok(Vec::new())
}

impl Collected {
    /// What was found, if it can be read. A person learns about anything else.
    fn readable<T>(
        &mut self,
        ctx: &Context,
        title: &str,
        store: StoreKind,
        found: CommandResult<Option<T>>,
    ) -> CommandResult<Option<T>> {
        let why = match found {
            Ok(Some(found)) => return Ok(Some(found)),
            Ok(None) => format!("it is missing from the {store} store"),
            Err(error) if is_damage(&error) => error.to_string(),
            // A file that other users can access, for example. The hints say how to include it.
            Err(error) if matches!(store_error(&error), Some(StoreError::Io(_))) => {
                self.leave_out(ctx, title, &error);
                for hint in error.hints {
                    if !self.hints.contains(&hint) {
                        ctx.ui.hint(&hint);
                        self.hints.push(hint);
                    }
                }
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.leave_out(ctx, title, &why);
        Ok(None)
    }

    fn leave_out(&mut self, ctx: &Context, title: &str, why: &dyn std::fmt::Display) {
        ctx.ui.warn(format_args!("the backup does not include {title}: {why}"));
        self.left_out += 1;
    }

    /// Adds a secret that the registry does not refer to. Nothing needs it, so no failure to read it is a reason to stop.
    fn add_unregistered(&mut self, ctx: &Context, store: StoreKind, name: String) -> CommandResult {
        let title = format!("{} in the {store} store", title(&name));
        let value = match ctx.vault.stores.get(store)?.get(&name) {
            Err(StoreError::Interrupted) => return Err(StoreError::Interrupted.into()),
            Err(error) => {
                self.leave_out(ctx, &title, &error);
                return Ok(());
            }
            // It was deleted a moment ago.
            Ok(None) => return Ok(()),
            Ok(Some(value)) => value,
        };
        match SecretName::of(&name) {
            SecretName::Device(serial) => {
                let Ok(seed) = Seed::from_uri(value.expose()) else {
                    self.leave_out(ctx, &title, &"it is damaged");
                    return Ok(());
                };
                match self.archive.devices.iter().find(|device| device.serial == serial) {
                    // The copy that an interrupted move leaves.
                    Some(device) if device.seed == seed => {}
                    Some(_) => self.leave_out(ctx, &title, &"the device uses another secret"),
                    None => {
                        let (user, label, profiles) = (None, None, Vec::new());
                        self.archive.devices.push(ArchivedDevice { serial, seed, user, label, profiles });
                    }
                }
            }
            SecretName::AccessKey => match process_output::parse(value.expose()) {
                Some(printed) if self.archive.keys.iter().any(|known| known.keys == printed.keys) => {}
                Some(printed) => {
                    self.archive.keys.push(ArchivedKeys { profile: None, keys: printed.keys });
                }
                None => self.leave_out(ctx, &title, &"it is damaged"),
            },
            SecretName::Other => self.archive.others.push(ArchivedOther { name, value }),
            SecretName::Probe => {}
        }
        Ok(())
    }
}

/// For messages: ``the secret of `ARN` ``.
pub fn title(name: &str) -> String {
    match SecretName::of(name) {
        SecretName::Device(_) => format!("the secret of `{name}`"),
        SecretName::AccessKey => format!("access key `{name}`"),
        SecretName::Probe | SecretName::Other => format!("`{name}`"),
    }
}

/// Whether one secret is damaged, rather than its store locked or unavailable.
fn is_damage(error: &CommandError) -> bool {
    error.kind == ErrorKind::Store && matches!(store_error(error), None | Some(StoreError::Damaged { .. }))
}

fn is_read_only(error: &CommandError) -> bool {
    use std::error::Error as _;
    let cause = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    cause.is_some_and(|error| error.kind() == std::io::ErrorKind::ReadOnlyFilesystem)
}

fn store_error(error: &CommandError) -> Option<&StoreError> {
    use std::error::Error as _;
    error.source()?.downcast_ref()
}

/// What a store's error means for the backup in a file.
pub fn about(error: StoreError, path: &Path) -> CommandError {
    let path = path.display();
    match error {
        StoreError::NoPassphrase { why } | StoreError::NoNewPassphrase { why, .. } => {
            CommandError::new(ErrorKind::Store, format!("no passphrase for `{path}`: {why}")).hint(format!(
                "run the command in a terminal, or set `{AWSMFA_BACKUP_PASSPHRASE_FILE}` to a file with the passphrase"
            ))
        }
        StoreError::WrongPassphrase => {
            CommandError::new(ErrorKind::Store, format!("wrong passphrase for `{path}`"))
                .hint("try again with the right passphrase; nothing was changed")
        }
        StoreError::Damaged { what, .. } => {
            CommandError::new(ErrorKind::Store, what).hint("use another backup; nothing was changed")
        }
        other => other.into(),
    }
}
