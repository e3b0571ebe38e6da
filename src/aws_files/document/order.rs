//! The order of a document's sections while edits add and remove some, and how to undo their steps.

use super::super::syntax::Line;

/// Identifies a section of a document; 0 is the part before the first header. IDs do not change when other sections are
/// added or removed.
pub(in crate::aws_files) type SectionId = usize;

/// A position, a line number or a section ID.
pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or_else(|_| unreachable!("AWS files have at most 16 MiB"))
}

/// The order of the sections, as a doubly linked ring. Section 0 always exists and closes the ring.
#[derive(Clone)]
pub(super) struct Order {
    links: Vec<Links>,
}

#[derive(Clone, Copy)]
struct Links {
    before: u32,
    next: u32,
    is_there: bool,
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

/// Edits seldom add more sections than this.
const ROOM: usize = 8;

impl Order {
    pub(super) fn of(sections: usize) -> Self {
        let at = |id: SectionId| small(id % sections);
        let links = |id| Links { before: at(id + sections - 1), next: at(id + 1), is_there: true };
        let mut all = Vec::with_capacity(sections + ROOM);
        all.extend((0..sections).map(links));
        Self { links: all }
    }

    pub(super) fn is_there(&self, id: SectionId) -> bool {
        self.links[id].is_there
    }

    pub(super) fn next(&self, id: SectionId) -> SectionId {
        self.links[id].next as SectionId
    }

    pub(super) fn before(&self, id: SectionId) -> SectionId {
        self.links[id].before as SectionId
    }

    pub(super) fn remove(&mut self, id: SectionId) {
        let (before, next) = (self.before(id), self.next(id));
        self.link(before, next);
        self.links[id].is_there = false;
    }

    /// Undoes the last `remove`: the section still has its links.
    pub(super) fn put_back(&mut self, id: SectionId) {
        self.link(self.before(id), id);
        self.link(id, self.next(id));
        self.links[id].is_there = true;
    }

    pub(super) fn add_after(&mut self, before: SectionId) {
        let (id, next) = (self.links.len(), self.next(before));
        self.links.push(Links { before: 0, next: 0, is_there: true });
        self.link(before, id);
        self.link(id, next);
    }

    pub(super) fn drop_last(&mut self, id: SectionId) {
        self.remove(id);
        self.links.pop();
    }

    fn link(&mut self, before: SectionId, next: SectionId) {
        (self.links[before].next, self.links[next].before) = (small(next), small(before));
    }
}
