//! Long-term keys in the AWS files: written by `enroll`, moved out and back by `keys store` and `keys restore`, and replaced
//! by `keys rotate`.

use crate::model::session::LongTermKeys;

use super::document::{Document, UnsafeEdit};
use super::session_edits::{RemoveReport, SessionEditError, holds_session, remove_session};
use super::{header_of, long_term_name};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";

/// How the comment begins that stands where the keys were. Their access key ID follows in parentheses.
const NOTE: &str = "# awsmfa stores the access key of this profile";

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
    write_to(document, &section, keys)?;
    Ok(section)
}

fn write_to(document: &mut Document, section: &str, keys: &LongTermKeys) -> Result<(), KeyEditError> {
    document.check_section(section)?;
    if document.has(section, ID) || document.has(section, SECRET) {
        return Err(KeyEditError::Occupied { section: section.to_owned() });
    }
    document.atomically(|document| {
        document.set(section, ID, &keys.access_key_id)?;
        document.set(section, SECRET, keys.secret_access_key.expose())
    })?;
    Ok(())
}

/// The sections that hold this access key, without a session.
pub fn sections_with(document: &Document, access_key_id: &str) -> Vec<String> {
    let has_key = |section: &String| {
        let id = document.get(section, ID);
        id.is_some_and(|id| id.expose().trim() == access_key_id) && !holds_session(document, section)
    };
    document.sections().into_iter().filter(has_key).collect()
}

/// The sections of a profile in this file: its own and the one for long-term keys.
fn sections_of(document: &Document, profile: &str) -> [String; 2] {
    [long_term_name(profile), profile.to_owned()].map(|name| header_of(document.file(), &name))
}

/// Removes an access key from the profile's sections, and leaves a comment with the command that puts the key back. Returns
/// the sections.
pub fn take_out(
    document: &mut Document,
    profile: &str,
    access_key_id: &str,
    command: &str,
) -> Result<Vec<String>, UnsafeEdit> {
    document.atomically(|document| {
        let holding = sections_with(document, access_key_id);
        let sections: Vec<String> =
            sections_of(document, profile).into_iter().filter(|section| holding.contains(section)).collect();
        // A comment about a key that was stored before would be about the wrong one.
        for section in sections_of(document, profile).iter().filter(|_| !sections.is_empty()) {
            while document.replace_comment(section, NOTE, &[])? {}
        }
        let note = format!("{NOTE} ({access_key_id}); restore it: {command}");
        for section in &sections {
            document.replace_with_comment(section, &[ID, SECRET], &note)?;
        }
        Ok(sections)
    })
}

/// Puts long-term keys back in place of the comment, if there is one, and removes the profile's comments. `own` is whether the
/// keys may be in the profile's own section, where SDKs use them. Returns the section that has the keys now, if any has.
pub fn put_back(
    document: &mut Document,
    profile: &str,
    keys: &LongTermKeys,
    own: bool,
) -> Result<Option<String>, KeyEditError> {
    document.atomically(|document| {
        let [long_term, plain] = sections_of(document, profile);
        let own = own && !holds_session(document, &plain);
        let settings =
            [(ID, keys.access_key_id.as_str()), (SECRET, keys.secret_access_key.expose().as_str())];
        let mut written = sections_with(document, &keys.access_key_id).into_iter();
        let mut written = written.find(|section| [&long_term, &plain].contains(&section));
        for (section, suits) in [(&long_term, true), (&plain, own)] {
            let here = written.is_none() && suits && document.comment(section, NOTE).is_some();
            if here && (document.has(section, ID) || document.has(section, SECRET)) {
                return Err(KeyEditError::Occupied { section: section.clone() });
            }
            document.replace_comment(section, NOTE, if here { &settings } else { &[] })?;
            if here {
                written = Some(section.clone());
            }
        }
        Ok(written)
    })
}

/// Does what [`take_out`] and then [`put_back`] do to a profile's keys. Their lines are written again.
pub fn take_out_and_put_back(document: &mut Document, profile: &str) -> Result<(), KeyEditError> {
    let held = sections_of(document, profile).into_iter().find_map(|section| {
        let (id, secret) = (document.get(&section, ID)?, document.get(&section, SECRET)?);
        (!holds_session(document, &section)).then(|| (id.expose().trim().to_owned(), secret))
    });
    let Some((access_key_id, secret_access_key)) = held else { return Ok(()) };
    take_out(document, profile, &access_key_id, "")?;
    put_back(document, profile, &LongTermKeys { access_key_id, secret_access_key }, false)?;
    Ok(())
}

/// Removes a profile's session and moves its long-term keys back to the profile's own section. If a store has them, the comment in
/// their place moves, so that [`put_back`] writes them there.
pub fn remove_session_and_restore(
    document: &mut Document,
    section: &str,
) -> Result<RemoveReport, SessionEditError> {
    document.atomically(|document| {
        let long_term = long_term_name(section);
        let is_free = |section: &str| document.get(section, ID).or(document.get(section, SECRET)).is_none();
        let is_place = (holds_session(document, section) || is_free(section))
            && document.comment(section, NOTE).is_none()
            && is_free(&long_term);
        let Some(note) = document.comment(&long_term, NOTE).filter(|_| is_place) else {
            return remove_session(document, section, true);
        };
        // They move like keys, with the serial and to the same line.
        document.replace_comment(&long_term, NOTE, &[(ID, "-"), (SECRET, "-")])?;
        let report = remove_session(document, section, true)?;
        document.replace_with_comment(section, &[ID, SECRET], &note)?;
        Ok(RemoveReport { restored_from: None, ..report })
    })
}

/// Adds long-term keys whose comment is gone to the credentials file, for [`put_back`]. Returns the section.
pub fn add_back(
    document: &mut Document,
    profile: &str,
    keys: &LongTermKeys,
    own: bool,
) -> Result<String, KeyEditError> {
    let long_term = long_term_name(profile);
    let own = own && !holds_session(document, profile) && !document.has_section(&long_term);
    let section = if own { profile.to_owned() } else { long_term };
    write_to(document, &section, keys)?;
    Ok(section)
}

/// Whether one of the profile's sections has a comment in place of its keys.
pub fn has_note(document: &Document, profile: &str) -> bool {
    sections_of(document, profile).iter().any(|section| document.comment(section, NOTE).is_some())
}

/// The access keys that comments in the profile's sections stand for. Those of earlier versions do not say.
pub fn noted_keys(document: &Document, profile: &str) -> Vec<String> {
    let sections = sections_of(document, profile);
    let notes = sections.iter().filter_map(|section| document.comment(section, NOTE));
    notes.filter_map(|note| noted_key(&note).map(str::to_owned)).collect()
}

fn noted_key(note: &str) -> Option<&str> {
    note.strip_prefix(NOTE)?.strip_prefix(" (")?.split_once(')').map(|(id, _)| id)
}

/// Makes comments about an access key name the one that replaces it.
pub fn replace_in_notes(document: &mut Document, old: &str, new: &str) -> Result<(), UnsafeEdit> {
    document.atomically(|document| {
        for section in document.sections() {
            let Some(note) = document.comment(&section, NOTE).filter(|note| noted_key(note) == Some(old))
            else {
                continue;
            };
            let note = note.replacen(old, new, 1);
            document.change_comment(&section, NOTE, &note)?;
        }
        Ok(())
    })
}

/// Replaces an access key wherever this file has it. Returns the sections.
pub fn replace(document: &mut Document, old: &str, new: &LongTermKeys) -> Result<Vec<String>, UnsafeEdit> {
    document.atomically(|document| {
        let sections = sections_with(document, old);
        for section in &sections {
            document.set(section, ID, &new.access_key_id)?;
            document.set(section, SECRET, new.secret_access_key.expose())?;
        }
        Ok(sections)
    })
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

    fn edited(text: &str, edit: impl FnOnce(&mut Document)) -> String {
        let mut document = Document::parse(AwsFile::Credentials, text.as_bytes()).unwrap();
        edit(&mut document);
        let new = document.to_text().expose().clone();
        crate::aws_files::guard::check(text, &new, document.log()).unwrap();
        new
    }

    #[test]
    fn keys_are_moved_out_and_back_without_a_trace() {
        let keys = LongTermKeys { access_key_id: "AKIA".into(), secret_access_key: "s+/=".into() };
        let lines = "aws_access_key_id = AKIA\naws_secret_access_key = s+/=\n";
        for text in [
            format!("# top\n[dev]\n{lines}"),
            format!("[dev-long-term]\n{lines}mfa_serial = m\n\n[other]\nregion = x\n{lines}"),
            format!("[dev]\nregion = x\n# mine\n{lines}\n\n[dev-long-term]\n# nothing\n"),
        ] {
            for text in [text.clone(), text.replace('\n', "\r\n")] {
                let out = edited(&text, |document| {
                    let sections = take_out(document, "dev", "AKIA", "awsmfa keys restore").unwrap();
                    assert_eq!(sections.len(), 1);
                });
                assert!(out.contains(
                    "# awsmfa stores the access key of this profile (AKIA); restore it: awsmfa keys restore"
                ));
                let back = edited(&out, |document| {
                    put_back(document, "dev", &keys, true).unwrap().unwrap();
                });
                assert_eq!(back, text);
                let again = edited(&back, |document| {
                    assert!(put_back(document, "dev", &keys, true).unwrap().is_some());
                });
                assert_eq!(again, text);
            }
        }
    }

    #[test]
    fn keys_do_not_go_back_where_they_would_hide_the_session() {
        let keys = LongTermKeys { access_key_id: "AKIA".into(), secret_access_key: "s".into() };
        let text = format!("[dev]\n{NOTE}; restore it: x\naws_access_key_id = ASIA\naws_session_token = t\n");
        let back = edited(&text, |document| {
            assert_eq!(put_back(document, "dev", &keys, true).unwrap(), None);
            assert_eq!(add_back(document, "dev", &keys, true).unwrap(), "dev-long-term");
        });
        assert!(back.starts_with("[dev]\naws_access_key_id = ASIA\n"), "{back}");
        let back = edited("[dev]\n", |document| drop(add_back(document, "dev", &keys, false).unwrap()));
        assert!(back.contains("[dev-long-term]\naws_access_key_id = AKIA"), "{back}");
    }

    #[test]
    fn comment_in_place_of_keys_is_restored_like_keys() {
        let keys = LongTermKeys { access_key_id: "AKIA".into(), secret_access_key: "s".into() };
        let session = "aws_access_key_id = ASIA\naws_secret_access_key = t\naws_session_token = u\n";
        let lines = "aws_access_key_id = AKIA\naws_secret_access_key = s\n";
        for text in [
            format!(
                "# top\n[dev]\nregion = x\n{session}\n[dev-long-term]\n{lines}mfa_serial = m\n\n[b]\nc = d\n"
            ),
            format!("[dev]\n{session}[dev-long-term]\n{lines}"),
            format!("[b]\nc = d\n[dev-long-term]\nmfa_serial = m\n{lines}"),
        ] {
            for text in [text.clone(), text.replace('\n', "\r\n")] {
                let restored = edited(&text, |document| {
                    let report = remove_session_and_restore(document, "dev").unwrap();
                    assert_eq!(report.restored_from.as_deref(), Some("dev-long-term"));
                });
                let out = edited(&text, |document| drop(take_out(document, "dev", "AKIA", "x").unwrap()));
                let moved = edited(&out, |document| {
                    let report = remove_session_and_restore(document, "dev").unwrap();
                    assert_eq!((report.removed, report.restored_from), (text.contains("ASIA"), None));
                });
                let back = edited(&moved, |document| {
                    assert_eq!(put_back(document, "dev", &keys, true).unwrap().as_deref(), Some("dev"));
                });
                assert_eq!(back, restored);
            }
        }
    }

    #[test]
    fn comment_stays_where_the_profile_has_other_keys() {
        let note = format!("{NOTE} (AKIA); restore it: x\n");
        let (other, stored) = ("aws_access_key_id = AKIA2\naws_secret_access_key = s\n", note.as_str());
        for text in [
            format!("[dev]\n{other}[dev-long-term]\n{stored}"),
            format!("[dev]\n{stored}[dev-long-term]\n{stored}"),
            format!("[dev]\n{stored}"),
        ] {
            let same = edited(&text, |document| drop(remove_session_and_restore(document, "dev").unwrap()));
            assert_eq!(same, text);
        }
        let text = format!("[dev-long-term]\n{stored}{other}");
        let moved = edited(&text, |document| drop(remove_session_and_restore(document, "dev").unwrap()));
        assert!(moved.contains(&format!("[dev]\n{other}")) && moved.contains(stored), "{moved}");
    }

    #[test]
    fn comment_says_which_key_is_stored() {
        let held = "aws_access_key_id = AKIA1\naws_secret_access_key = s\n";
        let take = |text: &str, id: &str| {
            edited(text, |document| drop(take_out(document, "dev", id, "awsmfa keys restore").unwrap()))
        };
        let noted =
            |text: &str| noted_keys(&Document::parse(AwsFile::Credentials, text.as_bytes()).unwrap(), "dev");
        for ending in ["\n", "\r\n"] {
            let first = take(&format!("# top\n[dev]\n{held}region = x\n").replace('\n', ending), "AKIA1");
            assert_eq!(noted(&first), ["AKIA1"]);
            let replaced = edited(&first, |document| replace_in_notes(document, "AKIA1", "AKIA2").unwrap());
            assert_eq!(replaced, first.replace("AKIA1", "AKIA2"));
            let other = edited(&first, |document| replace_in_notes(document, "AKIA3", "AKIA2").unwrap());
            assert_eq!(other, first);
        }
        // Another key that is stored later has the only comment.
        let first = take(&format!("[dev]\n{held}"), "AKIA1");
        let again = take(&(first + "[dev-long-term]\n" + &held.replace("AKIA1", "AKIA2")), "AKIA2");
        assert_eq!((noted(&again), again.matches(NOTE).count()), (vec!["AKIA2".to_owned()], 1), "{again}");
        let old = format!("[dev]\n{NOTE}; restore it: x\n");
        assert_eq!(noted(&old), [""; 0]);
    }

    #[test]
    fn key_is_replaced_wherever_it_is() {
        let new = LongTermKeys { access_key_id: "AKIANEW".into(), secret_access_key: "n".into() };
        let text = "[a]\naws_access_key_id = AKIA\naws_secret_access_key = s\n[b]\naws_access_key_id=AKIA\n\
                    aws_secret_access_key=s\n[c]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = o\n";
        let replaced = edited(text, |document| {
            assert_eq!(replace(document, "AKIA", &new).unwrap(), ["a", "b"]);
        });
        assert!(!replaced.contains("AKIA\n") && replaced.matches("AKIANEW").count() == 2, "{replaced}");
        assert!(replaced.contains("AKIAOTHER") && !replaced.contains("= s"), "{replaced}");
    }

    #[test]
    fn existing_keys_are_never_overwritten() {
        for section in ["dev", "dev-long-term"] {
            let text = format!("[{section}]\naws_access_key_id = AKIAOLD\naws_secret_access_key = s\n");
            assert_eq!(written(&text), Err(KeyEditError::Occupied { section: section.into() }));
        }
    }
}
