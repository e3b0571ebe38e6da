//! The lines of an AWS file. Files are read as botocore and the AWS CLI read them, because that is what people test
//! their files with. The AWS SDKs' shared file reference (the Rust SDK's parser and its 65 cases) decides what is
//! valid. An invalid line is a [`Problem`] of its section: it does not affect other profiles, but the file cannot be
//! edited safely. This module knows single lines and the rules between neighboring lines; sections and edits are in
//! `document`.
//!
//! Where botocore and the reference differ:
//! - an indented line continues a setting only if it is indented deeper than that setting (botocore);
//! - an indented `#` or `;` line is a comment, not part of the value above it (botocore);
//! - ` # text` after a value is a comment, not part of the value (the reference);
//! - `[ padded ]` headers are read (the reference), though never edited.
//!
//! `tests/real/differential.py` compares all of this with the SDKs on generated files.

pub(super) mod bytes;
mod header;
mod problem;
mod text;

use std::borrow::Cow;
pub(super) use text::trim;
use text::{COMMENT, DELIMITERS, SPACE, is_space, split_comment};

use crate::model::secret::Secret;

pub use header::is_identifier;
pub(super) use header::{Header, ends_section, exact_name, header, identity, name_in, section_header};
pub use problem::{Problem, SyntaxError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Only at the end of a file.
    None,
    Lf,
    CrLf,
    /// Old Macs. Such files are never edited.
    Cr,
}

impl Ending {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    Blank,
    Comment,
    IndentedComment,
    Header,
    Property,
    /// A line indented deeper than the property above: more of its value, or a nested setting.
    Continuation,
    /// Means nothing; a problem says why.
    Unreadable,
}

impl LineKind {
    pub(super) fn is_comment(self) -> bool {
        matches!(self, Self::Comment | Self::IndentedComment)
    }
}

/// One editable line. Its text may be a secret.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) text: Secret<String>,
    pub(super) ending: Ending,
    pub(super) kind: LineKind,
}

impl Line {
    pub(super) fn text(&self) -> &str {
        self.text.expose()
    }

    /// A blank line with a line ending. Spaces at the end of a file do not count.
    pub(super) fn is_blank(&self) -> bool {
        self.kind == LineKind::Blank && self.ending != Ending::None
    }
}

/// A line within a text.
pub(super) struct ScannedLine<'t> {
    pub(super) text: &'t str,
    /// Where the line starts in the text.
    pub(super) start: usize,
    pub(super) ending: Ending,
    pub(super) kind: LineKind,
    /// The key of a plain property, or the name in a plain header.
    name: Option<&'t str>,
}

impl<'t> ScannedLine<'t> {
    /// The key of a property, in lower case.
    pub(super) fn key(&self) -> Cow<'t, str> {
        let odd = || property(self.text).map(|property| property.key).unwrap_or_default();
        self.name.map_or_else(|| odd().into(), Cow::Borrowed)
    }

    /// The name in a header; see [`exact_name`].
    pub(super) fn exact_name(&self) -> (Cow<'t, str>, bool) {
        self.name.map_or_else(|| exact_name(self.text), |name| (Cow::Borrowed(name), false))
    }

    /// An editable copy.
    pub(super) fn to_line(&self) -> Line {
        Line { text: Secret::from(self.text), ending: self.ending, kind: self.kind }
    }
}

/// Iterates over the lines of a text. A section can be scanned separately, because a header does not depend on the
/// lines above it.
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// The next line feed, or the end of the text.
    feed: Option<usize>,
    /// The next `#` or `;`, or the end of the text.
    mark: Option<usize>,
    /// Whether the text has only line feeds and printable ASCII.
    is_ascii: bool,
    classifier: Classifier,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // Without an early exit, the compiler can compare many bytes at once.
        let is_ascii =
            text.bytes().fold(true, |plain, b| plain & ((b' '..=b'~').contains(&b) | (b == b'\n')));
        Self { text, at: 0, feed: None, mark: None, is_ascii, classifier: Classifier::default() }
    }

    /// Returns the next line. `report` receives each problem and whether it makes the section unreliable.
    pub(super) fn next(&mut self, mut report: impl FnMut(Problem, bool)) -> Option<ScannedLine<'t>> {
        let (text, start) = (self.text, self.at);
        if start == text.len() {
            return None;
        }
        let feed = find_next(&mut self.feed, text, start, |rest| memchr::memchr(b'\n', rest));
        let mut ending = if feed == text.len() { Ending::None } else { Ending::Lf };
        let mut line = &text[start..feed];
        if ending == Ending::Lf
            && let Some(before) = line.strip_suffix('\r')
        {
            (line, ending) = (before, Ending::CrLf);
        }
        let is_plain = self.is_ascii
            && find_next(&mut self.mark, text, start, |rest| memchr::memchr2(b'#', b';', rest)) >= feed;
        let (kind, name) = match self.classifier.plain(line, is_plain) {
            Some(plain) => plain,
            None => {
                // As in Python, a carriage return alone ends a line, too.
                if let Some(at) = line.find('\r') {
                    (line, ending) = (&line[..at], Ending::Cr);
                }
                (self.odd_line(line, ending, &mut report), None)
            }
        };
        self.at = start + line.len() + ending.as_str().len();
        Some(ScannedLine { text: line, start, ending, kind, name })
    }

    fn odd_line(&mut self, line: &str, ending: Ending, report: &mut impl FnMut(Problem, bool)) -> LineKind {
        let kind = self.classifier.classify(line, report);
        if line.contains('\0') {
            report(Problem::NulByte, !kind.is_comment());
        }
        if ending == Ending::Cr {
            report(Problem::LoneCarriageReturn, false);
        }
        if line.contains(|c| ('\u{1c}'..='\u{1f}').contains(&c)) {
            report(Problem::Separator, false);
        }
        kind
    }
}

/// Finds the next position at or after `start`, or the end of the text. It is kept in `known`, so that the lines before it are
/// not searched again.
fn find_next(
    known: &mut Option<usize>,
    text: &str,
    start: usize,
    find: impl Fn(&[u8]) -> Option<usize>,
) -> usize {
    match *known {
        Some(at) if at >= start => at,
        _ => *known.insert(find(&text.as_bytes()[start..]).map_or(text.len(), |at| start + at)),
    }
}

/// What the meaning of the next line depends on.
#[derive(Default)]
struct Classifier {
    in_section: bool,
    /// The property that a line with deeper indentation continues.
    property: Option<Above>,
}

struct Above {
    indent: usize,
    /// Whether the property has no value, so that the lines below it are nested settings.
    nested: bool,
}

impl Classifier {
    /// Classifies the forms that nearly all lines have: empty, `[name]`, `[profile name]`, and `key = value` in
    /// printable ASCII without a comment. The result is that of [`classify`](Self::classify), many times faster. `is_plain`
    /// is true if the line is known to have only such characters.
    fn plain<'t>(&mut self, line: &'t str, is_plain: bool) -> Option<(LineKind, Option<&'t str>)> {
        let Some(first) = line.as_bytes().first() else { return Some((LineKind::Blank, None)) };
        if *first == b'[' {
            let inner = line.strip_prefix('[')?.strip_suffix(']')?;
            if !is_identifier(inner.strip_prefix("profile ").unwrap_or(inner)) {
                return None;
            }
            *self = Self { in_section: true, property: None };
            return Some((LineKind::Header, Some(inner)));
        }
        let (key, value) = plain_property(line)?;
        let fits = |b: u8| (b' '..=b'~').contains(&b) & (b != b'#') & (b != b';');
        if !self.in_section || !(is_plain || value.bytes().all(fits)) {
            return None;
        }
        self.property = Some(Above { indent: 0, nested: false });
        Some((LineKind::Property, Some(key)))
    }

    /// `report` receives each problem and whether it makes the section unreliable, because botocore rejects the file.
    fn classify(&mut self, line: &str, report: &mut impl FnMut(Problem, bool)) -> LineKind {
        let trimmed = trim(line);
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        if trimmed.is_empty() {
            return LineKind::Blank;
        }
        if trimmed.starts_with(COMMENT) {
            return if indent > 0 { LineKind::IndentedComment } else { LineKind::Comment };
        }
        if indent > 0 && !line.starts_with(SPACE) {
            report(Problem::OddIndentation, false);
        }
        if let Some(above) = self.property.as_ref().filter(|above| indent > above.indent) {
            return continuation(above, trimmed, report);
        }
        match header(line) {
            Header::None => self.property(trimmed, indent, report),
            found => {
                *self = Self { in_section: true, property: None };
                match found {
                    Header::Open(_) => report(Problem::OpenHeader, true),
                    Header::Trailed(_) => report(Problem::OpenHeader, false),
                    Header::None | Header::Closed(_) => {}
                }
                LineKind::Header
            }
        }
    }

    fn property(&mut self, trimmed: &str, indent: usize, report: &mut impl FnMut(Problem, bool)) -> LineKind {
        let first = self.property.is_none();
        if !self.in_section {
            report(Problem::OutsideSection, true);
            return LineKind::Unreadable;
        }
        // botocore has no comments after a value: it may find a key in what is a comment to us.
        let fatal = !matches!(trimmed.find(DELIMITERS), Some(1..));
        self.property = Some(Above { indent, nested: false });
        match property(trimmed) {
            Err(_) if indent > 0 => report(Problem::StrayContinuation, fatal),
            Err(problem) => report(problem, fatal),
            Ok(property) => {
                let nested = property.value.is_empty() && property.comment.is_none();
                self.property = Some(Above { indent, nested });
                if trimmed.starts_with('[') {
                    report(Problem::OpenHeader, false);
                } else if property.colon {
                    report(Problem::Colon, false);
                } else if indent > 0 && first {
                    report(Problem::StrayContinuation, false);
                }
                return LineKind::Property;
            }
        }
        LineKind::Unreadable
    }
}

fn continuation(above: &Above, trimmed: &str, report: &mut impl FnMut(Problem, bool)) -> LineKind {
    if !matches!(header(trimmed), Header::None) {
        report(Problem::IndentedHeader, false);
    }
    if above.nested {
        match trimmed.find('=') {
            None => report(Problem::NestedNoEquals, true),
            Some(0) => report(Problem::NestedNoKey, false),
            Some(_) if property(trimmed).is_err() => report(Problem::NestedNoEquals, false),
            Some(_) => {}
        }
    } else if property(trimmed).is_ok_and(|property| !property.colon) {
        report(Problem::IndentedSetting, false);
    }
    LineKind::Continuation
}

/// The parts of `key = value # comment`.
pub(super) struct Property<'a> {
    /// In lower case.
    pub(super) key: String,
    pub(super) value: &'a str,
    /// Starting with `#` or `;`.
    pub(super) comment: Option<&'a str>,
    /// Whether the property is written as `key: value`.
    colon: bool,
}

/// The parts of `key = value` or `key=value`, if the key is in lower case and there are no other spaces.
fn plain_property(line: &str) -> Option<(&str, &str)> {
    const KEY: [bool; 256] = header::table(b"abcdefghijklmnopqrstuvwxyz0123456789_");
    let end = line.bytes().position(|b| !KEY[usize::from(b)]).filter(|end| *end > 0)?;
    let (key, rest) = line.split_at(end);
    let value = rest.strip_prefix(" = ").or_else(|| rest.strip_prefix('='))?;
    (!value.is_empty() && !value.starts_with(' ')).then_some((key, value))
}

pub(super) fn property(line: &str) -> Result<Property<'_>, Problem> {
    let (content, comment) = split_comment(trim(line), true);
    let at = content.find(DELIMITERS).ok_or(Problem::NoEquals)?;
    let (key, value) = (trim(&content[..at]), trim(&content[at + 1..]));
    if key.is_empty() {
        return Err(Problem::NoKey);
    }
    let colon = content[at..].starts_with(':');
    Ok(Property { key: key.to_ascii_lowercase(), value, comment, colon })
}

/// Whether `key = value` reads the same in botocore and the Rust, JS and Go SDKs.
pub(super) fn is_writable_value(value: &str) -> bool {
    let quoted = |q| value.len() > 1 && value.starts_with(q) && value.ends_with(q);
    !value.is_empty()
        && value.trim() == value
        && !value.contains(char::is_control)
        && !value.starts_with(COMMENT)
        && split_comment(value, true).1.is_none()
        // Go's parser removes the quotes.
        && !quoted('"')
        && !quoted('\'')
        && !quoted('`')
}

/// Whether we may write a key: lower case, because the JavaScript SDK is case-sensitive, and no `:`, which is a
/// delimiter to botocore.
pub(super) fn is_writable_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}
