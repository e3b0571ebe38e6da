//! Whether to use color: one decision for all output, including clap's help and errors.

use anstyle::{AnsiColor, Style};

use crate::env::Env;

pub(super) const SAYING: Style = Style::new().bold();
pub(super) const DETAIL: Style = Style::new().dimmed();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(super) const ERROR: Style = AnsiColor::Red.on_default();
pub(super) const HINT: Style = AnsiColor::Cyan.on_default();
pub(super) const DONE: Style = AnsiColor::Green.on_default();

/// The value of `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// As set by environment variables, otherwise only on terminals.
    #[default]
    Auto,
    /// On terminals and elsewhere.
    Always,
    Never,
}

/// Whether to use color on a terminal or elsewhere. Precedence: the flag, `NO_COLOR` (no-color.org), `FORCE_COLOR` and
/// `CLICOLOR_FORCE`, `CLICOLOR` (bixense.com/clicolors), whether it is a terminal.
pub fn is_wanted(when: When, env: &Env, terminal: bool) -> bool {
    let set = |name| env.get(name).filter(|value| !value.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR").is_some() => false,
        When::Auto => match (set("FORCE_COLOR"), set("CLICOLOR_FORCE")) {
            (Some(level), _) => !matches!(level, "0" | "false"),
            (None, Some(forced)) if forced != "0" => true,
            _ => terminal && set("CLICOLOR") != Some("0") && set("TERM") != Some("dumb"),
        },
    }
}

/// Enables escape sequences in a Windows console. Returns whether they work.
pub fn enable() -> bool {
    #[cfg(windows)]
    return anstyle_query::windows::enable_ansi_colors() == Some(true);
    #[cfg(not(windows))]
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_overrides_variables_and_variables_override_the_terminal() {
        let wanted = |when, vars: &[(&str, &str)], terminal| {
            is_wanted(when, &Env::from_pairs(vars.iter().copied()), terminal)
        };
        let auto = |vars: &[(&str, &str)]| (wanted(When::Auto, vars, false), wanted(When::Auto, vars, true));
        assert_eq!(auto(&[]), (false, true));
        assert_eq!(auto(&[("NO_COLOR", "1")]), (false, false));
        assert_eq!(auto(&[("NO_COLOR", "")]), (false, true));
        assert_eq!(auto(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), (false, false));
        for name in ["CLICOLOR_FORCE", "FORCE_COLOR"] {
            assert_eq!(auto(&[(name, "1")]), (true, true));
            assert_eq!(auto(&[(name, "1"), ("TERM", "dumb")]), (true, true));
        }
        assert_eq!(auto(&[("CLICOLOR_FORCE", "0")]), (false, true));
        assert_eq!(auto(&[("FORCE_COLOR", "0")]), (false, false));
        assert_eq!(auto(&[("CLICOLOR", "0")]), (false, false));
        assert_eq!(auto(&[("TERM", "dumb")]), (false, false));
        for terminal in [false, true] {
            assert!(wanted(When::Always, &[("NO_COLOR", "1"), ("TERM", "dumb")], terminal));
            assert!(!wanted(When::Never, &[("FORCE_COLOR", "1")], terminal));
        }
    }
}
