//! Restores, key by key, what another program wrote to a file while it was being replaced.

use super::document::{Document, UnsafeEdit};
use super::log::Op;

/// Applies the changes between `base` and `theirs` to `current`, except for keys that changed in `current` since
/// `base`, which are newer.
pub(super) fn bring_back(
    base: &Document,
    theirs: &Document,
    current: &mut Document,
) -> Result<(), UnsafeEdit> {
    for section in theirs.sections() {
        for key in theirs.keys(&section) {
            let (before, after) = (base.get(&section, &key), theirs.get(&section, &key));
            if let Some(value) = &after
                && before != after
                && current.get(&section, &key) == before
            {
                current.set(&section, &key, value.expose())?;
            }
        }
    }
    for section in base.sections() {
        for key in base.keys(&section) {
            if theirs.get(&section, &key).is_none() && current.get(&section, &key) == base.get(&section, &key)
            {
                current.remove(&section, &key)?;
            }
        }
    }
    Ok(())
}

/// Whether everything that `ours` changed reads the same in `now`.
pub(super) fn is_applied(ours: &Document, now: &Document) -> bool {
    let same = |section: &str, key: &str| ours.get(section, key) == now.get(section, key);
    ours.log().iter().all(|op| match op {
        Op::Set { section, key, .. } | Op::Remove { section, key } => same(section, key),
        Op::Move { from, to, key } => same(from, key) && same(to, key),
        Op::AddSection(section) | Op::RemoveSection(section) => {
            ours.has_section(section) == now.has_section(section)
        }
        Op::KeepComment(_) | Op::AddComment(_) | Op::RemoveComment(_) | Op::AddBlank | Op::RemoveBlank => {
            true
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_files::AwsFile;

    #[test]
    fn changes_from_both_sides_are_kept() {
        let parse = |text: &str| Document::parse(AwsFile::Config, text.as_bytes()).unwrap();
        let base = parse("[a]\nx = 1\ny = 1\n[b]\nz = 1\ngone = 1\n");
        let theirs = parse("[a]\nx = 2\ny = 2\n[b]\nz = 1\n[c]\nnew = 1\n");
        let mut current = parse("# kept\n[a]\nx = 1\ny = 3\n[b]\nz = 4\ngone = 1\n");
        bring_back(&base, &theirs, &mut current).unwrap();
        let text = current.to_text();
        assert_eq!(text.expose(), "# kept\n[a]\nx = 2\ny = 3\n[b]\nz = 4\n\n[c]\nnew = 1\n");
    }
}
