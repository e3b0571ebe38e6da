//! What edits change in a document: lines, and which sections exist. The cost depends on what changes and not on the
//! size of the file, because `logout --all` edits thousands of sections.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::secret::Secret;

use super::super::syntax::{Ending, Line, Scanner};
use super::content::{Document, SectionId};
use super::order::{Order, Undo};
use super::parsed::{Edited, Origin};

impl Document {
    pub(in crate::aws_files) fn is_changed(&self) -> bool {
        !self.bodies.is_empty() || self.order.is_some()
    }

    /// Applies a change completely or, if it fails, not at all.
    pub(in crate::aws_files) fn atomically<T, E>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let (outer, logged, tail) = (self.undo.replace(Vec::new()), self.log.len(), self.tail);
        let result = change(self);
        let steps = self.undo.take().unwrap_or_default();
        self.undo = outer;
        if result.is_err() {
            steps.into_iter().rev().for_each(|step| self.take_back(step));
            self.log.truncate(logged);
            self.tail = tail;
        } else if let Some(outer) = &mut self.undo {
            outer.extend(steps);
        }
        result
    }

    fn take_back(&mut self, step: Undo) {
        match step {
            Undo::Body(id, Some(lines)) => drop(self.bodies.insert(id, lines)),
            Undo::Body(id, None) => drop(self.bodies.remove(&id)),
            Undo::Appended(id, count) => self.bodies.entry(id).or_default().truncate(count),
            Undo::Added(id) => {
                self.added.pop();
                self.bodies.remove(&id);
                self.order_mut().drop_last(id);
            }
            Undo::Removed(id) => self.order_mut().put_back(id),
        }
    }

    fn order_mut(&mut self) -> &mut Order {
        let sections = self.base.end();
        self.order.get_or_insert_with(|| Order::of(sections))
    }

    pub(super) fn is_there(&self, id: SectionId) -> bool {
        self.order.as_ref().is_none_or(|order| order.is_there(id))
    }

    /// The section after this one.
    pub(in crate::aws_files) fn next(&self, id: SectionId) -> Option<SectionId> {
        let next = match &self.order {
            Some(order) => order.next(id),
            None => (id + 1) % self.base.end(),
        };
        (next != 0).then_some(next)
    }

    /// The section before this one; 0 if it is the first.
    pub(in crate::aws_files) fn before(&self, id: SectionId) -> SectionId {
        self.order.as_ref().map_or_else(|| id.saturating_sub(1), |order| order.before(id))
    }

    /// The last section; 0 if there are none.
    pub(in crate::aws_files) fn last(&self) -> SectionId {
        self.order.as_ref().map_or(self.base.end() - 1, |order| order.before(0))
    }

    /// All sections, in order.
    pub(in crate::aws_files) fn ids(&self) -> impl Iterator<Item = SectionId> {
        std::iter::successors(self.next(0), |id| self.next(*id))
    }

    /// A section's lines; the first one is its header.
    pub(in crate::aws_files) fn lines(&self, id: SectionId) -> Cow<'_, [Line]> {
        match self.bodies.get(&id) {
            Some(lines) => Cow::Borrowed(lines),
            None => Cow::Owned(self.lines_as_read(id)),
        }
    }

    fn lines_as_read(&self, id: SectionId) -> Vec<Line> {
        let mut scanner = Scanner::new(self.base.section(id));
        std::iter::from_fn(|| scanner.next(|_, _| ())).map(|line| line.to_line()).collect()
    }

    /// A section's lines, to be changed.
    pub(in crate::aws_files) fn lines_mut(&mut self, id: SectionId) -> &mut Vec<Line> {
        if let Some(steps) = &mut self.undo
            && !steps
                .iter()
                .any(|step| matches!(step, Undo::Body(other, _) | Undo::Added(other) if *other == id))
        {
            steps.push(Undo::Body(id, self.bodies.get(&id).cloned()));
        }
        if !self.bodies.contains_key(&id) {
            let lines = self.lines_as_read(id);
            self.bodies.insert(id, lines);
        }
        self.bodies.entry(id).or_default()
    }

    /// Appends lines to a section. Unlike `lines_mut`, it does not keep a copy of the lines for undoing that:
    /// `logout --all` may append the comments of thousands of sections to one.
    pub(in crate::aws_files) fn append(&mut self, id: SectionId, mut lines: Vec<Line>) {
        match (self.bodies.get_mut(&id), &mut self.undo) {
            (Some(body), Some(steps)) => {
                steps.push(Undo::Appended(id, body.len()));
                body.append(&mut lines);
            }
            _ => self.lines_mut(id).append(&mut lines),
        }
    }

    /// Adds a section after another.
    pub(in crate::aws_files) fn add_after(&mut self, before: SectionId, name: &str, lines: Vec<Line>) {
        let id = self.base.end() + self.added.len();
        self.order_mut().add_after(before);
        self.added.push(Arc::from(name));
        self.bodies.insert(id, lines);
        if let Some(steps) = &mut self.undo {
            steps.push(Undo::Added(id));
        }
    }

    /// Removes a section with all its lines.
    pub(in crate::aws_files) fn remove_section(&mut self, id: SectionId) {
        self.order_mut().remove(id);
        if let Some(steps) = &mut self.undo {
            steps.push(Undo::Removed(id));
        }
    }

    /// The number of a section's first line, from 0.
    pub(in crate::aws_files) fn first_line(&self, id: SectionId) -> usize {
        if !self.is_changed() {
            return self.base.first_line(id);
        }
        std::iter::once(0)
            .chain(self.ids())
            .take_while(|other| *other != id)
            .map(|id| self.line_count(id))
            .sum()
    }

    fn line_count(&self, id: SectionId) -> usize {
        self.bodies.get(&id).map_or_else(|| self.base.line_count(id), Vec::len)
    }

    /// The whole text.
    pub fn to_text(&self) -> Secret<String> {
        if !self.is_changed() {
            return Secret::from(self.base.text());
        }
        // Large enough from the start: growing would leave copies that are not wiped.
        let added: usize = self.bodies.values().map(|lines| size(lines)).sum();
        let mut text = String::with_capacity(self.base.text().len() + added);
        let mut ids = std::iter::once(0).chain(self.ids()).peekable();
        while let Some(id) = ids.next() {
            if let Some(lines) = self.bodies.get(&id) {
                for line in lines {
                    text.push_str(line.text());
                    text.push_str(line.ending.as_str());
                }
                continue;
            }
            // Copy unchanged neighbors in one piece.
            let mut end = id + 1;
            while ids.next_if(|next| *next == end && !self.bodies.contains_key(next)).is_some() {
                end += 1;
            }
            text.push_str(&self.base.text()[self.base.range(id..end)]);
        }
        Secret::new(text)
    }

    fn edited_sections(&self) -> impl Iterator<Item = Edited> {
        std::iter::once(0).chain(self.ids()).map(|id| {
            let bytes = match self.bodies.get(&id) {
                Some(lines) => size(lines),
                None => self.base.range(id..id + 1).len(),
            };
            let origin = match id.checked_sub(self.base.end()) {
                Some(added) => Origin::Added(Arc::clone(&self.added[added])),
                None => Origin::Read(id),
            };
            Edited { origin, lines: self.line_count(id), bytes }
        })
    }

    /// The document after its text was written: equal to a new reading of the file, without parsing it again.
    pub(in crate::aws_files) fn settled(&self, text: Secret<String>) -> Self {
        if !self.is_changed() {
            return Self::unchanged(Arc::clone(&self.base));
        }
        Self::unchanged(Arc::new(self.base.edited(text, self.edited_sections())))
    }

    /// The line ending for new lines at index `at` of a section: that of the line above, or of the one below.
    pub(in crate::aws_files) fn ending_near(&self, id: SectionId, at: usize) -> Ending {
        let known = |ending: &Ending| *ending != Ending::None;
        let lines = self.lines(id);
        let (above, below) = lines.split_at(at);
        let ending = above.iter().rev().map(|line| line.ending).find(known).or_else(|| {
            let mut before = id;
            while before != 0 {
                before = self.before(before);
                let found = self.lines(before).iter().rev().map(|line| line.ending).find(known);
                if found.is_some() {
                    return found;
                }
            }
            None
        });
        let ending = ending.or_else(|| below.iter().map(|line| line.ending).find(known));
        let after = || {
            std::iter::successors(self.next(id), |id| self.next(*id))
                .find_map(|id| self.lines(id).iter().map(|line| line.ending).find(known))
        };
        ending.or_else(after).unwrap_or(Ending::Lf)
    }

    /// Fixes the line endings after an operation: every line except the last one has a line ending. The last one has
    /// one if the file's last line had one, or if it is empty, because an empty line is nothing but its ending.
    pub(in crate::aws_files) fn settle(&mut self) {
        if self.base.ends_last_line {
            return;
        }
        let mut last = self.last();
        while last != 0 && self.lines(last).is_empty() {
            last = self.before(last);
        }
        for id in [self.tail, last] {
            if !self.is_there(id) {
                continue;
            }
            let lines = self.lines(id);
            let count = if id == last { lines.len().saturating_sub(1) } else { lines.len() };
            let open: Vec<usize> = (0..count).filter(|at| lines[*at].ending == Ending::None).collect();
            for at in open {
                let ending = self.ending_near(id, at);
                self.lines_mut(id)[at].ending = ending;
            }
        }
        let ending = self.ending_near(last, self.lines(last).len().saturating_sub(1));
        if let Some(line) = self.lines_mut(last).last_mut() {
            if !line.text().is_empty() {
                line.ending = Ending::None;
            } else if line.ending == Ending::None {
                line.ending = ending;
            }
        }
        self.tail = last;
    }

    /// Records that the lines of a removed section are now in the section before it.
    pub(in crate::aws_files) fn move_tail(&mut self, from: SectionId, to: SectionId) {
        if self.tail == from {
            self.tail = to;
        }
    }
}

/// The number of bytes in these lines.
fn size(lines: &[Line]) -> usize {
    lines.iter().map(|line| line.text().len() + line.ending.as_str().len()).sum()
}
