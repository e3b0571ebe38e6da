//! The edits that commands make: a session into a section and out of it, and a setting of a profile. Everything else in
//! the section stays as it is.

use crate::model::secret::Secret;
use crate::model::session::{Session, timestamp};

use super::document::{Document, UnsafeEdit};
use super::edits::Place;
use super::{header_of, long_term_name};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";
/// botocore prefers it to `aws_session_token`, so a stale one would win.
const LEGACY_TOKEN: &str = "aws_security_token";
/// The key under which saml2aws and we note when a session ends; starship shows it.
const EXPIRES: &str = "x_security_token_expires";
const SERIALS: [&str; 2] = ["mfa_serial", "aws_mfa_device"];
const SESSION: [&str; 5] = [ID, SECRET, TOKEN, LEGACY_TOKEN, EXPIRES];

/// Keys that other tools leave beside a session of theirs: broamski/aws-mfa, saml2aws, aws-vault, awsume and others.
pub const FOREIGN_MARKERS: &[&str] = &[
    "expiration",
    "assumed_role",
    "assumed_role_arn",
    "manager",
    "aws_expiration",
    "aws_session_expiration",
    "aws_credential_expiration",
    "x_principal_arn",
    "autoawsume",
];

/// A session as it is written.
#[derive(Debug, Clone)]
pub struct SessionValues {
    /// The access key ID (`ASIA…`).
    pub access_key_id: String,
    /// The secret access key.
    pub secret: Secret<String>,
    /// The session token.
    pub token: Secret<String>,
    /// When it ends: `YYYY-MM-DDTHH:MM:SSZ`.
    pub expires: String,
}

impl From<&Session> for SessionValues {
    fn from(session: &Session) -> Self {
        Self {
            access_key_id: session.access_key_id.clone(),
            secret: session.secret_access_key.clone(),
            token: session.session_token.clone(),
            expires: timestamp(session.expiration),
        }
    }
}

impl SessionValues {
    /// Values of no session, to rehearse an edit with.
    pub fn made_up() -> Self {
        let text = |t: &str| Secret::from(t);
        Self { access_key_id: "ASIA".into(), secret: text("-"), token: text("-"), expires: "-".into() }
    }
}

/// What [`write_session`] did besides writing the session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// The section, without brackets.
    pub section: String,
    /// Whether the section was added.
    pub added_section: bool,
    /// Where the section's long-term keys are now, if it held any.
    pub moved_to: Option<String>,
    /// The serial's key (`mfa_serial`, `aws_mfa_device`) if it moved with them.
    pub moved_serials: Vec<String>,
    /// Marks of another tool that were taken away with its session.
    pub removed_markers: Vec<String>,
}

/// What [`remove_session`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoveReport {
    /// Whether there was a session.
    pub removed: bool,
    /// Whether the section, emptied, went too.
    pub removed_section: bool,
    /// The section that the long-term keys came back from, if they did.
    pub restored_from: Option<String>,
}

/// Why a session was not written or removed. Nothing was changed in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionEditError {
    /// The place cannot be edited.
    #[error(transparent)]
    Unsafe(#[from] UnsafeEdit),
    /// Both sections hold long-term keys, and not the same ones.
    #[error("sections [{section}] and [{long_term}] hold different long-term keys")]
    DifferentKeys {
        /// The session's section.
        section: String,
        /// Where its long-term keys would go or come from.
        long_term: String,
    },
    /// The section holds a session that another tool looks after.
    #[error("section [{section}] holds a session of another tool (it has `{marker}`)")]
    ForeignSession {
        /// The section.
        section: String,
        /// The key that tells so.
        marker: String,
    },
}

/// Writes a session into a section of the credentials file. Long-term keys that are there go to `[<section>-long-term]`,
/// with the serial; a session of another tool is replaced only with `force`.
pub fn write_session(
    document: &mut Document,
    section: &str,
    values: &SessionValues,
    force: bool,
) -> Result<WriteReport, SessionEditError> {
    let before = document.clone();
    let written = write_steps(document, section, values, force);
    if written.is_err() {
        *document = before;
    }
    written
}

fn write_steps(
    document: &mut Document,
    section: &str,
    values: &SessionValues,
    force: bool,
) -> Result<WriteReport, SessionEditError> {
    document.check_section(section)?;
    let mut report = WriteReport { section: section.to_owned(), ..WriteReport::default() };
    if holds_session(document, section) {
        for marker in FOREIGN_MARKERS.iter().filter(|marker| document.get(section, marker).is_some()) {
            if !force {
                let (section, marker) = (section.to_owned(), (*marker).to_owned());
                return Err(SessionEditError::ForeignSession { section, marker });
            }
            report.removed_markers.push((*marker).to_owned());
        }
    } else if document.has(section, ID) || document.has(section, SECRET) {
        move_long_term(document, section, values, &mut report)?;
    }
    report.added_section = document.add_section(section, None)?;
    document.set(section, ID, &values.access_key_id)?;
    document.set(section, SECRET, values.secret.expose())?;
    document.set(section, TOKEN, values.token.expose())?;
    document.set(section, EXPIRES, &values.expires)?;
    document.remove(section, LEGACY_TOKEN)?;
    for marker in &report.removed_markers {
        document.remove(section, marker)?;
    }
    Ok(report)
}

fn move_long_term(
    document: &mut Document,
    section: &str,
    values: &SessionValues,
    report: &mut WriteReport,
) -> Result<(), SessionEditError> {
    let long_term = long_term_name(section);
    document.check_section(&long_term)?;
    let occupied = [ID, SECRET, TOKEN].iter().any(|key| document.has(&long_term, key));
    report.moved_to = Some(long_term.clone());
    if occupied {
        if same_keys(document, section, &long_term) {
            return Ok(());
        }
        return Err(SessionEditError::DifferentKeys { section: section.to_owned(), long_term });
    }
    // Keys that are there without a value would be in the way.
    document.remove(&long_term, ID)?;
    document.remove(&long_term, SECRET)?;
    document.add_section(&long_term, Some(section))?;
    // In the order of the section, so that the way back knows it.
    for key in document.keys(section) {
        if key == ID {
            document.move_and_set(section, &long_term, ID, &values.access_key_id)?;
        } else if key == SECRET {
            document.move_and_set(section, &long_term, SECRET, values.secret.expose())?;
        } else if SERIALS.contains(&key.as_str()) && document.get(&long_term, &key).is_none() {
            document.move_key(section, &long_term, &key, Place::End)?;
            report.moved_serials.push(key);
        }
    }
    Ok(())
}

/// Takes the session out of a section, if it holds one; the section goes too if nothing else is in it. With `restore`
/// the long-term keys and the serial come back from `[<section>-long-term]`.
pub fn remove_session(
    document: &mut Document,
    section: &str,
    restore: bool,
) -> Result<RemoveReport, SessionEditError> {
    let before = document.clone();
    let removed = remove_steps(document, section, restore);
    if removed.is_err() {
        *document = before;
    }
    removed
}

fn remove_steps(
    document: &mut Document,
    section: &str,
    restore: bool,
) -> Result<RemoveReport, SessionEditError> {
    document.check_section(section)?;
    let mut report = RemoveReport { removed: holds_session(document, section), ..RemoveReport::default() };
    let long_term = long_term_name(section);
    if restore && (document.has(&long_term, ID) || document.has(&long_term, SECRET)) {
        restore_keys(document, section, &long_term, report.removed)?;
        report.restored_from = Some(long_term);
    } else if report.removed {
        report.removed_section = document.remove_keys_and_empty_section(section, &SESSION)?;
    }
    Ok(report)
}

fn restore_keys(
    document: &mut Document,
    section: &str,
    long_term: &str,
    replaces_session: bool,
) -> Result<(), SessionEditError> {
    document.check_section(long_term)?;
    let moved: Vec<String> = document.keys(long_term);
    let moved: Vec<&str> = moved.iter().map(String::as_str).filter(|k| is_movable(k)).collect();
    let emptied = document.is_empty_without(long_term, &moved, true);
    if replaces_session {
        document.remove(section, TOKEN)?;
        document.remove(section, LEGACY_TOKEN)?;
        document.remove(section, EXPIRES)?;
    } else if (document.has(section, ID) || document.has(section, SECRET))
        && !same_keys(document, section, long_term)
    {
        let (section, long_term) = (section.to_owned(), long_term.to_owned());
        return Err(SessionEditError::DifferentKeys { section, long_term });
    }
    document.add_section(section, Some(long_term))?;
    for (index, key) in moved.iter().enumerate() {
        if [ID, SECRET].contains(key) {
            if document.move_over(long_term, section, key)? {
                continue;
            }
        } else if document.get(section, key).is_some() {
            continue;
        }
        document.move_key(long_term, section, key, place_of(document, section, &moved, index))?;
    }
    let left = document.keys(long_term).is_empty();
    if emptied && left {
        document.remove_header(long_term);
    }
    Ok(())
}

/// Beside the key that it stood beside among the moved ones.
fn place_of<'a>(document: &Document, section: &str, moved: &[&'a str], index: usize) -> Place<'a> {
    let there = |key: &&&str| document.get(section, key).is_some();
    if let Some(before) = moved[..index].iter().rev().find(there) {
        return Place::After(before);
    }
    moved[index + 1..].iter().find(there).map_or(Place::End, |key| Place::Before(key))
}

/// Sets a key of a profile in the config file: in `[profile P]` or `[default]`, which is added if it is missing. Returns
/// whether anything changed.
pub fn set_config_key(
    document: &mut Document,
    profile: &str,
    key: &str,
    value: &str,
) -> Result<bool, UnsafeEdit> {
    document.set(&header_of(document.kind(), profile), key, value)
}

/// Whether a section holds a session rather than long-term keys: it has a token.
pub fn holds_session(document: &Document, section: &str) -> bool {
    document.has(section, TOKEN) || document.has(section, LEGACY_TOKEN)
}

fn is_movable(key: &str) -> bool {
    key == ID || key == SECRET || SERIALS.contains(&key)
}

fn same_keys(document: &Document, a: &str, b: &str) -> bool {
    [ID, SECRET].iter().all(|key| document.get(a, key) == document.get(b, key)) && !holds_session(document, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_files::{Kind, guard};

    fn document(text: &str) -> Document {
        Document::parse(Kind::Credentials, text.as_bytes()).unwrap()
    }

    fn text(document: &Document) -> String {
        document.to_text().expose().clone()
    }

    fn values() -> SessionValues {
        SessionValues {
            access_key_id: "ASIA1".into(),
            secret: "new".into(),
            token: "tok".into(),
            expires: "2030-01-01T00:00:00Z".into(),
        }
    }

    const WRITTEN: &str = "aws_access_key_id = ASIA1\naws_secret_access_key = new\n\
        aws_session_token = tok\nx_security_token_expires = 2030-01-01T00:00:00Z\n";

    /// Logs in and out with `restore`; both edits pass the guard.
    fn there_and_back(file: &str, section: &str) -> (String, String) {
        let mut doc = document(file);
        write_session(&mut doc, section, &values(), false).unwrap();
        let there = text(&doc);
        guard::check(file, &there, doc.log()).unwrap();
        let mut doc = document(&there);
        remove_session(&mut doc, section, true).unwrap();
        guard::check(&there, &text(&doc), doc.log()).unwrap();
        (there, text(&doc))
    }

    #[test]
    fn a_session_goes_into_a_new_section() {
        for file in ["", "[a]\nk = v\n", "[a]\nk = v", "# notes\n\n\n", "[a]\r\nk = v\r\n"] {
            let (there, back) = there_and_back(file, "dev");
            assert!(
                there.replace("\r\n", "\n").contains(&format!("[dev]\n{}", WRITTEN.trim_end())),
                "{there}"
            );
            assert_eq!(there.contains("\r\n"), file.contains("\r\n"));
            assert_eq!(back, file);
        }
    }

    #[test]
    fn long_term_keys_step_aside_and_come_back() {
        let file = "[dev]\naws_access_key_id=AKIA\naws_secret_access_key =old # mine\nmfa_serial= arn\n\
            region = x\n# trailing\n\n# other people's\n[other]\nk = v\n";
        let (there, back) = there_and_back(file, "dev");
        assert_eq!(
            there,
            "[dev]\naws_access_key_id = ASIA1\naws_secret_access_key = new\nregion = x\n\
             aws_session_token = tok\nx_security_token_expires = 2030-01-01T00:00:00Z\n# trailing\n\n\
             [dev-long-term]\naws_access_key_id=AKIA\naws_secret_access_key =old # mine\nmfa_serial= arn\n\n\
             # other people's\n[other]\nk = v\n"
        );
        assert_eq!(back, file);
        for ends in [
            "[dev]\naws_access_key_id = A\naws_secret_access_key = B",
            "[dev]\n\nmfa_serial = M\n\
            aws_secret_access_key = B\naws_access_key_id = A\n# note\n",
        ] {
            for file in [ends.to_owned(), ends.replace('\n', "\r\n"), format!("[z]\n{ends}\n[b]\nk = v\n")] {
                assert_eq!(there_and_back(&file, "dev").1, file);
            }
        }
    }

    #[test]
    fn different_long_term_keys_are_never_overwritten() {
        let file = "[dev]\naws_access_key_id = A\naws_secret_access_key = B\n\
            [dev-long-term]\naws_access_key_id = C\naws_secret_access_key = D\n";
        let mut doc = document(file);
        let error = write_session(&mut doc, "dev", &values(), true).unwrap_err();
        assert!(matches!(error, SessionEditError::DifferentKeys { .. }), "{error}");
        assert!(matches!(remove_session(&mut doc, "dev", true), Err(SessionEditError::DifferentKeys { .. })));
        assert_eq!((text(&doc), doc.log().len()), (file.to_owned(), 0));
        let equal = file.replace("= C", "= A").replace("= D", "= B");
        let mut doc = document(&equal);
        write_session(&mut doc, "dev", &values(), false).unwrap();
        assert_eq!(doc.get("dev-long-term", ID), Some("A".into()));
        assert_eq!(doc.get("dev", ID), Some("ASIA1".into()));
    }

    #[test]
    fn an_edit_that_fails_half_way_changes_nothing() {
        let file = "[dev]\naws_access_key_id = A\naws_secret_access_key = B\n";
        let mut doc = document(file);
        let bad = SessionValues { token: "two\nlines".into(), ..values() };
        assert!(matches!(write_session(&mut doc, "dev", &bad, false), Err(SessionEditError::Unsafe(_))));
        assert_eq!((text(&doc), doc.log().len()), (file.to_owned(), 0));
        let odd = "[dev]\naws_session_token = T\nexpiration = x\n[ dev-long-term ]\naws_access_key_id = A\n";
        let mut doc = document(odd);
        assert!(matches!(remove_session(&mut doc, "dev", true), Err(SessionEditError::Unsafe(_))));
        assert_eq!((text(&doc), doc.log().len()), (odd.to_owned(), 0));
    }

    #[test]
    fn a_half_pair_is_kept_too() {
        let (there, back) = there_and_back("[dev]\naws_secret_access_key = only\n", "dev");
        assert!(there.contains("[dev-long-term]\naws_secret_access_key = only\n"), "{there}");
        assert!(back.contains("aws_secret_access_key = only"), "{back}");
    }

    #[test]
    fn another_tools_session_is_replaced_only_by_force() {
        let file = "[dev]\naws_access_key_id = A\naws_secret_access_key = B\naws_session_token = T\n\
            aws_security_token = T\nexpiration = 2020-01-01 00:00:00\nassumed_role = False\nregion = x\n";
        let mut doc = document(file);
        let error = write_session(&mut doc, "dev", &values(), false).unwrap_err();
        assert_eq!(error.to_string(), "section [dev] holds a session of another tool (it has `expiration`)");
        assert_eq!(text(&doc), file);
        let report = write_session(&mut doc, "dev", &values(), true).unwrap();
        assert_eq!(report.removed_markers, ["expiration", "assumed_role"]);
        assert_eq!(report.moved_to, None, "a session's keys are no long-term keys");
        assert_eq!(doc.keys("dev"), [ID, SECRET, TOKEN, "region", EXPIRES]);
        let mut plain =
            document("[dev]\naws_access_key_id = A\naws_secret_access_key = B\naws_session_token = T\n");
        write_session(&mut plain, "dev", &values(), false).unwrap();
        assert_eq!(text(&plain), format!("[dev]\n{WRITTEN}"));
    }

    #[test]
    fn logout_takes_sessions_only() {
        let long_term = "[dev]\naws_access_key_id = A\naws_secret_access_key = B\n";
        let mut doc = document(long_term);
        assert!(!remove_session(&mut doc, "dev", false).unwrap().removed);
        assert_eq!(text(&doc), long_term);
        for (file, left) in [
            (format!("[dev]\n{WRITTEN}"), ""),
            (format!("[dev]\n# kept\n{WRITTEN}"), "[dev]\n# kept\n"),
            (format!("[dev] # kept\n{WRITTEN}"), "[dev] # kept\n"),
            (format!("[dev]\nregion = x\n{WRITTEN}"), "[dev]\nregion = x\n"),
            (format!("[a]\nk = v\n\n[dev]\n{WRITTEN}\n# b\n[b]\nk = v\n"), "[a]\nk = v\n\n# b\n[b]\nk = v\n"),
        ] {
            let mut doc = document(&file);
            assert!(remove_session(&mut doc, "dev", false).unwrap().removed);
            assert_eq!(text(&doc), left);
        }
    }

    #[test]
    fn keys_come_back_after_the_session_is_gone() {
        let file = "[dev]\naws_access_key_id = A\naws_secret_access_key = B\nmfa_serial = M\n";
        let mut doc = document(file);
        write_session(&mut doc, "dev", &values(), false).unwrap();
        remove_session(&mut doc, "dev", false).unwrap();
        assert_eq!(text(&doc), file.replace("[dev]", "[dev-long-term]"));
        let report = remove_session(&mut doc, "dev", true).unwrap();
        assert_eq!(report.restored_from.as_deref(), Some("dev-long-term"));
        assert_eq!(text(&doc), file);
    }

    #[test]
    fn settings_go_to_the_profile_in_the_config_file() {
        let mut doc = Document::parse(Kind::Config, b"[default]\nregion = x\n").unwrap();
        set_config_key(&mut doc, "default", "mfa_serial", "arn:1").unwrap();
        set_config_key(&mut doc, "dev", "mfa_serial", "arn:2").unwrap();
        let expected = "[default]\nregion = x\nmfa_serial = arn:1\n\n[profile dev]\nmfa_serial = arn:2\n";
        assert_eq!(text(&doc), expected);
    }
}
