//! Properties of the editor of AWS files, on generated files.

use std::path::PathBuf;

use awsmfa::testing::aws_files::AwsFile;
use awsmfa::testing::aws_files::document::Document;
use awsmfa::testing::aws_files::guard;
use awsmfa::testing::aws_files::session_edits::{SessionValues, remove_session, write_session};
use proptest::prelude::*;

mod conformance;

/// A credentials file with sections `s0`, `s1`, … and odd spacing, comments, blank lines and nested blocks.
fn credentials_file() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[A-Za-z0-9/+=]{1,20}",
        Just("C:\\certs\\".to_owned()),
        Just("a;b#c".to_owned()),
        Just("with = equals".to_owned()),
        Just("\"quoted\"".to_owned()),
        Just("ünïcode 😂".to_owned()),
    ];
    let spacing = prop_oneof![Just("="), Just(" = "), Just("\t=  ")];
    let trivia = prop_oneof![
        3 => Just(String::new()),
        2 => Just("\n".to_owned()),
        1 => Just("  \t\n".to_owned()),
        1 => Just("# a comment\n".to_owned()),
        1 => Just("; another = one\n".to_owned()),
        1 => Just("\n\n# far = away\n".to_owned()),
    ];
    let tail = prop_oneof![
        6 => Just(""),
        1 => Just("\n nested = 1\n\n  other = C:\\x\\"),
        1 => Just("\n   # indented\n -continued"),
        1 => Just("  # inline"),
    ];
    let key = prop_oneof![
        Just("region"),
        Just("output"),
        Just("Upper_Case"),
        Just("mfa_serial"),
        Just("aws_access_key_id"),
        Just("aws_secret_access_key"),
        Just("aws_security_token"),
    ];
    let property = (key, spacing, value, tail, trivia.clone()).prop_map(|(key, eq, value, tail, after)| {
        let value = if tail.starts_with("\n nested") { String::new() } else { value };
        (key.to_owned(), format!("{key}{eq}{value}{tail}\n{after}"))
    });
    let section =
        (trivia.clone(), prop::collection::vec(property, 0..6), prop_oneof![Just(""), Just(" # x")]);
    (trivia, prop::collection::vec(section, 0..4), any::<bool>(), any::<bool>()).prop_map(
        |(start, sections, crlf, last_newline)| {
            let mut text = start;
            for (index, (after, properties, comment)) in sections.into_iter().enumerate() {
                text.push_str(&format!("[s{index}]{comment}\n{after}"));
                let mut seen = std::collections::HashSet::new();
                for (key, line) in properties {
                    if seen.insert(key) {
                        text.push_str(&line);
                    }
                }
            }
            if !last_newline && text.ends_with('\n') {
                text.pop();
            }
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

/// Lines that SDKs read differently, among lines that all read the same. Sections are `s0` to `s3`.
fn odd_file() -> impl Strategy<Value = String> {
    let blank = prop_oneof![Just(" "), Just("\t"), Just("\u{a0}"), Just("\u{1c}"), Just("\u{feff}")];
    let header = (0u8..4, prop_oneof![9 => Just("[@]"), 1 => Just("[ @ ]"), 1 => Just("[@"), 1 => Just("[@] x"),
        1 => Just("['@']"), 1 => Just("[@]# x"), 1 => Just("[@] # [1]"), 1 => Just("[@#x]"), 1 => Just("[DEFAULT]")])
        .prop_map(|(number, form)| form.replace('@', &format!("s{number}")));
    let key =
        prop_oneof![Just("region"), Just("Region"), Just("aws_access_key_id"), Just("mfa_serial"), Just("")];
    let setting = (
        key,
        prop_oneof![9 => Just(" = "), 1 => Just(": "), 1 => Just(" "), 1 => Just("\u{a0}=\u{a0}")],
        "[a-z =:#;\\[\\]]{0,6}",
    )
        .prop_map(|(key, equals, value)| format!("{key}{equals}{value}"));
    let other = prop_oneof![
        Just("# c = d"),
        Just("; [s1]"),
        Just(""),
        Just("word"),
        Just("= x"),
        Just("a # = b"),
        Just("[]")
    ];
    let line = prop_oneof![3 => header, 6 => setting, 2 => other.prop_map(str::to_owned)];
    let indent = prop_oneof![9 => Just(String::new()), 1 => prop::collection::vec(blank, 1..4).prop_map(|b| b.concat())];
    let end = prop_oneof![18 => Just("\n"), 4 => Just("\r\n"), 1 => Just("\r")];
    prop::collection::vec((indent, line, end), 0..12).prop_map(|lines| {
        lines.into_iter().map(|(indent, line, end)| format!("{indent}{line}{end}")).collect()
    })
}

/// Keys and values.
type Settings = Vec<(String, Option<String>)>;

/// The settings of all sections except those that an edit changes.
fn but(document: &Document, section: &str) -> Vec<(String, Settings)> {
    let settings = |name: &String| {
        let value = |key: &String| document.get(name, key).map(|value| value.expose().clone());
        document.keys(name).iter().map(|key| (key.clone(), value(key))).collect()
    };
    let others = document.sections().into_iter().filter(|name| !name.starts_with(section));
    others.map(|name| (name.clone(), settings(&name))).collect()
}

fn parse(text: &str) -> Document {
    Document::parse(AwsFile::Credentials, text.as_bytes()).unwrap()
}

fn text(document: &Document) -> String {
    document.to_text().expose().clone()
}

fn guarded(old: &str, document: &Document) {
    let new = text(document);
    guard::check(old, &new, document.log())
        .unwrap_or_else(|e| panic!("{e}\n--- old\n{old}\n--- new\n{new}\n{:?}", document.log()));
    assert_eq!(text(&parse(&new)), new);
}

fn session() -> SessionValues {
    SessionValues {
        access_key_id: "ASIAEXAMPLE".into(),
        secret: "c2VjcmV0".into(),
        token: "dG9rZW4=".into(),
        expires: "2030-01-01T00:00:00Z".into(),
    }
}

/// The lines of all sections except the named one and its `-long-term`, and the named section's lines without our keys.
fn not_ours(text: &str, section: &str) -> Vec<String> {
    let ours = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_security_token",
        "x_security_token_expires",
        "mfa_serial",
    ];
    let (mut lines, mut inside, mut skipping) = (Vec::new(), false, false);
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.starts_with(&format!("[{section}]")) || line == format!("[{section}-long-term]");
            skipping = false;
            if line == format!("[{section}-long-term]") || line == format!("[{section}]") {
                continue;
            }
        }
        let key = line.split('=').next().unwrap_or_default().trim().to_lowercase();
        if inside && !line.starts_with([' ', '\t', '#', ';', '[']) && !line.trim().is_empty() {
            skipping = ours.contains(&key.as_str());
        }
        // Comments on our lines now have lines of their own.
        let freed = ["# inline", "# indented"].contains(&line.trim());
        let ours = inside && skipping && !line.starts_with(['#', ';']);
        if !ours && !freed && !line.trim().is_empty() {
            lines.push(line.to_owned());
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_changes_nothing(file in credentials_file()) {
        prop_assert_eq!(text(&parse(&file)), file);
    }

    #[test]
    fn odd_file_is_edited_safely_or_not_at_all(file in odd_file(), section in "s[0-3]") {
        let before = parse(&file);
        // A file with a byte order mark is never written.
        let kept = file.strip_prefix('\u{feff}').unwrap_or(&file);
        prop_assert_eq!(text(&before), kept);
        let mut document = before.clone();
        if write_session(&mut document, &section, &session(), true).is_ok() {
            guarded(&file, &document);
            prop_assert_eq!(but(&parse(&text(&document)), &section), but(&before, &section));
            let token = parse(&text(&document)).get(&section, "aws_session_token");
            prop_assert_eq!(token, Some("dG9rZW4=".into()));
        } else {
            prop_assert_eq!(text(&document), kept);
            prop_assert!(document.log().is_empty());
        }
    }

    #[test]
    fn set_changes_one_value(
        file in credentials_file(),
        section in "s[0-5]",
        key in prop_oneof![Just("region"), Just("output"), Just("upper_case"), Just("new_key"), Just("mfa_serial")],
        value in "[A-Za-z0-9/+=:.-]{1,12}",
    ) {
        let mut document = parse(&file);
        let changed = document.set(&section, key, &value).unwrap();
        let read = parse(&text(&document)).get(&section, key).unwrap();
        prop_assert_eq!(read.expose(), &value);
        for other in parse(&file).sections() {
            for k in parse(&file).keys(&other) {
                if (other.as_str(), k.as_str()) != (section.as_str(), key) {
                    prop_assert_eq!(parse(&file).get(&other, &k), document.get(&other, &k));
                }
            }
        }
        prop_assert_eq!(changed, text(&document) != file);
        guarded(&file, &document);
        prop_assert!(!document.clone().set(&section, key, &value).unwrap(), "the second time changes nothing");
    }

    #[test]
    fn remove_removes_one_key(file in credentials_file(), section in "s[0-3]", index in 0usize..6) {
        let mut document = parse(&file);
        if let Some(key) = document.keys(&section).get(index).cloned() {
            prop_assert!(document.remove(&section, &key).unwrap());
            prop_assert_eq!(document.get(&section, &key), None);
            guarded(&file, &document);
        }
    }

    #[test]
    fn login_and_logout_leave_other_lines_alone(file in credentials_file(), section in "s[0-5]", restore: bool) {
        let mut document = parse(&file);
        write_session(&mut document, &section, &session(), false).unwrap();
        let logged_in = text(&document);
        guarded(&file, &document);
        prop_assert_eq!(not_ours(&logged_in, &section), not_ours(&file, &section));
        let mut document = parse(&logged_in);
        prop_assert!(remove_session(&mut document, &section, restore).unwrap().removed);
        guarded(&logged_in, &document);
        prop_assert_eq!(not_ours(&text(&document), &section), not_ours(&file, &section));
    }

    #[test]
    fn login_and_logout_restore_every_byte(file in credentials_file(), section in "s[0-5]") {
        let mut document = parse(&file);
        let exact = {
            let keys = document.keys(&section);
            let both = |k: &str| document.has(&section, k);
            // What cannot be undone: a stale legacy token is removed, an incomplete access key is not restored, and a
            // serial's position is known only next to the keys.
            let lines: Vec<&str> = file.lines().collect();
            let start = lines.iter().position(|line| line.starts_with(&format!("[{section}]")));
            let own = start.map_or(&lines[..0], |at| &lines[at + 1..]);
            let end = own.iter().position(|line| line.starts_with('[')).unwrap_or(own.len());
            let is_key = |line: &&str| line.starts_with("aws_");
            let first = own[..end].iter().position(is_key);
            let last = own[..end].iter().rposition(is_key);
            let serial = own[..end].iter().position(|line| line.starts_with("mfa_serial"));
            let beside = match (serial, first, last) {
                (None, _, _) => true,
                (Some(s), Some(first), Some(last)) => s + 1 == first || s == last + 1,
                _ => false,
            };
            let tidy = !file.contains("# in") && !file.contains("nested");
            let header = !document.has_section(&section) || !keys.is_empty();
            tidy && header && beside && !both("aws_security_token") && !keys.contains(&"aws_security_token".into())
                && (both("aws_access_key_id") == both("aws_secret_access_key"))
                && (both("aws_access_key_id") || serial.is_none())
        };
        write_session(&mut document, &section, &session(), false).unwrap();
        let mut document = parse(&text(&document));
        remove_session(&mut document, &section, true).unwrap();
        if exact {
            prop_assert_eq!(text(&document), file);
        }
    }
}

#[test]
fn files_are_replaced_as_a_whole() {
    use awsmfa::testing::aws_files::door::AwsFiles;
    let home = tempfile::tempdir().unwrap();
    let path: PathBuf = home.path().join("aws/credentials");
    let clock = std::sync::Arc::new(awsmfa::testing::clock::SystemClock);
    let files = AwsFiles::new(home.path().join("config"), path.clone(), &home.path().join("state"), clock);
    let write = |d: &mut Document| write_session(d, "dev", &session(), false);
    files.rehearse(AwsFile::Credentials, write).unwrap();
    assert!(!path.exists(), "a rehearsal writes nothing");
    let previewed = files.preview(AwsFile::Credentials, write).unwrap();
    assert_eq!((previewed.old.expose().as_str(), path.exists()), ("", false), "a preview writes nothing");
    let report = files.edit(AwsFile::Credentials, write).unwrap();
    assert_eq!(report, previewed.result);
    let content = std::fs::read_to_string(&path).unwrap();
    assert_eq!(&content, previewed.new.expose());
    assert!(content.starts_with("[dev]\naws_access_key_id = ASIAEXAMPLE\n"), "{content}");
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    let before = awsmfa::testing::files::fingerprint(&path);
    files.edit(AwsFile::Credentials, write).unwrap();
    assert_eq!(awsmfa::testing::files::fingerprint(&path), before, "no change, no write");
    files.edit(AwsFile::Credentials, |d| remove_session(d, "dev", false)).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
}
