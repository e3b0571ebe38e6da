//! Section headers: where they end, what they name, and which forms can be edited.

use std::borrow::Cow;

use super::super::AwsFile;
use super::text::{SPACE, split_comment, trim};

/// A line as a header. The text between the brackets is untrimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aws_files) enum Header<'a> {
    None,
    /// `[dev]`, also with a comment after it.
    Closed(&'a str),
    /// `[dev] and more` or `[de#v]`: a header to botocore, but not to the reference.
    Trailed(&'a str),
    /// `[dev`: an incomplete header.
    Open(&'a str),
}

impl<'a> Header<'a> {
    pub(in crate::aws_files) fn inner(self) -> Option<&'a str> {
        match self {
            Self::None => None,
            Self::Closed(inner) | Self::Trailed(inner) | Self::Open(inner) => Some(inner),
        }
    }
}

pub(in crate::aws_files) fn header(line: &str) -> Header<'_> {
    let line = trim(line);
    let Some(rest) = line.strip_prefix('[') else { return Header::None };
    let cut = |after_space| split_comment(rest, after_space).0.strip_suffix(']');
    // JavaScript needs a space before a comment; the reference does not.
    match (cut(true), cut(false)) {
        (Some(inner), Some(same)) if inner == same => return Header::Closed(inner),
        (Some(inner), _) => return Header::Trailed(inner),
        (None, Some(inner)) => return Header::Closed(inner),
        (None, None) => {}
    }
    match rest.rfind(']') {
        Some(end) => Header::Trailed(&rest[..end]),
        // A setting with an odd name to botocore.
        None if rest.contains(super::text::DELIMITERS) => Header::None,
        None => Header::Open(split_comment(rest, true).0),
    }
}

/// Whether the first line of a section is a header to every SDK. JavaScript does not recognize `[dev]# note`, so it reads
/// the settings below as those of the section above. An indented header below a setting is part of the setting's value.
pub(in crate::aws_files) fn ends_section(section: &str) -> bool {
    let line = section.lines().next().unwrap_or_default();
    line.starts_with('[') && split_comment(line, true).0.trim_end_matches(SPACE).ends_with(']')
}

/// The prefixes that a quoted name can follow.
const PREFIXES: [&str; 3] = ["profile", "sso-session", "services"];

/// The exact form of a header's text: single spaces, and quotes only around a name that needs them.
pub(in crate::aws_files) fn exact_header(inner: &str) -> String {
    let inner = inner.trim_matches(SPACE);
    let Some((prefix, name)) = inner.split_once(SPACE) else { return inner.to_owned() };
    let name = name.trim_matches(SPACE);
    if PREFIXES.contains(&prefix) {
        if let Some(name) = unquoted(name) {
            return section_header(prefix, name);
        }
        if let Some(name) = as_in_a_shell(name) {
            return section_header(prefix, &name);
        }
    }
    format!("{prefix} {name}")
}

/// The name that botocore reads if there are quotes or escapes within it, as in `de"v"` or `de\v`.
fn as_in_a_shell(name: &str) -> Option<String> {
    // botocore does not recognize comments here, but `shlex` does.
    let words = shlex::split(name).filter(|_| !name.contains('#'))?;
    let [word] = <[String; 1]>::try_from(words).ok()?;
    (word != name && is_identifier(&word)).then_some(word)
}

/// The exact header of a named section of the config file.
pub(in crate::aws_files) fn section_header(prefix: &str, name: &str) -> String {
    if is_identifier(name) { format!("{prefix} {name}") } else { format!("{prefix} '{name}'") }
}

/// The name after the prefix of an exact header: an identifier, or anything that botocore accepts in quotes.
pub(in crate::aws_files) fn name_in(rest: &str) -> Option<&str> {
    if is_identifier(rest) { Some(rest) } else { unquoted(rest) }
}

fn unquoted(name: &str) -> Option<&str> {
    let inner = ['"', '\''].into_iter().find_map(|quote| name.strip_prefix(quote)?.strip_suffix(quote))?;
    let plain = |c: char| !c.is_control() && !['"', '\'', '\\'].contains(&c);
    (!inner.is_empty() && inner.chars().all(plain)).then_some(inner)
}

/// Whether a header line has the exact form, apart from quotes around the name. Then the AWS CLI and the JavaScript SDK
/// recognize it, and its section can be edited.
pub(in crate::aws_files) fn is_exact(line: &str, exact: &str) -> bool {
    // JavaScript needs a space before a comment, and botocore takes a bracket in the comment for the header's.
    let ends = |rest: &str| rest.is_empty() || (rest.starts_with(SPACE) && !rest.contains(']'));
    let starts = |header: &str| {
        let rest = line.strip_prefix('[').and_then(|rest| rest.strip_prefix(header));
        rest.and_then(|rest| rest.strip_prefix(']')).is_some_and(ends)
    };
    let quoted = |quote: char| {
        let (prefix, rest) = exact.split_once(' ')?;
        Some(format!("{prefix} {quote}{}{quote}", name_in(rest)?))
    };
    starts(exact) || ['"', '\''].into_iter().filter_map(quoted).any(|header| starts(&header))
}

/// A section's name in its exact form, from its header line, and whether the header is odd: written in a form that some
/// SDKs do not recognize.
pub(in crate::aws_files) fn exact_name(line: &str) -> (Cow<'_, str>, bool) {
    let plain = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(name) = plain.filter(|name| is_identifier(name.strip_prefix("profile ").unwrap_or(name))) {
        return (Cow::Borrowed(name), false);
    }
    let name = exact_header(header(line).inner().unwrap_or_default());
    let odd = !is_exact(line, &name);
    (Cow::Owned(name), odd)
}

/// The identity of a section: headers with equal identities name the same section. In the config file, `[profile
/// default]` is `[default]`.
pub(in crate::aws_files) fn identity(kind: AwsFile, exact: &str) -> &str {
    if kind == AwsFile::Config && exact == "profile default" { "default" } else { exact }
}

/// A name that every SDK accepts: `[A-Za-z0-9_\-/.%@:\+]+`.
pub fn is_identifier(name: &str) -> bool {
    const FITS: [bool; 256] =
        table(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/.%@:+");
    !name.is_empty() && name.bytes().all(|b| FITS[usize::from(b)])
}

/// A table of bytes: a look-up takes less time than comparisons with ranges.
pub(super) const fn table(bytes: &[u8]) -> [bool; 256] {
    let (mut table, mut at) = ([false; 256], 0);
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}
