//! Writes long-term keys to the credentials file.

use crate::model::session::LongTermKeys;

use super::document::{Document, UnsafeEdit};
use super::long_term_name;
use super::session_edits::holds_session;

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";

/// Why long-term keys were not written. The file was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyEditError {
    /// The place cannot be edited.
    #[error(transparent)]
    Unsafe(#[from] UnsafeEdit),
    /// The section already holds long-term keys, which are never overwritten.
    #[error("section [{section}] already holds long-term keys")]
    Occupied { section: String },
}

/// Writes new long-term keys for a profile to `[<profile>]` or, if that holds a session, to `[<profile>-long-term]`.
/// Returns the section.
pub fn write_long_term(
    document: &mut Document,
    profile: &str,
    keys: &LongTermKeys,
) -> Result<String, KeyEditError> {
    let long_term = long_term_name(profile);
    let section = match holds_session(document, profile) || document.has(&long_term, ID) {
        true => long_term,
        false => profile.to_owned(),
    };
    document.check_section(&section)?;
    if document.has(&section, ID) || document.has(&section, SECRET) {
        return Err(KeyEditError::Occupied { section });
    }
    document.atomically(|document| {
        document.set(&section, ID, &keys.access_key_id)?;
        document.set(&section, SECRET, keys.secret_access_key.expose())
    })?;
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_files::AwsFile;

    fn written(text: &str) -> Result<(String, String), KeyEditError> {
        let mut document = Document::parse(AwsFile::Credentials, text.as_bytes()).unwrap();
        let keys = LongTermKeys { access_key_id: "AKIA".into(), secret_access_key: "secret".into() };
        let section = write_long_term(&mut document, "dev", &keys)?;
        Ok((section, document.to_text().expose().clone()))
    }

    #[test]
    fn keys_go_to_a_section_without_keys() {
        let keys = "aws_access_key_id = AKIA\naws_secret_access_key = secret\n";
        assert_eq!(written("").unwrap(), ("dev".into(), format!("[dev]\n{keys}")));
        let session = "[dev]\naws_access_key_id = ASIA\naws_secret_access_key = s\naws_session_token = t\n";
        let (section, text) = written(session).unwrap();
        assert_eq!(
            (section.as_str(), text),
            ("dev-long-term", format!("{session}\n[dev-long-term]\n{keys}"))
        );
    }

    #[test]
    fn existing_keys_are_never_overwritten() {
        for section in ["dev", "dev-long-term"] {
            let text = format!("[{section}]\naws_access_key_id = AKIAOLD\naws_secret_access_key = s\n");
            assert_eq!(written(&text), Err(KeyEditError::Occupied { section: section.into() }));
        }
    }
}
