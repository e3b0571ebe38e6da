use super::*;
use crate::aws_files::AwsFile;
use crate::aws_files::document::Document;

const OLD: &str = "# mine\n[default]\nregion = eu-west-1\ns3 =\n  path = C:\\x\\\n\n  # note\n  other = 1\n\n\
    [dev] ; work\nAws_Access_Key_Id=AKIA\naws_secret_access_key = a;b # c\n# end\n[ odd ]\nkey = [v]";

/// The result of an edit, with its log.
fn edited() -> (String, Vec<Op>) {
    let mut document = Document::parse(AwsFile::Credentials, OLD.as_bytes()).unwrap();
    document.set("dev", "aws_access_key_id", "ASIA").unwrap();
    document.set("dev", "aws_session_token", "token==").unwrap();
    document.remove("default", "region").unwrap();
    document.add_section("new", Some("dev")).unwrap();
    document.move_key("dev", "new", "aws_secret_access_key", crate::aws_files::log::Position::End).unwrap();
    (document.to_text().expose().clone(), document.log().to_vec())
}

#[test]
fn correct_edit_passes() {
    let (new, log) = edited();
    assert_eq!(check(OLD, &new, &log), Ok(()), "{new}");
    assert_eq!(check(OLD, OLD, &[]), Ok(()));
    let crlf = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(check(&crlf(OLD), &crlf(&new), &log), Ok(()));
}

#[test]
fn broken_edit_is_refused() {
    let (new, log) = edited();
    // Each line lost or duplicated.
    let lines: Vec<&str> = new.split_inclusive('\n').collect();
    for at in 0..lines.len() {
        let mut lost = lines.clone();
        lost.remove(at);
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        for broken in [lost.concat(), doubled.concat()] {
            assert!(check(OLD, &broken, &log).is_err(), "line {at}\n{broken}");
        }
    }
    let corruptions: [(&str, &str); 9] = [
        ("# mine", "# mime"),
        ("path = C:\\x\\", "path = C:\\y\\"),
        ("other = 1", "other = 2"),
        ("key = [v]", "key = [w]"),
        ("ASIA", "ASIB"),
        ("a;b # c", "a;b"),
        ("[ odd ]", "[odd]"),
        ("# end\n", "# end\n[default]\n"),
        ("token==", "token="),
    ];
    for (from, to) in corruptions {
        let broken = new.replacen(from, to, 1);
        assert_ne!(broken, new, "{from}");
        assert!(check(OLD, &broken, &log).is_err(), "{from} → {to}\n{broken}");
    }
    assert!(check(OLD, &new.replace('\n', "\r\n"), &log).is_err(), "other line ends");
}

#[test]
fn indented_header_is_not_joined_to_a_setting() {
    let old = "[a]\n  [b]\nk = v\n";
    let set = Op::Set { section: "a".into(), key: "x".into(), value: "1".into() };
    assert!(check(old, "[a]\nx = 1\n  [b]\nk = v\n", &[set]).is_err());
    assert_eq!(check(old, old, &[]), Ok(()));
}

#[test]
fn incomplete_log_is_refused() {
    let (new, log) = edited();
    for at in 0..log.len() {
        let mut short = log.clone();
        let op = short.remove(at);
        assert!(check(OLD, &new, &short).is_err(), "{op:?}");
    }
}

#[test]
fn refusal_shows_no_values() {
    let (new, log) = edited();
    let error = check(OLD, &new.replace("ASIA", "SECRET"), &log).unwrap_err();
    assert_eq!(error.to_string(), "`aws_access_key_id` in section [dev] would not have the intended value");
    assert!(!format!("{error:?} {log:?}").contains("token=="));
}

#[test]
fn cost_depends_on_the_edit_not_on_the_file() {
    let old: String = (0..1000).map(|n| format!("[p{n}]\nregion = x # {n}\n\n")).collect();
    for section in ["p0", "p500", "p999"] {
        let mut document = Document::parse(AwsFile::Credentials, old.as_bytes()).unwrap();
        document.set(section, "region", "y").unwrap();
        document.add_section("new", Some(section)).unwrap();
        let (new, log) = (document.to_text(), document.log());
        let (short_old, short_new) = narrow::narrowed(&old, new.expose(), log).unwrap();
        assert!(short_old.len() < 100 && short_new.len() < 100, "{short_old}\n{short_new}");
        assert_eq!(check_complete(&short_old, &short_new, log), Ok(()));
    }
}

#[test]
fn skipped_sections_do_not_hide_a_conflict() {
    // The section that differs also appears elsewhere, and the log does not name it.
    let old = "[a]\nx = 1\n[b]\ny = 1\n[a]\nk = 1\n";
    assert!(check(old, &old.replace("k = 1", "\nk = 1"), &[Op::AddBlank]).is_err());
    // The log names a section that does not differ, and does not fit it.
    let old = "[a]\nx = 1\n[b]\ny = 1\n";
    let add_and_remove = [Op::AddSection("a".into()), Op::RemoveSection("a".into()), Op::AddBlank];
    assert!(check(old, &old.replace("y = 1", "\ny = 1"), &add_and_remove).is_err());
}
