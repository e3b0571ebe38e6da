//! One profile, merged from both files.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::secret::Secret;
use crate::model::session::is_long_term_id;

use super::super::document::{Document, SectionId};
use super::super::syntax::{SyntaxError, is_identifier};
use super::super::{AwsFile, Origin};

/// A value and its origin.
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

/// A profile or a services section, merged from both files.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    name: String,
    config: Settings,
    credentials: Settings,
    doubt: Option<BadLine>,
}

/// A line that makes a section unreliable: the AWS CLI rejects the file because of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}, {source}", path.display())]
pub struct BadLine {
    pub path: Arc<PathBuf>,
    /// The line and the problem.
    pub source: SyntaxError,
}

/// Keys in a file: long-term ones, or those of a session if there is a token.
#[derive(Debug, Clone)]
pub struct StaticKeys {
    pub access_key_id: String,
    pub secret: Secret<String>,
    /// `aws_session_token` or `aws_security_token`.
    pub session_token: Option<Secret<String>>,
    /// The origin of the access key ID.
    pub origin: Origin,
    /// The origin of the secret access key.
    pub secret_origin: Origin,
}

/// An access key ID without its secret, or the reverse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile `{profile}` has an incomplete access key: `{missing}` is missing ({origin})")]
pub struct IncompleteKeys {
    pub profile: String,
    /// The missing key.
    pub missing: &'static str,
    /// The origin of the other key.
    pub origin: Origin,
}

impl Profile {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Adds a section's settings. If a key appears twice, the last one counts.
    pub(super) fn add(&mut self, document: &Document, id: SectionId, path: &Arc<PathBuf>) {
        if let (None, Some(source)) = (&self.doubt, document.doubt(id)) {
            self.doubt = Some(BadLine { path: Arc::clone(path), source: source.clone() });
        }
        let into = match document.file() {
            AwsFile::Config => &mut self.config,
            AwsFile::Credentials => &mut self.credentials,
        };
        let first = document.first_line(id) + 1;
        for setting in document.settings(id).into_iter().filter(|setting| is_identifier(&setting.key)) {
            let origin = Origin { path: Arc::clone(path), line: first + setting.line };
            into.insert(setting.key, Value { text: setting.value, origin });
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Fails if a line makes one of the profile's sections unreliable.
    pub fn check(&self) -> Result<(), BadLine> {
        self.doubt.clone().map_or(Ok(()), Err)
    }

    /// The value of a key (in lower case), from the credentials file or, failing that, the config file. `None` for
    /// empty values and for blocks of nested settings.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.value(key).map(Value::text)
    }

    /// The same value with its origin.
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

    /// The value of a boolean setting, as the SDKs read it; `None` for anything else than `true` and `false`.
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

    /// All settings; those in the credentials file override those in the config file. Values may be secrets.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let config = self.config.iter().filter(|(key, _)| !self.credentials.contains_key(*key));
        self.credentials.iter().chain(config).map(|(key, value)| (key.as_str(), value))
    }

    /// The profile's keys, read as a group from one file, as in botocore: the credentials file, then the config file.
    pub fn static_keys(&self) -> Result<Option<StaticKeys>, IncompleteKeys> {
        match self.keys_in(&self.credentials)? {
            Some(keys) => Ok(Some(keys)),
            None => self.keys_in(&self.config),
        }
    }

    /// The profile's keys without a session token. They may be in the config file while a session that we wrote to the
    /// credentials file hides them from the SDKs.
    pub fn long_term_keys(&self) -> Result<Option<StaticKeys>, IncompleteKeys> {
        let long_term = |keys: Option<StaticKeys>| keys.filter(|keys| keys.session_token.is_none());
        match long_term(self.keys_in(&self.credentials)?) {
            Some(keys) => Ok(Some(keys)),
            None => Ok(long_term(self.keys_in(&self.config)?)),
        }
    }

    /// The keys in one of the files.
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
        // A token next to a long-term key is left over from a session; its key was overwritten.
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
