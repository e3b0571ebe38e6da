//! Resolves a profile: its long-term keys, its roles in order, its MFA device, and where its session is written. Pure:
//! the only input is the profiles. The store, the registry, flags and the environment are the caller's job, so a
//! profile without keys in the files still resolves, and [`Resolution::keys`] says where keys were expected.

mod error;

pub use error::{Instead, KeysError, ResolveError};

use super::own_command::{runs_ourselves, served_profile};
use super::profiles::{BadLine, IncompleteKeys, Profile, Profiles, StaticKeys};
use super::{Origin, SERIAL_KEYS, keeps_keys_of, long_term_name, session_name};

/// What a profile means.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The requested profile.
    pub profile: String,
    /// The roles, in the order in which to assume them: the profile's own role is last.
    pub roles: Vec<Role>,
    /// The profile that has the long-term keys.
    pub base: String,
    /// Those keys, if they are in a store or the files.
    pub keys: Result<KeySource, KeysError>,
    pub serial: Option<Setting>,
    /// A command that prints a code.
    pub mfa_process: Option<Setting>,
    /// The duration of the user's own session: `duration_seconds` of the profile, or of the profile that its roles are
    /// assumed from; unparsed.
    pub duration_seconds: Option<Setting>,
    /// `region` of the profile, or of the next profile in its chain that has one.
    pub region: Option<Setting>,
    /// Where `login` writes the session.
    pub target: Destination,
    /// The chain of source profiles, from the profile itself to the base.
    pub chain: Vec<String>,
}

impl Resolution {
    /// The ID of the long-term access key, if it is in a file or a store.
    pub fn access_key_id(&self) -> Option<&str> {
        match &self.keys {
            Ok(KeySource::Static { keys, .. }) => Some(&keys.access_key_id),
            Ok(KeySource::Stored { access_key_id, .. }) => Some(access_key_id),
            _ => None,
        }
    }
}

impl Resolution {
    /// Whether the keys come from variables (`credential_source = Environment`).
    pub fn uses_keys_of_environment(&self) -> bool {
        let Err(KeysError::NoLongTermKeys { instead: Some(Instead::CredentialSource(source)), .. }) =
            &self.keys
        else {
            return false;
        };
        source == "Environment"
    }
}

/// A setting and its origin, for `-v` and errors. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value, trimmed.
    pub text: String,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The profile that has the setting.
    pub profile: String,
    /// `role_arn`.
    pub role_arn: String,
    /// `external_id`.
    pub external_id: Option<String>,
    /// `role_session_name`.
    pub role_session_name: Option<String>,
    /// `duration_seconds`, unparsed.
    pub duration_seconds: Option<Setting>,
}

/// Where long-term keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// The keys are in a file.
    Static {
        /// The name of the section's profile: the base or `<base>-long-term`.
        profile: String,
        /// The keys, without a token.
        keys: StaticKeys,
    },
    /// The keys are in a store.
    Stored {
        /// The profile that the store has them for.
        profile: String,
        access_key_id: String,
    },
    Process {
        /// The profile that has the setting.
        profile: String,
        /// `credential_process`.
        command: Setting,
    },
}

/// Where `login` writes the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To this section of the credentials file. It is `<profile>-session` if the profile has a role or another
    /// program's `credential_process`, because some SDKs would not read keys in the profile's own section.
    Section(String),
    /// Only to the cache: the profile's `credential_process` is awsmfa.
    CacheOnly,
}

/// Resolves a profile. It exists if one of the files has it or `<name>-long-term`.
pub fn resolve(profiles: &Profiles, name: &str) -> Result<Resolution, ResolveError> {
    if !exists(profiles, name) {
        if let Some(ignored) = profiles.ignored_as(name) {
            return Err(ResolveError::Ignored { name: name.to_owned(), section: ignored });
        }
        return Err(ResolveError::NoSuchProfile {
            name: name.to_owned(),
            near: profiles.near(name),
            others: people_use(profiles),
            files: profiles.files().to_vec(),
        });
    }
    let mut chain = vec![name.to_owned()];
    let mut roles = Vec::new();
    let keys = loop {
        let current = chain.last().cloned().unwrap_or_default();
        check(profiles, &current)?;
        match step(profiles, &current, chain.len() == 1, &mut roles)? {
            Step::Keys(keys) => break keys,
            Step::Source(source) => {
                if let Some(at) = chain.iter().position(|seen| *seen == source) {
                    let mut cycle = chain[at..].to_vec();
                    cycle.push(source);
                    return Err(ResolveError::Cycle { cycle });
                }
                chain.push(source);
            }
        }
    };
    // With a web identity, the base's own role comes from the identity provider.
    if let Err(KeysError::NoLongTermKeys { profile, instead: Some(Instead::WebIdentity), .. }) = &keys {
        roles.pop_if(|role: &mut Role| role.profile == *profile);
    }
    roles.reverse();
    let own = profiles.get(name);
    let base = chain.last().cloned().unwrap_or_default();
    let of_user = if roles.is_empty() { own } else { profiles.get(&base) };
    let lifetime = of_user.and_then(|profile| setting(profile, "duration_seconds"));
    Ok(Resolution {
        profile: name.to_owned(),
        roles,
        base,
        keys,
        serial: up_the_chain(profiles, &chain, &SERIAL_KEYS),
        mfa_process: up_the_chain(profiles, &chain, &["mfa_process"]),
        duration_seconds: lifetime,
        region: up_the_chain(profiles, &chain, &["region"]),
        target: target(own, name),
        chain,
    })
}

/// The names of all profiles, with `<name>` instead of `<name>-long-term`.
fn people_use(profiles: &Profiles) -> Vec<String> {
    let mut names: Vec<String> = profiles.names().map(|n| keeps_keys_of(n).unwrap_or(n).to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// The profile to write the `mfa_serial` of `name`'s user to: the profile itself, or the one that has the keys. `None`
/// if both have a role: if a role profile has an `mfa_serial`, the AWS CLI prompts for a code on every command, and the
/// JavaScript and Go SDKs fail.
pub fn serial_home(profiles: &Profiles, name: &str) -> Option<String> {
    let base = resolve(profiles, name).map_or_else(|_| name.to_owned(), |resolution| resolution.base);
    let has_role =
        |name: &String| profiles.get(name).is_some_and(|profile| profile.get("role_arn").is_some());
    [name.to_owned(), base].into_iter().find(|name| !has_role(name))
}

/// Fails if a section that the profile depends on is unreliable.
fn check(profiles: &Profiles, name: &str) -> Result<(), BadLine> {
    let long_term = long_term_name(name);
    for profile in [name, &long_term].into_iter().filter_map(|section| profiles.get(section)) {
        profile.check()?;
        profile.get("services").and_then(|name| profiles.services(name)).map_or(Ok(()), Profile::check)?;
    }
    Ok(())
}

enum Step {
    Keys(Result<KeySource, KeysError>),
    Source(String),
}

/// Finds a profile's keys or its source profile, and adds its role.
fn step(profiles: &Profiles, name: &str, first: bool, roles: &mut Vec<Role>) -> Result<Step, ResolveError> {
    let own = profiles.get(name);
    let role = own.and_then(|profile| Some((profile, profile.value("role_arn")?)));
    let Some((profile, role_arn)) = role else {
        let keys = keys_of(profiles, name);
        if let Err(KeysError::NoLongTermKeys { instead, .. }) = &keys {
            if let Some(source) = source_of(profiles, name)? {
                return Ok(Step::Source(source));
            }
            // A role with this source profile is assumed with the other profile's session.
            if let (Some(Instead::Served(other)), false) = (instead, first)
                && exists(profiles, other)
            {
                return Ok(Step::Source(other.clone()));
            }
        }
        return Ok(Step::Keys(keys));
    };
    // As in the SDKs: if a source profile has both keys and a role, the keys win.
    if !first {
        match own_keys(profiles, name) {
            Ok(None) => {}
            Ok(Some(source)) => return Ok(Step::Keys(Ok(source))),
            Err(error) => return Ok(Step::Keys(Err(error.into()))),
        }
    }
    roles.push(Role {
        profile: name.to_owned(),
        role_arn: role_arn.text().trim().to_owned(),
        external_id: profile.get("external_id").map(str::to_owned),
        role_session_name: profile.get("role_session_name").map(str::to_owned),
        duration_seconds: setting(profile, "duration_seconds"),
    });
    if let (Some(_), Some(other)) = (profile.get("source_profile"), setting(profile, "credential_source")) {
        return Err(ResolveError::TwoSources { profile: name.to_owned(), origin: other.origin });
    }
    match source_of(profiles, name)? {
        // A profile that is its own source uses its own keys.
        Some(source) if source == name => {}
        Some(source) => return Ok(Step::Source(source)),
        None => {}
    }
    let keys = keys_of(profiles, name);
    match &keys {
        Err(KeysError::NoLongTermKeys { instead: None, .. }) if profile.get("source_profile").is_none() => {
            Err(ResolveError::NoSource { profile: name.to_owned(), origin: role_arn.origin.clone() })
        }
        _ => Ok(Step::Keys(keys)),
    }
}

fn source_of(profiles: &Profiles, name: &str) -> Result<Option<String>, ResolveError> {
    let Some(source) = profiles.get(name).and_then(|profile| setting(profile, "source_profile")) else {
        return Ok(None);
    };
    if exists(profiles, &source.text) {
        return Ok(Some(source.text));
    }
    if let Some(section) = profiles.ignored_as(&source.text) {
        return Err(ResolveError::Ignored { name: source.text, section });
    }
    Err(ResolveError::NoSuchSource {
        profile: name.to_owned(),
        near: profiles.near(&source.text),
        source_profile: source.text,
        origin: source.origin,
    })
}

fn exists(profiles: &Profiles, name: &str) -> bool {
    profiles.get(name).is_some()
        || profiles.get(&long_term_name(name)).is_some()
        || profiles.stored_key(name).is_some()
}

/// The long-term keys in `[<name>-long-term]` or, failing that, in `[<name>]` if it has no token.
fn static_keys(profiles: &Profiles, name: &str) -> Result<Option<KeySource>, IncompleteKeys> {
    for section in [long_term_name(name), name.to_owned()] {
        let Some(profile) = profiles.get(&section) else { continue };
        if let Some(keys) = profile.long_term_keys()? {
            return Ok(Some(KeySource::Static { profile: section, keys }));
        }
    }
    Ok(None)
}

/// The long-term keys that a store has for the profile, or else those in the files. While `keys store` or `keys restore` moves
/// them, both have the same key, and then the files' one needs no unlocking.
fn own_keys(profiles: &Profiles, name: &str) -> Result<Option<KeySource>, IncompleteKeys> {
    let Some((owner, id)) = profiles.stored_key(name) else { return static_keys(profiles, name) };
    // The key may be in `[x]` for `x-long-term`, too.
    for name in [name, owner] {
        if let Ok(Some(KeySource::Static { profile, keys })) = static_keys(profiles, name)
            && keys.access_key_id == id
        {
            return Ok(Some(KeySource::Static { profile, keys }));
        }
    }
    Ok(Some(KeySource::Stored { profile: owner.to_owned(), access_key_id: id.to_owned() }))
}

fn keys_of(profiles: &Profiles, name: &str) -> Result<KeySource, KeysError> {
    if let Some(source) = own_keys(profiles, name)? {
        return Ok(source);
    }
    let long_term = long_term_name(name);
    let mut ours = None;
    for section in [name, &long_term] {
        let command = profiles.get(section).and_then(|profile| setting(profile, "credential_process"));
        let Some(command) = command else { continue };
        ours = match served_profile(&command.text) {
            None => return Ok(KeySource::Process { profile: section.to_owned(), command }),
            Some(Some(other)) if other != name => Some(Instead::Served(other)),
            Some(_) => Some(Instead::Ourselves),
        };
    }
    Err(KeysError::NoLongTermKeys {
        profile: name.to_owned(),
        looked_in: vec![
            format!("[{long_term}]"),
            format!("[{name}]"),
            "`credential_process`".to_owned(),
            "`source_profile`".to_owned(),
        ],
        instead: profiles.get(name).and_then(instead).or(ours).or_else(|| misnamed(profiles, name)),
    })
}

fn misnamed(profiles: &Profiles, name: &str) -> Option<Instead> {
    profiles.misnamed_keys(name).map(Instead::Misnamed)
}

fn instead(profile: &Profile) -> Option<Instead> {
    if profile.get("sso_session").or(profile.get("sso_start_url")).is_some() {
        return Some(Instead::Sso);
    }
    if profile.get("login_session").is_some() {
        return Some(Instead::LoginSession);
    }
    if profile.get("web_identity_token_file").is_some() {
        return Some(Instead::WebIdentity);
    }
    if let Some(source) = profile.get("credential_source") {
        return Some(Instead::CredentialSource(source.to_owned()));
    }
    let keys = profile.static_keys().ok().flatten()?;
    keys.session_token.map(|_| Instead::SessionOnly)
}

pub(super) fn setting(profile: &Profile, key: &str) -> Option<Setting> {
    let value = profile.value(key)?;
    let text = value.text().trim();
    (!text.is_empty()).then(|| Setting { text: text.to_owned(), origin: value.origin.clone() })
}

/// The first of these settings in the first profile of the chain that has one. A profile's `-long-term` section counts
/// as part of it.
fn up_the_chain(profiles: &Profiles, chain: &[String], keys: &[&str]) -> Option<Setting> {
    chain.iter().find_map(|name| {
        [name.clone(), long_term_name(name)].iter().find_map(|section| {
            let profile = profiles.get(section)?;
            keys.iter().find_map(|key| setting(profile, key))
        })
    })
}

fn target(own: Option<&Profile>, name: &str) -> Destination {
    let command = own.and_then(|profile| profile.get("credential_process"));
    match command {
        Some(command) if runs_ourselves(command, name) => Destination::CacheOnly,
        Some(_) => Destination::Section(session_name(name)),
        None if own.is_some_and(|profile| profile.get("role_arn").is_some()) => {
            Destination::Section(session_name(name))
        }
        None => Destination::Section(name.to_owned()),
    }
}

#[cfg(test)]
mod tests;
