//! Both AWS files merged into profiles, as the AWS SDKs' reference has it: key by key, the credentials file wins. Long-term
//! and session keys are an exception and are read as a group, because a merge would pair one file's keys with the
//! other's token. What a profile *means* is in `resolve`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::secret::Secret;
use crate::model::session::is_long_term_id;

use super::document::{Document, Span};
use super::syntax::is_identifier;
use super::write::{self, FileError};
use super::{Kind, Origin};

/// A value with where it was read.
#[derive(Clone)]
pub struct Value {
    text: Secret<String>,
    /// Its line.
    pub origin: Origin,
}

impl Value {
    /// The value. It may be a secret.
    pub fn text(&self) -> &str {
        self.text.expose()
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
}

/// Keys that stand in a file: long-term ones, or a session's if there is a token.
#[derive(Debug, Clone)]
pub struct StaticKeys {
    /// The access key ID.
    pub access_key_id: String,
    /// The secret access key.
    pub secret: Secret<String>,
    /// The session token; `aws_security_token` counts.
    pub session_token: Option<Secret<String>>,
    /// Where the access key ID was read.
    pub origin: Origin,
}

/// An access key ID without its secret, or the reverse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile `{profile}` has no `{missing}` beside the other key ({origin})")]
pub struct IncompleteKeys {
    /// The profile.
    pub profile: String,
    /// The key that is not there.
    pub missing: &'static str,
    /// Where the other one is.
    pub origin: Origin,
}

impl Profile {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of a key (in lower case), from the credentials file or else the config file. Empty values are `None`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.value(key).map(Value::text)
    }

    /// The same with its origin.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.credentials.get(key).or_else(|| self.config.get(key)).filter(|value| !value.text().is_empty())
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
        let block = self.get(key)?;
        let mut lines = block.strip_prefix('\n')?.lines().filter_map(|line| line.split_once('='));
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

    fn keys_in(&self, file: &Settings) -> Result<Option<StaticKeys>, IncompleteKeys> {
        let get = |key: &str| file.get(key).filter(|value| !value.text().is_empty());
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
        }))
    }
}

/// A section that the SDKs ignore, as a misplaced `profile` prefix makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The header without brackets.
    pub header: String,
    /// Its line.
    pub origin: Origin,
}

/// All profiles of a person.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    profiles: BTreeMap<String, Profile>,
    sso_sessions: BTreeMap<String, Profile>,
    services: BTreeMap<String, Profile>,
    ignored: Vec<Ignored>,
    files: Vec<PathBuf>,
}

impl Profiles {
    /// Reads and merges both files; one that is not there, or whose path is not known, is empty.
    pub fn load(config: Option<&Path>, credentials: Option<&Path>) -> Result<Self, FileError> {
        let mut profiles = Self::default();
        for (path, kind) in [(config, Kind::Config), (credentials, Kind::Credentials)] {
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

    /// All profiles, by name.
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

    /// The files that were read, or would have been if they were there: config, then credentials.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Names of profiles that a misspelt one may have meant, nearest first, at most three.
    pub fn near(&self, name: &str) -> Vec<String> {
        let wanted = name.to_lowercase();
        let limit = (wanted.chars().count() / 3).clamp(1, 3);
        let mut near: Vec<(usize, &String)> = self
            .profiles
            .keys()
            .map(|other| (distance(&wanted, &other.to_lowercase()), other))
            .filter(|(distance, other)| *distance <= limit && *other != name)
            .collect();
        near.sort();
        near.into_iter().take(3).map(|(_, name)| name.clone()).collect()
    }

    fn add(&mut self, document: &Document, path: &Path) {
        self.files.push(path.to_owned());
        let path = Arc::new(path.to_owned());
        let spans = document.spans();
        let kind = document.kind();
        // `[profile default]` replaces `[default]` wherever it stands; it is not merged with it.
        let prefixed_default = kind == Kind::Config && spans.iter().any(|s| s.name == "profile default");
        for span in &spans {
            let shadowed = prefixed_default && span.name == "default";
            let place = if shadowed { None } else { self.place_of(kind, &span.name) };
            match place {
                Some(profile) => merge(profile, document, span, &path),
                None => self.ignored.push(Ignored {
                    header: span.name.clone(),
                    origin: Origin { path: Arc::clone(&path), line: span.header + 1 },
                }),
            }
        }
    }

    /// Where a section's settings go; `None` if the SDKs ignore it.
    fn place_of(&mut self, kind: Kind, header: &str) -> Option<&mut Profile> {
        let (map, name) = match (kind, header.split_once(' ')) {
            (Kind::Config, Some(("profile", name))) => (&mut self.profiles, name),
            (Kind::Config, Some(("sso-session", name))) => (&mut self.sso_sessions, name),
            (Kind::Config, Some(("services", name))) => (&mut self.services, name),
            (Kind::Config, None) if header == "default" => (&mut self.profiles, header),
            (Kind::Credentials, None) => (&mut self.profiles, header),
            _ => return None,
        };
        if !is_identifier(name) {
            return None;
        }
        let profile = map.entry(name.to_owned()).or_default();
        profile.name = name.to_owned();
        Some(profile)
    }
}

fn merge(profile: &mut Profile, document: &Document, span: &Span, path: &Arc<PathBuf>) {
    let into = match document.kind() {
        Kind::Config => &mut profile.config,
        Kind::Credentials => &mut profile.credentials,
    };
    for setting in document.settings(span) {
        if is_identifier(&setting.key) {
            let origin = Origin { path: Arc::clone(path), line: setting.line + 1 };
            into.insert(setting.key, Value { text: setting.value, origin });
        }
    }
}

/// How many characters must be added, dropped, replaced or swapped with their neighbour to make `b` out of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(config: &str, credentials: &str) -> Profiles {
        let parse = |kind, text: &str| Document::parse(kind, text.as_bytes()).unwrap();
        let (config, credentials) = (parse(Kind::Config, config), parse(Kind::Credentials, credentials));
        Profiles::from_documents((&config, Path::new("conf")), (&credentials, Path::new("cred")))
    }

    #[test]
    fn values_know_their_lines() {
        let p = profiles("[profile a]\nregion = x\noutput = json\n", "\n[a]\nregion = y\n[profile b]\n");
        let a = p.get("a").unwrap();
        assert_eq!((a.get("region"), a.get("output"), a.get("nothing")), (Some("y"), Some("json"), None));
        assert_eq!(a.value("region").unwrap().origin.to_string(), "cred:3");
        assert_eq!(a.value("output").unwrap().origin.to_string(), "conf:3");
        assert_eq!(p.ignored()[0].header, "profile b");
        assert_eq!(p.names().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn keys_are_read_as_a_group_from_one_file() {
        let config =
            "[profile a]\naws_access_key_id = OLD\naws_secret_access_key = old\naws_session_token = stale\n";
        let p = profiles(config, "[a]\naws_access_key_id = NEW\naws_secret_access_key = new\n");
        let keys = p.get("a").unwrap().static_keys().unwrap().unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.secret.expose().as_str()), ("NEW", "new"));
        assert!(keys.session_token.is_none(), "the other file's token does not belong to these keys");
        let p =
            profiles("", "[a]\naws_access_key_id = A\naws_secret_access_key = B\naws_security_token = T\n");
        let keys = p.get("a").unwrap().static_keys().unwrap().unwrap();
        assert_eq!(keys.session_token, Some("T".into()));
        let p = profiles("[profile a]\naws_secret_access_key = B", "[a]\naws_access_key_id = A\n");
        let error = p.get("a").unwrap().static_keys().unwrap_err();
        assert_eq!(
            error.to_string(),
            "profile `a` has no `aws_secret_access_key` beside the other key (cred:2)"
        );
        assert!(
            profiles("", "[a]\naws_session_token = T").get("a").unwrap().static_keys().unwrap().is_none()
        );
    }

    #[test]
    fn nested_settings_and_other_sections_are_read() {
        let p = profiles(
            "[profile \"a\"]\nservices = x\n[services x]\nsts =\n  endpoint_url = http://s\n\n  b = C\n[sso-session s]\nk = v\n",
            "",
        );
        assert_eq!(p.services("x").unwrap().nested("sts", "endpoint_url"), Some("http://s"));
        assert_eq!(p.services("x").unwrap().nested("iam", "endpoint_url"), None);
        assert_eq!(p.sso_session("s").unwrap().get("k"), Some("v"));
        assert_eq!(p.get("a").unwrap().get("services"), Some("x"));
    }

    #[test]
    fn near_names_are_offered() {
        let p = profiles("[profile production]\n[profile prod]\n[profile dev]\n[profile staging]", "");
        assert_eq!(p.near("prdo"), ["prod"]);
        assert_eq!(p.near("Prod"), ["prod"]);
        assert_eq!(p.near("prodcution"), ["production"]);
        assert_eq!(p.near("xyz"), Vec::<String>::new());
    }

    #[test]
    fn debug_shows_no_values() {
        let p = profiles(
            "",
            "[a]\naws_access_key_id = A\naws_secret_access_key = hidden\naws_session_token = hidden\n",
        );
        let keys = p.get("a").unwrap().static_keys().unwrap();
        assert!(!format!("{p:?} {keys:?}").contains("hidden"));
    }
}
