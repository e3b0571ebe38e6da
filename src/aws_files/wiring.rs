//! The edits that `setup` makes: they connect a profile with awsmfa and remove from it what would hide awsmfa's session.

use super::document::Document;
use super::log::Position;
use super::own_command::served_profile;
use super::session_edits::{
    self, FOREIGN_MARKERS, SESSION, SessionEditError, SessionValues, holds_session, write_session,
};
use super::{AwsFile, SERIAL_KEYS, header_of, keeps_keys_of, long_term_name};

const PROCESS: &str = "credential_process";

/// How a profile is connected with awsmfa.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// The profile that SDKs use. It has no role.
    pub profile: String,
    pub way: Way,
    /// The profile's `mfa_serial`, if nothing else says which device the user has.
    pub serial: Option<String>,
    /// Whether another program's `credential_process` prints the long-term keys and has to stay, beside the profile.
    pub keeps_process: bool,
    /// Role profiles in which `mfa_serial` would make the AWS CLI prompt for a code.
    pub roles: Vec<String>,
    /// Profiles that get a region, unless they have one.
    pub regions: Vec<(String, String)>,
    /// Profiles that get the same session, because another tool wrote its sessions for this profile there.
    pub aliases: Vec<String>,
}

/// How SDKs get the session.
#[derive(Debug, Clone)]
pub enum Way {
    /// From this `credential_process`.
    Process(String),
    /// From the credentials file.
    Written(SessionValues),
}

/// Connects the profiles, as far as one of the files is concerned. The config file must be written first: SDKs then find
/// awsmfa before the keys that they use now move away.
pub fn apply(all: &[Wiring], document: &mut Document) -> Result<(), SessionEditError> {
    document.atomically(|document| {
        all.iter().try_for_each(|wiring| match document.file() {
            AwsFile::Config => wiring.config(document),
            AwsFile::Credentials => wiring.credentials(document),
        })
    })
}

impl Wiring {
    fn config(&self, document: &mut Document) -> Result<(), SessionEditError> {
        if let Some(serial) = &self.serial {
            session_edits::set_config_key(document, &self.profile, "mfa_serial", serial)?;
        }
        match &self.way {
            Way::Process(command) => {
                set_keys_aside(document, &self.profile)?;
                self.free_process(document, Some(command))?;
                for profile in std::iter::once(&self.profile).chain(&self.aliases) {
                    document.set(&header_of(AwsFile::Config, profile), PROCESS, command)?;
                }
            }
            Way::Written(_) => self.free_process(document, None)?,
        }
        self.remove_serials(document)?;
        for (profile, region) in &self.regions {
            let section = header_of(AwsFile::Config, profile);
            if !document.has(&section, "region") {
                document.set(&section, "region", region)?;
            }
        }
        Ok(())
    }

    fn credentials(&self, document: &mut Document) -> Result<(), SessionEditError> {
        match &self.way {
            Way::Process(_) => {
                set_keys_aside(document, &self.profile)?;
                self.free_process(document, None)?;
                for alias in &self.aliases {
                    document.remove_keys_and_empty_section(alias, &SESSION)?;
                }
            }
            Way::Written(values) => {
                self.free_process(document, None)?;
                write_session(document, &self.profile, values, true)?;
            }
        }
        self.remove_serials(document)
    }

    /// Removes a `credential_process` other than `wanted`. Another program's moves to the long-term section if it prints
    /// the keys.
    fn free_process(&self, document: &mut Document, wanted: Option<&str>) -> Result<(), SessionEditError> {
        let section = header_of(document.file(), &self.profile);
        let Some(command) = document.get(&section, PROCESS) else { return Ok(()) };
        let command = command.expose();
        if self.keeps_process && served_profile(command).is_none() {
            let aside = header_of(document.file(), &long_term_name(&self.profile));
            document.add_section(&aside, Some(&section))?;
            document.move_key(&section, &aside, PROCESS, Position::End)?;
        } else if wanted.is_none() {
            document.remove_keys_and_empty_section(&section, &[PROCESS])?;
        }
        Ok(())
    }

    fn remove_serials(&self, document: &mut Document) -> Result<(), SessionEditError> {
        for role in &self.roles {
            let section = header_of(document.file(), role);
            for key in SERIAL_KEYS {
                document.remove(&section, key)?;
            }
        }
        Ok(())
    }
}

/// Removes everything from a profile's section that SDKs would use instead of its `credential_process`: a session goes,
/// long-term keys move to the long-term section in the same file.
fn set_keys_aside(document: &mut Document, profile: &str) -> Result<(), SessionEditError> {
    let name = |profile: &str| header_of(document.file(), profile);
    let (section, long_term) = (name(profile), name(&long_term_name(profile)));
    document.check_section(&section)?;
    let [id, secret, leftovers @ ..] = SESSION;
    let mut gone = Vec::from(leftovers);
    let (is_session, mut is_same) = (holds_session(document, &section), true);
    let has_keys = document.has(&section, id) || document.has(&section, secret);
    if has_keys && !is_session {
        if let Some(profile) = keeps_keys_of(profile) {
            return Err(SessionEditError::KeepsKeys { section, profile: profile.to_owned() });
        }
        is_same = move_keys(document, &section, &long_term)?;
    }
    if has_keys {
        gone.extend(FOREIGN_MARKERS);
    }
    if is_same {
        gone.extend([id, secret]);
    }
    gone.retain(|key| document.get(&section, key).is_some());
    if !gone.is_empty() || !is_same {
        document.remove_keys_and_empty_section(&section, &gone)?;
    }
    Ok(())
}

/// Moves long-term keys with their serial. Returns whether the other section has the same keys already, so that nothing
/// moved.
fn move_keys(document: &mut Document, section: &str, long_term: &str) -> Result<bool, SessionEditError> {
    let [id, secret, token, ..] = SESSION;
    if [id, secret, token].iter().any(|key| document.has(long_term, key)) {
        if session_edits::same_keys(document, section, long_term) {
            return Ok(true);
        }
        return Err(SessionEditError::DifferentKeys {
            section: section.to_owned(),
            long_term: long_term.to_owned(),
        });
    }
    // Keys with empty values: a key cannot move to where it already is.
    document.remove(long_term, id)?;
    document.remove(long_term, secret)?;
    document.add_section(long_term, Some(section))?;
    for key in document.keys(section) {
        // In the config file, the serial is the profile's.
        let is_serial = SERIAL_KEYS.contains(&key.as_str()) && document.file() == AwsFile::Credentials;
        let is_free = document.get(long_term, &key).is_none();
        if [id, secret].contains(&key.as_str()) || (is_serial && is_free) {
            document.move_key(section, long_term, &key, Position::End)?;
        }
    }
    Ok(false)
}
