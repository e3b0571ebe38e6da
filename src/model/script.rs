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
