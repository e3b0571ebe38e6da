//! Counts the expensive steps on this thread, so that a test can hold a command to doing each only once.

#![cfg_attr(windows, allow(clippy::missing_const_for_thread_local, reason = "false: it is `const`"))]

use std::cell::Cell;

/// How often files were parsed and edits checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub parses: usize,
    pub guards: usize,
}

thread_local! {
    static TALLY: Cell<Tally> = const { Cell::new(Tally { parses: 0, guards: 0 }) };
}

/// The count so far.
pub fn tally() -> Tally {
    TALLY.get()
}

pub(super) fn count_parse() {
    let now = TALLY.get();
    TALLY.set(Tally { parses: now.parses + 1, ..now });
}

pub(super) fn count_guard() {
    let now = TALLY.get();
    TALLY.set(Tally { guards: now.guards + 1, ..now });
}
