//! The edits that commands make: writing and removing a session, and changing a profile's setting. Everything else in a
//! section is unchanged.

use crate::model::secret::Secret;
use crate::model::session::{Session, is_long_term_id, timestamp};

use super::document::{Document, KeyValue, UnsafeEdit};
use super::log::Position;
use super::{SERIAL_KEYS, header_of, keeps_keys_of, long_term_name};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
pub(super) const TOKEN: &str = "aws_session_token";
/// botocore prefers this key to `aws_session_token`, so a stale one would win.
const LEGACY_TOKEN: &str = "aws_security_token";
/// When the session expires. saml2aws writes the same key; starship shows it.
const EXPIRES: &str = "x_security_token_expires";
pub(super) const SESSION: [&str; 5] = [ID, SECRET, TOKEN, LEGACY_TOKEN, EXPIRES];

/// Keys that other tools write next to their sessions: broamski/aws-mfa, saml2aws, aws-vault, awsume and others.
pub const FOREIGN_MARKERS: &[&str] = &[
    "expiration",
    "assumed_role",
    "assumed_role_arn",
    "manager",
    "aws_expiration",
    "aws_session_expiration",
    "aws_credential_expiration",
    "x_principal_arn",
    "autoawsume",
];

/// The values of a session, as they are written.
#[derive(Debug, Clone)]
pub struct SessionValues {
    /// The access key ID (`ASIA…`).
    pub access_key_id: String,
    pub secret: Secret<String>,
    pub token: Secret<String>,
    /// The expiration: `YYYY-MM-DDTHH:MM:SSZ`.
    pub expires: String,
}

impl From<&Session> for SessionValues {
    fn from(session: &Session) -> Self {
        Self {
            access_key_id: session.access_key_id.clone(),
            secret: session.secret_access_key.clone(),
            token: session.session_token.clone(),
            expires: timestamp(session.expiration),
        }
    }
}

impl SessionValues {
    /// Placeholder values, for rehearsing an edit.
    pub fn placeholder() -> Self {
        let text = |t: &str| Secret::from(t);
        Self { access_key_id: "ASIA".into(), secret: text("-"), token: text("-"), expires: "-".into() }
    }
}

/// What [`write_session`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteReport {
    /// The session's section, without brackets.
    pub section: String,
    /// Where the section's long-term keys are now, if it held any.
    pub moved_to: Option<String>,
    /// Whether the section held another session, or none.
    pub is_new: bool,
}

/// What [`remove_session`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoveReport {
    /// Whether there was a session.
    pub removed: bool,
    /// The section that the long-term keys were restored from, if they were.
    pub restored_from: Option<String>,
}

/// Why a session was not written or removed. The file was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionEditError {
    /// The place cannot be edited.
    #[error(transparent)]
    Unsafe(#[from] UnsafeEdit),
    /// Both sections hold long-term keys, and they differ.
    #[error("sections [{section}] and [{long_term}] contain different long-term keys")]
    DifferentKeys {
        section: String,
        /// The section that its long-term keys would be moved to or restored from.
        long_term: String,
    },
    /// The section holds another profile's long-term keys.
    #[error("section [{section}] holds the long-term keys of profile `{profile}`")]
    KeepsKeys { section: String, profile: String },
    /// The section holds a session that another tool manages.
    #[error("section [{section}] holds a session written by another tool (it has `{marker}`)")]
    ForeignSession {
        section: String,
        /// The key that shows it.
        marker: String,
    },
}

/// Writes a session to a section of the credentials file. Long-term keys in that section move to
/// `[<section>-long-term]`, with the serial. A session written by another tool is replaced only with `force`.
pub fn write_session(
    document: &mut Document,
    section: &str,
    values: &SessionValues,
    force: bool,
) -> Result<WriteReport, SessionEditError> {
    document.atomically(|document| write_steps(document, section, values, force))
}

fn write_steps(
    document: &mut Document,
    section: &str,
    values: &SessionValues,
    force: bool,
) -> Result<WriteReport, SessionEditError> {
    document.check_section(section)?;
    let (mut moved_to, mut marks) = (None, Vec::new());
    if holds_session(document, section) {
        marks = foreign_marks(document, section);
        if let Some(mark) = marks.first().filter(|_| !force) {
            let (section, marker) = (section.to_owned(), (*mark).to_owned());
            return Err(SessionEditError::ForeignSession { section, marker });
        }
    } else if document.has(section, ID) || document.has(section, SECRET) {
        moved_to = Some(move_long_term(document, section, values)?);
    }
    document.set(section, ID, &values.access_key_id)?;
    document.set(section, SECRET, values.secret.expose())?;
    let is_new = document.set(section, TOKEN, values.token.expose())?;
    document.set(section, EXPIRES, &values.expires)?;
    document.remove(section, LEGACY_TOKEN)?;
    for mark in marks {
        document.remove(section, mark)?;
    }
    Ok(WriteReport { section: section.to_owned(), moved_to, is_new })
}

/// Moves a section's long-term keys to its long-term section, unless that already has them. Returns the long-term
/// section.
fn move_long_term(
    document: &mut Document,
    section: &str,
    values: &SessionValues,
) -> Result<String, SessionEditError> {
    if let Some(profile) = keeps_keys_of(section) {
        let (section, profile) = (section.to_owned(), profile.to_owned());
        return Err(SessionEditError::KeepsKeys { section, profile });
    }
    let long_term = long_term_name(section);
    document.check_section(&long_term)?;
    let occupied = [ID, SECRET, TOKEN].iter().any(|key| document.has(&long_term, key));
    if occupied {
        if same_keys(document, section, &long_term) {
            return Ok(long_term);
        }
        return Err(SessionEditError::DifferentKeys { section: section.to_owned(), long_term });
    }
    // Remove keys with empty values: a key cannot move to where it already is.
    document.remove(&long_term, ID)?;
    document.remove(&long_term, SECRET)?;
    document.add_section(&long_term, Some(section))?;
    // Move them in their order in the section, so that it can be restored.
    for key in document.keys(section) {
        if key == ID {
            document.move_and_set(section, &long_term, ID, &values.access_key_id)?;
        } else if key == SECRET {
            document.move_and_set(section, &long_term, SECRET, values.secret.expose())?;
        } else if SERIAL_KEYS.contains(&key.as_str()) && document.get(&long_term, &key).is_none() {
            document.move_key(section, &long_term, &key, Position::End)?;
        }
    }
    Ok(long_term)
}

/// Removes the session from a section, if it holds one, and the section too if it is empty then. With `restore`, the
/// long-term keys and the serial move back from `[<section>-long-term]`.
pub fn remove_session(
    document: &mut Document,
    section: &str,
    restore: bool,
) -> Result<RemoveReport, SessionEditError> {
    document.atomically(|document| remove_steps(document, section, restore))
}

fn remove_steps(
    document: &mut Document,
    section: &str,
    restore: bool,
) -> Result<RemoveReport, SessionEditError> {
    document.check_section(section)?;
    let removed = holds_session(document, section);
    if let Some(mark) = foreign_marks(document, section).first().filter(|_| removed) {
        let (section, marker) = (section.to_owned(), (*mark).to_owned());
        return Err(SessionEditError::ForeignSession { section, marker });
    }
    let mut report = RemoveReport { removed, restored_from: None };
    let long_term = long_term_name(section);
    let has_keys = document.has(&long_term, ID) || document.has(&long_term, SECRET);
    if restore && has_keys && !holds_session(document, &long_term) {
        restore_keys(document, section, &long_term, report.removed)?;
        report.restored_from = Some(long_term);
    } else if report.removed {
        document.remove_keys_and_empty_section(section, &SESSION)?;
    }
    Ok(report)
}

fn restore_keys(
    document: &mut Document,
    section: &str,
    long_term: &str,
    replaces_session: bool,
) -> Result<(), SessionEditError> {
    document.check_section(long_term)?;
    let moved: Vec<String> = document.keys(long_term);
    let moved: Vec<&str> = moved.iter().map(String::as_str).filter(|k| is_movable(k)).collect();
    let emptied = document.is_empty_without(long_term, &moved, true);
    if replaces_session {
        document.remove(section, TOKEN)?;
        document.remove(section, LEGACY_TOKEN)?;
        document.remove(section, EXPIRES)?;
    } else if (document.has(section, ID) || document.has(section, SECRET))
        && !same_keys(document, section, long_term)
    {
        let (section, long_term) = (section.to_owned(), long_term.to_owned());
        return Err(SessionEditError::DifferentKeys { section, long_term });
    }
    document.add_section(section, Some(long_term))?;
    for (index, key) in moved.iter().enumerate() {
        if [ID, SECRET].contains(key) {
            if document.move_over(long_term, section, key)? {
                continue;
            }
        } else if document.get(section, key).is_some() {
            continue;
        }
        document.move_key(long_term, section, key, place_of(document, section, &moved, index))?;
    }
    let left = document.keys(long_term).is_empty();
    if emptied && left {
        document.remove_header(long_term);
    }
    Ok(())
}

/// The position next to the key that was its neighbor among the moved keys.
fn place_of<'a>(document: &Document, section: &str, moved: &[&'a str], index: usize) -> Position<'a> {
    let there = |key: &&&str| document.get(section, key).is_some();
    if let Some(before) = moved[..index].iter().rev().find(there) {
        return Position::After(before);
    }
    moved[index + 1..].iter().find(there).map_or(Position::End, |key| Position::Before(key))
}

/// Sets a key of a profile in the config file, and adds the profile's section if it is missing. Returns whether
/// anything changed.
pub fn set_config_key(
    document: &mut Document,
    profile: &str,
    key: &str,
    value: &str,
) -> Result<bool, UnsafeEdit> {
    document.set(&header_of(document.file(), profile), key, value)
}

/// Whether a section holds a session rather than long-term keys: it has a token, and its key is not a long-term key
/// that overwrote the session's.
pub fn holds_session(document: &Document, section: &str) -> bool {
    is_session(&document.settings_of(section))
}

fn is_session(settings: &[KeyValue]) -> bool {
    let last = |key: &str| settings.iter().rfind(|s| s.key == key).map(|s| s.value.expose().as_str());
    let has_token = [TOKEN, LEGACY_TOKEN].into_iter().any(|key| last(key).is_some_and(|t| !t.is_empty()));
    has_token && !last(ID).is_some_and(is_long_term_id)
}

/// The sections with a session that we wrote. saml2aws writes the same expiration key, but also one of its own.
pub fn own_sessions(document: &Document) -> Vec<String> {
    let is_own = |section: &String| {
        let settings = document.settings_of(section);
        let expires = settings.iter().rfind(|s| s.key == EXPIRES);
        is_session(&settings)
            && expires.is_some_and(|s| !s.value.expose().is_empty())
            && !settings.iter().any(|s| FOREIGN_MARKERS.contains(&s.key.as_str()))
    };
    document.sections().into_iter().filter(is_own).collect()
}

/// The keys in a section that show that another tool wrote its session.
fn foreign_marks(document: &Document, section: &str) -> Vec<&'static str> {
    let settings = document.settings_of(section);
    FOREIGN_MARKERS.iter().copied().filter(|mark| settings.iter().any(|s| s.key == *mark)).collect()
}

/// Whether a key may be removed with a session or move with long-term keys, in an edit by awsmfa or another tool.
pub(super) fn is_session_key(key: &str) -> bool {
    SESSION.contains(&key) || SERIAL_KEYS.contains(&key) || FOREIGN_MARKERS.contains(&key)
}

fn is_movable(key: &str) -> bool {
    key == ID || key == SECRET || SERIAL_KEYS.contains(&key)
}

pub(super) fn same_keys(document: &Document, a: &str, b: &str) -> bool {
    [ID, SECRET].iter().all(|key| document.get(a, key) == document.get(b, key)) && !holds_session(document, b)
}

#[cfg(test)]
mod tests;
