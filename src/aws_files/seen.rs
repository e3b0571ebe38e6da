//! What an AWS file held when it was last read. Other programs truncate a file and then write it; a reading in between
//! finds less than there was and must not be taken for the file.

use std::collections::{BTreeMap, HashSet};

use crate::model::session::is_long_term_id;

use super::document::Document;
use super::session_edits::is_session_key;

/// The sections and keys of a file, and its long-term access key IDs. Contains no secrets.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    sections: BTreeMap<String, Section>,
}

#[derive(Debug, Clone, Default)]
struct Section {
    keys: HashSet<String>,
    /// The access key ID, if it is a long-term one.
    key_id: Option<String>,
}

impl Seen {
    pub(super) fn of(document: &Document) -> Self {
        let mut seen = Self::default();
        for id in document.ids() {
            let section = seen.sections.entry(document.name(id).to_owned()).or_default();
            for setting in document.settings(id) {
                if setting.key == "aws_access_key_id" && is_long_term_id(setting.value.expose()) {
                    section.key_id = Some(setting.value.expose().clone());
                }
                section.keys.insert(setting.key);
            }
        }
        seen
    }

    /// Drops what an edit removed. What the edit added is not expected to stay, because another program may overwrite
    /// it.
    pub(super) fn kept_in(mut self, after: &Self) -> Self {
        self.sections.retain(|name, section| {
            let Some(after) = after.sections.get(name) else { return false };
            section.keys.retain(|key| after.keys.contains(key));
            true
        });
        self
    }

    /// Describes what is missing in `now`; `None` if nothing important is. A session may disappear at any time, and
    /// long-term keys may move to another section.
    pub(super) fn missing_in(&self, now: &Self) -> Option<String> {
        self.sections.iter().find_map(|(name, before)| {
            let has_moved = before.key_id.as_ref().is_some_and(|id| self.has_moved(id, now));
            let may_go = |key: &str| is_session_key(key) && (before.key_id.is_none() || has_moved);
            let after = now.sections.get(name);
            let gone = |key: &&String| !after.is_some_and(|after| after.keys.contains(*key)) && !may_go(key);
            before.keys.iter().find(gone).map(|key| match after {
                Some(_) => format!("`{key}` in section [{name}]"),
                None => format!("section [{name}]"),
            })
        })
    }

    /// Whether another section now has this access key ID.
    fn has_moved(&self, id: &str, now: &Self) -> bool {
        let has = |section: Option<&Section>| section.is_some_and(|s| s.key_id.as_deref() == Some(id));
        now.sections.iter().any(|(name, section)| has(Some(section)) && !has(self.sections.get(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_files::AwsFile;

    fn missing(before: &str, now: &str) -> Option<String> {
        let seen = |text: &str| Seen::of(&Document::parse(AwsFile::Credentials, text.as_bytes()).unwrap());
        seen(before).missing_in(&seen(now))
    }

    const KEYS: &str = "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n";
    const SESSION: &str =
        "aws_access_key_id = ASIAEXAMPLE\naws_secret_access_key = s\naws_session_token = t\n";

    #[test]
    fn truncated_files_are_recognized() {
        let whole = format!("[a]\n{KEYS}region = x\n[b]\n{KEYS}");
        assert_eq!(missing(&whole, &whole), None);
        for cut in 0..whole.len() - "= s\n".len() {
            // Truncation within a key or value is a syntax error or another value; missing keys are what counts.
            let Ok(document) = Document::parse(AwsFile::Credentials, &whole.as_bytes()[..cut]) else {
                continue;
            };
            let before = Seen::of(&Document::parse(AwsFile::Credentials, whole.as_bytes()).unwrap());
            assert!(before.missing_in(&Seen::of(&document)).is_some(), "{}", &whole[..cut]);
        }
        assert_eq!(missing(&whole, ""), Some("section [a]".into()));
        assert_eq!(
            missing(&format!("[a]\n{KEYS}"), "[a]\naws_access_key_id = AKIAEXAMPLE\n").as_deref(),
            Some("`aws_secret_access_key` in section [a]")
        );
    }

    #[test]
    fn removed_sessions_and_moved_keys_are_not_missing() {
        let session = format!("[a]\n{SESSION}x_security_token_expires = e\n[b]\n{KEYS}");
        assert_eq!(missing(&session, &format!("[b]\n{KEYS}")), None, "logged out");
        let keys = format!("[a]\n{KEYS}mfa_serial = m\n");
        assert_eq!(
            missing(&keys, &format!("[a]\n{SESSION}[a-long-term]\n{KEYS}mfa_serial = m\n")),
            None,
            "logged in"
        );
        assert_eq!(missing(&format!("[a]\n{SESSION}[a-long-term]\n{KEYS}"), &keys), None, "restored");
        assert_eq!(
            missing(&keys, "[a]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = s\nmfa_serial = m\n"),
            None,
            "rotated"
        );
    }
}
