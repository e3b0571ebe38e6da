//! Identities that an age plugin has: a TPM, a Secure Enclave or a security key opens the files, and nothing on the disk can. The
//! plugin is a program, `age-plugin-NAME`, and speaks <https://c2sp.org/age-plugin>. The `age` crate can run plugins too, but gives
//! them all the time in the world and awsmfa's whole environment, and leaves zombies; so [`protocol`] talks to them.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::io;
use std::path::Path;

use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};

use super::attendant::Attendant;
use super::sealing;
use crate::files;
use crate::model::secret::Secret;
use crate::store::StoreError;
use crate::store::plugin_problem::PluginProblem;

mod protocol;
mod stanza;

/// Why a file is not what `age-plugin-NAME` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPluginIdentity {
    #[error("it is a plain age identity: anyone who can read the file can read every secret")]
    Plain,
    #[error("it is encrypted")]
    Encrypted,
    #[error("it has several identities")]
    Several,
    #[error("it has no identity of an age plugin (`AGE-PLUGIN-…`)")]
    Missing,
}

/// An identity that a plugin has.
pub struct PluginIdentity {
    /// `AGE-PLUGIN-…`. What it means is the plugin's affair; for some it is a wrapped key.
    identity: Secret<String>,
    /// `NAME` of `age-plugin-NAME`.
    name: String,
    /// `age1…`, if the file has it in a comment, as plugins print it.
    recipient: Option<String>,
}

impl PluginIdentity {
    /// Finds the identity among the comments around it.
    pub fn parse(text: &str) -> Result<Self, NotAPluginIdentity> {
        if text.trim_start().starts_with("age-encryption.org/") || text.contains("BEGIN AGE ENCRYPTED FILE") {
            return Err(NotAPluginIdentity::Encrypted);
        }
        let (comments, lines): (Vec<&str>, Vec<&str>) = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .partition(|line| line.starts_with('#'));
        let (line, name) = match lines.as_slice() {
            [] => return Err(NotAPluginIdentity::Missing),
            lines if lines.iter().any(|line| line.starts_with("AGE-SECRET-KEY-")) => {
                return Err(NotAPluginIdentity::Plain);
            }
            [line] => (line, line.parse::<age::plugin::Identity>().map_err(|_| NotAPluginIdentity::Missing)?),
            lines if lines.iter().any(|line| line.starts_with("AGE-PLUGIN-")) => {
                return Err(NotAPluginIdentity::Several);
            }
            // Such as an SSH key.
            _ => return Err(NotAPluginIdentity::Missing),
        };
        let name = name.plugin().to_owned();
        // A recipient of another plugin, or of age itself, may need a program that is not there.
        let is_its = |word: &&str| {
            word.parse::<age::plugin::Recipient>().is_ok_and(|recipient| recipient.plugin() == name)
        };
        let recipient =
            comments.iter().flat_map(|line| line.split_whitespace()).find(is_its).map(str::to_owned);
        Ok(Self { identity: Secret::locked((*line).to_owned()), name, recipient })
    }

    /// Reads the store's own copy of an identity's file, if there is one.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = files::read_own(path)? else { return Ok(None) };
        let identity = std::str::from_utf8(&bytes).ok().and_then(|text| Self::parse(text).ok());
        let what = || format!("`{}` does not contain the identity of an age plugin", path.display());
        identity.map(Some).ok_or_else(|| StoreError::damaged(what()))
    }

    /// `age-plugin-NAME`
    pub fn program(&self) -> String {
        format!("age-plugin-{}", self.name)
    }

    /// `age1…`, if it is known.
    pub fn recipient(&self) -> Option<&str> {
        self.recipient.as_deref()
    }

    /// The contents of an entry's file.
    pub fn seal(&self, value: &Secret<String>, attendant: &dyn Attendant) -> Result<Vec<u8>, StoreError> {
        let session = Session::new(self, attendant);
        let sealed = sealing::seal_value(value, &session);
        session.failure.into_inner().map_or(sealed, Err)
    }

    /// The value in an entry's file, and whether the plugin opened it without a person.
    pub fn open(
        &self,
        sealed: &[u8],
        path: &Path,
        attendant: &dyn Attendant,
    ) -> Result<(Secret<String>, bool), StoreError> {
        let session = Session::new(self, attendant);
        let value = sealing::open_value(sealed, &session, path);
        let alone = session.alone.get();
        session.failure.into_inner().map_or(value, Err).map(|value| (value, alone))
    }

    /// Proves that the plugin opens what it encrypts.
    pub fn check(&self, attendant: &dyn Attendant) -> Result<(), StoreError> {
        let value = Secret::from("awsmfa");
        let (opened, _) = self.open(&self.seal(&value, attendant)?, Path::new("a new file"), attendant)?;
        match opened == value {
            true => Ok(()),
            false => Err(self.failed("it does not return what it encrypted")),
        }
    }

    /// The store has no passphrase that could be changed.
    pub fn has_no_passphrase(&self) -> StoreError {
        StoreError::Plugin(PluginProblem::NoPassphrase { program: self.program() })
    }

    fn failed(&self, why: &str) -> StoreError {
        let program = self.program();
        let why = format!("`{program}`: {why}");
        StoreError::Plugin(PluginProblem::Failed { program, why })
    }
}

/// A plugin's identity at work for `age`, which knows nothing of our errors.
struct Session<'a> {
    identity: &'a PluginIdentity,
    attendant: &'a dyn Attendant,
    failure: RefCell<Option<StoreError>>,
    /// Whether the plugin needed no person.
    alone: Cell<bool>,
}

impl<'a> Session<'a> {
    fn new(identity: &'a PluginIdentity, attendant: &'a dyn Attendant) -> Self {
        Self { identity, attendant, failure: RefCell::default(), alone: Cell::default() }
    }

    fn note(&self, error: StoreError) -> io::Error {
        *self.failure.borrow_mut() = Some(error);
        io::Error::other("the plugin failed")
    }
}

impl age::Recipient for Session<'_> {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let identity = self.identity;
        let target = match identity.recipient() {
            Some(recipient) => ("add-recipient", recipient),
            None => ("add-identity", identity.identity.expose().as_str()),
        };
        protocol::wrap(&identity.program(), target, file_key, self.attendant)
            .map_err(|error| self.note(error).into())
    }
}

impl age::Identity for Session<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        let identity = self.identity;
        match protocol::unwrap(&identity.program(), identity.identity.expose(), stanzas, self.attendant) {
            Ok(opened) => {
                let (file_key, alone) = opened?;
                self.alone.set(alone);
                Some(Ok(file_key))
            }
            Err(error) => Some(Err(self.note(error).into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Its checksum is wrong.
    const MISTYPED: &str = "AGE-PLUGIN-X-1AAAAAA";

    fn parse(text: &str) -> Result<(String, Option<String>), NotAPluginIdentity> {
        PluginIdentity::parse(text).map(|identity| (identity.program(), identity.recipient))
    }

    #[test]
    fn identity_is_found_among_comments() {
        let identity = age::plugin::Identity::default_for_plugin("x").unwrap().to_string();
        let program = "age-plugin-x".to_owned();
        assert_eq!(parse(&format!("\n# Created: today\r\n{identity}\r\n")), Ok((program.clone(), None)));
        assert_eq!(parse(&format!("#    Recipient: age1nothing\n{identity}")), Ok((program, None)));
    }

    #[test]
    fn everything_else_is_rejected_by_name() {
        let identity = age::plugin::Identity::default_for_plugin("x").unwrap().to_string();
        for (text, why) in [
            ("", NotAPluginIdentity::Missing),
            ("# only a comment", NotAPluginIdentity::Missing),
            ("age1xyz", NotAPluginIdentity::Missing),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbg\n-----END", NotAPluginIdentity::Missing),
            (MISTYPED, NotAPluginIdentity::Missing),
            ("# public key: age1x\nAGE-SECRET-KEY-1XYZ\n", NotAPluginIdentity::Plain),
            ("age-encryption.org/v1\n-> scrypt", NotAPluginIdentity::Encrypted),
            ("-----BEGIN AGE ENCRYPTED FILE-----\n", NotAPluginIdentity::Encrypted),
            (&format!("{identity}\n{identity}"), NotAPluginIdentity::Several),
        ] {
            assert_eq!(parse(text), Err(why), "{text}");
        }
    }
}
