//! What is inside the files: age encryption of the identity and of entries. Bytes in, bytes out; paths are for errors.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::iter;
use std::path::Path;

use age::armor::ArmoredReader;
use age::secrecy::{ExposeSecret, SecretString};
use age::{DecryptError, Decryptor, EncryptError, Encryptor, scrypt, x25519};

use crate::model::secret::{self, Secret};
use crate::store::StoreError;

/// scrypt's cost, N = 2^17 (128 MiB, a third of a second), about what age's own tools choose. It is fixed, so that a store
/// created on a fast computer opens on a slow one. Unit tests, which open many stores, do not pay it.
const WORK_FACTOR: u8 = if cfg!(test) { 8 } else { 17 };
/// The highest cost accepted on reading: 1 GiB. `age -p` chooses 18, and `rage -p` what takes a second, which is 20 on a fast
/// computer. age's own limit of 22 would let a file that someone else made take 4 GiB and many seconds.
const MAX_WORK_FACTOR: u8 = 20;

/// An unlocked identity: the secret key as text, and the public key.
#[derive(Clone)]
pub(super) struct Identity {
    secret: Secret<String>,
    recipient: String,
}

impl Identity {
    pub(super) fn generate() -> Self {
        Self::from_key(&x25519::Identity::generate())
    }

    /// The identity whose text form this is.
    pub(super) fn parse(text: &Secret<String>) -> Option<Self> {
        Some(Self::from_key(&text.expose().parse::<x25519::Identity>().ok()?))
    }

    fn from_key(key: &x25519::Identity) -> Self {
        Self {
            secret: Secret::locked(key.to_string().expose_secret().to_owned()),
            recipient: key.to_public().to_string(),
        }
    }

    /// `age1…`
    pub(super) fn recipient(&self) -> &str {
        &self.recipient
    }

    /// `AGE-SECRET-KEY-1…`
    pub(super) fn secret(&self) -> &Secret<String> {
        &self.secret
    }

    /// The contents of `identity.age`: what `age-keygen` prints, encrypted with a passphrase. Verified by opening it again,
    /// because every entry would be lost otherwise.
    pub(super) fn seal(&self, passphrase: &Secret<String>) -> Result<Vec<u8>, StoreError> {
        if passphrase.expose().is_empty() {
            return Err(StoreError::NoPassphrase { why: "the passphrase cannot be empty".to_owned() });
        }
        let mut text = String::with_capacity(256);
        for part in ["# public key: ", &self.recipient, "\n", self.secret.expose(), "\n"] {
            text.push_str(part);
        }
        let text = Secret::locked(text);
        let sealed = seal_with_passphrase(text.expose().as_bytes(), passphrase)?;
        let path = Path::new("identity.age");
        match Self::open(&sealed, passphrase, path)?.secret == self.secret {
            true => Ok(sealed),
            false => Err(StoreError::damaged("the new `identity.age` cannot be opened; nothing was written")),
        }
    }

    /// Reads the contents of `identity.age`.
    pub(super) fn open(sealed: &[u8], passphrase: &Secret<String>, path: &Path) -> Result<Self, StoreError> {
        check_identity(sealed, path)?;
        let plain = open_with_passphrase(sealed, passphrase, path)?;
        let text = std::str::from_utf8(plain.expose()).ok();
        let line =
            text.and_then(|text| text.lines().map(str::trim).find(|l| l.starts_with("AGE-SECRET-KEY-1")));
        let identity = line.and_then(|line| Self::parse(&Secret::locked(line.to_owned())));
        identity.ok_or_else(|| {
            StoreError::damaged(format!("`{}` does not contain an age identity", path.display()))
        })
    }
}

/// The contents of an entry's file: the value and a newline, so that `age -d` prints a line.
pub(super) fn seal_entry(
    value: &Secret<String>,
    recipient: &str,
    recipient_path: &Path,
) -> Result<Vec<u8>, StoreError> {
    let recipient: x25519::Recipient = recipient.parse().map_err(|_| {
        StoreError::damaged(format!("`{}` is not an age recipient", recipient_path.display()))
    })?;
    seal_value(value, &recipient)
}

/// The value and a newline, encrypted to any recipient.
pub(super) fn seal_value(
    value: &Secret<String>,
    recipient: &impl age::Recipient,
) -> Result<Vec<u8>, StoreError> {
    let mut text = String::with_capacity(value.expose().len() + 1);
    text.push_str(value.expose());
    text.push('\n');
    encrypt(recipient, Secret::locked(text).expose().as_bytes())
}

/// The value in an entry's file.
pub(super) fn open_entry(
    sealed: &[u8],
    identity: &Identity,
    path: &Path,
) -> Result<Secret<String>, StoreError> {
    let key: x25519::Identity = identity
        .secret
        .expose()
        .parse()
        .map_err(|_| StoreError::damaged("the unlocked identity is not an age identity"))?;
    open_value(sealed, &key, path)
}

/// The value in an entry's file, which any identity may open.
pub(super) fn open_value(
    sealed: &[u8],
    key: &dyn age::Identity,
    path: &Path,
) -> Result<Secret<String>, StoreError> {
    let plain = open_with(sealed, &[key], path)?;
    let text = std::str::from_utf8(plain.expose())
        .map_err(|_| StoreError::damaged(format!("`{}` does not contain text", path.display())))?;
    Ok(Secret::locked(text.strip_suffix('\n').unwrap_or(text).to_owned()))
}

/// The file without its armor, if `age -a` gave it one.
pub(in crate::store) fn binary<'a>(bytes: &'a [u8], path: &Path) -> Result<Cow<'a, [u8]>, StoreError> {
    if !bytes.trim_ascii_start().starts_with(b"-----BEGIN AGE") {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut binary = Vec::with_capacity(bytes.len());
    let read = ArmoredReader::new(bytes.trim_ascii_start()).read_to_end(&mut binary);
    read.map_err(|_| damaged(path))?;
    Ok(Cow::Owned(binary))
}

/// Checks that the bytes begin like an age file, which is all that can be checked without the identity.
pub(super) fn check_header(sealed: &[u8], path: &Path) -> Result<(), StoreError> {
    header(sealed, path).map(drop)
}

/// Checks all of `identity.age` that can be checked without its passphrase: it has a header for a passphrase, and is long enough
/// for an identity.
pub(super) fn check_identity(sealed: &[u8], path: &Path) -> Result<(), StoreError> {
    // After the header: a nonce, the identity and an authentication tag.
    const BODY: usize = 16 + "AGE-SECRET-KEY-1".len() + 58 + 16;
    let sealed = binary(sealed, path)?;
    if !header(&sealed, path)?.is_scrypt() {
        return Err(StoreError::damaged(format!("`{}` is not encrypted with a passphrase", path.display())));
    }
    let mac = sealed.windows(5).position(|bytes| bytes == b"\n--- ").map_or(0, |at| at + 5);
    let body = sealed[mac..].iter().position(|byte| *byte == b'\n').map_or(sealed.len(), |at| mac + at + 1);
    match sealed.len() - body < BODY {
        true => Err(damaged(path)),
        false => Ok(()),
    }
}

/// Whether this is a recipient that needs no plugin, `age1…`.
pub(super) fn is_recipient(text: &str) -> bool {
    text.parse::<x25519::Recipient>().is_ok()
}

/// Whether only a plugin can open these bytes.
pub(super) fn is_for_plugin(sealed: &[u8]) -> bool {
    let Ok(sealed) = binary(sealed, Path::new("")) else { return false };
    let head = sealed.split(|byte| *byte == b'\n').take_while(|line| !line.starts_with(b"---"));
    let mut stanzas = head.filter_map(|line| line.strip_prefix(b"-> ")).peekable();
    let is_own = |stanza: &[u8]| stanza.starts_with(b"X25519 ") || stanza.starts_with(b"scrypt ");
    stanzas.peek().is_some() && !stanzas.any(is_own)
}

/// Encrypts with a passphrase.
pub(in crate::store) fn seal_with_passphrase(
    plain: &[u8],
    passphrase: &Secret<String>,
) -> Result<Vec<u8>, StoreError> {
    let mut recipient = scrypt::Recipient::new(for_age(passphrase));
    recipient.set_work_factor(WORK_FACTOR);
    encrypt(&recipient, plain)
}

/// Decrypts what a passphrase opens.
pub(in crate::store) fn open_with_passphrase(
    sealed: &[u8],
    passphrase: &Secret<String>,
    path: &Path,
) -> Result<Secret<Vec<u8>>, StoreError> {
    let mut key = scrypt::Identity::new(for_age(passphrase));
    key.set_max_work_factor(MAX_WORK_FACTOR);
    let sealed = binary(sealed, path)?;
    decrypt(header(&sealed, path)?, sealed.len(), &[&key]).map_err(|error| match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => StoreError::WrongPassphrase,
        error => unreadable(&error, path),
    })
}

/// Encrypts to all of these recipients.
pub(in crate::store) fn seal_for(
    plain: &[u8],
    recipients: &[x25519::Recipient],
) -> Result<Vec<u8>, StoreError> {
    let failed =
        |error: &dyn std::fmt::Display| StoreError::damaged(format!("age failed to encrypt: {error}"));
    let keys = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(keys).map_err(|error| failed(&error))?;
    let mut sealed = Vec::new();
    let write = |sealed: &mut Vec<u8>| {
        let mut writer = encryptor.wrap_output(sealed)?;
        writer.write_all(plain)?;
        writer.finish().map(drop)
    };
    write(&mut sealed).map_err(|error| failed(&error))?;
    Ok(sealed)
}

/// Decrypts what one of these identities opens.
pub(in crate::store) fn open_with(
    sealed: &[u8],
    keys: &[&dyn age::Identity],
    path: &Path,
) -> Result<Secret<Vec<u8>>, StoreError> {
    let sealed = binary(sealed, path)?;
    decrypt(header(&sealed, path)?, sealed.len(), keys).map_err(|error| unreadable(&error, path))
}

pub(in crate::store) fn header<'a>(sealed: &'a [u8], path: &Path) -> Result<Decryptor<&'a [u8]>, StoreError> {
    Decryptor::new_buffered(sealed).map_err(|error| unreadable(&error, path))
}

fn encrypt(recipient: &impl age::Recipient, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    try_encrypt(recipient, plain)
        .map_err(|error| StoreError::damaged(format!("age failed to encrypt: {error}")))
}

/// Like `age::encrypt`, which panics if the recipient fails, as a plugin may.
fn try_encrypt(recipient: &impl age::Recipient, plain: &[u8]) -> Result<Vec<u8>, EncryptError> {
    let encryptor = Encryptor::with_recipients(iter::once(recipient as &dyn age::Recipient))?;
    let mut sealed = Vec::with_capacity(plain.len() + 512);
    let mut writer = encryptor.wrap_output(&mut sealed)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(sealed)
}

/// Like `age::decrypt`, but into memory that is locked and wiped and, because it is large enough, never moves.
fn decrypt(
    decryptor: Decryptor<&[u8]>,
    sealed_len: usize,
    keys: &[&dyn age::Identity],
) -> Result<Secret<Vec<u8>>, DecryptError> {
    let mut plain = Vec::with_capacity(sealed_len);
    let read =
        decryptor.decrypt(keys.iter().copied()).and_then(|mut reader| Ok(reader.read_to_end(&mut plain)?));
    let plain = Secret::locked(plain);
    read.map(|_| plain)
}

/// age's own messages are for users of its tools, and the one about excessive work computes with numbers from the file.
fn unreadable(error: &DecryptError, path: &Path) -> StoreError {
    let what = match error {
        DecryptError::NoMatchingKeys => "is encrypted to another identity",
        DecryptError::ExcessiveWork { required, .. } => {
            return StoreError::TooMuchWork {
                path: path.to_owned(),
                factor: *required,
                limit: MAX_WORK_FACTOR,
            };
        }
        DecryptError::UnknownFormat => "is in an age format that this version does not support",
        _ => return damaged(path),
    };
    StoreError::damaged(format!("`{}` {what}", path.display()))
}

fn damaged(path: &Path) -> StoreError {
    StoreError::damaged(format!("`{}` is damaged: it is not a complete age file", path.display()))
}

fn for_age(passphrase: &Secret<String>) -> SecretString {
    let passphrase = SecretString::from(passphrase.expose().as_str());
    secret::lock(passphrase.expose_secret().as_bytes());
    passphrase
}
