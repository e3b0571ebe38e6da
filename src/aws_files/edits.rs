//! Edits of a document: each operation checks that the place can be edited, changes as few lines as possible, and logs
//! its intention for the guard.
//!
//! New lines are `key = value` without indentation or comment, in lower case, under an exact `[header]`, because all
//! SDKs read that the same way. Moved lines keep their text.

use crate::model::secret::Secret;

use super::AwsFile;
use super::document::{Document, SectionId, UnsafeEdit};
use super::log::{Op, Position};
use super::syntax::{self, Ending, Line, LineKind};

impl Document {
    /// Sets a key: in place if it exists, otherwise after the section's last setting. A missing section is added at the end.
    /// A comment on the replaced line moves to a line above. Returns whether anything changed.
    pub fn set(&mut self, section: &str, key: &str, value: &str) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        check_value(section, key, value)?;
        if self.get(section, key).is_some_and(|old| old.expose() == value) {
            return Ok(false);
        }
        self.add_section(section, None)?;
        let Some(id) = self.find(section) else { return Ok(false) };
        match self.locate(id, key) {
            Some(at) => {
                let block = self.take_block(id, at);
                let at = self.keep_comments(id, at, &block);
                self.put(id, at, vec![in_place_of(&block, key, value)]);
            }
            None => self.put(id, self.end_of_settings(id), vec![new_property(key, value, Ending::None)]),
        }
        self.settle();
        let section = self.name(id).to_owned();
        self.log.push(Op::Set { section, key: key.to_owned(), value: Secret::from(value) });
        Ok(true)
    }

    /// Removes a key with all its lines; comments stay. Returns whether it existed.
    pub fn remove(&mut self, section: &str, key: &str) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        let Some((id, at)) = self.find_key(section, key) else { return Ok(false) };
        let block = self.take_block(id, at);
        self.keep_comments(id, at, &block);
        self.settle();
        self.log.push(Op::Remove { section: self.name(id).to_owned(), key: key.to_ascii_lowercase() });
        Ok(true)
    }

    /// Moves a key's lines, unchanged, to another section, which is added at the end if it is missing. Returns whether the
    /// key existed. [`UnsafeEdit::Occupied`] if the other section has the key.
    pub fn move_key(
        &mut self,
        from: &str,
        to: &str,
        key: &str,
        position: Position<'_>,
    ) -> Result<bool, UnsafeEdit> {
        self.check_move(from, to)?;
        let Some((from, at)) = self.find_key(from, key) else { return Ok(false) };
        self.check_free(to, key)?;
        self.add_section(to, None)?;
        let Some(to) = self.find(to) else { return Ok(false) };
        let block = self.take_block(from, at);
        let anchor = match position {
            Position::Before(other) => self.locate(to, other),
            Position::After(other) => self.locate(to, other).map(|at| end_of_block(&self.lines(to), at)),
            Position::End => None,
        };
        let at = anchor.unwrap_or_else(|| self.end_of_settings(to));
        self.put(to, at, block);
        self.settle();
        self.log_move(from, to, key);
        Ok(true)
    }

    /// Moves a key's lines to the end of another section and sets the key to a new value where it was. Returns whether the
    /// key existed.
    pub fn move_and_set(&mut self, from: &str, to: &str, key: &str, value: &str) -> Result<bool, UnsafeEdit> {
        self.check_move(from, to)?;
        check_value(from, key, value)?;
        self.check_free(to, key)?;
        self.add_section(to, None)?;
        let (Some((from, at)), Some(to)) = (self.find_key(from, key), self.find(to)) else {
            return Ok(false);
        };
        let block = self.take_block(from, at);
        self.put(from, at, vec![in_place_of(&block, key, value)]);
        self.put(to, self.end_of_settings(to), block);
        self.settle();
        self.log_move(from, to, key);
        let section = self.name(from).to_owned();
        self.log.push(Op::Set { section, key: key.to_owned(), value: Secret::from(value) });
        Ok(true)
    }

    /// Replaces the lines of a key with those of the same key in another section, which loses them. Returns whether
    /// both existed; if not, nothing changes.
    pub fn move_over(&mut self, from: &str, to: &str, key: &str) -> Result<bool, UnsafeEdit> {
        self.check_move(from, to)?;
        let (Some((from, at)), Some((to, _))) = (self.find_key(from, key), self.find_key(to, key)) else {
            return Ok(false);
        };
        let block = self.take_block(from, at);
        let Some(at) = self.locate(to, key) else { return Ok(false) };
        let replaced = self.take_block(to, at);
        let at = self.keep_comments(to, at, &replaced);
        self.put(to, at, block);
        self.settle();
        self.log.push(Op::Remove { section: self.name(to).to_owned(), key: key.to_owned() });
        self.log_move(from, to, key);
        Ok(true)
    }

    /// Adds an empty section, right after another or at the end; a blank line separates it where the file does that.
    /// Returns whether it was missing.
    pub fn add_section(&mut self, section: &str, after: Option<&str>) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        if self.has_section(section) {
            return Ok(false);
        }
        let parts = if self.file() == AwsFile::Config { 2 } else { 1 };
        if section == "DEFAULT" || !section.splitn(parts, ' ').all(syntax::is_identifier) {
            return Err(UnsafeEdit::UnwritableName { name: section.to_owned() });
        }
        let last = self.last();
        let before = after.and_then(|name| self.find(name)).unwrap_or(last);
        self.check_next(before)?;
        let lines = self.lines(before);
        let end = if before == last { lines.len() } else { end_of_own(&lines) };
        let is_first = before == 0 && end == 0;
        let set_off = end > 0 && lines[end - 1].is_blank();
        let ending = self.ending_near(before, end);
        let blank = || Line { ending, ..new_line(String::new(), LineKind::Blank) };
        let mut added = vec![Line { ending, ..new_line(format!("[{section}]"), LineKind::Header) }];
        if set_off {
            added.push(blank());
        } else if before == last && !is_first {
            self.lines_mut(before).push(blank());
        }
        if set_off || (before == last && !is_first) {
            self.log.push(Op::AddBlank);
        }
        if before != last && end < self.lines(before).len() {
            // Comments right above the next header belong to that header.
            added.extend(self.lines_mut(before).drain(end..));
        }
        self.add_after(before, section, added);
        self.settle();
        self.log.push(Op::AddSection(section.to_owned()));
        Ok(true)
    }

    /// Removes keys, and the section too if only blank lines are left in it. Comments right above the next header belong to
    /// that header. Returns whether the section is gone.
    pub fn remove_keys_and_empty_section(
        &mut self,
        section: &str,
        keys: &[&str],
    ) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        let emptied = self.is_empty_without(section, keys, false);
        for key in keys {
            self.remove(section, key)?;
        }
        if emptied {
            self.remove_header(section);
        }
        Ok(emptied)
    }

    /// Whether an existing section holds nothing but these keys and blank lines. Comments on the keys' lines count as
    /// something else, unless `with_comments`: they go where the keys go.
    pub(super) fn is_empty_without(&self, section: &str, keys: &[&str], with_comments: bool) -> bool {
        let Some(id) = self.find(section) else { return false };
        let lines = self.lines(id);
        let end = if id == self.last() { lines.len() } else { end_of_own(&lines) };
        let mut of_keys = false;
        lines[1..end].iter().all(|line| match line.kind {
            LineKind::Blank => true,
            LineKind::Property => {
                let property = syntax::property(line.text());
                of_keys = property
                    .is_ok_and(|p| (with_comments || p.comment.is_none()) && keys.contains(&p.key.as_str()));
                of_keys
            }
            LineKind::Continuation => of_keys,
            LineKind::IndentedComment => with_comments && of_keys,
            LineKind::Comment | LineKind::Header | LineKind::Unreadable => false,
            // A comment on the header's line counts as a comment in the section.
        }) && lines[0].text().trim_end().ends_with(']')
    }

    /// Removes a header, and the blank line that `add_section` would have added with it. The section's other lines
    /// become part of the previous section.
    pub(super) fn remove_header(&mut self, section: &str) {
        let Some(id) = self.find(section) else { return };
        let mut lines = self.lines(id).into_owned();
        let before = self.before(id);
        lines.remove(0);
        if lines.first().is_some_and(Line::is_blank) {
            lines.remove(0);
            self.log.push(Op::RemoveBlank);
        } else if lines.is_empty()
            && id == self.last()
            && self.lines(before).last().is_some_and(Line::is_blank)
        {
            self.lines_mut(before).pop();
            self.log.push(Op::RemoveBlank);
        }
        if !lines.is_empty() {
            self.append(before, lines);
        }
        self.remove_section(id);
        self.move_tail(id, before);
        self.settle();
        self.log.push(Op::RemoveSection(self.name(id).to_owned()));
    }

    fn check_move(&self, from: &str, to: &str) -> Result<(), UnsafeEdit> {
        self.check_section(from)?;
        self.check_section(to)
    }

    fn check_free(&self, section: &str, key: &str) -> Result<(), UnsafeEdit> {
        match self.find_key(section, key) {
            Some(_) => Err(UnsafeEdit::Occupied { section: section.to_owned(), key: key.to_owned() }),
            None => Ok(()),
        }
    }

    fn log_move(&mut self, from: SectionId, to: SectionId, key: &str) {
        let (from, to) = (self.name(from).to_owned(), self.name(to).to_owned());
        self.log.push(Op::Move { from, to, key: key.to_owned() });
    }

    fn find_key(&self, section: &str, key: &str) -> Option<(SectionId, usize)> {
        let id = self.find(section)?;
        Some((id, self.locate(id, key)?))
    }

    /// The index of a key's first line in a section.
    fn locate(&self, id: SectionId, key: &str) -> Option<usize> {
        let key = key.to_ascii_lowercase();
        self.settings(id).into_iter().find(|setting| setting.key == key).map(|setting| setting.line)
    }

    /// One past a section's last setting; right after the header if it has none.
    fn end_of_settings(&self, id: SectionId) -> usize {
        let holds =
            |kind| matches!(kind, LineKind::Property | LineKind::Continuation | LineKind::IndentedComment);
        let lines = self.lines(id);
        lines.iter().rposition(|line| holds(line.kind)).unwrap_or(0) + 1
    }

    /// Removes and returns a property's lines; unindented comments and blank lines between them stay.
    fn take_block(&mut self, id: SectionId, at: usize) -> Vec<Line> {
        let lines = self.lines_mut(id);
        let end = end_of_block(lines, at);
        let taken: Vec<Line> = lines.drain(at..end).collect();
        let stays = |line: &Line| matches!(line.kind, LineKind::Blank | LineKind::Comment);
        let (rest, block): (Vec<Line>, Vec<Line>) = taken.into_iter().partition(stays);
        lines.splice(at..at, rest);
        block
    }

    /// Gives the comments of removed lines a line of their own. Returns the index after them.
    fn keep_comments(&mut self, id: SectionId, at: usize, block: &[Line]) -> usize {
        let mut kept = Vec::new();
        for line in block {
            match line.kind {
                LineKind::IndentedComment => kept.push(line.text().trim_matches([' ', '\t']).to_owned()),
                LineKind::Property => {
                    let property = syntax::property(line.text());
                    kept.extend(property.ok().and_then(|p| p.comment.map(str::to_owned)));
                }
                _ => {}
            }
        }
        self.log.extend(kept.iter().map(|text| Op::KeepComment(Secret::from(text.as_str()))));
        let lines: Vec<Line> = kept.into_iter().map(|text| new_line(text, LineKind::Comment)).collect();
        let next = at + lines.len();
        self.put(id, at, lines);
        next
    }

    /// Inserts lines; the operation must end with `settle`.
    fn put(&mut self, id: SectionId, at: usize, mut lines: Vec<Line>) {
        if lines.iter().any(|line| line.ending == Ending::None) {
            let ending = self.ending_near(id, at);
            lines.iter_mut().filter(|l| l.ending == Ending::None).for_each(|line| line.ending = ending);
        }
        self.lines_mut(id).splice(at..at, lines);
    }
}

/// One past the last line that belongs to the property at `at`. Indented comments belong to it, because the Rust SDK reads
/// them as a part of its value.
fn end_of_block(lines: &[Line], at: usize) -> usize {
    let mut end = at + 1;
    for (index, line) in lines.iter().enumerate().skip(at + 1) {
        match line.kind {
            LineKind::Header | LineKind::Property | LineKind::Unreadable => break,
            LineKind::Continuation | LineKind::IndentedComment => end = index + 1,
            LineKind::Blank | LineKind::Comment => {}
        }
    }
    end
}

/// One past a section's lines without the comments right above the next header.
fn end_of_own(lines: &[Line]) -> usize {
    lines.iter().skip(1).rposition(|line| line.kind != LineKind::Comment).map_or(1, |at| at + 2)
}

/// A key's new line in place of its old ones.
fn in_place_of(block: &[Line], key: &str, value: &str) -> Line {
    new_property(key, value, block.first().map_or(Ending::None, |line| line.ending))
}

fn check_value(section: &str, key: &str, value: &str) -> Result<(), UnsafeEdit> {
    if !syntax::is_writable_key(key) {
        return Err(UnsafeEdit::UnwritableName { name: key.to_owned() });
    }
    if !syntax::is_writable_value(value) {
        return Err(UnsafeEdit::UnwritableValue { section: section.to_owned(), key: key.to_owned() });
    }
    Ok(())
}

fn new_line(text: String, kind: LineKind) -> Line {
    Line { text: Secret::new(text), ending: Ending::None, kind }
}

fn new_property(key: &str, value: &str, ending: Ending) -> Line {
    Line { ending, ..new_line(format!("{key} = {value}"), LineKind::Property) }
}

mod comments;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
