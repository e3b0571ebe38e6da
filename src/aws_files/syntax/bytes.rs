//! Decodes a file's bytes.

use zeroize::Zeroizing;

use crate::model::secret::Secret;

use super::problem::{Problem, SyntaxError};

/// The byte order mark of UTF-8.
pub(in crate::aws_files) const MARK: &[u8] = b"\xef\xbb\xbf";

/// A file's text, and the bytes that it was read from.
pub(in crate::aws_files) struct Source {
    text: Secret<String>,
    /// Only if they differ from the text's.
    bytes: Option<Zeroizing<Vec<u8>>>,
}

impl Source {
    /// Decodes bytes, and adds what is wrong with them to `problems`. Fails only if no line can be read.
    pub(in crate::aws_files) fn decode(
        bytes: Zeroizing<Vec<u8>>,
        problems: &mut Vec<SyntaxError>,
    ) -> Result<Self, SyntaxError> {
        if is_utf16(&bytes) {
            return Err(SyntaxError { line: 1, problem: Problem::Utf16, fatal: true });
        }
        if bytes.starts_with(MARK) {
            problems.push(SyntaxError { line: 1, problem: Problem::ByteOrderMark, fatal: false });
        } else if std::str::from_utf8(&bytes).is_ok() {
            // Takes over the memory instead of copying it.
            let mut bytes = bytes;
            let text = String::from_utf8(std::mem::take(&mut *bytes)).unwrap_or_default();
            return Ok(Self { text: Secret::new(text), bytes: None });
        }
        let content = bytes.strip_prefix(MARK).unwrap_or(&bytes);
        let text = Secret::new(String::from_utf8_lossy(content).into_owned());
        Ok(Self { text, bytes: Some(bytes) })
    }

    pub(in crate::aws_files) fn of(text: Secret<String>) -> Self {
        Self { text, bytes: None }
    }

    /// The text without its byte order mark, and with U+FFFD for anything that is not UTF-8.
    pub(in crate::aws_files) fn text(&self) -> &str {
        self.text.expose()
    }

    pub(in crate::aws_files) fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().map_or(self.text().as_bytes(), Vec::as_slice)
    }

    /// The numbers of the lines, from 0, that are not UTF-8.
    pub(in crate::aws_files) fn lines_that_are_not_text(&self) -> Vec<usize> {
        let Some(bytes) = &self.bytes else { return Vec::new() };
        let lines = lines(bytes.strip_prefix(MARK).unwrap_or(bytes)).enumerate();
        lines.filter(|(_, line)| std::str::from_utf8(line).is_err()).map(|(index, _)| index).collect()
    }
}

/// Recognizes UTF-16 by its byte order mark or by its zeros: an ASCII character is one byte and one zero.
fn is_utf16(bytes: &[u8]) -> bool {
    let mostly_zero = |offset: usize| {
        let half = bytes.iter().skip(offset).step_by(2);
        let all = half.clone().count();
        all > 1 && half.filter(|byte| **byte == 0).count() * 4 > all * 3
    };
    bytes.starts_with(b"\xff\xfe")
        || bytes.starts_with(b"\xfe\xff")
        || (bytes.contains(&0) && mostly_zero(0) != mostly_zero(1) && bytes.len().is_multiple_of(2))
}

/// The lines without their line endings, split as in Python.
fn lines(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len());
        let line = &bytes[..end];
        bytes = &bytes[end..];
        bytes = [&b"\r\n"[..], b"\n", b"\r"].iter().find_map(|e| bytes.strip_prefix(*e)).unwrap_or(bytes);
        Some(line)
    })
}
