//! The file name for a secret's name.

use std::fmt::Write;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::files;

/// Longer names, once encoded, are cut and get a digest. File systems accept 255 bytes.
const LIMIT: usize = 200;

/// The file name, without folder, of the entry called `name`: every byte outside `[A-Za-z0-9._-]` is percent-encoded.
/// No two names share a file, and none has the store's own `identity.age`.
pub(super) fn file_name(name: &str) -> String {
    let reserved = name.eq_ignore_ascii_case("identity");
    let mut encoded = String::with_capacity(name.len() + 16);
    for (at, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        // A leading dot would hide the file.
        if plain && !(at == 0 && (reserved || byte == b'.')) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    if encoded.len() > LIMIT {
        encoded.truncate(LIMIT);
        encoded.push('-');
        for byte in &Sha256::digest(name)[..16] {
            let _ = write!(encoded, "{byte:02x}");
        }
    }
    encoded + ".age"
}

/// The name of the entry in a file with this name. `None` for files that are not entries, and for names that were cut.
fn name_of(file: &str) -> Option<String> {
    let encoded = file.strip_suffix(".age")?;
    let name = percent_encoding::percent_decode_str(encoded).decode_utf8().ok()?.into_owned();
    (file_name(&name) == file).then_some(name)
}

/// The names of the entries in a folder, in alphabetical order.
pub(super) fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let files = files::list(folder)?;
    let mut names: Vec<String> =
        files.iter().filter_map(|path| name_of(path.file_name()?.to_str()?)).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_distinct() {
        assert_eq!(
            file_name("arn:aws:iam::123456789012:mfa/a/b@c"),
            "arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Fa%2Fb%40c.age"
        );
        assert_eq!(file_name("identity"), "%69dentity.age");
        assert_eq!(file_name("Identity"), "%49dentity.age");
        assert_eq!(file_name("../x"), "%2E.%2Fx.age");
        assert_eq!(file_name("%2E"), "%252E.age");
        assert_eq!(file_name("é"), "%C3%A9.age");
        let (long, longer) = ("a".repeat(511) + "b", "a".repeat(512));
        for name in [&long, &longer] {
            assert!(file_name(name).len() < 255);
        }
        assert_ne!(file_name(&long), file_name(&longer));
        assert_eq!(file_name(&"a".repeat(200)), "a".repeat(200) + ".age");
    }

    #[test]
    fn names_are_found_again() {
        for name in ["arn:aws:iam::123456789012:mfa/a/b@c", "identity", "../x", "%2E", "é", "AKIA1"] {
            assert_eq!(name_of(&file_name(name)).as_deref(), Some(name));
        }
        // The store's own identity, a file by another program, and a name that was cut.
        for file in ["identity.age", "recipient", "a b.age", &file_name(&"a".repeat(300))] {
            assert_eq!(name_of(file), None, "{file}");
        }
    }
}
