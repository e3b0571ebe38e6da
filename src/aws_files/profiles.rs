//! Both AWS files merged into profiles, as the AWS SDKs' reference has it: key by key, the credentials file wins. Long-term
//! and session keys are an exception and are read as a group, because a merge would pair one file's keys with the
//! other's token. What a profile *means* is in `resolve`.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::secret::Secret;
use crate::model::session::is_long_term_id;

use super::document::{Document, Span, UnsafeEdit};
use super::syntax::{self, SyntaxError, is_identifier};
use super::write::{self, FileError};
use super::{AwsFile, Origin, keeps_keys_of};

mod near;

/// A value with where it was read.
#[derive(Clone)]
pub struct Value {
    text: Secret<String>,
    pub origin: Origin,
}

impl Value {
    /// The value. It may be a secret.
    pub fn text(&self) -> &str {
        self.text.expose()
    }

    fn is_scalar(&self) -> bool {
        !self.text().is_empty() && !self.text().starts_with('\n')
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.origin)
    }
}

type Settings = BTreeMap<String, Value>;

/// A section merged from both files: a profile, an SSO session or a services section.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    name: String,
    config: Settings,
    credentials: Settings,
    doubt: Option<BadLine>,
}

/// A line because of which a section cannot be relied on: the AWS CLI rejects its file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}, {source}", path.display())]
pub struct BadLine {
    pub path: Arc<PathBuf>,
    /// The line and what is wrong with it.
    pub source: SyntaxError,
}

/// Keys that stand in a file: long-term ones, or a session's if there is a token.
#[derive(Debug, Clone)]
pub struct StaticKeys {
    pub access_key_id: String,
    pub secret: Secret<String>,
    /// The session token; `aws_security_token` counts.
    pub session_token: Option<Secret<String>>,
    /// Where the access key ID was read.
    pub origin: Origin,
    /// Where the secret access key was read.
    pub secret_origin: Origin,
}

/// An access key ID without its secret, or the reverse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile `{profile}` has no `{missing}` beside the other key ({origin})")]
pub struct IncompleteKeys {
    pub profile: String,
    /// The key that is not there.
    pub missing: &'static str,
    /// Where the other one is.
    pub origin: Origin,
}

impl Profile {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Fails if a line of its sections leaves in doubt what they say.
    pub fn check(&self) -> Result<(), BadLine> {
        self.doubt.clone().map_or(Ok(()), Err)
    }

    /// The value of a key (in lower case), from the credentials file or else the config file. Empty values and blocks of
    /// nested settings are `None`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.value(key).map(Value::text)
    }

    /// The same with its origin.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.any(key).filter(|value| value.is_scalar())
    }

    /// The block of settings nested below a key.
    pub fn block(&self, key: &str) -> Option<&Value> {
        self.any(key).filter(|value| value.text().starts_with('\n'))
    }

    fn any(&self, key: &str) -> Option<&Value> {
        self.credentials.get(key).or_else(|| self.config.get(key))
    }

    /// Whether a key is `true`, as the SDKs read switches; `None` without such a value.
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.get(key)?.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A setting nested below a key, as in `s3 =` with an indented `addressing_style = path`.
    pub fn nested(&self, key: &str, subkey: &str) -> Option<&str> {
        let mut lines = self.block(key)?.text().lines().filter_map(|line| line.split_once('='));
        let found = lines.rfind(|(name, _)| name.trim().eq_ignore_ascii_case(subkey));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// All settings with their values, those of the credentials file in place of the config file's. Values may be
    /// secrets.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let config = self.config.iter().filter(|(key, _)| !self.credentials.contains_key(*key));
        self.credentials.iter().chain(config).map(|(key, value)| (key.as_str(), value))
    }

    /// The profile's keys, read as a group from one file, the credentials file first, as botocore does it.
    pub fn static_keys(&self) -> Result<Option<StaticKeys>, IncompleteKeys> {
        match self.keys_in(&self.credentials)? {
            Some(keys) => Ok(Some(keys)),
            None => self.keys_in(&self.config),
        }
    }

    /// The profile's keys without a session token. They may stand in the config file while a session in the credentials
    /// file, written by us, hides them from the SDKs.
    pub fn long_term_keys(&self) -> Result<Option<StaticKeys>, IncompleteKeys> {
        let long_term = |keys: Option<StaticKeys>| keys.filter(|keys| keys.session_token.is_none());
        match long_term(self.keys_in(&self.credentials)?) {
            Some(keys) => Ok(Some(keys)),
            None => Ok(long_term(self.keys_in(&self.config)?)),
        }
    }

    /// The keys that stand in one of the files.
    pub fn keys_of_file(&self, kind: AwsFile) -> Result<Option<StaticKeys>, IncompleteKeys> {
        match kind {
            AwsFile::Config => self.keys_in(&self.config),
            AwsFile::Credentials => self.keys_in(&self.credentials),
        }
    }

    fn keys_in(&self, file: &Settings) -> Result<Option<StaticKeys>, IncompleteKeys> {
        let get = |key: &str| file.get(key).filter(|value| value.is_scalar());
        let incomplete = |missing, present: &Value| IncompleteKeys {
            profile: self.name.clone(),
            missing,
            origin: present.origin.clone(),
        };
        let (id, secret) = match (get("aws_access_key_id"), get("aws_secret_access_key")) {
            (Some(id), Some(secret)) => (id, secret),
            (Some(id), None) => return Err(incomplete("aws_secret_access_key", id)),
            (None, Some(secret)) => return Err(incomplete("aws_access_key_id", secret)),
            (None, None) => return Ok(None),
        };
        let token = get("aws_session_token").or_else(|| get("aws_security_token"));
        // A token beside a long-term key belongs to a session whose key was overwritten.
        let token = token.filter(|_| !is_long_term_id(id.text()));
        Ok(Some(StaticKeys {
            access_key_id: id.text().to_owned(),
            secret: secret.text.clone(),
            session_token: token.map(|value| value.text.clone()),
            origin: id.origin.clone(),
            secret_origin: secret.origin.clone(),
        }))
    }
}

/// A section that the SDKs ignore, as a misplaced `profile` prefix makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The header without brackets.
    pub header: String,
    pub kind: AwsFile,
    pub origin: Origin,
}

/// All profiles of a person.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    profiles: BTreeMap<String, Profile>,
    sso_sessions: BTreeMap<String, Profile>,
    services: BTreeMap<String, Profile>,
    /// Names with blanks and the like, which only botocore takes, and only from quotes in the config file.
    quoted: HashSet<String>,
    ignored: Vec<Ignored>,
    obstacles: Vec<(Arc<PathBuf>, UnsafeEdit)>,
    files: Vec<PathBuf>,
}

impl Profiles {
    /// Reads and merges both files; one that is not there, or whose path is not known, is empty.
    pub fn load(config: Option<&Path>, credentials: Option<&Path>) -> Result<Self, FileError> {
        let mut profiles = Self::default();
        for (path, kind) in [(config, AwsFile::Config), (credentials, AwsFile::Credentials)] {
            if let Some(path) = path {
                profiles.add(&write::read(path, kind)?, path);
            }
        }
        Ok(profiles)
    }

    /// Merges documents that were read elsewhere. The paths are for origins and messages only.
    pub fn from_documents(config: (&Document, &Path), credentials: (&Document, &Path)) -> Self {
        let mut profiles = Self::default();
        profiles.add(config.0, config.1);
        profiles.add(credentials.0, credentials.1);
        profiles
    }

    /// A profile by its name.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// The names of all profiles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// An `[sso-session x]`.
    pub fn sso_session(&self, name: &str) -> Option<&Profile> {
        self.sso_sessions.get(name)
    }

    /// All `[sso-session x]`.
    pub fn sso_sessions(&self) -> impl Iterator<Item = &Profile> {
        self.sso_sessions.values()
    }

    /// A `[services x]`.
    pub fn services(&self, name: &str) -> Option<&Profile> {
        self.services.get(name)
    }

    /// Sections that the SDKs ignore, for `doctor`.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// The section that was meant to be this profile, if the SDKs ignore its header.
    pub fn ignored_as(&self, name: &str) -> Option<&Ignored> {
        let meant = |header: &str| header == name || header.strip_prefix("profile ") == Some(name);
        self.ignored.iter().find(|ignored| meant(&ignored.header))
    }

    /// What is not in order in the files, whichever profile it concerns; for `-v` and `doctor`.
    pub fn obstacles(&self) -> impl Iterator<Item = (&Path, &UnsafeEdit)> {
        self.obstacles.iter().map(|(path, obstacle)| (path.as_path(), obstacle))
    }

    /// The files that were read, or would have been if they were there: config, then credentials.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Names of profiles that a misspelled one may have meant, nearest first, at most three.
    pub fn near(&self, name: &str) -> Vec<String> {
        near::near(name, self.names())
    }

    fn add(&mut self, document: &Document, path: &Path) {
        self.files.push(path.to_owned());
        let path = Arc::new(path.to_owned());
        self.obstacles.extend(document.obstacles().into_iter().map(|found| (Arc::clone(&path), found)));
        let spans = document.spans();
        let kind = document.kind();
        // A `[profile default]` that says anything replaces `[default]` wherever it stands; it is not merged with it.
        let says_something =
            |span: &Span| document.settings(span).iter().any(|s| !s.value.expose().is_empty());
        let prefixed_default = kind == AwsFile::Config
            && spans.iter().any(|span| span.name == "profile default" && says_something(span));
        for span in &spans {
            let shadowed = prefixed_default && span.name == "default";
            let place = if shadowed { None } else { self.place_of(kind, &span.name) };
            match place {
                Some(profile) => merge(profile, document, span, &path),
                None => self.ignored.push(Ignored {
                    header: span.name.clone(),
                    kind,
                    origin: Origin { path: Arc::clone(&path), line: span.header + 1 },
                }),
            }
        }
    }

    /// Where a section's settings go; `None` if the SDKs ignore it.
    fn place_of(&mut self, kind: AwsFile, header: &str) -> Option<&mut Profile> {
        let (map, name) = match (kind, header.split_once(' ')) {
            (AwsFile::Config, Some(("profile", rest))) => (&mut self.profiles, syntax::name_in(rest)?),
            (AwsFile::Config, Some(("sso-session", rest))) => {
                (&mut self.sso_sessions, syntax::name_in(rest)?)
            }
            (AwsFile::Config, Some(("services", rest))) => (&mut self.services, syntax::name_in(rest)?),
            (AwsFile::Config, None) if header == "default" => (&mut self.profiles, header),
            (AwsFile::Credentials, _) if is_identifier(header) || is_quoted(&self.quoted, header) => {
                (&mut self.profiles, header)
            }
            _ => return None,
        };
        if kind == AwsFile::Config && !is_identifier(name) {
            self.quoted.insert(name.to_owned());
        }
        let profile = map.entry(name.to_owned()).or_default();
        profile.name = name.to_owned();
        Some(profile)
    }
}

/// Whether a section of the credentials file belongs to a profile that the config file names in quotes.
fn is_quoted(quoted: &HashSet<String>, section: &str) -> bool {
    quoted.contains(section) || keeps_keys_of(section).is_some_and(|profile| quoted.contains(profile))
}

fn merge(profile: &mut Profile, document: &Document, span: &Span, path: &Arc<PathBuf>) {
    if let (None, Some(source)) = (&profile.doubt, document.doubt(span)) {
        profile.doubt = Some(BadLine { path: Arc::clone(path), source: source.clone() });
    }
    let into = match document.kind() {
        AwsFile::Config => &mut profile.config,
        AwsFile::Credentials => &mut profile.credentials,
    };
    for setting in document.settings(span) {
        if is_identifier(&setting.key) {
            let origin = Origin { path: Arc::clone(path), line: setting.line + 1 };
            into.insert(setting.key, Value { text: setting.value, origin });
        }
    }
}

#[cfg(test)]
mod tests;
