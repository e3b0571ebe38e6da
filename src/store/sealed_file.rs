//! An age file that leaves the stores and comes back: a backup, under a passphrase or for recipients. `age` opens it, too.

use std::path::Path;

use age::x25519;

use super::StoreError;
use super::age_file::sealing;
use super::recipient::Recipient;
use crate::model::secret::Secret;

/// What opens a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    Passphrase,
    Identity,
    /// It is JSON, which someone has decrypted.
    Nothing,
}

/// The identities in a file by `age-keygen`.
pub struct Identities(Vec<x25519::Identity>);

impl Identities {
    /// `None` if no line of the text is an identity.
    pub fn parse(text: &str) -> Option<Self> {
        let all: Vec<x25519::Identity> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        (!all.is_empty()).then_some(Self(all))
    }
}

/// What opens this file. Anything but an age file or JSON is an error.
pub fn opener(bytes: &[u8], path: &Path) -> Result<Opener, StoreError> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(Opener::Nothing);
    }
    let binary = sealing::binary(bytes, path)?;
    if !binary.starts_with(b"age-encryption.org/") {
        return Err(StoreError::damaged(format!("`{}` is not an age file", path.display())));
    }
    match sealing::header(&binary, path)?.is_scrypt() {
        true => Ok(Opener::Passphrase),
        false => Ok(Opener::Identity),
    }
}

/// Encrypts with a passphrase, and decrypts the result to verify it.
pub fn seal_with_passphrase(
    plain: &Secret<String>,
    passphrase: &Secret<String>,
) -> Result<Vec<u8>, StoreError> {
    let sealed = sealing::seal_with_passphrase(plain.expose().as_bytes(), passphrase)?;
    verify(plain, &open_with_passphrase(&sealed, passphrase, Path::new("backup"))?)?;
    Ok(sealed)
}

/// Encrypts to recipients. To verify the result, it is also encrypted to an identity that is used once and then wiped.
pub fn seal_for(plain: &Secret<String>, recipients: &[Recipient]) -> Result<Vec<u8>, StoreError> {
    let once = x25519::Identity::generate();
    let mut keys: Vec<x25519::Recipient> =
        recipients.iter().map(|recipient| recipient.key().clone()).collect();
    keys.push(once.to_public());
    let sealed = sealing::seal_for(plain.expose().as_bytes(), &keys)?;
    verify(plain, &open_with_identities(&sealed, &Identities(vec![once]), Path::new("backup"))?)?;
    Ok(sealed)
}

fn verify(plain: &Secret<String>, opened: &Secret<Vec<u8>>) -> Result<(), StoreError> {
    match opened.expose() == plain.expose().as_bytes() {
        true => Ok(()),
        false => Err(StoreError::damaged("the encrypted data cannot be decrypted; nothing was written")),
    }
}

/// Decrypts a file that a passphrase opens.
pub fn open_with_passphrase(
    bytes: &[u8],
    passphrase: &Secret<String>,
    path: &Path,
) -> Result<Secret<Vec<u8>>, StoreError> {
    sealing::open_with_passphrase(bytes, passphrase, path)
}

/// Decrypts a file that one of the identities opens.
pub fn open_with_identities(
    bytes: &[u8],
    identities: &Identities,
    path: &Path,
) -> Result<Secret<Vec<u8>>, StoreError> {
    let keys: Vec<&dyn age::Identity> = identities.0.iter().map(|key| key as _).collect();
    sealing::open_with(bytes, &keys, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "{\"seeds\": [\"JBSWY3DP\"]}\n";

    fn open(bytes: &[u8], key: &x25519::Identity) -> Result<Secret<Vec<u8>>, StoreError> {
        open_with_identities(bytes, &Identities(vec![key.clone()]), Path::new("b.age"))
    }

    #[test]
    fn recipients_open_what_is_sealed_for_them() {
        let keys = [x25519::Identity::generate(), x25519::Identity::generate()];
        let recipients = keys.each_ref().map(|key| key.to_public().to_string().parse().unwrap());
        let sealed = seal_for(&PLAIN.into(), &recipients).unwrap();
        assert_eq!(opener(&sealed, Path::new("b.age")).unwrap(), Opener::Identity);
        for key in &keys {
            assert_eq!(open(&sealed, key).unwrap().expose(), PLAIN.as_bytes());
        }
        let stranger = open(&sealed, &x25519::Identity::generate()).unwrap_err();
        assert_eq!(stranger.to_string(), "`b.age` is encrypted to another identity");
        for length in [sealed.len() - 1, sealed.len() / 2, 30] {
            assert!(open(&sealed[..length], &keys[0]).unwrap_err().to_string().contains("is damaged"));
        }
    }

    #[test]
    fn armored_files_are_read_like_binary_ones() {
        let key = x25519::Identity::generate();
        let armored = age::encrypt_and_armor(&key.to_public(), PLAIN.as_bytes()).unwrap();
        for armored in [&armored, &format!("\r\n{armored}")] {
            assert_eq!(opener(armored.as_bytes(), Path::new("b.age")).unwrap(), Opener::Identity);
            assert_eq!(open(armored.as_bytes(), &key).unwrap().expose(), PLAIN.as_bytes());
        }
        let cut = opener(&armored.as_bytes()[..60], Path::new("b.age")).unwrap_err();
        assert!(cut.to_string().contains("is damaged"), "{cut}");
    }

    #[test]
    fn foreign_files_are_recognized() {
        let kind = |text: &str| opener(text.as_bytes(), Path::new("b.age"));
        assert_eq!(kind("\n{}").unwrap(), Opener::Nothing);
        for foreign in ["", "PK\u{3}\u{4}", "-----BEGIN PGP MESSAGE-----", "otpauth://totp/x"] {
            assert_eq!(kind(foreign).unwrap_err().to_string(), "`b.age` is not an age file");
        }
        assert!(kind("age-encryption.org/v9\n").is_err());
        assert!(Identities::parse("# created: x\nAGE-PLUGIN-X-1ABC\n").is_none());
    }
}
