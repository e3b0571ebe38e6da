//! Changing a document: every operation checks that the place can be edited, changes as few lines as it can, and logs
//! what it meant, for the guard.
//!
//! New lines are `key = value` without indentation or comment, in lower case, under an exact `[header]`, because that
//! is what all SDKs read alike. Lines that are moved keep their text.

use crate::model::secret::Secret;

use super::AwsFile;
use super::document::{Document, KeyValue, Span, UnsafeEdit};
use super::log::{Op, Position};
use super::syntax::{self, Ending, Line, LineKind};

impl Document {
    /// Gives a key a value: in place if it is there, else after the section's last setting. A section that is missing
    /// is added at the end. A comment on the replaced line moves to a line above. Returns whether anything changed.
    pub fn set(&mut self, section: &str, key: &str, value: &str) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        check_value(section, key, value)?;
        if self.get(section, key).is_some_and(|old| old.expose() == value) {
            return Ok(false);
        }
        self.add_section(section, None)?;
        let name = self.name_of(section);
        match self.locate(section, key) {
            Some(at) => {
                let block = self.take_block(at);
                let at = self.keep_comments(at, &block);
                let ending = block.first().map_or(Ending::None, |line| line.ending);
                self.put(at, vec![new_property(key, value, ending)]);
            }
            None => {
                let at = self.end_of_settings(section);
                self.put(at, vec![new_property(key, value, Ending::None)]);
            }
        }
        self.settle();
        self.log.push(Op::Set { section: name, key: key.to_owned(), value: Secret::from(value) });
        Ok(true)
    }

    /// Takes a key away with all its lines; comments stay. Returns whether it was there.
    pub fn remove(&mut self, section: &str, key: &str) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        let Some(at) = self.locate(section, key) else { return Ok(false) };
        let block = self.take_block(at);
        self.keep_comments(at, &block);
        self.settle();
        self.log.push(Op::Remove { section: self.name_of(section), key: key.to_ascii_lowercase() });
        Ok(true)
    }

    /// Moves a key's lines, as they are, into another section, which is added at the end if it is missing. Returns
    /// whether the key was there. [`UnsafeEdit::Occupied`] if the other section has that key.
    pub fn move_key(
        &mut self,
        from: &str,
        to: &str,
        key: &str,
        place: Position<'_>,
    ) -> Result<bool, UnsafeEdit> {
        self.check_move(from, to)?;
        let Some(at) = self.locate(from, key) else { return Ok(false) };
        if self.locate(to, key).is_some() {
            return Err(UnsafeEdit::Occupied { section: to.to_owned(), key: key.to_owned() });
        }
        self.add_section(to, None)?;
        let block = self.take_block(at);
        let anchor = match place {
            Position::Before(other) => self.locate(to, other),
            Position::After(other) => self.locate(to, other).map(|at| self.end_of_block(at)),
            Position::End => None,
        };
        let at = anchor.unwrap_or_else(|| self.end_of_settings(to));
        self.put(at, block);
        self.settle();
        self.log_move(from, to, key);
        Ok(true)
    }

    /// Moves a key's lines to the end of another section and gives the key a new value where it was. Returns whether
    /// the key was there.
    pub fn move_and_set(&mut self, from: &str, to: &str, key: &str, value: &str) -> Result<bool, UnsafeEdit> {
        self.check_move(from, to)?;
        check_value(from, key, value)?;
        if self.locate(to, key).is_some() {
            return Err(UnsafeEdit::Occupied { section: to.to_owned(), key: key.to_owned() });
        }
        self.add_section(to, None)?;
        let Some(at) = self.locate(from, key) else { return Ok(false) };
        let block = self.take_block(at);
        let ending = block.first().map_or(Ending::None, |line| line.ending);
        self.put(at, vec![new_property(key, value, ending)]);
        let end = self.end_of_settings(to);
        self.put(end, block);
        self.settle();
        self.log_move(from, to, key);
        let section = self.name_of(from);
        self.log.push(Op::Set { section, key: key.to_owned(), value: Secret::from(value) });
        Ok(true)
    }

    /// The way back: a key's lines take the place of the same key's in another section. Returns whether both were
    /// there; nothing is changed if not.
    pub fn move_over(&mut self, from: &str, to: &str, key: &str) -> Result<bool, UnsafeEdit> {
        self.check_move(from, to)?;
        if self.locate(from, key).is_none() || self.locate(to, key).is_none() {
            return Ok(false);
        }
        let Some(at) = self.locate(from, key) else { return Ok(false) };
        let block = self.take_block(at);
        let Some(at) = self.locate(to, key) else { return Ok(false) };
        let replaced = self.take_block(at);
        let at = self.keep_comments(at, &replaced);
        self.put(at, block);
        self.settle();
        self.log.push(Op::Remove { section: self.name_of(to), key: key.to_owned() });
        self.log_move(from, to, key);
        Ok(true)
    }

    /// Adds an empty section, right after another or at the end; a blank line sets it off where the file does so.
    /// Returns whether it was missing.
    pub fn add_section(&mut self, section: &str, after: Option<&str>) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        if self.has_section(section) {
            return Ok(false);
        }
        let parts = if self.kind == AwsFile::Config { 2 } else { 1 };
        if section == "DEFAULT" || !section.splitn(parts, ' ').all(syntax::is_identifier) {
            return Err(UnsafeEdit::UnwritableName { name: section.to_owned() });
        }
        let after = after.and_then(|name| self.find(name));
        let at = after.map_or(self.lines.len(), |span| self.end_of_own(&span));
        let header = new_line(format!("[{section}]"), LineKind::Header);
        let blank = || new_line(String::new(), LineKind::Blank);
        let set_off = at > 0 && self.lines[at - 1].is_blank();
        let added = if set_off {
            vec![header, blank()]
        } else if at > 0 && at == self.lines.len() {
            vec![blank(), header]
        } else {
            vec![header]
        };
        if added.len() == 2 {
            self.log.push(Op::AddBlank);
        }
        self.put(at, added);
        self.settle();
        self.log.push(Op::AddSection(section.to_owned()));
        Ok(true)
    }

    /// Takes keys away, and the section too if nothing but blank lines is left in it. Comments right above the next
    /// header are taken for that header's. Returns whether the section is gone.
    pub fn remove_keys_and_empty_section(
        &mut self,
        section: &str,
        keys: &[&str],
    ) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        let was_there = self.has_section(section);
        let emptied = self.is_empty_without(section, keys, false);
        for key in keys {
            self.remove(section, key)?;
        }
        if emptied {
            self.remove_header(section);
        }
        Ok(was_there && emptied)
    }

    /// Whether a section that is there holds nothing else than these keys and blank lines. Comments on the keys' lines
    /// count as something else, unless `with_comments`: they go where the keys go.
    pub(super) fn is_empty_without(&self, section: &str, keys: &[&str], with_comments: bool) -> bool {
        let Some(span) = self.find(section) else { return false };
        let mut of_keys = false;
        (span.header + 1..self.end_of_own(&span)).all(|index| {
            let line = &self.lines[index];
            match line.kind {
                LineKind::Blank => true,
                LineKind::Property => {
                    let property = syntax::property(line.text());
                    of_keys = property.is_ok_and(|p| {
                        (with_comments || p.comment.is_none()) && keys.contains(&p.key.as_str())
                    });
                    of_keys
                }
                LineKind::Continuation => of_keys,
                LineKind::IndentedComment => with_comments && of_keys,
                LineKind::Comment | LineKind::Header | LineKind::Unreadable => false,
            }
            // A comment on the header's line is a comment in it.
        }) && self.lines[span.header].text().trim_end().ends_with(']')
    }

    /// Takes a header away, and the blank line that `add_section` would have added with it.
    pub(super) fn remove_header(&mut self, section: &str) {
        let Some(span) = self.find(section) else { return };
        let last = span.header + 1 == self.lines.len();
        let blank_after = self.lines.get(span.header + 1).is_some_and(Line::is_blank);
        self.lines.remove(span.header);
        if blank_after {
            self.lines.remove(span.header);
            self.log.push(Op::RemoveBlank);
        } else if last && span.header > 0 && self.lines[span.header - 1].is_blank() {
            self.lines.remove(span.header - 1);
            self.log.push(Op::RemoveBlank);
        }
        self.settle();
        self.log.push(Op::RemoveSection(span.name));
    }

    fn check_move(&self, from: &str, to: &str) -> Result<(), UnsafeEdit> {
        self.check_section(from)?;
        self.check_section(to)
    }

    fn log_move(&mut self, from: &str, to: &str, key: &str) {
        let (from, to) = (self.name_of(from), self.name_of(to));
        self.log.push(Op::Move { from, to, key: key.to_owned() });
    }

    /// The header text that a section has in this file: `default` may be `profile default`.
    fn name_of(&self, section: &str) -> String {
        self.find(section).map_or_else(|| section.to_owned(), |span| span.name)
    }

    /// The index of a key's first line.
    fn locate(&self, section: &str, key: &str) -> Option<usize> {
        let span = self.find(section)?;
        let key = key.to_ascii_lowercase();
        self.settings(&span).into_iter().find(|s: &KeyValue| s.key == key).map(|s| s.line)
    }

    /// One past the last line that belongs to the property at `at`. Indented comments belong to it, because the Rust
    /// SDK takes them for a part of its value.
    fn end_of_block(&self, at: usize) -> usize {
        let mut end = at + 1;
        for (index, line) in self.lines.iter().enumerate().skip(at + 1) {
            match line.kind {
                LineKind::Header | LineKind::Property | LineKind::Unreadable => break,
                LineKind::Continuation | LineKind::IndentedComment => end = index + 1,
                LineKind::Blank | LineKind::Comment => {}
            }
        }
        end
    }

    /// One past a section's last setting; right after the header if it has none.
    fn end_of_settings(&self, section: &str) -> usize {
        let Some(span) = self.find(section) else { return self.lines.len() };
        let holds =
            |kind| matches!(kind, LineKind::Property | LineKind::Continuation | LineKind::IndentedComment);
        let last = (span.header + 1..span.end).rev().find(|index| holds(self.lines[*index].kind));
        last.unwrap_or(span.header) + 1
    }

    /// One past a section's lines without the comments right above the next header.
    fn end_of_own(&self, span: &Span) -> usize {
        let mut end = span.end;
        while end < self.lines.len() && end > span.header + 1 && self.lines[end - 1].kind == LineKind::Comment
        {
            end -= 1;
        }
        // The loop has nothing to do at the end of the file: comments there are the section's own.
        end
    }

    /// Takes out a property's lines; comments and blank lines at the margin between them stay.
    fn take_block(&mut self, at: usize) -> Vec<Line> {
        let mut block = Vec::new();
        let mut rest = Vec::new();
        let end = self.end_of_block(at);
        for line in self.lines.drain(at..end) {
            let stays = matches!(line.kind, LineKind::Blank | LineKind::Comment);
            if stays { rest.push(line) } else { block.push(line) }
        }
        self.lines.splice(at..at, rest);
        block
    }

    /// Gives the comments of lines that go a line of their own. Returns the index after them.
    fn keep_comments(&mut self, at: usize, block: &[Line]) -> usize {
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
        self.put(at, lines);
        next
    }

    /// Inserts lines; the operation must end with `settle`.
    fn put(&mut self, at: usize, lines: Vec<Line>) {
        // The neighbour above decides how new lines end, then the one below.
        let (above, below) = self.lines.split_at(at);
        let mut near = above.iter().rev().chain(below).map(|line| line.ending);
        let ending = near.find(|ending| *ending != Ending::None).unwrap_or(Ending::Lf);
        let lines: Vec<Line> = lines
            .into_iter()
            .map(|line| Line {
                ending: if line.ending == Ending::None { ending } else { line.ending },
                ..line
            })
            .collect();
        self.lines.splice(at..at, lines);
    }

    /// Every line but the last ends; the last one does so if the file's last line did, or if it is empty: without its
    /// end it would be no line.
    fn settle(&mut self) {
        let Some(last) = self.lines.len().checked_sub(1) else { return };
        let mut near =
            self.lines.iter().map(|line| line.ending).find(|e| *e != Ending::None).unwrap_or(Ending::Lf);
        for (index, line) in self.lines.iter_mut().enumerate() {
            if index == last && !self.ends_last_line && !line.text().is_empty() {
                line.ending = Ending::None;
            } else if line.ending == Ending::None {
                line.ending = near;
            } else {
                near = line.ending;
            }
        }
    }
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

#[cfg(test)]
mod tests;
