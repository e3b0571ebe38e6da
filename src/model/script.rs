//! Variables as text: for a shell to evaluate, for `docker --env-file`, and as JSON.

use std::collections::BTreeMap;

use super::handout::Change;
use super::secret::Secret;
use super::shell::Shell;
use super::visible::visible_json;

/// How variables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    Shell(Shell),
    /// `NAME=value`, without quotes: Docker takes every character literally, quotes included. Only AWS's own variables, with
    /// values that need no quotes, so that other readers of such files agree.
    Dotenv,
    Json,
}

/// The text that sets and removes variables.
pub fn render(syntax: Syntax, changes: &[Change]) -> Secret<String> {
    let value = |change: &Change| change.value.as_ref().map(|value| value.expose().clone());
    // No shell can be trusted with control characters, which only a profile's name may contain.
    let is_plain = |change: &&Change| {
        change.value.as_ref().is_none_or(|value| !value.expose().contains(char::is_control))
    };
    let plain = changes.iter().filter(is_plain);
    let mut text = match syntax {
        Syntax::Shell(shell) => {
            let pairs = plain.map(|c| (c.name.as_str(), c.value.as_ref().map(|v| v.expose().as_str())));
            shell.script(pairs).join("\n")
        }
        Syntax::Dotenv => {
            let lines =
                plain.filter(|c| !c.is_own()).filter_map(|c| Some(format!("{}={}", c.name, value(c)?)));
            lines.collect::<Vec<_>>().join("\n")
        }
        Syntax::Json => {
            let set: BTreeMap<_, _> = changes.iter().filter_map(|c| Some((&c.name, value(c)?))).collect();
            visible_json(&serde_json::to_string_pretty(&set).expect("texts are valid JSON"))
        }
    };
    if !text.is_empty() {
        text.push('\n');
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that some shell could read as something else.
    const AWKWARD: [&str; 12] = [
        "dev",
        "",
        "a b",
        "it's",
        "''",
        "say \"hi\"",
        "\"",
        "%PATH% !x! ^&|<>()",
        "$HOME $(id) `id`",
        "back\\",
        "\u{2018}typographic\u{2019}",
        "é ☃",
    ];

    fn lines(syntax: Syntax, value: Option<&str>) -> Vec<String> {
        let change = Change { name: "AWS_PROFILE".to_owned(), value: value.map(Secret::from) };
        let text = render(syntax, &[change]);
        text.expose().lines().map(str::to_owned).collect()
    }

    /// A single-quoted text as PowerShell reads it, and what follows: a doubled quote of any kind is one quote.
    fn read_by_powershell(text: &str) -> (String, &str) {
        let is_quote = |c: char| matches!(c, '\'' | '\u{2018}'..='\u{201b}');
        let mut read = String::new();
        let mut rest = text.strip_prefix('\'').unwrap().chars();
        while let Some(c) = rest.next() {
            if is_quote(c) && !rest.as_str().starts_with(is_quote) {
                return (read, rest.as_str());
            }
            if is_quote(c) {
                rest.next();
            }
            read.push(c);
        }
        panic!("not closed: {text}");
    }

    #[test]
    fn powershell_reads_every_value_back() {
        for value in AWKWARD {
            let lines = lines(Syntax::Shell(Shell::PowerShell), Some(value));
            let [line] = &lines[..] else { panic!("{lines:?}") };
            let quoted = line.strip_prefix("$env:AWS_PROFILE = ").unwrap();
            assert_eq!(read_by_powershell(quoted), (value.to_owned(), ""), "{line}");
        }
        let removed = lines(Syntax::Shell(Shell::PowerShell), None);
        assert_eq!(removed, ["Remove-Item -ErrorAction Ignore Env:AWS_PROFILE"]);
    }

    /// `set "NAME=VALUE"`: cmd takes everything up to the last quote, and `for /f` passes it on as it is.
    #[test]
    fn cmd_reads_every_value_back() {
        for value in AWKWARD {
            let lines = lines(Syntax::Shell(Shell::Cmd), Some(value));
            let [line] = &lines[..] else { panic!("{lines:?}") };
            let (assignment, rest) = line.strip_prefix("set \"").unwrap().rsplit_once('"').unwrap();
            assert_eq!((assignment.split_once('=').unwrap(), rest), (("AWS_PROFILE", value), ""), "{line}");
        }
        assert_eq!(lines(Syntax::Shell(Shell::Cmd), None), ["set \"AWS_PROFILE=\""]);
    }

    #[test]
    fn json_and_env_files_have_values_only() {
        for value in AWKWARD {
            let text = lines(Syntax::Json, Some(value)).join("\n");
            let read: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
            assert_eq!(read["AWS_PROFILE"], value);
        }
        assert_eq!(lines(Syntax::Json, None), ["{}"]);
        assert_eq!(lines(Syntax::Dotenv, Some("dev")), ["AWS_PROFILE=dev"]);
        assert_eq!(lines(Syntax::Dotenv, None), [""; 0]);
    }

    #[test]
    fn control_characters_reach_no_shell() {
        for syntax in [Shell::Posix, Shell::Cmd, Shell::PowerShell].map(Syntax::Shell) {
            assert_eq!(lines(syntax, Some("a\u{1b}[2J\nid")), [""; 0]);
        }
    }
}
