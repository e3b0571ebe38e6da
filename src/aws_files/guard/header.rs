//! Headers of sections, as the guard reads them.

pub(super) fn is_header(line: &str) -> bool {
    let trimmed = line.trim();
    trimmed.starts_with('[') && (header_only(trimmed).len() < trimmed.len() || trimmed.ends_with(']'))
}

/// A section's name in the log's form: single spaces, and single quotes only around names that need them.
pub(super) fn section_name(header: &str) -> String {
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
pub(super) fn header_only(trimmed: &str) -> &str {
    match memchr::memchr(b']', trimmed.as_bytes()) {
        Some(end) if trimmed[end + 1..].trim_start().starts_with(['#', ';']) => &trimmed[..=end],
        _ => trimmed,
    }
}
