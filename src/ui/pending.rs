//! The terminal's last line while it shows what is being done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Clears the line and returns to its start.
pub(super) const CLEAR: &str = "\r\x1b[K";

/// Whether the last line shows what is being done, so that the next message or prompt replaces it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending(Arc<AtomicBool>);

impl Pending {
    /// What clears the line, if it is pending. Then it no longer is.
    pub(super) fn take(&self) -> &'static str {
        if self.0.swap(false, Ordering::Relaxed) { CLEAR } else { "" }
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
