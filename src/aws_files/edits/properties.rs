//! Properties of all files and edits.

use proptest::prelude::*;

use super::*;
use crate::aws_files::guard;
use crate::aws_files::session_edits::{SessionValues, own_sessions, remove_session, write_session};

const SECTIONS: [&str; 6] = ["a", "b", "c", "default", "a-long-term", "profile a"];
const KEYS: [&str; 5] = ["k", "aws_access_key_id", "aws_secret_access_key", "mfa_serial", "region"];

/// Sections with settings, and with blank lines and comments in between. There are no duplicates, so the text can be
/// edited.
fn text() -> impl Strategy<Value = String> {
    let settings = [
        "aws_access_key_id = AKIA1",
        "aws_secret_access_key = s",
        "aws_session_token = t",
        "x_security_token_expires = e",
        "mfa_serial = m",
        "k=v # note",
        "region = x\n  # indented",
        "s3 =\n  sub = 1",
    ];
    let between = prop::sample::select(vec!["", "", "", "\n", "# c\n", "\n\n", "  \n", "# c\n\n# d\n"]);
    let setting = (prop::sample::subsequence(settings.to_vec(), 0..=6), prop::collection::vec(between, 8));
    let section = setting.prop_map(|(settings, between)| {
        let lines = settings.iter().zip(&between[1..]);
        between[0].to_owned() + &lines.map(|(s, between)| format!("{s}\n{between}")).collect::<String>()
    });
    let sections = prop::sample::subsequence(SECTIONS.to_vec(), 0..=6).prop_shuffle();
    let all = (sections, prop::collection::vec(section, 7), any::<bool>(), any::<bool>());
    all.prop_map(|(names, bodies, crlf, ends)| {
        let sections = names.iter().zip(&bodies).map(|(name, body)| format!("[{name}]\n{body}"));
        let text = sections.collect::<String>();
        let text = if ends { text.as_str() } else { text.strip_suffix('\n').unwrap_or(&text) };
        if crlf { text.replace('\n', "\r\n") } else { text.to_owned() }
    })
}

#[derive(Debug, Clone)]
enum Edit {
    Set(&'static str, &'static str),
    Remove(&'static str, &'static str),
    Move(&'static str, &'static str, &'static str),
    Add(&'static str, Option<&'static str>),
    WriteSession(&'static str),
    RemoveSessions(bool),
}

fn edit() -> impl Strategy<Value = Edit> {
    let section = || prop::sample::select(SECTIONS.to_vec());
    let key = || prop::sample::select(KEYS.to_vec());
    prop_oneof![
        (section(), key()).prop_map(|(section, key)| Edit::Set(section, key)),
        (section(), key()).prop_map(|(section, key)| Edit::Remove(section, key)),
        (section(), section(), key()).prop_map(|(from, to, key)| Edit::Move(from, to, key)),
        (section(), prop::option::of(section())).prop_map(|(section, after)| Edit::Add(section, after)),
        section().prop_map(Edit::WriteSession),
        any::<bool>().prop_map(Edit::RemoveSessions),
    ]
}

/// Applies an edit. A refused edit must not change anything.
fn make(document: &mut Document, edit: &Edit) -> bool {
    match edit {
        Edit::Set(section, key) => document.set(section, key, "new").is_ok(),
        Edit::Remove(section, key) => document.remove(section, key).is_ok(),
        Edit::Move(from, to, key) => document.move_key(from, to, key, Position::End).is_ok(),
        Edit::Add(section, after) => document.add_section(section, *after).is_ok(),
        Edit::WriteSession(section) => {
            write_session(document, section, &SessionValues::placeholder(), false).is_ok()
        }
        Edit::RemoveSessions(restore) => {
            let sections = own_sessions(document);
            sections.iter().all(|section| remove_session(document, section, *restore).is_ok())
        }
    }
}

/// Everything that can be read from a document.
fn facts(document: &Document) -> String {
    let sections = document.ids().map(|id| {
        let settings = document.settings(id).into_iter();
        let settings = settings.map(|s| format!("{} {} = {}", s.line, s.key, s.value.expose()));
        (document.name(id).to_owned(), document.first_line(id), settings.collect::<Vec<_>>())
    });
    format!("{:?} {:?}", sections.collect::<Vec<_>>(), document.obstacles())
}

proptest! {
    #[test]
    fn edited_document_is_what_its_text_reads_as(text in text(), edits in prop::collection::vec(edit(), 1..6)) {
        let mut document = Document::parse(AwsFile::Credentials, text.as_bytes()).unwrap();
        prop_assert_eq!(document.check_editable(), Ok(()));
        for edit in &edits {
            let before = (document.to_text(), document.log().len());
            if !make(&mut document, edit) && !matches!(edit, Edit::RemoveSessions(_)) {
                prop_assert_eq!(before, (document.to_text(), document.log().len()), "a refused edit changes nothing");
            }
        }
        let text = document.to_text();
        let parsed = Document::parse(AwsFile::Credentials, text.expose().as_bytes()).unwrap();
        prop_assert_eq!(facts(&document), facts(&parsed));
        prop_assert_eq!(facts(&document.settled(text.clone())), facts(&parsed));
        let mut again = document.settled(text);
        let mut parsed = parsed;
        for edit in &edits {
            make(&mut again, edit);
            make(&mut parsed, edit);
        }
        prop_assert_eq!(again.to_text(), parsed.to_text());
    }

    #[test]
    fn narrowed_guard_decides_as_the_complete_one(
        text in text(),
        edits in prop::collection::vec(edit(), 1..6),
        damage in prop::option::of((any::<prop::sample::Index>(), "[a-c\\[\\]=# \n]{0,3}", 0..3usize)),
        lie in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut document = Document::parse(AwsFile::Credentials, text.as_bytes()).unwrap();
        prop_assert_eq!(document.check_editable(), Ok(()));
        for edit in &edits {
            make(&mut document, edit);
        }
        let mut new = document.to_text().expose().clone();
        let mut log = document.log().to_vec();
        if let Some((at, what, drop)) = &damage && !new.is_empty() {
            let at = at.index(new.len());
            let end = (at + drop).min(new.len());
            new.replace_range(at..end, what);
        }
        if let Some(at) = lie && !log.is_empty() {
            log.remove(at.index(log.len()));
        }
        let whole = guard::check_complete(&text, &new, &log).is_ok();
        prop_assert_eq!(guard::check(&text, &new, &log).is_ok(), whole, "{:?}", new);
        if damage.is_none() && lie.is_none() {
            prop_assert!(whole, "{new:?} {:?}", guard::check_complete(&text, &new, &log));
        }
    }
}
