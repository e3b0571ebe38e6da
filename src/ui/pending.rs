//! The terminal's last lines while they show what is being done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Clears the line and returns to its start.
pub(super) const CLEAR: &str = "\r\x1b[K";

/// How many of the last lines show what is being done, so that the next message or prompt replaces them.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending(Arc<AtomicUsize>);

impl Pending {
    /// What clears the lines, if any are pending. Then they no longer are.
    pub(super) fn take(&self) -> String {
        match self.0.swap(0, Ordering::Relaxed) {
            0 => String::new(),
            1 => CLEAR.to_owned(),
            lines => format!("\r\x1b[{}A\x1b[J", lines - 1),
        }
    }

    pub(super) fn set(&self, lines: usize) {
        self.0.store(lines, Ordering::Relaxed);
    }
}
