//! Makes text from outside safe to show: names, arguments, variables, file contents, AWS's messages. Characters that a
//! terminal would execute, or show as something else, are written as escapes.

use std::fmt::Write;

/// The longest text to show, in characters; far longer than any ARN with a path.
const LIMIT: usize = 1_000;
/// How many characters of a longer text are shown from its end, where errors have the reason.
const TAIL: usize = 300;

/// Returns one line of text. Control characters (including `\n` and `\u{1b}`), direction marks, zero-width and unassigned
/// characters and unusual spaces are escaped as in Rust, and the middle of a long text is left out.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * LIMIT));
    let count = text.chars().count();
    if count <= LIMIT {
        text.chars().for_each(|c| push(&mut shown, c));
    } else {
        text.chars().take(LIMIT - TAIL).for_each(|c| push(&mut shown, c));
        shown.push('\u{2026}');
        text.chars().skip(count - TAIL).for_each(|c| push(&mut shown, c));
    }
    shown
}

/// The same for a text with a command to paste. A command never loses its middle: a quote before the gap would end at one that
/// belongs after it, and the shell would execute what someone else wrote between quotes. Of a longer text, only what comes before
/// the first quote is left.
pub fn visible_hint(text: &str) -> String {
    if text.chars().count() <= LIMIT {
        return visible(text);
    }
    let unquoted = text.split(['\'', '"']).next().unwrap_or_default();
    let start: String = unquoted.chars().take(LIMIT - 1).collect();
    visible(&start) + "\u{2026}"
}

/// JSON with such characters escaped: it has the same meaning and is harmless on a terminal.
pub fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        // Line breaks are between values; serde escapes those inside strings.
        if c == '\n' || !is_hidden(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

fn push(shown: &mut String, c: char) {
    match is_hidden(c) {
        true => shown.extend(c.escape_debug()),
        false => shown.push(c),
    }
}

/// Whether a character is invisible, according to the standard library. Accents after a letter are visible.
fn is_hidden(c: char) -> bool {
    // Tested after a letter, because accents are not escaped there. Quotes and backslashes are escaped although visible.
    let pair = ['a', c];
    !matches!(c, '"' | '\'' | '\\') && pair.iter().collect::<String>().escape_debug().count() > 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn terminal_controls_are_escaped() {
        assert_eq!(visible("a\x1b[31mb\r\nc\td"), "a\\u{1b}[31mb\\r\\nc\\td");
        assert_eq!(
            visible("\u{9b}2J\u{202e}\u{2066}\u{200b}\u{feff}\u{7f}\u{a0}\u{2028}\u{ad}"),
            "\\u{9b}2J\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{7f}\\u{a0}\\u{2028}\\u{ad}"
        );
    }

    #[test]
    fn readable_text_is_unchanged() {
        for text in ["", "plain", r#"C:\Users\"o'k""#, "Jos\u{e9} e\u{301} 日本語 Ω → … 🔑"] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn long_text_loses_its_middle() {
        let shown = visible(&format!("no profile `{}`: why", "x".repeat(200_000)));
        assert_eq!(shown.chars().count(), LIMIT + 1);
        assert!(
            shown.starts_with("no profile `xxx")
                && shown.ends_with("xxx`: why")
                && shown.contains("x\u{2026}x")
        );
    }

    #[test]
    fn long_hint_loses_what_is_quoted_and_all_after_it() {
        let fits = format!("run: `awsmfa login --profile '{}'`", "x y".repeat(300));
        assert_eq!(visible_hint(&fits), fits);
        for (name, expected) in [("'x y'", ""), ("\"x'y\"", ""), ("xy", "xy")] {
            let shown = visible_hint(&format!("run: `awsmfa login --profile {}`", name.repeat(1_000)));
            assert!(shown.starts_with(&format!("run: `awsmfa login --profile {expected}")), "{shown}");
            assert!(shown.chars().count() <= LIMIT && shown.ends_with('\u{2026}'), "{shown}");
            assert!(!shown.contains(['\'', '"']), "{shown}");
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"a\u{9b}": ["\u{1b}\u{202e}\n", "\u{e0001}\u{301}"]});
        let shown = visible_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(shown.contains(r"\u009b") && shown.contains(r"\udb40\udc01"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    proptest! {
        #[test]
        fn shown_text_is_one_harmless_line(text in any::<String>()) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert_eq!(visible(&shown), shown, "shown text is shown as it is");
        }
    }
}
