//! Lists of what is wrong, for people: worst first, readable without color.

use std::fmt::{self, Write as _};

use super::color;
use super::say::{OutputError, Ui};
use crate::model::visible::{visible, visible_hint};

/// How bad something is; the worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something works only partly, is not safe, or will stop working.
    Warning,
    /// Something worth knowing.
    Note,
}

impl Severity {
    fn style(self) -> anstyle::Style {
        match self {
            Self::Error => color::ERROR,
            Self::Warning => color::WARNING,
            Self::Note => color::SAYING,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// A line of the list, and the lines about what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub severity: Severity,
    pub text: String,
    pub fixes: Vec<String>,
}

impl Ui {
    /// Prints a list as the result, sorted by severity, with a blank line between the groups.
    pub fn entries(&self, entries: &[Entry]) -> Result<(), OutputError> {
        let mut sorted: Vec<&Entry> = entries.iter().collect();
        sorted.sort_by_key(|entry| entry.severity);
        let mut text = String::new();
        let mut last = None;
        for entry in sorted {
            if last.is_some_and(|last| last != entry.severity) {
                text.push('\n');
            }
            last = Some(entry.severity);
            let label = self.result_label(&entry.severity.to_string(), entry.severity.style());
            let _ = writeln!(text, "{label} {}", visible(&entry.text));
            for fix in &entry.fixes {
                let _ = writeln!(text, "  {} {}", self.result_label("fix", color::HINT), visible_hint(fix));
            }
        }
        self.result(&text)
    }

    fn result_label(&self, label: &str, style: anstyle::Style) -> String {
        if self.style.color_results { format!("{style}{label}:{style:#}") } else { format!("{label}:") }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::say::Style;
    use super::super::say::tests::Captured;
    use super::*;

    fn shown(style: Style, entries: &[Entry]) -> String {
        let out = Captured::default();
        Ui::new(style, Box::new(out.clone()), Box::new(io::sink())).entries(entries).unwrap();
        out.writes().concat()
    }

    fn entry(severity: Severity, text: &str, fixes: &[&str]) -> Entry {
        let fixes = fixes.iter().map(|fix| (*fix).to_owned()).collect();
        Entry { severity, text: text.to_owned(), fixes }
    }

    #[test]
    fn entries_are_grouped_by_severity() {
        let entries = [
            entry(Severity::Note, "odd", &[]),
            entry(Severity::Warning, "careful\x1b[2J", &["do this", "or that"]),
            entry(Severity::Error, "broken", &["fix\nit"]),
            entry(Severity::Warning, "again", &[]),
        ];
        insta::assert_snapshot!(shown(Style::default(), &entries), @r"
        error: broken
          fix: fix\nit

        warning: careful\u{1b}[2J
          fix: do this
          fix: or that
        warning: again

        note: odd
        ");
        let color = Style { color_results: true, ..Style::default() };
        assert_eq!(
            shown(color, &entries[2..3]),
            "\x1b[31merror:\x1b[0m broken\n  \x1b[36mfix:\x1b[0m fix\\nit\n"
        );
    }
}
