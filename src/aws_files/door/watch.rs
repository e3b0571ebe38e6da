//! Watching what other programs do with a file that was just replaced.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::{SharedClock, Stopwatch};
use crate::files::{self, Displaced, Fingerprint};

use super::super::document::Document;
use super::super::merge;
use super::super::seen::Seen;
use super::super::write::{self, FileError, Reading};
use super::state::FileState;

/// The time between two looks at a file.
pub(super) const NAP: Duration = Duration::from_millis(5);

/// How long to watch a file that was just replaced: programs read a file and write it within a few milliseconds. Longer
/// if another program has just been writing it.
const WATCH: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(120));

/// What happened to the file after it was replaced.
pub(super) enum Aftermath {
    Quiet,
    /// Another program continued writing to the replaced file.
    Wrote(Zeroizing<Vec<u8>>),
    /// Another program overwrote our file, without our change.
    Overwritten,
}

/// A replacement to watch.
pub(super) struct After<'a> {
    pub(super) before: &'a Reading,
    pub(super) ours: &'a Document,
    /// The fingerprint of our file.
    pub(super) own: Option<Fingerprint>,
    pub(super) displaced: Option<Displaced>,
    /// Measures from the replacement on.
    pub(super) since: Stopwatch,
    pub(super) active: bool,
}

/// The time that is left to wait for other programs.
pub(super) struct Patience<'a> {
    pub(super) clock: &'a SharedClock,
    pub(super) left: Duration,
}

impl Patience<'_> {
    /// Sleeps for a moment; returns `false` if no time is left.
    pub(super) fn nap(&mut self) -> bool {
        if self.left.is_zero() {
            return false;
        }
        self.clock.sleep(NAP);
        self.left = self.left.saturating_sub(NAP);
        true
    }
}

/// Watches a file after it was replaced.
pub(super) fn watch(
    state: &FileState,
    after: After<'_>,
    patience: &mut Patience,
) -> Result<Aftermath, FileError> {
    let After { before, ours, own, mut displaced, since, active } = after;
    let mut left = if active { WATCH.1 } else { WATCH.0 };
    let mut busy = since;
    loop {
        if let Some(displaced) = &mut displaced {
            let expected = before.bytes().unwrap_or_default();
            if !displaced.holds(expected).map_err(|source| state.write_error(source))? {
                return Ok(await_writer(state, displaced, before, patience));
            }
        }
        if files::fingerprint(&state.path) != own {
            let now = write::read(&state.path, state.file);
            if !now.is_ok_and(|now| merge::is_applied(ours, &now)) {
                return Ok(Aftermath::Overwritten);
            }
        }
        if left.is_zero() {
            return Ok(Aftermath::Quiet);
        }
        // Comparing large files takes a part of the time.
        patience.clock.sleep(NAP.saturating_sub(busy.elapsed()));
        busy = Stopwatch::start();
        left = left.saturating_sub(NAP);
    }
}

/// Waits until the program that writes to the replaced file has finished. If it leaves less than there was, there
/// is nothing to restore.
fn await_writer(
    state: &FileState,
    displaced: &Displaced,
    before: &Reading,
    patience: &mut Patience,
) -> Aftermath {
    let seen = Seen::of(&before.document);
    let mut last = None;
    loop {
        let content = displaced.content().ok();
        let document = content.as_ref().and_then(|bytes| Document::parse(state.file, bytes).ok());
        let is_whole = document.is_some_and(|now| seen.missing_in(&Seen::of(&now)).is_none());
        match content {
            Some(content) if is_whole && last.as_ref() == Some(&content) => {
                return Aftermath::Wrote(content);
            }
            content => last = content,
        }
        if !patience.nap() {
            return Aftermath::Quiet;
        }
    }
}
