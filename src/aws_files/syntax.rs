//! The lines of an AWS file, by the AWS SDKs' shared file reference (the Rust SDK's parser and its 65 cases are the
//! measure). Only single lines and the rules between neighbours are known here; sections and edits are in `document`.
//!
//! Where we differ from the reference, towards botocore and the AWS CLI:
//! - an indented `#`/`;` line is a comment, not a part of the value above it;
//! - an indented `[header]` is a header (reading only; such a section is not edited);
//! - `[profile "dev"]` is the profile `dev` (reading only).

use crate::model::secret::Secret;

use super::Kind;

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Only the last line of a file may.
    None,
    Lf,
    CrLf,
}

impl Ending {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    Blank,
    Comment,
    IndentedComment,
    Header,
    Property,
    /// An indented line that goes on with the property above: more of its value, or a nested setting.
    Continuation,
}

/// One line. Its text may be a secret key.
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

    /// A blank line that ends; a last line of mere spaces is none.
    pub(super) fn is_blank(&self) -> bool {
        self.kind == LineKind::Blank && self.ending != Ending::None
    }
}

/// A line that cannot be read, with its number from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// botocore and the Rust SDK reject the whole file.
    #[error("the file starts with a UTF-8 byte order mark, which the AWS CLI cannot read")]
    ByteOrderMark,
    /// Some SDKs fail, others take the file for empty.
    #[error("not UTF-8")]
    NotUtf8,
    /// A file of another sort, or damaged.
    #[error("a NUL byte; is this a text file?")]
    NulByte,
    /// Line ends of old Macs; only botocore takes them.
    #[error("a carriage return that does not end a line")]
    LoneCarriageReturn,
    /// `[dev`, or something other than a comment after the bracket.
    #[error("a section header that does not end with `]`")]
    OpenHeader,
    /// A setting before the first header.
    #[error("a setting outside of any [section]")]
    OutsideSection,
    /// An indented line with nothing above it to continue.
    #[error("an indented line that continues no setting")]
    StrayContinuation,
    /// `key` without a value.
    #[error("no `=` between key and value")]
    NoEquals,
    /// `key: value`.
    #[error("`:` where `=` is needed (the AWS CLI takes it, most SDKs do not)")]
    Colon,
    /// `= value`.
    #[error("a value without a key")]
    NoKey,
    /// A line of a nested block without `=`.
    #[error("no `=` between key and value in a nested setting")]
    NestedNoEquals,
    /// A line of a nested block without a key.
    #[error("a nested value without a key")]
    NestedNoKey,
}

const SPACE: [char; 2] = [' ', '\t'];
const COMMENT: [char; 2] = ['#', ';'];

/// Sorts a file's bytes into lines.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Line>, SyntaxError> {
    let text = decode(bytes)?;
    let mut lines = Vec::new();
    let mut context = Context::Outside;
    for (index, raw) in text.split_inclusive('\n').enumerate() {
        let (text, ending) = match raw.strip_suffix('\n') {
            None => (raw, Ending::None),
            Some(text) => match text.strip_suffix('\r') {
                Some(text) => (text, Ending::CrLf),
                None => (text, Ending::Lf),
            },
        };
        let fail = |problem| SyntaxError { line: index + 1, problem };
        if text.contains('\r') {
            return Err(fail(Problem::LoneCarriageReturn));
        }
        let kind = classify(text, &mut context).map_err(fail)?;
        lines.push(Line { text: Secret::from(text), ending, kind });
    }
    Ok(lines)
}

fn decode(bytes: &[u8]) -> Result<&str, SyntaxError> {
    let at = |offset: usize, problem| SyntaxError {
        line: 1 + bytes[..offset].iter().filter(|b| **b == b'\n').count(),
        problem,
    };
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(at(0, Problem::ByteOrderMark));
    }
    if let Some(offset) = bytes.iter().position(|b| *b == 0) {
        return Err(at(offset, Problem::NulByte));
    }
    std::str::from_utf8(bytes).map_err(|error| at(error.valid_up_to(), Problem::NotUtf8))
}

/// What an indented line would belong to.
enum Context {
    Outside,
    Section,
    Property { nested: bool },
}

fn classify(line: &str, context: &mut Context) -> Result<LineKind, Problem> {
    let trimmed = line.trim_matches(SPACE);
    let indented = line.starts_with(SPACE);
    if trimmed.is_empty() {
        return Ok(LineKind::Blank);
    }
    if trimmed.starts_with(COMMENT) {
        return Ok(if indented { LineKind::IndentedComment } else { LineKind::Comment });
    }
    if trimmed.starts_with('[') && (!indented || header(line).is_some()) {
        header(line).ok_or(Problem::OpenHeader)?;
        *context = Context::Section;
        return Ok(LineKind::Header);
    }
    if indented {
        return match context {
            Context::Outside => Err(Problem::OutsideSection),
            Context::Section => Err(Problem::StrayContinuation),
            Context::Property { nested } => {
                if *nested {
                    property(line).map_err(|problem| match problem {
                        Problem::NoKey => Problem::NestedNoKey,
                        _ => Problem::NestedNoEquals,
                    })?;
                }
                Ok(LineKind::Continuation)
            }
        };
    }
    if matches!(context, Context::Outside) {
        return Err(Problem::OutsideSection);
    }
    let nested = property(line)?.value.is_empty();
    *context = Context::Property { nested };
    Ok(LineKind::Property)
}

/// The parts of `key = value # comment`.
pub(super) struct Property<'a> {
    /// In lower case.
    pub(super) key: String,
    pub(super) value: &'a str,
    /// From its `#` or `;` on.
    pub(super) comment: Option<&'a str>,
}

pub(super) fn property(line: &str) -> Result<Property<'_>, Problem> {
    let line = line.trim_matches(SPACE);
    let (content, comment) = split_comment(line, true);
    let Some((key, value)) = content.split_once('=') else {
        return Err(if content.contains(':') { Problem::Colon } else { Problem::NoEquals });
    };
    let key = key.trim_matches(SPACE);
    if key.is_empty() {
        return Err(Problem::NoKey);
    }
    Ok(Property { key: key.to_ascii_lowercase(), value: value.trim_matches(SPACE), comment })
}

/// The text between the brackets of a header line, untrimmed.
pub(super) fn header(line: &str) -> Option<&str> {
    split_comment(line.trim_matches(SPACE), false).0.strip_prefix('[')?.strip_suffix(']')
}

/// Cuts a comment off. In a value, its sign counts only after white space; in a header it always does.
fn split_comment(line: &str, after_space: bool) -> (&str, Option<&str>) {
    let mut space = false;
    for (at, c) in line.char_indices() {
        if COMMENT.contains(&c) && (space || !after_space) {
            return (line[..at].trim_matches(SPACE), Some(&line[at..]));
        }
        space = c.is_whitespace();
    }
    (line, None)
}

/// A header's text in its one exact form: single spaces, no quotes around the name.
pub(super) fn exact_header(inner: &str) -> String {
    let inner = inner.trim_matches(SPACE);
    match inner.split_once(SPACE) {
        Some((prefix, name)) => {
            let name = name.trim_matches(SPACE);
            let unquoted = name.strip_prefix('"').and_then(|n| n.strip_suffix('"'));
            format!("{prefix} {}", unquoted.filter(|n| is_identifier(n)).unwrap_or(name))
        }
        None => inner.to_owned(),
    }
}

/// What makes two headers of one file the same section: `[profile default]` is `[default]` in the config file.
pub(super) fn identity(kind: Kind, exact: &str) -> &str {
    if kind == Kind::Config && exact == "profile default" { "default" } else { exact }
}

/// A name that every SDK takes: `[A-Za-z0-9_\-/.%@:\+]+`.
pub fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c))
}

/// Whether `key = value` reads the same in botocore and the Rust, JS and Go SDKs.
pub(super) fn is_writable_value(value: &str) -> bool {
    let quoted = |q| value.len() > 1 && value.starts_with(q) && value.ends_with(q);
    !value.is_empty()
        && value.trim() == value
        && !value.contains(char::is_control)
        && !value.starts_with(COMMENT)
        && split_comment(value, true).1.is_none()
        // Go's reader takes the quotes off.
        && !quoted('"')
        && !quoted('\'')
        && !quoted('`')
}

/// Whether a key is one that we may write: lower case, because JS tells cases apart; no `:`, which botocore splits at.
pub(super) fn is_writable_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}
