//! Finds the sections with a name. It stores no names, only where they are.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::order::SectionId;

/// Sections by their identity ([`syntax::identity`](super::super::syntax::identity)). Callers pass the function that gives a
/// section's identity.
pub(super) struct Index {
    sections: HashTable<Same>,
    hasher: DefaultHashBuilder,
}

/// The sections with one identity. An editable file has only one.
struct Same {
    first: SectionId,
    more: Vec<SectionId>,
}

impl Index {
    /// An empty index with space for the sections that a text of this size probably has: growing hashes all names again.
    pub(super) fn for_text(text: &str) -> Self {
        Self { sections: HashTable::with_capacity(text.len() / 128), hasher: DefaultHashBuilder::default() }
    }

    /// Adds a section and returns the previous one with the same identity.
    pub(super) fn add<'t>(
        &mut self,
        id: SectionId,
        identity: impl Fn(SectionId) -> &'t str,
    ) -> Option<SectionId> {
        let wanted = identity(id);
        let is_same = |same: &Same| identity(same.first) == wanted;
        let hash = |same: &Same| self.hasher.hash_one(identity(same.first));
        match self.sections.entry(self.hasher.hash_one(wanted), is_same, hash) {
            Entry::Vacant(vacant) => {
                vacant.insert(Same { first: id, more: Vec::new() });
                None
            }
            Entry::Occupied(mut same) => {
                let same = same.get_mut();
                let before = same.more.last().copied().unwrap_or(same.first);
                same.more.push(id);
                Some(before)
            }
        }
    }

    /// The sections with this identity, in order.
    pub(super) fn find<'t>(
        &self,
        wanted: &str,
        identity: impl Fn(SectionId) -> &'t str,
    ) -> impl Iterator<Item = SectionId> {
        let same = self.sections.find(self.hasher.hash_one(wanted), |same| identity(same.first) == wanted);
        same.into_iter().flat_map(|same| std::iter::once(same.first).chain(same.more.iter().copied()))
    }
}
