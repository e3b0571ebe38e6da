//! From bytes to the text of lines.

use super::Ending;
use super::problem::{Problem, SyntaxError};

/// The bytes after a UTF-8 byte order mark. A UTF-16 file has no lines for anybody.
pub(super) fn without_mark<'a>(
    bytes: &'a [u8],
    problems: &mut Vec<SyntaxError>,
) -> Result<&'a [u8], SyntaxError> {
    if is_utf16(bytes) {
        return Err(SyntaxError { line: 1, problem: Problem::Utf16, fatal: true });
    }
    let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") else { return Ok(bytes) };
    problems.push(SyntaxError { line: 1, problem: Problem::ByteOrderMark, fatal: false });
    Ok(rest)
}

/// By its byte order mark, or by its zeros: in UTF-16, an ASCII character is one byte and one zero.
fn is_utf16(bytes: &[u8]) -> bool {
    let mostly_zero = |offset: usize| {
        let half = bytes.iter().skip(offset).step_by(2);
        let all = half.clone().count();
        all > 1 && half.filter(|byte| **byte == 0).count() * 4 > all * 3
    };
    bytes.starts_with(b"\xff\xfe")
        || bytes.starts_with(b"\xfe\xff")
        || (mostly_zero(0) != mostly_zero(1) && bytes.len().is_multiple_of(2))
}

/// The lines with their ends, as Python splits them: a carriage return alone ends a line too.
pub(super) fn lines(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], Ending)> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            return Some((std::mem::take(&mut bytes), Ending::None));
        };
        let ending = match &bytes[end..] {
            [b'\n', ..] => Ending::Lf,
            [b'\r', b'\n', ..] => Ending::CrLf,
            _ => Ending::Cr,
        };
        let line = &bytes[..end];
        bytes = &bytes[end + ending.as_str().len()..];
        Some((line, ending))
    })
}

/// Reports what is no text in a line.
pub(super) fn check(raw: &[u8], mut report: impl FnMut(Problem)) {
    if raw.contains(&0) {
        report(Problem::NulByte);
    }
    if std::str::from_utf8(raw).is_err() {
        report(Problem::NotUtf8);
    }
}
