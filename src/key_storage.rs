//! Moving a profile's long-term keys from the AWS files into a store and back. At every moment they are in one of the two: the
//! new place is written and read back before the old one is cleared, and both commands finish what an interrupted run began.

use crate::aws_files::document::Document;
use crate::aws_files::key_edits::{self, KeyEditError};
use crate::aws_files::profiles::{Profiles, StaticKeys};
use crate::aws_files::resolve::{KeySource, Resolution, ResolveError, resolve};
use crate::aws_files::write::EditError;
use crate::aws_files::{AwsFile, keeps_keys_of, long_term_name};
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files::Lock;
use crate::model::again::again;
use crate::model::session::LongTermKeys;
use crate::model::shell::CommandLine;
use crate::session::check_static_keys;
use crate::store::StoreKind;
use crate::store::registry::StoredKey;
use crate::vault::Vault;

/// Both files, in the order in which their sections are written back.
const FILES: [AwsFile; 2] = [AwsFile::Credentials, AwsFile::Config];

/// Options of [`store`].
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreOptions {
    /// The store; otherwise the one that has the profile's keys, or the one for new secrets.
    pub store: Option<StoreKind>,
    /// Replace another access key of the profile that a store has, without asking.
    pub replace: bool,
}

/// Where [`store`] moved the keys.
#[derive(Debug)]
pub struct Stored {
    pub key: StoredKey,
    /// The sections that had them; none if a store had the keys before.
    pub sections: Vec<String>,
    /// Other profiles that still have the key in a file.
    pub others: Vec<String>,
}

/// Where [`restore`] put the keys.
#[derive(Debug)]
pub struct Restored {
    pub profile: String,
    pub access_key_id: String,
    /// The section that has them now.
    pub section: String,
    /// The store that had them; `None` if the file had them all along.
    pub from: Option<StoreKind>,
}

/// The lock that keeps two commands from moving or replacing keys at the same time.
pub fn lock(ctx: &Context) -> CommandResult<Lock> {
    let waiting = || ctx.ui.say("waiting for another awsmfa process that is changing long-term keys");
    Ok(Lock::acquire_telling(&ctx.paths.locks().join("keys.lock"), &*ctx.clock, waiting)?)
}

/// Resolves a profile to change its keys. Keys in the environment are not in a place that awsmfa can change.
pub fn resolved(ctx: &Context, profiles: &Profiles, named: Named) -> CommandResult<Resolution> {
    match resolve(profiles, named.name()) {
        Err(ResolveError::NoSuchProfile { .. })
            if named == Named::Default && ctx.env.get("AWS_ACCESS_KEY_ID").is_some() =>
        {
            let message =
                "the long-term keys are in the environment, not in a profile, so awsmfa cannot change them";
            Err(CommandError::new(ErrorKind::Configuration, message)
                .hint("write the keys to a profile first: `aws configure`"))
        }
        resolved => Ok(resolved?),
    }
}

/// The profile that owns the long-term keys of a resolved profile: the base, without `-long-term`.
pub fn owner(resolution: &Resolution) -> &str {
    let of = match &resolution.keys {
        Ok(KeySource::Static { profile, .. } | KeySource::Stored { profile, .. }) => profile,
        _ => &resolution.base,
    };
    keeps_keys_of(of).unwrap_or(of)
}

/// Moves a profile's long-term keys from the AWS files into a store.
pub fn store(ctx: &Context, named: Named, options: StoreOptions) -> CommandResult<Stored> {
    let _lock = lock(ctx)?;
    let resolution = resolved(ctx, &ctx.profiles()?, named)?;
    let profile = owner(&resolution).to_owned();
    let before = ctx.vault.stored_key(&profile)?;
    let keys = match (keys_in_files(ctx, &profile)?, &before) {
        (Some((section, found)), _) => {
            check_static_keys(&section, &found)?;
            LongTermKeys { access_key_id: found.access_key_id, secret_access_key: found.secret }
        }
        (None, Some(before)) if options.store.is_none_or(|store| store == before.store) => {
            clean(ctx)?;
            let others = other_profiles(ctx, &profile, &before.access_key_id)?;
            return Ok(Stored { key: before.clone(), sections: Vec::new(), others });
        }
        (None, Some(_)) => ctx.vault.long_term_keys(&profile)?,
        (None, None) => return Err(not_in_files(&resolution)),
    };
    if let Some(before) = &before {
        confirm_replacement(ctx, before, &keys, options.replace)?;
    }
    let removal = Removal::prepare(ctx, &profile, &keys.access_key_id)?;
    let store = match (options.store, &before) {
        (None, Some(before)) => before.store,
        (flag, _) => ctx.vault.stores.for_new(flag)?,
    };
    ctx.vault.save_keys(store, &keys)?;
    let key = StoredKey { profile: profile.clone(), access_key_id: keys.access_key_id.clone(), store };
    ctx.vault.record_keys(&key)?;
    let sections = removal.run(ctx)?;
    clean(ctx)?;
    if let Some(before) = before.filter(|before| *before != key) {
        delete_copy(ctx, &before);
    }
    let others = other_profiles(ctx, &profile, &key.access_key_id)?;
    Ok(Stored { key, sections, others })
}

/// Removes what interrupted runs left beside the files, which still has keys in plaintext.
fn clean(ctx: &Context) -> CommandResult {
    for file in FILES {
        ctx.aws_files().clean(file)?;
    }
    Ok(())
}

/// The removal of a profile's access key from the files.
struct Removal<'a> {
    profile: &'a str,
    access_key_id: &'a str,
    /// For the comment: the command that puts the key back.
    command: String,
    files: Vec<AwsFile>,
}

impl<'a> Removal<'a> {
    /// Finds out whether the files can be edited, before anything is stored.
    fn prepare(ctx: &Context, profile: &'a str, access_key_id: &'a str) -> CommandResult<Self> {
        let command = CommandLine::new("awsmfa keys restore").profile(profile).to_string();
        let mut removal = Self { profile, access_key_id, command, files: Vec::new() };
        for file in FILES {
            if !key_edits::sections_with(&ctx.aws_files().read(file)?, access_key_id).is_empty() {
                ctx.aws_files().rehearse(file, |document| removal.edit(document))?;
                removal.files.push(file);
            }
        }
        Ok(removal)
    }

    fn run(&self, ctx: &Context) -> CommandResult<Vec<String>> {
        let mut sections = Vec::new();
        for file in &self.files {
            sections.extend(ctx.aws_files().edit(*file, |document| self.edit(document))?);
        }
        Ok(sections)
    }

    fn edit(&self, document: &mut Document) -> Result<Vec<String>, KeyEditError> {
        Ok(key_edits::take_out(document, self.profile, self.access_key_id, &self.command)?)
    }
}

/// Moves a profile's long-term keys from a store back into the AWS files.
pub fn restore(ctx: &Context, named: Named) -> CommandResult<Restored> {
    let _lock = lock(ctx)?;
    let profiles = ctx.profiles()?;
    let resolution = resolved(ctx, &profiles, named)?;
    let profile = owner(&resolution).to_owned();
    let Some(record) = ctx.vault.stored_key(&profile)? else {
        let Ok(KeySource::Static { profile: section, keys }) = resolution.keys else {
            return Err(not_in_files(&resolution));
        };
        return Ok(Restored { profile, access_key_id: keys.access_key_id, section, from: None });
    };
    let section = match ctx.vault.keys_in(record.store, &record.access_key_id)? {
        Some(keys) => {
            // In the profile's own section, the keys would hide a `credential_process`.
            let has_process = profiles.get(&profile).is_some_and(|p| p.get("credential_process").is_some());
            write_back(ctx, &profile, &keys, !has_process)?
        }
        // An earlier run was interrupted after it had deleted the stored keys.
        None => match keys_in_files(ctx, &profile)? {
            Some((section, keys)) if keys.access_key_id == record.access_key_id => section,
            _ => {
                return Err(Vault::missing_keys(&record));
            }
        },
    };
    ctx.vault.forget_keys(&record)?;
    Ok(Restored { profile, access_key_id: record.access_key_id, section, from: Some(record.store) })
}

/// Writes keys where they were, and checks that they are found there. Returns the section.
fn write_back(ctx: &Context, profile: &str, keys: &LongTermKeys, own: bool) -> CommandResult<String> {
    let files = ctx.aws_files();
    let mut written = None;
    for file in FILES {
        if key_edits::has_note(&files.read(file)?, profile) {
            let put_back = |document: &mut _| key_edits::put_back(document, profile, keys, own);
            written = written.or(files.edit(file, put_back).map_err(|error| occupied(error, profile))?);
        }
    }
    let section = match (written, keys_in_files(ctx, profile)?) {
        (Some(section), _) => section,
        (None, Some((section, found))) if found.access_key_id == keys.access_key_id => section,
        (None, _) => {
            let add = |document: &mut _| key_edits::add_back(document, profile, keys, own);
            files.edit(AwsFile::Credentials, add).map_err(|error| occupied(error, profile))?
        }
    };
    let found = keys_in_files(ctx, profile)?;
    match found.is_some_and(|(_, found)| {
        found.access_key_id == keys.access_key_id && found.secret == keys.secret_access_key
    }) {
        true => Ok(section),
        false => Err(CommandError::new(
            ErrorKind::Configuration,
            format!(
                "other keys of profile `{profile}` hide those in [{section}], so they stay in the store, too"
            ),
        )
        .hint(format!("remove the other keys from [{profile}-long-term] and [{profile}]"))),
    }
}

/// The long-term keys that the files have for a profile itself, and their section.
pub fn keys_in_files(ctx: &Context, profile: &str) -> CommandResult<Option<(String, StaticKeys)>> {
    let Ok(resolution) = resolve(&ctx.aws_files().profiles()?, profile) else { return Ok(None) };
    if owner(&resolution) != profile {
        return Ok(None);
    }
    Ok(match resolution.keys {
        Ok(KeySource::Static { profile: section, keys }) => Some((section, keys)),
        _ => None,
    })
}

/// The profiles that have this access key, in a file or a store.
pub fn profiles_with(ctx: &Context, access_key_id: &str) -> CommandResult<Vec<String>> {
    let mut names = other_profiles(ctx, "", access_key_id)?;
    let stored = ctx.vault.stored_keys()?.into_iter().filter(|key| key.access_key_id == access_key_id);
    names.extend(stored.map(|key| key.profile));
    Ok(names)
}

/// Other profiles with this access key in a file.
fn other_profiles(ctx: &Context, profile: &str, access_key_id: &str) -> CommandResult<Vec<String>> {
    let profiles = ctx.aws_files().profiles()?;
    let has_key = |name: &&str| {
        let keys = profiles.get(name).and_then(|profile| profile.long_term_keys().ok().flatten());
        keys.is_some_and(|keys| keys.access_key_id == access_key_id)
    };
    let names = profiles.names().filter(has_key).map(|name| keeps_keys_of(name).unwrap_or(name).to_owned());
    let mut names: Vec<String> = names.filter(|name| name != profile).collect();
    names.dedup();
    Ok(names)
}

/// A different stored key of the profile is lost when it is replaced, so a person decides.
fn confirm_replacement(
    ctx: &Context,
    before: &StoredKey,
    new: &LongTermKeys,
    replace: bool,
) -> CommandResult {
    let StoredKey { profile, access_key_id: old, store } = before;
    if replace || *old == new.access_key_id || matches!(ctx.vault.keys_in(*store, old), Ok(None)) {
        return Ok(());
    }
    let message = format!(
        "the {store} store has another access key of profile `{profile}`: `{old}`, not `{}`",
        new.access_key_id
    );
    let command = again("awsmfa keys store").profile_if_none(profile).with("--yes", None);
    let question = format!("{message}; replace `{old}`? Its secret cannot be recovered.");
    ctx.confirm(&question, |_| {
        CommandError::new(ErrorKind::Usage, message)
            .hint(format!("replace `{old}` and lose its secret: `{command}`"))
    })
}

/// Deletes what the profile had in a store before. The keys are safe in another place, so this is no reason to fail.
fn delete_copy(ctx: &Context, before: &StoredKey) {
    if let Err(error) = ctx.vault.delete_keys(before) {
        let StoredKey { access_key_id, store, .. } = before;
        ctx.ui.warn(format_args!("access key `{access_key_id}` remains in the {store} store: {error}"));
    }
}

/// Other keys are where the stored ones belong.
fn occupied(error: EditError<KeyEditError>, profile: &str) -> CommandError {
    let is_occupied = matches!(&error, EditError::Edit { source: KeyEditError::Occupied { .. }, .. });
    let mut this = CommandError::from(error);
    if is_occupied {
        let command = CommandLine::new("awsmfa keys store").profile(profile);
        this.hints = vec![format!("replace the stored keys with those in the file: `{command} --yes`")];
    }
    this
}

/// Why there is nothing to move from the files.
pub fn not_in_files(resolution: &Resolution) -> CommandError {
    match &resolution.keys {
        Err(error) => error.clone().into(),
        Ok(_) => {
            let base = &resolution.base;
            let message = format!(
                "`credential_process` prints the long-term keys of profile `{base}`; awsmfa cannot change them there"
            );
            let configure = CommandLine::new("aws configure").profile(long_term_name(base));
            CommandError::new(ErrorKind::Configuration, message)
                .hint(format!("write the keys to a file first: `{configure}`"))
        }
    }
}
