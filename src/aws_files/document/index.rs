//! Finds the sections with a name. It stores no names, only where they are.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::order::{SectionId, small};

/// Sections by their identity ([`syntax::identity`](super::super::syntax::identity)). Callers pass the function that gives a
/// section's identity.
pub(super) struct Index {
    /// The first section with each identity.
    first: HashTable<u32>,
    /// The others, by the first one. An editable file has none.
    more: HashMap<SectionId, Vec<SectionId>>,
    hasher: DefaultHashBuilder,
}

impl Index {
    /// An empty index with space for the sections that a text of this size probably has: growing hashes all names again.
    pub(super) fn for_text(text: &str) -> Self {
        let first = HashTable::with_capacity(text.len() / 128);
        Self { first, more: HashMap::new(), hasher: DefaultHashBuilder::default() }
    }

    /// Adds a section and returns the previous one with the same identity.
    pub(super) fn add<'t>(
        &mut self,
        id: SectionId,
        identity: impl Fn(SectionId) -> &'t str,
    ) -> Option<SectionId> {
        let wanted = identity(id);
        let is_same = |first: &u32| identity(*first as SectionId) == wanted;
        let hash = |first: &u32| self.hasher.hash_one(identity(*first as SectionId));
        match self.first.entry(self.hasher.hash_one(wanted), is_same, hash) {
            Entry::Vacant(vacant) => {
                vacant.insert(small(id));
                None
            }
            Entry::Occupied(first) => {
                let first = *first.get() as SectionId;
                let more = self.more.entry(first).or_default();
                let before = more.last().copied().unwrap_or(first);
                more.push(id);
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
        let is_wanted = |first: &u32| identity(*first as SectionId) == wanted;
        let first = self.first.find(self.hasher.hash_one(wanted), is_wanted);
        first.into_iter().flat_map(|first| {
            let first = *first as SectionId;
            std::iter::once(first).chain(self.more.get(&first).into_iter().flatten().copied())
        })
    }
}
