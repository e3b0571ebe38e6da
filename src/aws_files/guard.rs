//! The check before a write: the old text, the new text and the log of what was meant must agree. It shares no code
//! with the editor: other people's parser (`ini`) reads both texts, and a scanner of its own tells lines apart.
//!
//! Two conditions, both needed: the settings of the new text are those of the old one with the log applied; and every
//! line that the log does not concern is there as it was, in its order.

use std::collections::{BTreeMap, HashSet};

use ini::{Ini, ParseOption};

use super::log::Op;

/// Why a change was refused. The file was left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// The `ini` crate cannot read it.
    #[error("the {which} text cannot be checked (line {line})")]
    Unreadable {
        /// `old` or `new`.
        which: &'static str,
        /// The line, counted without blank lines and comments.
        line: usize,
    },
    #[error("the {which} text has {what} twice")]
    Twice {
        /// `old` or `new`.
        which: &'static str,
        /// `[section]` or `[section] key`.
        what: String,
    },
    /// The log does not fit the old text.
    #[error("a change to {0} does not fit the file")]
    Log(String),
    /// A setting differs that should not, or does not where it should.
    #[error("{0} would not be what was intended")]
    Settings(String),
    /// A line was lost, added, changed or moved.
    #[error("line {0} would be changed though it should not")]
    Lines(usize),
    #[error("blank lines would be changed that should not")]
    BlankLines,
}

type Model = BTreeMap<String, BTreeMap<String, String>>;

/// Checks that `new` is `old` with exactly the changes of `log`.
pub fn check(old: &str, new: &str, log: &[Op]) -> Result<(), GuardError> {
    let mut expected = model(old, "old")?;
    for op in log {
        apply(&mut expected, op)?;
    }
    let found = model(new, "new")?;
    if let Some(place) = first_difference(&expected, &found) {
        return Err(GuardError::Settings(place));
    }
    check_lines(old, new, log)
}

fn model(text: &str, which: &'static str) -> Result<Model, GuardError> {
    // No quotes, and escapes only because a backslash at a line's end would otherwise join lines: all are doubled.
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

/// What `ini` cannot read though AWS files have it, taken away: comments (also after a header), blank lines within
/// nested blocks, indentation of headers.
fn simplified(text: &str) -> String {
    let mut simple = String::with_capacity(text.len());
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let line = if is_header(line) { header_only(trimmed) } else { line.trim_end() };
        simple.push_str(&line.replace('\\', "\\\\"));
        simple.push('\n');
    }
    simple
}

fn is_header(line: &str) -> bool {
    let trimmed = line.trim();
    trimmed.starts_with('[') && (header_only(trimmed).len() < trimmed.len() || trimmed.ends_with(']'))
}

/// A section's name as the log has it: single spaces, and single quotes only around what needs them.
fn section_name(header: &str) -> String {
    let name = header.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((prefix, rest)) = name.split_once(' ') else { return name };
    let unquoted = ['"', '\''].into_iter().find_map(|quote| rest.strip_prefix(quote)?.strip_suffix(quote));
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c));
    match unquoted {
        Some(inner) if plain(inner) => format!("{prefix} {inner}"),
        Some(inner) => format!("{prefix} '{inner}'"),
        None => name,
    }
}

/// A header without the comment after it.
fn header_only(trimmed: &str) -> &str {
    match trimmed.split_once(']') {
        Some((head, rest)) if rest.trim_start().starts_with(['#', ';']) => &trimmed[..=head.len()],
        _ => trimmed,
    }
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
        Op::KeepComment(_) | Op::AddBlank | Op::RemoveBlank => {}
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

/// What the log concerns: these lines may differ, as their settings were compared.
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
                Op::KeepComment(_) | Op::AddBlank | Op::RemoveBlank => {}
            }
        }
        Self { keys, headers }
    }
}

fn check_lines(old: &str, new: &str, log: &[Op]) -> Result<(), GuardError> {
    let concerned = Concerned::by(log);
    let (old_lines, old_blanks) = unconcerned(old, &concerned);
    let (mut new_lines, new_blanks) = unconcerned(new, &concerned);
    for op in log {
        let Op::KeepComment(text) = op else { continue };
        let kept = |line: &str| line.trim_end_matches(['\r', '\n']) == text.expose();
        if let Some(at) = new_lines.iter().position(|(_, line)| kept(line)) {
            new_lines.remove(at);
        }
    }
    let lines = old_lines.len().max(new_lines.len());
    for index in 0..lines {
        match (old_lines.get(index), new_lines.get(index)) {
            (Some((_, a)), Some((_, b))) if same(a, b) => {}
            (Some((number, _)), _) => return Err(GuardError::Lines(*number)),
            (None, Some((number, _))) => return Err(GuardError::Lines(*number)),
            (None, None) => {}
        }
    }
    let added = log.iter().filter(|op| matches!(op, Op::AddBlank)).count();
    let removed = log.iter().filter(|op| matches!(op, Op::RemoveBlank)).count();
    if old_blanks + added != new_blanks + removed {
        return Err(GuardError::BlankLines);
    }
    Ok(())
}

/// Equal, but for the end of a line where one of the two is the last of its file.
fn same(a: &str, b: &str) -> bool {
    a == b
        || (!(a.ends_with('\n') && b.ends_with('\n'))
            && a.trim_end_matches(['\r', '\n']) == b.trim_end_matches(['\r', '\n']))
}

/// The lines that the log does not concern, with their numbers, and how many blank ones there are.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_files::AwsFile;
    use crate::aws_files::document::Document;

    const OLD: &str = "# mine\n[default]\nregion = eu-west-1\ns3 =\n  path = C:\\x\\\n\n  # note\n  other = 1\n\n\
        [dev] ; work\nAws_Access_Key_Id=AKIA\naws_secret_access_key = a;b # c\n# end\n[ odd ]\nkey = [v]";

    /// What the editor makes of a change, with its log.
    fn edited() -> (String, Vec<Op>) {
        let mut document = Document::parse(AwsFile::Credentials, OLD.as_bytes()).unwrap();
        document.set("dev", "aws_access_key_id", "ASIA").unwrap();
        document.set("dev", "aws_session_token", "token==").unwrap();
        document.remove("default", "region").unwrap();
        document.add_section("new", Some("dev")).unwrap();
        document
            .move_key("dev", "new", "aws_secret_access_key", crate::aws_files::log::Position::End)
            .unwrap();
        (document.to_text().expose().clone(), document.log().to_vec())
    }

    #[test]
    fn an_honest_edit_passes() {
        let (new, log) = edited();
        assert_eq!(check(OLD, &new, &log), Ok(()), "{new}");
        assert_eq!(check(OLD, OLD, &[]), Ok(()));
        let crlf = |text: &str| text.replace('\n', "\r\n");
        assert_eq!(check(&crlf(OLD), &crlf(&new), &log), Ok(()));
    }

    #[test]
    fn a_broken_editor_is_caught() {
        let (new, log) = edited();
        // Every line lost, doubled, or swapped with the next one.
        let lines: Vec<&str> = new.split_inclusive('\n').collect();
        for at in 0..lines.len() {
            let mut lost = lines.clone();
            lost.remove(at);
            let mut doubled = lines.clone();
            doubled.insert(at, lines[at]);
            for broken in [lost.concat(), doubled.concat()] {
                assert!(check(OLD, &broken, &log).is_err(), "line {at}\n{broken}");
            }
        }
        let corruptions: [(&str, &str); 9] = [
            ("# mine", "# mime"),
            ("path = C:\\x\\", "path = C:\\y\\"),
            ("other = 1", "other = 2"),
            ("key = [v]", "key = [w]"),
            ("ASIA", "ASIB"),
            ("a;b # c", "a;b"),
            ("[ odd ]", "[odd]"),
            ("# end\n", "# end\n[default]\n"),
            ("token==", "token="),
        ];
        for (from, to) in corruptions {
            let broken = new.replacen(from, to, 1);
            assert_ne!(broken, new, "{from}");
            assert!(check(OLD, &broken, &log).is_err(), "{from} → {to}\n{broken}");
        }
        assert!(check(OLD, &new.replace('\n', "\r\n"), &log).is_err(), "other line ends");
    }

    #[test]
    fn a_log_that_lies_is_caught() {
        let (new, log) = edited();
        for at in 0..log.len() {
            let mut short = log.clone();
            let op = short.remove(at);
            assert!(check(OLD, &new, &short).is_err(), "{op:?}");
        }
    }

    #[test]
    fn refusals_show_no_values() {
        let (new, log) = edited();
        let error = check(OLD, &new.replace("ASIA", "SECRET"), &log).unwrap_err();
        assert_eq!(error.to_string(), "`aws_access_key_id` in section [dev] would not be what was intended");
        assert!(!format!("{error:?} {log:?}").contains("token=="));
    }
}
