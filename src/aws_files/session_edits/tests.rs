use super::*;
use crate::aws_files::{AwsFile, guard};

fn document(text: &str) -> Document {
    Document::parse(AwsFile::Credentials, text.as_bytes()).unwrap()
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

/// Writes a session and removes it with `restore`. Both edits pass the guard.
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
fn long_term_key_with_a_stale_token_is_never_overwritten() {
    let file = "[dev]\naws_access_key_id = AKIANEW\naws_secret_access_key = s\naws_session_token = stale\n";
    let mut doc = document(file);
    write_session(&mut doc, "dev", &values(), false).unwrap();
    assert_eq!(doc.get("dev-long-term", ID).unwrap().expose(), "AKIANEW");
    let other = format!("{file}[dev-long-term]\naws_access_key_id = AKIAOLD\naws_secret_access_key = o\n");
    let mut doc = document(&other);
    assert!(matches!(
        write_session(&mut doc, "dev", &values(), true),
        Err(SessionEditError::DifferentKeys { .. })
    ));
    assert!(!remove_session(&mut doc, "dev", false).unwrap().removed);
    assert!(remove_session(&mut doc, "dev", true).is_err());
    assert_eq!(text(&doc), other);
}

#[test]
fn session_of_another_tool_is_not_removed() {
    let file = "[dev]\naws_access_key_id = ASIA\naws_secret_access_key = s\naws_session_token = t\nmanager = awsume\n";
    let mut doc = document(file);
    assert!(matches!(remove_session(&mut doc, "dev", false), Err(SessionEditError::ForeignSession { .. })));
    assert_eq!(text(&doc), file);
}

#[test]
fn session_is_written_to_a_new_section() {
    for file in ["", "[a]\nk = v\n", "[a]\nk = v", "# notes\n\n\n", "[a]\r\nk = v\r\n"] {
        let (there, back) = there_and_back(file, "dev");
        assert!(there.replace("\r\n", "\n").contains(&format!("[dev]\n{}", WRITTEN.trim_end())), "{there}");
        assert_eq!(there.contains("\r\n"), file.contains("\r\n"));
        assert_eq!(back, file);
    }
}

#[test]
fn long_term_keys_move_away_and_are_restored() {
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
fn failed_edit_changes_nothing() {
    let file = "[dev]\naws_access_key_id = A\naws_secret_access_key = B\n";
    let mut doc = document(file);
    let bad = SessionValues { token: "two\nlines".into(), ..values() };
    assert!(matches!(write_session(&mut doc, "dev", &bad, false), Err(SessionEditError::Unsafe(_))));
    assert_eq!((text(&doc), doc.log().len()), (file.to_owned(), 0));
    let odd = "[dev]\naws_session_token = T\n[ dev-long-term ]\naws_access_key_id = A\n";
    let mut doc = document(odd);
    assert!(matches!(remove_session(&mut doc, "dev", true), Err(SessionEditError::Unsafe(_))));
    assert_eq!((text(&doc), doc.log().len()), (odd.to_owned(), 0));
}

#[test]
fn incomplete_access_key_is_kept() {
    let (there, back) = there_and_back("[dev]\naws_secret_access_key = only\n", "dev");
    assert!(there.contains("[dev-long-term]\naws_secret_access_key = only\n"), "{there}");
    assert!(back.contains("aws_secret_access_key = only"), "{back}");
}

#[test]
fn session_of_another_tool_is_replaced_only_with_force() {
    let file = "[dev]\naws_access_key_id = A\naws_secret_access_key = B\naws_session_token = T\n\
        aws_security_token = T\nexpiration = 2020-01-01 00:00:00\nassumed_role = False\nregion = x\n";
    let mut doc = document(file);
    let error = write_session(&mut doc, "dev", &values(), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "section [dev] holds a session written by another tool (it has `expiration`)"
    );
    assert_eq!(text(&doc), file);
    let report = write_session(&mut doc, "dev", &values(), true).unwrap();
    assert_eq!(report.moved_to, None, "a session's keys are no long-term keys");
    assert_eq!(doc.keys("dev"), [ID, SECRET, TOKEN, "region", EXPIRES]);
    let mut plain =
        document("[dev]\naws_access_key_id = A\naws_secret_access_key = B\naws_session_token = T\n");
    write_session(&mut plain, "dev", &values(), false).unwrap();
    assert_eq!(text(&plain), format!("[dev]\n{WRITTEN}"));
}

#[test]
fn logout_removes_only_sessions() {
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
fn keys_are_restored_after_the_session_was_removed() {
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
fn settings_are_written_to_the_profile_in_the_config_file() {
    let mut doc = Document::parse(AwsFile::Config, b"[default]\nregion = x\n").unwrap();
    set_config_key(&mut doc, "default", "mfa_serial", "arn:1").unwrap();
    set_config_key(&mut doc, "dev", "mfa_serial", "arn:2").unwrap();
    let expected = "[default]\nregion = x\nmfa_serial = arn:1\n\n[profile dev]\nmfa_serial = arn:2\n";
    assert_eq!(text(&doc), expected);
}

#[test]
fn session_in_a_long_term_section_is_not_restored() {
    let other = WRITTEN.replace("ASIA1", "ASIA2");
    let mut doc = document(&format!("[dev]\nregion = x\n{WRITTEN}[dev-long-term]\n{other}"));
    let report = remove_session(&mut doc, "dev", true).unwrap();
    assert_eq!(report, RemoveReport { removed: true, restored_from: None });
    assert_eq!(text(&doc), format!("[dev]\nregion = x\n[dev-long-term]\n{other}"));
}
