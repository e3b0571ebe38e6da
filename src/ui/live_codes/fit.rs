//! Texts that fit a number of columns. A character may take two of them, or none.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::model::visible::visible;

/// What a text that does not fit is shortened with.
const CUT: &str = "\u{2026}";

/// How many columns a text takes.
pub(super) fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// A text of exactly this width: shortened, or followed by spaces.
pub(super) fn fitted(text: &str, width: usize) -> String {
    let text = visible(text);
    let mut text = match columns(&text) > width {
        true if width == 0 => String::new(),
        true => split(&text, width - 1, 0).0 + CUT,
        false => text,
    };
    text.push_str(&" ".repeat(width.saturating_sub(columns(&text))));
    text
}

/// The end of a text, of at most this width.
pub(super) fn tail(text: &str, width: usize) -> String {
    let mut rest = text.to_owned();
    while columns(&rest) > width && !rest.is_empty() {
        rest = split(&rest, 0, 1).1;
    }
    rest
}

/// The text in lines of at most this width. Words are split only if they are longer.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => {
                let mut rest = word.to_owned();
                while !rest.is_empty() {
                    let (line, end) = split(&rest, width, 1);
                    lines.push(line);
                    rest = end;
                }
            }
        }
    }
    lines
}

/// As much of the text as fits, but no fewer characters than `least`, and the rest.
fn split(text: &str, width: usize, least: usize) -> (String, String) {
    let (mut start, mut end) = (String::new(), String::new());
    for (place, part) in Span::raw(text).styled_graphemes(Style::default()).enumerate() {
        let fits = end.is_empty() && columns(&start) + columns(part.symbol) <= width;
        match fits || place < least {
            true => start.push_str(part.symbol),
            false => end.push_str(part.symbol),
        }
    }
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_whatever_their_characters() {
        for (text, width, shown) in [
            ("alice", 7, "alice  "),
            ("alice", 5, "alice"),
            ("alice", 4, "ali\u{2026}"),
            ("alice", 1, "\u{2026}"),
            ("alice", 0, ""),
            ("日本語", 6, "日本語"),
            // A character of two columns that would be cut leaves a column free.
            ("日本語", 5, "日本\u{2026}"),
            ("日本語", 4, "日\u{2026} "),
            ("日本語", 2, "\u{2026} "),
            ("🔑 prod", 5, "🔑 p\u{2026}"),
            ("e\u{301}te\u{301}", 3, "e\u{301}te\u{301}"),
            ("e\u{301}te\u{301}", 2, "e\u{301}\u{2026}"),
            ("🇩🇪🇫🇷", 3, "🇩🇪\u{2026}"),
            ("a\u{1b}[2J", 20, "a\\u{1b}[2J          "),
        ] {
            assert_eq!(fitted(text, width), shown, "{text:?} in {width}");
        }
    }

    #[test]
    fn lines_are_short_enough_and_lose_nothing() {
        assert_eq!(wrapped("copied the code for 日本語", 12), ["copied the", "code for", "日本語"]);
        assert_eq!(wrapped("arn:aws:iam::1 is", 6), ["arn:aw", "s:iam:", ":1 is"]);
        assert_eq!(wrapped("a 日本", 1), ["a", "日", "本"]);
        assert!(wrapped(" ", 5).is_empty());
    }

    #[test]
    fn tail_is_the_end() {
        assert_eq!(
            [tail("filter", 9), tail("filter", 3), tail("日本", 3), tail("日本", 0)],
            ["filter", "ter", "本", ""]
        );
    }
}
