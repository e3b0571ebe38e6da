//! Live screens on terminals with another encoding than UTF-8.

use ratatui::buffer::Buffer;

use crate::env::Env;

/// The variables that set the encoding of text, the strongest first.
const VARIABLES: [&str; 3] = ["LC_ALL", "LC_CTYPE", "LANG"];

/// Whether the locale is one without UTF-8. Many containers and servers set none, and terminals have UTF-8 nowadays.
pub fn is_needed(env: &Env) -> bool {
    let locale = VARIABLES.into_iter().find_map(|name| env.get(name).filter(|value| !value.is_empty()));
    let is_utf8 = |locale: &str| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    !cfg!(windows) && locale.is_some_and(|locale| !is_utf8(locale))
}

/// Replaces what is not ASCII. Everything keeps its place.
pub fn replace(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        cell.set_symbol(match cell.symbol() {
            "\u{203a}" => ">",
            "\u{2588}" => "#",
            "\u{2591}" => "-",
            "\u{2191}" => "^",
            "\u{2193}" => "v",
            "\u{2026}" => "~",
            _ => "?",
        });
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    // Windows consoles always show Unicode.
    #[cfg(not(windows))]
    #[test]
    fn encoding_is_that_of_the_strongest_variable() {
        let is_needed = |pairs: &[(&str, &str)]| is_needed(&Env::from_pairs(pairs.iter().copied()));
        assert!(!is_needed(&[]) && !is_needed(&[("LANG", "")]) && !is_needed(&[("LANG", "de_DE.utf8")]));
        assert!(is_needed(&[("LANG", "C")]) && is_needed(&[("LANG", "de_DE")]));
        assert!(is_needed(&[("LC_ALL", "POSIX"), ("LC_CTYPE", "en_US.UTF-8"), ("LANG", "en_US.UTF-8")]));
        assert!(!is_needed(&[("LC_CTYPE", "C.UTF-8"), ("LANG", "C")]));
    }

    #[test]
    fn replaced_text_keeps_its_places() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
        buffer.set_string(0, 0, "\u{203a} J\u{fc}\u{65e5} \u{2588}\u{2591}\u{2026}", Style::default());
        replace(&mut buffer);
        assert_eq!(buffer, Buffer::with_lines(["> J??  #-~"]));
    }
}
