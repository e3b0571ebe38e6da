//! What a document consists of: the file as it was read, and what edits changed.

use std::fmt;
use std::sync::Arc;

use hashbrown::HashMap;

use super::super::log::Op;
use super::super::syntax::Line;
pub(in crate::aws_files) use super::order::SectionId;
use super::order::{Order, Undo};
use super::parsed::Parsed;

/// The text of one AWS file. Edits keep all other lines as they are. Cloning is cheap: clones share what was read.
#[derive(Clone)]
pub struct Document {
    pub(super) base: Arc<Parsed>,
    /// The lines of changed and added sections.
    pub(super) bodies: HashMap<SectionId, Vec<Line>>,
    /// The names of added sections. Their IDs follow those of the sections that were read.
    pub(super) added: Vec<Arc<str>>,
    /// The order of all sections, once sections were added or removed.
    pub(super) order: Option<Order>,
    /// The section that had the file's last line after the previous operation.
    pub(super) tail: SectionId,
    /// How to undo the steps of an atomic change in progress.
    pub(super) undo: Option<Vec<Undo>>,
    pub(in crate::aws_files) log: Vec<Op>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("file", &self.base.file)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}
