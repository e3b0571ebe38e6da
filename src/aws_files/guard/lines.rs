//! The guard's second condition: every line that the log does not affect is unchanged and in its old order.

use std::collections::HashSet;

use super::super::log::Op;
use super::error::GuardError;
use super::header::{header_only, is_header, section_name};

/// The keys and headers in the log. Their lines may differ, because their settings were compared.
struct Concerned<'a> {
    keys: HashSet<(&'a str, &'a str)>,
    headers: HashSet<&'a str>,
}

impl<'a> Concerned<'a> {
    fn by(log: &'a [Op]) -> Self {
        let (mut keys, mut headers) = (HashSet::new(), HashSet::new());
        for op in log {
            match op {
                Op::Set { section, key, .. } | Op::Remove { section, key } => {
                    keys.insert((section.as_str(), key.as_str()));
                }
                Op::Move { from, to, key } => {
                    keys.insert((from.as_str(), key.as_str()));
                    keys.insert((to.as_str(), key.as_str()));
                }
                Op::AddSection(section) | Op::RemoveSection(section) => {
                    headers.insert(section.as_str());
                }
                Op::KeepComment(_)
                | Op::AddComment(_)
                | Op::RemoveComment(_)
                | Op::AddBlank
                | Op::RemoveBlank => {}
            }
        }
        Self { keys, headers }
    }
}

pub(super) fn check(old: &str, new: &str, log: &[Op]) -> Result<(), GuardError> {
    let concerned = Concerned::by(log);
    let (old_lines, old_blanks) = unconcerned(old, &concerned);
    let (new_lines, new_blanks) = unconcerned(new, &concerned);
    let comments = log.iter().filter_map(|op| match op {
        Op::KeepComment(text) => Some(text.expose().as_str()),
        Op::AddComment(text) => Some(text.as_str()),
        _ => None,
    });
    let mut comments: Vec<&str> = comments.collect();
    let removed = log.iter().filter_map(|op| match op {
        Op::RemoveComment(text) => Some(text.as_str()),
        _ => None,
    });
    let mut removed: Vec<&str> = removed.collect();
    let mut is_removed = |line: &str| {
        let at = removed.iter().position(|text| is_text(line, text));
        at.map(|at| removed.swap_remove(at)).is_some()
    };
    let mut old_lines = old_lines.into_iter().peekable();
    for (number, line) in new_lines {
        while old_lines.next_if(|(_, old)| !same(old, line) && is_removed(old)).is_some() {}
        if old_lines.next_if(|(_, old)| same(old, line)).is_some() {
            continue;
        }
        // A kept comment has a new line.
        let kept = comments.iter().position(|text| is_text(line, text));
        match (kept, old_lines.peek()) {
            (Some(at), _) => drop(comments.swap_remove(at)),
            (None, Some((number, _))) => return Err(GuardError::Lines(*number)),
            (None, None) => return Err(GuardError::Lines(number)),
        }
    }
    if let Some((number, _)) = old_lines.find(|(_, old)| !is_removed(old)) {
        return Err(GuardError::Lines(number));
    }
    // A comment that moved may be between the same lines as before, because the headers around it are not compared.
    comments.sort_unstable();
    removed.sort_unstable();
    if comments != removed {
        return Err(GuardError::Comment);
    }
    let added = log.iter().filter(|op| matches!(op, Op::AddBlank)).count();
    let removed = log.iter().filter(|op| matches!(op, Op::RemoveBlank)).count();
    if old_blanks + added != new_blanks + removed {
        return Err(GuardError::BlankLines);
    }
    Ok(())
}

/// Whether a line is this text.
fn is_text(line: &str, text: &str) -> bool {
    line.trim_end_matches(['\r', '\n']) == text
}

/// Whether two lines are equal. The last line of a file may lack its line ending.
fn same(a: &str, b: &str) -> bool {
    a == b
        || (!(a.ends_with('\n') && b.ends_with('\n'))
            && a.trim_end_matches(['\r', '\n']) == b.trim_end_matches(['\r', '\n']))
}

/// The lines that the log does not affect, with their numbers, and the number of blank lines.
fn unconcerned<'t>(text: &'t str, concerned: &Concerned<'_>) -> (Vec<(usize, &'t str)>, usize) {
    let (mut lines, mut blanks) = (Vec::new(), 0);
    let mut section = String::new();
    let mut in_concerned_key = false;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim();
        let indented = line.starts_with([' ', '\t']);
        if trimmed.is_empty() {
            blanks += 1;
            continue;
        }
        if is_header(line) {
            let inner = header_only(trimmed).trim_start_matches('[').trim_end_matches(']');
            section = section_name(inner);
            in_concerned_key = false;
            if concerned.headers.contains(section.as_str()) {
                continue;
            }
        } else if !indented && !trimmed.starts_with(['#', ';']) {
            let key = trimmed.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
            in_concerned_key = concerned.keys.contains(&(section.as_str(), key.as_str()));
            if in_concerned_key {
                continue;
            }
        } else if indented && in_concerned_key {
            continue;
        }
        lines.push((index + 1, line));
    }
    (lines, blanks)
}
