//! Comments in place of settings that are kept elsewhere.

use super::super::document::{Document, UnsafeEdit};
use super::super::log::Op;
use super::super::syntax::{Ending, Line, LineKind};
use super::{SectionId, check_value, new_line, new_property};

impl Document {
    /// Removes keys and puts a comment line where the first of them was. Returns whether one of them existed.
    pub fn replace_with_comment(
        &mut self,
        section: &str,
        keys: &[&str],
        comment: &str,
    ) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        let Some(id) = self.find(section) else { return Ok(false) };
        let Some(first) = keys.iter().filter_map(|key| self.locate(id, key)).min() else { return Ok(false) };
        for key in keys {
            self.remove(section, key)?;
        }
        // The first key was the topmost, so its index is the same as before, but comments on its lines may be there now.
        self.put(id, first, vec![new_line(comment.to_owned(), LineKind::Comment)]);
        self.settle();
        self.log.push(Op::AddComment(comment.to_owned()));
        Ok(true)
    }

    /// A section's first comment line that begins like this.
    pub fn comment(&self, section: &str, start: &str) -> Option<String> {
        let id = self.find(section)?;
        let at = self.locate_comment(id, start)?;
        Some(self.lines(id)[at].text().to_owned())
    }

    /// Writes a comment line in place of the one that begins like this. Returns whether there was such a comment.
    pub fn change_comment(&mut self, section: &str, start: &str, comment: &str) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        let Some((id, at)) = self.find(section).and_then(|id| Some((id, self.locate_comment(id, start)?)))
        else {
            return Ok(false);
        };
        let old = self.lines_mut(id).remove(at);
        self.put(id, at, vec![new_line(comment.to_owned(), LineKind::Comment)]);
        self.settle();
        self.log.push(Op::RemoveComment(old.text().to_owned()));
        self.log.push(Op::AddComment(comment.to_owned()));
        Ok(true)
    }

    /// Replaces the comment line that begins like this with settings; without settings, removes the comment. Returns whether
    /// there was such a comment.
    pub fn replace_comment(
        &mut self,
        section: &str,
        start: &str,
        settings: &[(&str, &str)],
    ) -> Result<bool, UnsafeEdit> {
        self.check_section(section)?;
        for (key, value) in settings {
            check_value(section, key, value)?;
        }
        let Some((id, at)) = self.find(section).and_then(|id| Some((id, self.locate_comment(id, start)?)))
        else {
            return Ok(false);
        };
        let comment = self.lines_mut(id).remove(at);
        let lines: Vec<Line> =
            settings.iter().map(|(key, value)| new_property(key, value, Ending::None)).collect();
        self.put(id, at, lines);
        self.settle();
        let section = self.name(id).to_owned();
        self.log.push(Op::RemoveComment(comment.text().to_owned()));
        self.log.extend(settings.iter().map(|(key, value)| Op::Set {
            section: section.clone(),
            key: (*key).to_owned(),
            value: (*value).into(),
        }));
        Ok(true)
    }

    fn locate_comment(&self, id: SectionId, start: &str) -> Option<usize> {
        let is_meant = |line: &Line| line.kind == LineKind::Comment && line.text().starts_with(start);
        self.lines(id).iter().position(is_meant)
    }
}
