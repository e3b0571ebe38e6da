//! Rebuilding the registry from what the stores hold, after it was lost or damaged, or if it refers to the wrong store. Labels and
//! users cannot be found that way, and nothing is guessed: which profile uses a stored access key is known only if a comment in
//! the AWS files says so.

mod reconcile;

use std::collections::BTreeSet;

use crate::aws_files::{AwsFile, SERIAL_KEYS, keeps_keys_of, key_edits};
use crate::context::Context;
use crate::custody::backup::title;
use crate::custody::moving::lock;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::key_storage;
use crate::model::secret::Secret;
use crate::model::secret_name::SecretName;
use crate::model::shell::CommandLine;
use crate::model::totp::Seed;
use crate::store::{SecretReader, StoreError, StoreKind};
use reconcile::{Holdings, Outcome, reconcile};

/// Makes the registry refer to what the stores hold, and says what was corrected. Of secrets that both stores have, `chosen` has
/// the right one.
pub fn rebuild(ctx: &Context, chosen: Option<StoreKind>) -> CommandResult {
    let _locks = lock(ctx)?;
    let held = holdings(ctx, chosen)?;
    let correct = |devices: &mut Vec<_>, keys: &mut Vec<_>| reconcile(devices, keys, &held);
    let (outcomes, damaged) = ctx.vault.rebuild_registry(correct)?;
    if let Some(copy) = &damaged {
        ctx.ui.say(format_args!("copied the damaged registry to {}", copy.display()));
    }
    for outcome in &outcomes {
        say(ctx, outcome)?;
    }
    if let Some(Outcome::Ambiguous(serial)) =
        outcomes.iter().find(|outcome| matches!(outcome, Outcome::Ambiguous(_)))
    {
        return Err(ambiguous(serial.as_str()));
    }
    if damaged.is_none() && outcomes.is_empty() {
        let stores = if held.names.len() == 2 { "stores hold" } else { "file store holds" };
        ctx.ui.say(format_args!("the registry has everything that the {stores}"));
    }
    Ok(())
}

/// What both stores have, and what the AWS files say about it.
fn holdings(ctx: &Context, chosen: Option<StoreKind>) -> CommandResult<Holdings> {
    let (devices, keys) = ctx.vault.readable_registry()?;
    let notes = notes(ctx)?;
    let registered: BTreeSet<String> = devices
        .into_iter()
        .map(|device| device.serial.into())
        .chain(keys.into_iter().map(|key| key.access_key_id))
        .collect();
    let candidates: BTreeSet<String> = registered
        .iter()
        .cloned()
        .chain(notes.iter().map(|(_, id)| id.clone()))
        .chain(serials(ctx)?)
        .collect();
    let mut held = Holdings { chosen, notes, ..Holdings::default() };
    for store in [StoreKind::Keyring, StoreKind::File] {
        match names(ctx, ctx.vault.stores.get(store)?, &candidates) {
            Ok(names) => drop(held.names.insert(store, names)),
            Err(error) if store == StoreKind::Keyring => without_keyring(ctx, chosen, error)?,
            Err(error) => return Err(error.into()),
        }
    }
    // Without a record, only the secrets themselves show whether one is an old one.
    if chosen.is_none() {
        for name in held.in_both().difference(&registered) {
            if matches!(SecretName::of(name), SecretName::Device(_)) && is_copy(ctx, name)? {
                held.copies.insert(name.clone());
            }
        }
    }
    Ok(held)
}

/// The names of a store's secrets. A keyring that cannot list its secrets is asked for those whose names are known.
fn names(
    ctx: &Context,
    store: &dyn SecretReader,
    candidates: &BTreeSet<String>,
) -> Result<BTreeSet<String>, StoreError> {
    if let Some(names) = store.names()? {
        return Ok(names.into_iter().collect());
    }
    ctx.ui.say("this system cannot list its keyring; awsmfa looks for the devices and keys in the AWS files");
    let mut found = BTreeSet::new();
    for name in candidates.iter().filter(|name| SecretName::of(name) != SecretName::Other) {
        if store.has(name)? {
            found.insert(name.clone());
        }
    }
    Ok(found)
}

/// A keyring that could not be listed. If there is one, or if the registry refers to one, the file store is not all there is, so
/// a person has to say that it counts alone.
fn without_keyring(ctx: &Context, chosen: Option<StoreKind>, error: StoreError) -> CommandResult {
    let is_missing = matches!(error, StoreError::Unavailable { .. });
    let message = format!("the keyring could not be listed: {error}");
    let is_unused = is_missing && !ctx.vault.mentions(StoreKind::Keyring)?;
    if matches!(error, StoreError::Interrupted) {
        return Err(error.into());
    }
    if is_unused || chosen == Some(StoreKind::File) {
        ctx.ui.warn(message);
        return Ok(());
    }
    let mut this = CommandError::about_keys(error);
    this.message = message;
    Err(this.hint(format!("or register only what the file store holds: `{}`", again(StoreKind::File))))
}

/// Whether both stores have the same secret.
fn is_copy(ctx: &Context, name: &str) -> CommandResult<bool> {
    let mut values = Vec::new();
    for store in [StoreKind::Keyring, StoreKind::File] {
        let value = ctx.vault.stores.get(store)?.get(name);
        values.push(value.map_err(|error| not_compared(name, store, error))?);
    }
    // Another program may have written the same seed in another way.
    let seed = |value: &Option<Secret<String>>| Seed::from_uri(value.as_ref()?.expose()).ok();
    Ok(values[0] == values[1] || seed(&values[0]).is_some_and(|first| seed(&values[1]) == Some(first)))
}

fn not_compared(name: &str, store: StoreKind, error: StoreError) -> CommandError {
    let message = format!(
        "{} is in both stores, and the one in the {store} store cannot be read: {error}",
        title(name)
    );
    let mut this = CommandError::about_keys(error);
    this.message = message;
    choose_store(this)
}

/// The access keys that comments name, by profile.
fn notes(ctx: &Context) -> CommandResult<Vec<(String, String)>> {
    let files = ctx.aws_files();
    let documents = [files.read(AwsFile::Credentials)?, files.read(AwsFile::Config)?];
    let profiles = files.profiles()?;
    let names: BTreeSet<&str> = profiles.names().map(|name| keeps_keys_of(name).unwrap_or(name)).collect();
    let mut notes = Vec::new();
    for profile in names {
        for document in &documents {
            let ids = key_edits::noted_keys(document, profile).into_iter();
            notes.extend(ids.map(|id| (profile.to_owned(), id)));
        }
    }
    Ok(notes)
}

/// The serials in the AWS files.
fn serials(ctx: &Context) -> CommandResult<Vec<String>> {
    let profiles = ctx.aws_files().profiles()?;
    let all = profiles.iter().flat_map(|profile| SERIAL_KEYS.iter().filter_map(move |key| profile.get(key)));
    Ok(all.map(str::to_owned).collect())
}

fn say(ctx: &Context, outcome: &Outcome) -> CommandResult {
    match outcome {
        Outcome::Device(serial, store) => {
            ctx.ui.say(format_args!("registered `{serial}`; its secret is in the {store} store"));
        }
        Outcome::Key(key) => ctx.ui.say(format_args!(
            "registered access key `{}` of `{}`, which is in the {} store",
            key.access_key_id, key.profile, key.store
        )),
        Outcome::Relocated { name, to } => ctx.ui.say(format_args!(
            "{} is in the {to} store; the registry referred to the {} store",
            title(name),
            to.other()
        )),
        Outcome::Merged(serial) => {
            ctx.ui.say(format_args!("`{serial}` was registered twice; merged the two records"));
        }
        Outcome::Missing(name) => {
            ctx.ui.warn(format_args!("{} is registered, but no store has it", title(name)));
            ctx.ui.hint("restore what is missing from a backup: `awsmfa store restore FILE`");
            if let SecretName::Device(serial) = SecretName::of(name) {
                let import =
                    CommandLine::new("awsmfa device import").option("--serial", Some(serial.as_str()));
                ctx.ui.hint(format_args!("or import the secret again: `{import}`"));
            }
        }
        Outcome::Unassigned { access_key_id, store } => unassigned(ctx, access_key_id, *store)?,
        // An error, once everything else is said.
        Outcome::Ambiguous(_) => {}
    }
    Ok(())
}

/// A stored key that no profile is known to use. The profile may have it in a file, too, if a command was interrupted.
fn unassigned(ctx: &Context, id: &str, store: StoreKind) -> CommandResult {
    let owners = key_storage::profiles_with(ctx, id)?;
    if let Some(profile) = owners.first() {
        ctx.ui.warn(format_args!(
            "access key `{id}` is in the {store} store, but profile `{profile}` uses the one in its file"
        ));
        let command = CommandLine::new("awsmfa keys store").profile(profile);
        ctx.ui.hint(format_args!("use the key in the store, and remove it from the file: `{command}`"));
        return Ok(());
    }
    ctx.ui.warn(format_args!("access key `{id}` is in the {store} store, but its profile is unknown"));
    if let Some(command) = ctx.vault.stores.get(store)?.reading_command(id) {
        ctx.ui
            .hint(format_args!("print the key and add it to its profile with `aws configure`: `{command}`"));
    }
    Ok(())
}

fn ambiguous(serial: &str) -> CommandError {
    let message = format!("the keyring store and the file store have different secrets for `{serial}`");
    choose_store(CommandError::new(ErrorKind::Store, message))
}

fn choose_store(error: CommandError) -> CommandError {
    let or = if error.hints.is_empty() { "" } else { "or " };
    error
        .hint(format!("{or}use the secrets in the keyring: `{}`", again(StoreKind::Keyring)))
        .hint(format!("or use those in the file store: `{}`", again(StoreKind::File)))
}

fn again(store: StoreKind) -> CommandLine {
    CommandLine::new("awsmfa store rebuild").option("--store", Some(store.name()))
}
