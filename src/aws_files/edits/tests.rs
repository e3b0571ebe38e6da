use super::*;
use crate::aws_files::AwsFile;

fn document(kind: AwsFile, text: &str) -> Document {
    Document::parse(kind, text.as_bytes()).unwrap()
}

/// The text after a change to a credentials file.
fn after(text: &str, change: impl FnOnce(&mut Document)) -> String {
    let mut document = document(AwsFile::Credentials, text);
    change(&mut document);
    document.to_text().expose().clone()
}

#[test]
fn value_is_replaced_in_place() {
    let set = |d: &mut Document| assert!(d.set("a", "k", "new").unwrap());
    assert_eq!(after("[a]\nK=old\nz = 1\n", set), "[a]\nk = new\nz = 1\n");
    assert_eq!(after("[a]\nk = old ; why\n", set), "[a]\n; why\nk = new\n");
    assert_eq!(after("[a]\nk =\n x = 1\n  # note\n\n y = 2\nz = 1", set), "[a]\n# note\nk = new\n\nz = 1");
    assert_eq!(after("[a]\r\nk = old", set), "[a]\r\nk = new");
    assert!(!document(AwsFile::Credentials, "[a]\nK  =new # x").set("a", "k", "new").unwrap());
}

#[test]
fn new_key_is_added_after_the_last_setting() {
    let set = |d: &mut Document| assert!(d.set("a", "k", "v").unwrap());
    assert_eq!(after("[a]\nx = 1\n# end\n\n[b]\n", set), "[a]\nx = 1\nk = v\n# end\n\n[b]\n");
    assert_eq!(
        after("[a]\nx =\n  y = 1\n\n  # z\n\n[b]\n", set),
        "[a]\nx =\n  y = 1\n\n  # z\nk = v\n\n[b]\n"
    );
    assert_eq!(after("[a]\n# c\n", set), "[a]\nk = v\n# c\n");
    assert_eq!(after("[a]", set), "[a]\nk = v");
    assert_eq!(after("[b]\r\nx = 1\r\n\r\n[a]\r\n", set), "[b]\r\nx = 1\r\n\r\n[a]\r\nk = v\r\n");
    assert_eq!(after("[b]\r\nx = 1", set), "[b]\r\nx = 1\r\n\r\n[a]\r\nk = v");
}

#[test]
fn comments_are_kept_when_their_key_is_removed() {
    let remove = |d: &mut Document| assert!(d.remove("a", "k").unwrap());
    assert_eq!(
        after("[a]\nx = 1\nk = v # why\n  # note\n more\n# z\n", remove),
        "[a]\nx = 1\n# why\n# note\n# z\n"
    );
    assert_eq!(after("[a]\nx = 1\nk = v", remove), "[a]\nx = 1");
}

fn refusal(kind: AwsFile, text: &str, section: &str) -> String {
    let mut document = document(kind, text);
    let error = document.set(section, "k", "v").unwrap_err();
    assert_eq!((document.to_text().expose().as_str(), document.log().len()), (text, 0));
    error.to_string()
}

#[test]
fn unsafe_edits_are_refused_with_a_line_number() {
    use AwsFile::{Config, Credentials};
    for (kind, text, section, expected) in [
        (Credentials, "[a]\n[b]\n[a]", "b", "section [a] appears twice, on lines 1 and 3"),
        (Config, "[profile a]\n[profile  a]", "x", "section [profile a] appears twice, on lines 1 and 2"),
        (
            Config,
            "[default]\n[profile default]",
            "x",
            "[default] and [profile default] are one profile, on lines 1 and 2, and tools differ in which they read",
        ),
        (Config, "[profile a]\n[profile \"a\"]", "x", "section [profile a] appears twice, on lines 1 and 2"),
        (Credentials, "[a]\nX = 1\nx = 2", "a", "`x` appears twice in section [a], on lines 2 and 3"),
        (
            Credentials,
            "\n[DEFAULT]\n",
            "a",
            "line 2: the AWS CLI applies [DEFAULT] to every profile; [default] is the default profile",
        ),
        (Credentials, "[ a ]", "a", "line 1: the header of section [a] must be exactly `[a]` to be edited"),
        (Credentials, "[b]\n  x = 1\n  [a]", "a", "line 2: an indented line without a setting above it"),
        (
            Credentials,
            "[b]\n  [a]",
            "a",
            "line 2: the header of section [a] must be exactly `[a]` to be edited",
        ),
        (
            Credentials,
            "[b]\nx = 1\n  [a]",
            "c",
            "line 3: an indented section header, which some SDKs read as part of the setting above",
        ),
        (Credentials, "[a]# x", "a", "line 1: the header of section [a] must be exactly `[a]` to be edited"),
        (
            Credentials,
            "[a] # [1]",
            "a",
            "line 1: the header of section [a] must be exactly `[a]` to be edited",
        ),
        (
            Credentials,
            "[a]\nx = 1\n  y = 2\n[b]",
            "b",
            "line 3: an indented setting, which some SDKs read as part of the value above",
        ),
        (Credentials, "[a]\nx = 1\nX = 2\n[b]", "b", "`x` appears twice in section [a], on lines 2 and 3"),
        (Config, "[profile a]\n[profile 'a']", "x", "section [profile a] appears twice, on lines 1 and 2"),
        (
            Config,
            "[profile  \"a\"]",
            "profile a",
            "line 1: the header of section [profile a] must be exactly `[profile a]` to be edited",
        ),
        (Config, "", "profile 'a b'", "`profile 'a b'` is not a valid name in an AWS file"),
        (Credentials, "", "a b", "`a b` is not a valid name in an AWS file"),
        (Credentials, "", "a b!", "`a b!` is not a valid name in an AWS file"),
    ] {
        assert_eq!(refusal(kind, text, section), expected);
    }
    // Below a setting, the next header would be part of its value. JavaScript does not recognize the last one as a header.
    let expected = "line 2: the header of section [c] must be exactly `[c]` to be edited";
    for text in ["[a]\n  [c]\nx = 1\n", "[a]\n\t[c] # d", "[a]\n[c]# d\nx = 1\n"] {
        assert_eq!(refusal(Credentials, text, "a"), expected);
        let mut document = document(Credentials, text);
        assert_eq!(document.add_section("b", Some("a")).unwrap_err().to_string(), expected);
        assert!(document.add_section("b", None).is_ok());
    }
    // Odd headers elsewhere in the file do not matter.
    for text in ["[ a ]\n[b]", "[a]\n  [c]\n[b]", "['a']\n[b]", "[b]\n[ c ]", "[b]\n[c] # d]\n"] {
        assert!(document(Credentials, text).set("b", "k", "v").is_ok(), "{text}");
    }
    let mut config = document(Config, "[profile default]\n");
    config.set("default", "k", "v").unwrap();
    assert_eq!(config.to_text().expose(), "[profile default]\nk = v\n");
}

#[test]
fn sections_with_quoted_names_are_edited_in_place() {
    for header in ["[profile 'a']", "[profile \"a\"]", "[profile 'a b']", "[profile \"a b\"] # mine"] {
        let name = if header.contains("a b") { "a b" } else { "a" };
        let text = format!("{header}\nregion = x\n");
        let mut document = document(AwsFile::Config, &text);
        let section = crate::aws_files::header_of(AwsFile::Config, name);
        assert!(document.set(&section, "mfa_serial", "s").unwrap(), "{header}");
        let new = document.to_text();
        assert_eq!(*new.expose(), format!("{text}mfa_serial = s\n"));
        crate::aws_files::guard::check(&text, new.expose(), document.log()).unwrap();
    }
}

#[test]
fn ambiguous_names_and_values_are_not_written() {
    let mut document = document(AwsFile::Credentials, "[a]\n");
    for value in ["", " x", "x ", "a\nb", "a\rb", "a\0b", "a # b", "a\t;b", "# a", "\"a\"", "'a'", "`a`"] {
        let error = document.set("a", "k", value).unwrap_err();
        assert!(matches!(error, UnsafeEdit::UnwritableValue { .. }), "{value:?}");
    }
    for key in ["", "K", "a b", "a:b", "a=b", "#a", "[a"] {
        assert!(matches!(document.set("a", key, "v"), Err(UnsafeEdit::UnwritableName { .. })), "{key:?}");
    }
    for value in ["a;b#c", "\"/a b/x\" y", "=", "[a]", "C:\\x\\"] {
        assert!(document.set("a", "k", value).unwrap(), "{value}");
    }
}

#[test]
fn errors_show_no_values() {
    let mut document = document(AwsFile::Credentials, "[a]\nk = hidden\n more-hidden\n");
    document.set("a", "z", "hidden-too").unwrap();
    let error = document.set("a", "k", "hidden # x").unwrap_err();
    assert!(!format!("{document:?} {error} {error:?}").contains("hidden"));
}

#[test]
fn appended_comments_are_taken_back_with_their_change() {
    let text = "[k]\nx = 1\n# a\n[a]\nv = 1\n# b\n[b]\nv = 1\n# c\n[c]\nv = 1\n# d\n[d]\nv = 1\n";
    let mut document = document(AwsFile::Credentials, text);
    let remove = |document: &mut Document, section| document.remove_keys_and_empty_section(section, &["v"]);
    assert!(remove(&mut document, "a").unwrap());
    let before = (document.to_text(), document.log().len());
    let shorter = "[k]\nx = 1\n# a\n# b\n# c\n[c]\nv = 1\n# d\n[d]\nv = 1\n";
    let failed = document.atomically(|document| {
        remove(document, "b").unwrap();
        let inner = document.atomically(|document| remove(document, "c").map_or(Ok(()), Err));
        assert_eq!((inner, document.to_text().expose().as_str()), (Err(true), shorter));
        remove(document, "c").map_or(Ok(()), Err)
    });
    assert_eq!((failed, before), (Err(true), (document.to_text(), document.log().len())));
    remove(&mut document, "b").unwrap();
    assert_eq!(document.to_text().expose(), shorter);
}

#[test]
fn section_that_was_taken_back_is_no_longer_the_last() {
    let mut document = document(AwsFile::Credentials, "[a]\nk = v");
    let failed = document.atomically(|document| document.set("b", "k", "v").map_or(Ok(()), Err));
    assert_eq!(failed, Err(true));
    assert!(document.set("a", "z", "1").unwrap());
    assert_eq!(document.to_text().expose(), "[a]\nk = v\nz = 1");
}

#[test]
fn large_sections_and_long_lines_are_edited_in_linear_time() {
    let start = std::time::Instant::now();
    for last in ["# note\n".repeat(4000), format!("k = {}\n[z]", "[".repeat(400_000))] {
        let text = format!("[a]\nk = v\n[b]\n{last}# end");
        let mut document = document(AwsFile::Credentials, &text);
        assert!(document.set("a", "k", "new").unwrap());
        let new = document.to_text();
        assert_eq!(*new.expose(), text.replacen("k = v", "k = new", 1));
        crate::aws_files::guard::check(&text, new.expose(), document.log()).unwrap();
    }
    // Quadratic, each takes longer than this.
    let took = start.elapsed();
    assert!(took.as_secs() < 5, "{took:?}");
}
