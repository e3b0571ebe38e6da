//! The check before a write: the old text, the new text and the log of intended changes must agree. The guard shares no
//! code with the editor: it reads both texts with a third-party parser (`ini`) and compares lines with its own scanner.
//!
//! There are two conditions: the new settings are the old ones with the log applied, and every line that the log does
//! not affect is unchanged and in its old order.

use std::collections::{BTreeMap, HashSet};

use ini::{Ini, ParseOption};

use super::log::Op;
use super::tally;

mod error;
mod header;
mod lines;
mod narrow;

pub use error::GuardError;
use header::{header_only, is_header, section_name};

type Model = BTreeMap<String, BTreeMap<String, String>>;

/// Checks that `new` is `old` with exactly the changes in `log`.
///
/// Sections before and after all differences that are identical in both texts and do not appear in the log are skipped
/// first, so the cost depends on the edit, not on the file. A change is refused only after a check of the complete
/// texts.
pub fn check(old: &str, new: &str, log: &[Op]) -> Result<(), GuardError> {
    tally::count_guard();
    if let Some((old, new)) = narrow::narrowed(old, new, log)
        && check_complete(&old, &new, log).is_ok()
    {
        return Ok(());
    }
    check_complete(old, new, log)
}

pub(super) fn check_complete(old: &str, new: &str, log: &[Op]) -> Result<(), GuardError> {
    let mut expected = model(old, "old")?;
    for op in log {
        apply(&mut expected, op)?;
    }
    let found = model(new, "new")?;
    if let Some(place) = first_difference(&expected, &found) {
        return Err(GuardError::Settings(place));
    }
    lines::check(old, new, log)
}

fn model(text: &str, which: &'static str) -> Result<Model, GuardError> {
    // No quotes. Escapes are enabled because a backslash at the end of a line would otherwise join two lines; all
    // backslashes are doubled.
    let options = ParseOption {
        enabled_quote: false,
        enabled_escape: true,
        enabled_indented_mutiline_value: true,
        enabled_preserve_key_leading_whitespace: false,
    };
    let parsed = Ini::load_from_str_opt(&simplified(text), options)
        .map_err(|error| GuardError::Unreadable { which, line: error.line })?;
    let mut model = Model::new();
    for (section, settings) in parsed.iter() {
        let Some(section) = section else {
            if settings.is_empty() {
                continue;
            }
            return Err(GuardError::Unreadable { which, line: 1 });
        };
        let name = section_name(section);
        let mut keys = BTreeMap::new();
        for (key, value) in settings.iter() {
            let key = key.to_ascii_lowercase();
            if keys.insert(key.clone(), value.to_owned()).is_some() {
                return Err(GuardError::Twice { which, what: format!("[{name}] {key}") });
            }
        }
        if model.insert(name.clone(), keys).is_some() {
            return Err(GuardError::Twice { which, what: format!("[{name}]") });
        }
    }
    Ok(model)
}

/// Removes what AWS files may contain but `ini` cannot read: comments (also after a header), blank lines within nested
/// blocks, and the indentation of headers, unless they continue the setting above.
fn simplified(text: &str) -> String {
    let mut simple = String::with_capacity(text.len());
    let mut in_setting = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let continues = in_setting && line.starts_with([' ', '\t']);
        let line = if !continues && is_header(line) {
            in_setting = false;
            header_only(trimmed)
        } else {
            in_setting = true;
            line.trim_end()
        };
        simple.push_str(&line.replace('\\', "\\\\"));
        simple.push('\n');
    }
    simple
}

fn apply(model: &mut Model, op: &Op) -> Result<(), GuardError> {
    let misfit = |section: &str, key: &str| GuardError::Log(format!("`{key}` in section [{section}]"));
    match op {
        Op::Set { section, key, value } => {
            let keys = model.get_mut(section).ok_or_else(|| misfit(section, key))?;
            keys.insert(key.clone(), value.expose().clone());
        }
        Op::Remove { section, key } => {
            let removed = model.get_mut(section).and_then(|keys| keys.remove(key));
            removed.ok_or_else(|| misfit(section, key))?;
        }
        Op::Move { from, to, key } => {
            let value =
                model.get_mut(from).and_then(|keys| keys.remove(key)).ok_or_else(|| misfit(from, key))?;
            let keys = model.get_mut(to).ok_or_else(|| misfit(to, key))?;
            if keys.insert(key.clone(), value).is_some() {
                return Err(misfit(to, key));
            }
        }
        Op::AddSection(section) => {
            if model.insert(section.clone(), BTreeMap::new()).is_some() {
                return Err(GuardError::Log(format!("section [{section}]")));
            }
        }
        Op::RemoveSection(section) => {
            if !model.remove(section).is_some_and(|keys| keys.is_empty()) {
                return Err(GuardError::Log(format!("section [{section}]")));
            }
        }
        Op::KeepComment(_) | Op::AddComment(_) | Op::RemoveComment(_) | Op::AddBlank | Op::RemoveBlank => {}
    }
    Ok(())
}

fn first_difference(expected: &Model, found: &Model) -> Option<String> {
    let sections: HashSet<&String> = expected.keys().chain(found.keys()).collect();
    for section in sections {
        let (Some(a), Some(b)) = (expected.get(section), found.get(section)) else {
            return Some(format!("section [{section}]"));
        };
        if let Some(key) = a.keys().chain(b.keys()).find(|key| a.get(*key) != b.get(*key)) {
            return Some(format!("`{key}` in section [{section}]"));
        }
    }
    None
}

#[cfg(test)]
mod tests;
