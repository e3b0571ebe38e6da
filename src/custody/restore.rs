//! Restoring what a backup has. What is stored here stays, unless the person wants it replaced: the backup may be old. Nothing is
//! written before the whole backup was read and compared, and a run that was interrupted is finished by the next one.

use std::path::Path;

use crate::context::Context;
use crate::custody::backup::{THE_BACKUP, about};
use crate::custody::moving::lock;
use crate::env::AWSMFA_BACKUP_PASSPHRASE_FILE;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files;
use crate::key_storage;
use crate::model::archive::{Archive, ArchivedDevice, ArchivedKeys};
use crate::model::secret::Secret;
use crate::model::shell::quoted;
use crate::model::totp::Seed;
use crate::store::registry::{DeviceRecord, Registration, StoredKey};
use crate::store::sealed_file::{self, Identities, Opener};
use crate::store::{StoreError, StoreKind, passphrase};
use crate::vault::Vault;

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
    /// The profile has another key in the AWS files.
    Replaced,
}

/// Restores the devices and keys in a backup.
pub fn restore(ctx: &Context, path: &Path, options: Options<'_>) -> CommandResult<Restored> {
    let _locks = (lock(ctx)?, key_storage::lock(ctx)?);
    let archive = read(ctx, path, options.identity)?;
    let devices = archive.devices.iter().map(|device| Ok((device, of_device(ctx, device, options.store)?)));
    let devices = devices.collect::<CommandResult<Vec<_>>>()?;
    let keys = archive.keys.iter().map(|keys| Ok((keys, of_keys(ctx, keys, options.store)?)));
    let keys = keys.collect::<CommandResult<Vec<_>>>()?;
    let mut restored = Restored::default();
    for (device, (store, standing)) in devices {
        let title = format!("the secret of `{}`", device.serial);
        if restored.decide(ctx, &title, store, standing, options.force) {
            Vault::save_seed(ctx.vault.stores.get(store)?, &device.serial, &device.seed)
                .map_err(CommandError::about_keys)?;
            ctx.ui.say(format_args!("restored {title} to the {store} store"));
        }
        if standing != Standing::Different || options.force {
            register(ctx, device, store, options.force)?;
        }
    }
    for (ArchivedKeys { profile, keys }, (store, standing)) in keys {
        let title = format!("access key `{}` of `{profile}`", keys.access_key_id);
        if restored.decide(ctx, &title, store, standing, options.force) {
            ctx.vault.save_keys(store, keys)?;
            let (profile, access_key_id) = (profile.clone(), keys.access_key_id.clone());
            ctx.vault.record_keys(&StoredKey { profile, access_key_id, store })?;
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
            Standing::Different if !force => {
                ctx.ui
                    .warn(format_args!("{title} in the {store} store differs from the backup, and was kept"));
                self.kept += 1;
                return false;
            }
            Standing::Replaced if !force => {
                ctx.ui.warn(format_args!(
                    "{title} was not restored, because the profile has another key in the AWS files"
                ));
                self.kept += 1;
                return false;
            }
            Standing::Absent | Standing::Different | Standing::Replaced => self.secrets += 1,
        }
        true
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
    let standing = standing(found, |uri| Seed::from_uri(uri).is_ok_and(|seed| seed == device.seed))?;
    Ok((store, standing))
}

/// The same for a profile's keys.
fn of_keys(
    ctx: &Context,
    keys: &ArchivedKeys,
    flag: Option<StoreKind>,
) -> CommandResult<(StoreKind, Standing)> {
    let ArchivedKeys { profile, keys } = keys;
    let record = ctx.vault.stored_key(profile)?;
    let store = store_of(ctx, record.as_ref().map(|record| record.store), flag)?;
    if record.as_ref().is_some_and(|record| record.access_key_id != keys.access_key_id) {
        return Ok((store, Standing::Different));
    }
    // A stored key comes before one in the files, so an old one that is restored would be used instead of a newer one.
    if record.is_none()
        && key_storage::keys_in_files(ctx, profile)?
            .is_some_and(|(_, found)| found.access_key_id != keys.access_key_id)
    {
        return Ok((store, Standing::Replaced));
    }
    let found = ctx.vault.stores.get(store)?.get(&keys.access_key_id);
    let parsed = |text: &str| crate::model::process_output::parse(text).map(|printed| printed.keys);
    Ok(match standing(found, |text| parsed(text).as_ref() == Some(keys))? {
        // The store has them, but nothing refers to them.
        Standing::Same if record.is_none() => (store, Standing::Absent),
        standing => (store, standing),
    })
}

fn store_of(ctx: &Context, recorded: Option<StoreKind>, flag: Option<StoreKind>) -> CommandResult<StoreKind> {
    recorded.map_or_else(|| ctx.vault.stores.for_new(flag), Ok)
}

/// Compares what a store has. What is damaged differs.
fn standing(
    found: Result<Option<Secret<String>>, StoreError>,
    is_same: impl FnOnce(&str) -> bool,
) -> CommandResult<Standing> {
    match found {
        Ok(None) => Ok(Standing::Absent),
        Ok(Some(text)) if is_same(text.expose()) => Ok(Standing::Same),
        Ok(Some(_)) | Err(StoreError::Damaged { .. }) => Ok(Standing::Different),
        Err(error) => Err(CommandError::about_keys(error)),
    }
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
            let identities = identities(ctx, identity)?;
            sealed_file::open_with_identities(&bytes, &identities, path).map_err(|error| {
                about(error, path).hint("or use the identity of one of the recipients: `--identity FILE`")
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
fn identities(ctx: &Context, path: &Path) -> CommandResult<Identities> {
    let bytes = read_file(path)?;
    let opened = match sealed_file::opener(&bytes, path) {
        Ok(Opener::Passphrase) => {
            let open =
                |passphrase: &Secret<String>| sealed_file::open_with_passphrase(&bytes, passphrase, path);
            let what = format!("`{}`", path.display());
            let source = ctx.vault.stores.passphrase(None, &what);
            passphrase::open_with(&source, open).map_err(|error| about(error, path))?
        }
        _ => Secret::locked(bytes.to_vec()),
    };
    let text = std::str::from_utf8(opened.expose()).ok();
    text.and_then(Identities::parse).ok_or_else(|| {
        let message = format!("`{}` has no `AGE-SECRET-KEY-1…` identity", path.display());
        CommandError::new(ErrorKind::Usage, message).hint(
            "or decrypt the backup with age: `age -d -i IDENTITY BACKUP | awsmfa store restore /dev/stdin`",
        )
    })
}

fn read_file(path: &Path) -> CommandResult<zeroize::Zeroizing<Vec<u8>>> {
    files::read_bounded(path, files::LIMIT).map_err(|error| {
        let message = format!("cannot read {}: {error}", quoted(&path.display().to_string()));
        CommandError::new(ErrorKind::Configuration, message)
    })
}
