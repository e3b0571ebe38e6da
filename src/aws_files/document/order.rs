//! The order of a document's sections while edits add and remove some, and how to undo their steps.

use super::super::syntax::Line;

/// Identifies a section of a document; 0 is the part before the first header. IDs do not change when other sections are
/// added or removed.
pub(in crate::aws_files) type SectionId = usize;

/// The order of the sections, as a doubly linked ring. Section 0 always exists and closes the ring.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) next: Vec<SectionId>,
    pub(super) before: Vec<SectionId>,
    pub(super) is_there: Vec<bool>,
}

/// How to undo one step.
#[derive(Clone)]
pub(super) enum Undo {
    /// A section's lines before the step, if they had already been changed.
    Body(SectionId, Option<Vec<Line>>),
    /// The number of a changed section's lines before some were appended.
    Appended(SectionId, usize),
    Added(SectionId),
    Removed(SectionId),
}

impl Order {
    pub(super) fn of(sections: usize) -> Self {
        let at = |id: SectionId| id % sections;
        Self {
            next: (1..=sections).map(at).collect(),
            before: (0..sections).map(|id| at(id + sections - 1)).collect(),
            is_there: vec![true; sections],
        }
    }

    pub(super) fn remove(&mut self, id: SectionId) {
        let (before, next) = (self.before[id], self.next[id]);
        (self.next[before], self.before[next], self.is_there[id]) = (next, before, false);
    }

    /// Undoes the last `remove`: the section still has its links.
    pub(super) fn put_back(&mut self, id: SectionId) {
        let (before, next) = (self.before[id], self.next[id]);
        (self.next[before], self.before[next], self.is_there[id]) = (id, id, true);
    }

    pub(super) fn add_after(&mut self, before: SectionId) {
        let (id, next) = (self.next.len(), self.next[before]);
        self.next.push(next);
        self.before.push(before);
        self.is_there.push(true);
        (self.next[before], self.before[next]) = (id, id);
    }

    pub(super) fn drop_last(&mut self, id: SectionId) {
        self.remove(id);
        self.next.pop();
        self.before.pop();
        self.is_there.pop();
    }
}
