//! Leaves out of both texts what an edit cannot have touched, so that the cost of a check follows the edit and not the
//! file.

use std::collections::HashSet;
use std::ops::Range;

use super::super::log::Op;
use super::{header_only, is_header, section_name};

/// Both texts without the sections that are the same bytes before and after everything that differs and that the log
/// does not name. `None` if nothing can be left out, or if a section stands twice.
pub(super) fn narrowed(old: &str, new: &str, log: &[Op]) -> Option<(String, String)> {
    let head = common_head(old, new);
    let tail = common_tail(&old[head..], &new[head..]);
    let differing = [&old[head..old.len() - tail], &new[head..new.len() - tail]];
    let inside: HashSet<String> = differing.into_iter().flat_map(sections).map(|(_, name)| name).collect();
    let named = named_in(log);
    let mut seen = HashSet::new();
    let mut kept = [String::new(), String::new()];
    for (same, kept) in [&old[..head], &old[old.len() - tail..]].into_iter().zip(&mut kept) {
        for (range, name) in sections(same) {
            if named.contains(name.as_str()) {
                kept.push_str(&same[range]);
            }
            if inside.contains(&name) || !seen.insert(name) {
                return None;
            }
        }
    }
    let [before, after] = kept;
    let [old, new] = differing.map(|text| format!("{before}{text}{after}"));
    (head + tail > before.len() + after.len()).then_some((old, new))
}

/// How many bytes at the start are the same in both texts, up to a header of each.
fn common_head(old: &str, new: &str) -> usize {
    let (a, b) = (old.as_bytes(), new.as_bytes());
    let mut at = same_bytes(a, b);
    loop {
        at = a[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
        if at == 0 || (starts_with_header(&a[at..], old, at) && starts_with_header(&b[at..], new, at)) {
            return at;
        }
        at -= 1;
    }
}

/// How many bytes at the end are the same in both texts, from a header on.
fn common_tail(old: &str, new: &str) -> usize {
    let (a, b) = (old.as_bytes(), new.as_bytes());
    let limit = a.len().min(b.len());
    let mut same = 0;
    while same < limit && a[a.len() - same - 1] == b[b.len() - same - 1] {
        same += 1;
    }
    // The first line may be cut off, so the search begins with the next one.
    let mut at = a.len() - same;
    while let Some(feed) = a[at..].iter().position(|byte| *byte == b'\n') {
        at += feed + 1;
        if starts_with_header(&a[at..], old, at) {
            return a.len() - at;
        }
    }
    0
}

fn starts_with_header(bytes: &[u8], text: &str, at: usize) -> bool {
    bytes.first() == Some(&b'[') && text[at..].split_inclusive('\n').next().is_some_and(is_header)
}

/// How many bytes are the same from the start on.
fn same_bytes(a: &[u8], b: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK)).take_while(|(a, b)| a == b).count();
    let at = blocks * BLOCK;
    at + a[at..].iter().zip(&b[at..]).take_while(|(a, b)| a == b).count()
}

/// The sections of a text: where they are, and their names.
fn sections(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        // Most lines begin with a letter and are no header.
        let may_be = line.as_bytes().first().is_some_and(|b| matches!(b, b'[' | ..=b' ' | 0x80..));
        if may_be && is_header(line) {
            if let Some((last, _)) = found.last_mut() {
                last.end = at;
            }
            let inner = header_only(line.trim()).trim_start_matches('[').trim_end_matches(']');
            found.push((at..text.len(), section_name(inner)));
        }
        at += line.len();
    }
    found
}

/// The sections that the log names.
fn named_in(log: &[Op]) -> HashSet<&str> {
    let mut named = HashSet::new();
    for op in log {
        match op {
            Op::Set { section, .. } | Op::Remove { section, .. } => drop(named.insert(section.as_str())),
            Op::Move { from, to, .. } => named.extend([from.as_str(), to.as_str()]),
            Op::AddSection(section) | Op::RemoveSection(section) => drop(named.insert(section.as_str())),
            Op::KeepComment(_) | Op::AddBlank | Op::RemoveBlank => {}
        }
    }
    named
}
