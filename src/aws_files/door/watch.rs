//! What other programs do with a file that we just replaced.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::SharedClock;
use crate::files::{self, Displaced, Fingerprint};

use super::super::document::Document;
use super::super::merge;
use super::super::seen::Seen;
use super::super::write::{self, FileError, Reading};
use super::state::FileState;
use super::{AwsFiles, NAP};

/// How long a file that was just replaced is watched: programs read a file and write it within a few milliseconds. Longer
/// where another program was writing it a moment ago.
const WATCH: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(120));

/// What another program wrote into a file that we replaced, and what it had read there.
pub(super) struct Foreign {
    pub(super) base: Document,
    pub(super) theirs: Zeroizing<Vec<u8>>,
}

/// What became of the file after it was replaced.
pub(super) enum Aftermath {
    Quiet,
    /// Another program went on writing the file that we replaced.
    Wrote(Zeroizing<Vec<u8>>),
    /// Another program wrote over ours, without our change.
    Overwritten,
}

/// A replacement to watch.
pub(super) struct After<'a> {
    pub(super) before: &'a Reading,
    pub(super) ours: &'a Document,
    /// The fingerprint under which ours was put in place.
    pub(super) own: Option<Fingerprint>,
    pub(super) displaced: Option<Displaced>,
    pub(super) active: bool,
}

/// Time to wait for other programs, which runs out.
pub(super) struct Patience<'a> {
    pub(super) clock: &'a SharedClock,
    pub(super) left: Duration,
}

impl Patience<'_> {
    /// Sleeps a moment; `false` if there is no patience left.
    pub(super) fn nap(&mut self) -> bool {
        if self.left.is_zero() {
            return false;
        }
        self.clock.sleep(NAP);
        self.left = self.left.saturating_sub(NAP);
        true
    }
}

impl AwsFiles {
    /// Watches a file that was just replaced.
    pub(super) fn watch(
        &self,
        state: &FileState,
        after: After<'_>,
        patience: &mut Patience,
    ) -> Result<Aftermath, FileError> {
        let After { before, ours, own, displaced, active } = after;
        let mut left = if active { WATCH.1 } else { WATCH.0 };
        loop {
            if let Some(displaced) = &displaced {
                let expected = before.bytes().unwrap_or_default();
                if !displaced.holds(expected).map_err(|source| state.write_error(source))? {
                    return Ok(self.await_writer(state, displaced, before, patience));
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
            self.clock.sleep(NAP);
            left = left.saturating_sub(NAP);
        }
    }

    /// Waits until the program that writes the file that was replaced has written it. One that leaves less than there was
    /// has nothing to bring back.
    fn await_writer(
        &self,
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
}
