//! Skips what an edit did not touch, so that the cost of a check depends on the edit, not on the file.

use std::borrow::Cow;
use std::ops::Range;

use hashbrown::HashSet;

use super::super::log::Op;
use super::header::{header_only, is_header, section_name};

/// Both texts without the sections that are identical before and after all differences and that the log does not name.
/// `None` if nothing can be skipped, or if a section that differs also appears elsewhere.
pub(super) fn narrowed(old: &str, new: &str, log: &[Op]) -> Option<(String, String)> {
    let head = common_head(old, new);
    let tail = common_tail(&old[head..], &new[head..]);
    let differing = [&old[head..old.len() - tail], &new[head..new.len() - tail]];
    let inside: HashSet<Cow<'_, str>> =
        differing.into_iter().flat_map(sections).map(|(_, name)| name).collect();
    let named = named_in(log);
    let mut kept = [String::new(), String::new()];
    for (same, kept) in [&old[..head], &old[old.len() - tail..]].into_iter().zip(&mut kept) {
        for (range, name) in sections(same) {
            if inside.contains(&name) {
                return None;
            }
            if named.contains(&*name) {
                kept.push_str(&same[range]);
            }
        }
    }
    let [before, after] = kept;
    let [old, new] = differing.map(|text| format!("{before}{text}{after}"));
    (head + tail > before.len() + after.len()).then_some((old, new))
}

/// The number of identical bytes at the start, up to a header in both texts.
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

/// The number of identical bytes at the end, starting with a header.
fn common_tail(old: &str, new: &str) -> usize {
    let (a, b) = (old.as_bytes(), new.as_bytes());
    let limit = a.len().min(b.len());
    let mut same = 0;
    while same < limit && a[a.len() - same - 1] == b[b.len() - same - 1] {
        same += 1;
    }
    // The first line may be incomplete, so the search starts with the next one.
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
    bytes.first() == Some(&b'[') && is_header(first_line(&text[at..]))
}

/// The first line with its line feed.
fn first_line(text: &str) -> &str {
    memchr::memchr(b'\n', text.as_bytes()).map_or(text, |feed| &text[..=feed])
}

/// The number of identical bytes at the start.
fn same_bytes(a: &[u8], b: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK)).take_while(|(a, b)| a == b).count();
    let at = blocks * BLOCK;
    at + a[at..].iter().zip(&b[at..]).take_while(|(a, b)| a == b).count()
}

/// The ranges and names of the sections in a text.
fn sections(text: &str) -> impl Iterator<Item = (Range<usize>, Cow<'_, str>)> {
    let brackets = memchr::memchr_iter(b'[', text.as_bytes());
    let mut headers = brackets.filter_map(|bracket| header_at(text, bracket)).peekable();
    std::iter::from_fn(move || {
        let (start, name) = headers.next()?;
        let end = headers.peek().map_or(text.len(), |(next, _)| *next);
        Some((start..end, name))
    })
}

/// Where the header with this bracket starts, and the section's name. `None` if it is not the bracket of a header.
fn header_at(text: &str, bracket: usize) -> Option<(usize, Cow<'_, str>)> {
    // Only blanks may precede a header, so that a line full of brackets is not searched again for each of them.
    let start = text[..bracket].trim_end_matches(|c: char| c != '\n' && c.is_whitespace()).len();
    if start > 0 && !text[..start].ends_with('\n') {
        return None;
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let rest = &text[bracket + 1..];
    let length = rest.bytes().take_while(is_plain).count();
    if matches!(rest.as_bytes()[length..], [b']'] | [b']', b'\n', ..]) {
        return Some((start, Cow::Borrowed(&rest[..length])));
    }
    let line = first_line(&text[start..]);
    let inner = || header_only(line.trim()).trim_start_matches('[').trim_end_matches(']');
    is_header(line).then(|| (start, Cow::Owned(section_name(inner()))))
}

/// The sections that the log names.
fn named_in(log: &[Op]) -> HashSet<&str> {
    let mut named = HashSet::new();
    for op in log {
        match op {
            Op::Set { section, .. } | Op::Remove { section, .. } => drop(named.insert(section.as_str())),
            Op::Move { from, to, .. } => named.extend([from.as_str(), to.as_str()]),
            Op::AddSection(section) | Op::RemoveSection(section) => drop(named.insert(section.as_str())),
            Op::KeepComment(_)
            | Op::AddComment(_)
            | Op::RemoveComment(_)
            | Op::AddBlank
            | Op::RemoveBlank => {}
        }
    }
    named
}
