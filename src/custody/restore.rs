//! Restoring what a backup has. What is stored here stays, unless the person wants it replaced: the backup may be old. Nothing is
//! written before the whole backup was read and compared, and a run that was interrupted is finished by the next one.

use std::path::Path;

use crate::context::Context;
use crate::custody::backup::{self, THE_BACKUP, about};
use crate::custody::moving::lock;
use crate::env::AWSMFA_BACKUP_PASSPHRASE_FILE;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files;
use crate::key_storage;
use crate::model::archive::{Archive, ArchivedDevice, ArchivedKeys, ArchivedOther};
use crate::model::secret::Secret;
use crate::model::session::LongTermKeys;
use crate::model::shell::{CommandLine, quoted};
use crate::model::totp::Seed;
use crate::store::registry::{DeviceRecord, Registration, StoredKey};
use crate::store::sealed_file::{self, Identities, Opener};
use crate::store::{StoreError, StoreKind, passphrase};
use crate::vault::Hold;

/// Options of [`restore`].
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The file with the identity of one of the backup's recipients.
    pub identity: Option<&'a Path>,
    /// The store for what no store has; otherwise the one for new secrets.
    pub store: Option<StoreKind>,
    /// Replace what differs from the backup.
    pub force: bool,
}

/// How many secrets were restored, and how many were kept although the backup has others.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restored {
    pub secrets: usize,
    pub kept: usize,
}

/// How what is stored here compares with the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Absent,
    Same,
    Different,
    /// The store cannot read what it has.
    Damaged,
    /// The profile has another key, in a store or in the AWS files.
    Replaced,
}

/// Restores the secrets in a backup.
pub fn restore(ctx: &Context, path: &Path, options: Options<'_>) -> CommandResult<Restored> {
    let (_lock, hold) = lock(ctx)?;
    let archive = read(ctx, path, options.identity)?;
    let devices = compared(&archive.devices, |device| of_device(ctx, device, options.store))?;
    let keys = compared(&archive.keys, |keys| of_keys(ctx, keys, options.store))?;
    let others = compared(&archive.others, |other| of_other(ctx, other, options.store))?;
    let mut restored = Restored::default();
    for (device, (store, standing)) in devices {
        let title = backup::title(device.serial.as_str());
        if restored.decide(ctx, &title, store, standing, options.force) {
            keep_damaged(ctx, &hold, store, device.serial.as_str(), standing)?;
            ctx.vault
                .save_seed(hold.get(store)?, &device.serial, &device.seed)
                .map_err(CommandError::about_keys)?;
            ctx.ui.say(format_args!("restored {title} to the {store} store"));
            register(ctx, device, store, options.force)?;
        } else if standing == Standing::Same {
            register(ctx, device, store, options.force)?;
        }
    }
    for (keys, (store, standing)) in keys {
        restored.restore_keys(ctx, keys, store, standing, options.force)?;
    }
    for (other, (store, standing)) in others {
        let title = backup::title(&other.name);
        if restored.decide(ctx, &title, store, standing, options.force) {
            keep_damaged(ctx, &hold, store, &other.name, standing)?;
            hold.get(store)?.put(&other.name, &other.value).map_err(CommandError::about_keys)?;
            ctx.ui.say(format_args!("restored {title} to the {store} store"));
        }
    }
    for (id, serial) in &archive.device_of_key {
        if ctx.vault.of_key(id)?.is_none() {
            ctx.vault.remember_for_key(id, serial)?;
        }
    }
    Ok(restored)
}

/// All of these with their stores and standings, before anything is written.
fn compared<T>(
    all: &[T],
    standing: impl Fn(&T) -> CommandResult<(StoreKind, Standing)>,
) -> CommandResult<Vec<(&T, (StoreKind, Standing))>> {
    all.iter().map(|item| Ok((item, standing(item)?))).collect()
}

impl Restored {
    /// Whether the secret is written, and counts it.
    fn decide(
        &mut self,
        ctx: &Context,
        title: &str,
        store: StoreKind,
        standing: Standing,
        force: bool,
    ) -> bool {
        match standing {
            Standing::Same => return false,
            // Of a damaged secret in the keyring, no copy could be kept.
            Standing::Damaged if !force && store == StoreKind::Keyring => {
                ctx.ui.warn(format_args!("{title} in the {store} store is damaged, and was kept"));
                self.kept += 1;
                return false;
            }
            Standing::Different if !force => {
                ctx.ui
                    .warn(format_args!("{title} in the {store} store differs from the backup, and was kept"));
                self.kept += 1;
                return false;
            }
            Standing::Replaced if !force => {
                ctx.ui.warn(format_args!(
                    "{title} was not restored, because the profile has another access key"
                ));
                self.kept += 1;
                return false;
            }
            _ => {}
        }
        self.secrets += 1;
        true
    }

    fn restore_keys(
        &mut self,
        ctx: &Context,
        ArchivedKeys { profile, keys }: &ArchivedKeys,
        store: StoreKind,
        standing: Standing,
        force: bool,
    ) -> CommandResult {
        let access_key_id = keys.access_key_id.clone();
        let of = profile.as_ref().map(|profile| format!(" of `{profile}`")).unwrap_or_default();
        let title = format!("access key `{access_key_id}`{of}");
        if !self.decide(ctx, &title, store, standing, force) {
            return Ok(());
        }
        keep_damaged(ctx, &ctx.vault.hold()?, store, &access_key_id, standing)?;
        ctx.vault.save_keys(store, keys)?;
        if let Some(profile) = profile.clone() {
            ctx.vault.record_keys(&StoredKey { profile, access_key_id, store })?;
        }
        ctx.ui.say(format_args!("restored {title} to the {store} store"));
        Ok(())
    }
}

/// The store that has a device's secret, or gets it, and what it has.
fn of_device(
    ctx: &Context,
    device: &ArchivedDevice,
    flag: Option<StoreKind>,
) -> CommandResult<(StoreKind, Standing)> {
    let record = ctx.vault.record(&device.serial)?;
    let store = store_of(ctx, record.as_ref().map(|record| record.store), flag)?;
    let found = ctx.vault.stores.get(store)?.get(device.serial.as_str());
    let standing = compare(found, |uri| Some(Seed::from_uri(uri).ok()? == device.seed))?;
    Ok((store, standing))
}

/// The same for a profile's keys.
fn of_keys(
    ctx: &Context,
    keys: &ArchivedKeys,
    flag: Option<StoreKind>,
) -> CommandResult<(StoreKind, Standing)> {
    let ArchivedKeys { profile, keys } = keys;
    let Some(profile) = profile else { return of_unused_keys(ctx, keys, flag) };
    let record = ctx.vault.stored_key(profile)?;
    let store = store_of(ctx, record.as_ref().map(|record| record.store), flag)?;
    if record.as_ref().is_some_and(|record| record.access_key_id != keys.access_key_id) {
        return Ok((store, Standing::Replaced));
    }
    // A stored key comes before one in the files, so an old one that is restored would be used instead of a newer one.
    if record.is_none()
        && key_storage::keys_in_files(ctx, profile)?
            .is_some_and(|(_, found)| found.access_key_id != keys.access_key_id)
    {
        return Ok((store, Standing::Replaced));
    }
    Ok(match keys_in(ctx, store, keys)? {
        // The store has them, but nothing refers to them.
        Standing::Same if record.is_none() => (store, Standing::Absent),
        standing => (store, standing),
    })
}

/// The same for keys that no profile was known to use.
fn of_unused_keys(
    ctx: &Context,
    keys: &LongTermKeys,
    flag: Option<StoreKind>,
) -> CommandResult<(StoreKind, Standing)> {
    let used = ctx.vault.stored_keys()?.into_iter().find(|key| key.access_key_id == keys.access_key_id);
    let store = store_of(ctx, used.map(|key| key.store), flag)?;
    Ok((store, keys_in(ctx, store, keys)?))
}

fn keys_in(ctx: &Context, store: StoreKind, keys: &LongTermKeys) -> CommandResult<Standing> {
    let found = ctx.vault.stores.get(store)?.get(&keys.access_key_id);
    let parsed = |text: &str| crate::model::process_output::parse(text).map(|printed| printed.keys);
    compare(found, |text| Some(parsed(text)? == *keys))
}

/// The same for a secret of which only the name is known.
fn of_other(
    ctx: &Context,
    other: &ArchivedOther,
    flag: Option<StoreKind>,
) -> CommandResult<(StoreKind, Standing)> {
    let store = store_of(ctx, None, flag)?;
    let found = ctx.vault.stores.get(store)?.get(&other.name);
    Ok((store, compare(found, |text| Some(text == other.value.expose()))?))
}

fn store_of(ctx: &Context, recorded: Option<StoreKind>, flag: Option<StoreKind>) -> CommandResult<StoreKind> {
    recorded.map_or_else(|| ctx.vault.stores.for_new(flag), Ok)
}

/// Compares what a store has. `is_same` returns `None` for a text that is damaged.
fn compare(
    found: Result<Option<Secret<String>>, StoreError>,
    is_same: impl FnOnce(&str) -> Option<bool>,
) -> CommandResult<Standing> {
    Ok(match found {
        Ok(None) => Standing::Absent,
        Ok(Some(text)) => match is_same(text.expose()) {
            Some(true) => Standing::Same,
            Some(false) => Standing::Different,
            None => Standing::Damaged,
        },
        // Into a store in which nothing can be read, nothing can be restored.
        Err(StoreError::Damaged { folder: None, .. } | StoreError::NotText) => Standing::Damaged,
        Err(error) => return Err(CommandError::about_keys(error)),
    })
}

/// Keeps a copy of a damaged secret that is about to be replaced: another program may still read it.
fn keep_damaged(
    ctx: &Context,
    hold: &Hold<'_>,
    store: StoreKind,
    name: &str,
    standing: Standing,
) -> CommandResult {
    if standing == Standing::Damaged
        && let Some(copy) = hold.get(store)?.copy_aside(name)?
    {
        ctx.ui.say(format_args!("kept the damaged file of {} as {}", backup::title(name), copy.display()));
    }
    Ok(())
}

/// Registers a device whose secret is stored. What was registered here stays, unless `force` is set.
fn register(ctx: &Context, device: &ArchivedDevice, store: StoreKind, force: bool) -> CommandResult {
    let record = ctx.vault.record(&device.serial)?;
    let lacks = |what: fn(&DeviceRecord) -> bool| force || record.as_ref().is_none_or(what);
    let user = device.user.as_deref().filter(|_| lacks(|record| record.user.is_none()));
    let label = device.label.as_deref().filter(|_| lacks(|record| record.label.is_none()));
    let base = Registration { user, label, ..Registration::of(&device.serial, store) };
    ctx.vault.register(base)?;
    for profile in &device.profiles {
        if force || ctx.vault.of_profile(profile)?.is_none() {
            ctx.vault.register(Registration { profile: Some(profile), ..base })?;
        }
    }
    Ok(())
}

/// Reads a backup: an age file, or what someone decrypted.
fn read(ctx: &Context, path: &Path, identity: Option<&Path>) -> CommandResult<Archive> {
    let bytes = read_file(path)?;
    let failed = |error| about(error, path);
    let plain = match (sealed_file::opener(&bytes, path).map_err(failed)?, identity) {
        (Opener::Nothing, _) => Secret::locked(bytes.to_vec()),
        (Opener::Passphrase, _) => {
            let open =
                |passphrase: &Secret<String>| sealed_file::open_with_passphrase(&bytes, passphrase, path);
            let source = ctx.vault.stores.passphrase(Some(AWSMFA_BACKUP_PASSPHRASE_FILE), THE_BACKUP);
            passphrase::open_with(&source, open).map_err(failed)?
        }
        (Opener::Identity, Some(identity)) => {
            let identities = identities(ctx, identity, path)?;
            sealed_file::open_with_identities(&bytes, &identities, path).map_err(|error| {
                let mut this = about(error, path);
                this.hints = vec!["use another identity or another backup; nothing was changed".to_owned()];
                this
            })?
        }
        (Opener::Identity, None) => {
            let message = format!("`{}` is encrypted to recipients, so it has no passphrase", path.display());
            return Err(CommandError::new(ErrorKind::Usage, message)
                .hint("add the identity of one of the recipients: `--identity FILE`"));
        }
    };
    let text = std::str::from_utf8(plain.expose()).unwrap_or_default();
    Archive::parse(text).map_err(|error| {
        let message = format!("cannot restore `{}`: {error}", path.display());
        CommandError::new(ErrorKind::Store, message).hint("use another backup; nothing was changed")
    })
}

/// The identities in a file by `age-keygen`, which may itself be encrypted with a passphrase.
fn identities(ctx: &Context, path: &Path, backup: &Path) -> CommandResult<Identities> {
    let bytes = read_file(path)?;
    let opened = match sealed_file::opener(&bytes, path) {
        Ok(Opener::Passphrase) => {
            let open =
                |passphrase: &Secret<String>| sealed_file::open_with_passphrase(&bytes, passphrase, path);
            let what = format!("`{}`", path.display());
            let source = ctx.vault.stores.passphrase(None, &what);
            passphrase::open_with(&source, open).map_err(|error| match error {
                // Only a person can give it.
                StoreError::NoPassphrase { why } => {
                    let message = format!("no passphrase for `{}`: {why}", path.display());
                    CommandError::new(ErrorKind::Store, message).hint("run the command in a terminal")
                }
                error => about(error, path),
            })?
        }
        _ => Secret::locked(bytes.to_vec()),
    };
    let text = std::str::from_utf8(opened.expose()).ok();
    text.and_then(Identities::parse).ok_or_else(|| {
        let message = format!("`{}` has no `AGE-SECRET-KEY-1…` identity", path.display());
        let decrypt = CommandLine::new("age -d").option("-i", Some(path.to_string_lossy()));
        let decrypt = decrypt.arg(backup.to_string_lossy());
        CommandError::new(ErrorKind::Usage, message).hint(format!(
            "decrypt the backup with age if that is another kind of key: `{decrypt} | awsmfa store restore /dev/stdin`"
        ))
    })
}

fn read_file(path: &Path) -> CommandResult<zeroize::Zeroizing<Vec<u8>>> {
    files::read_bounded(path, files::LIMIT).map_err(|error| {
        let message = format!("cannot read {}: {error}", quoted(&path.display().to_string()));
        CommandError::new(ErrorKind::Configuration, message)
    })
}
