//! Blanks and comments in a line.

pub(super) const DELIMITERS: [char; 2] = ['=', ':'];
pub(super) const SPACE: [char; 2] = [' ', '\t'];
pub(super) const COMMENT: [char; 2] = ['#', ';'];

/// Separates a comment. In a value, `#` and `;` start a comment only after whitespace; in a header, always.
pub(super) fn split_comment(line: &str, after_space: bool) -> (&str, Option<&str>) {
    let mut space = false;
    for (at, c) in line.char_indices() {
        if COMMENT.contains(&c) && (space || !after_space) {
            return (trim(&line[..at]), Some(&line[at..]));
        }
        space = is_space(c);
    }
    (line, None)
}

/// What Python strips from a line, including no-break spaces; JavaScript strips nearly the same.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

pub(in crate::aws_files) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}
