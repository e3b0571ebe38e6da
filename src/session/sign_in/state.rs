//! What a sign-in knows while it tries codes.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::aws::{Aws, Keys};
use crate::ledger::DeviceLedger;
use crate::model::turn;
use crate::retry::Backoff;
use crate::session::code::CodeSource;
use crate::session::device::Device;
use crate::session::error::{SessionError, codes, no_code};

/// An SDK gets one more chance at once: it cannot wait for its turn, and usually there are only two computers.
pub(super) const MAX_SDK_COLLISIONS: usize = 2;

/// The tries for one session. The device's ledger is locked only while a code is being sent: other processes that need a code
/// wait for the next step, not for this process.
pub(super) struct SignIn<'a> {
    pub(super) device: &'a Device<'a>,
    pub(super) aws: &'a Aws,
    pub(super) keys: &'a Keys,
    /// Whether a rejected code is an answer rather than a collision.
    pub(super) verification: bool,
    pub(super) source: CodeSource,
    /// If codes come from a seed, whether it is stored.
    pub(super) is_stored: bool,
    /// How many tries failed for reasons other than a collision.
    pub(super) failures: usize,
    /// How many codes were rejected although nothing here had used them.
    pub(super) collisions: usize,
    /// How many of those, in a row, AWS was unable to validate.
    pub(super) unvalidated: usize,
    /// Why the last code that a person typed was rejected.
    pub(super) rejected: Option<&'static str>,
    /// The waits until AWS recognizes a new device.
    pub(super) settling: Backoff,
    /// How long an SDK has waited for codes.
    pub(super) waited: Duration,
    /// Until when a program may keep printing a code that was sent.
    pub(super) excused: Option<DateTime<Utc>>,
}

impl SignIn<'_> {
    /// AWS's time.
    pub(super) fn now(&self, ledger: &DeviceLedger) -> DateTime<Utc> {
        self.device.ctx.clock.now() + ledger.offset()
    }

    pub(super) fn in_use_elsewhere(&self, ledger: &DeviceLedger) -> SessionError {
        let now = self.now(ledger);
        let seconds = (turn::next_window(now) - now).num_seconds().unsigned_abs() + 1;
        no_code(codes::in_use_elsewhere(self.device.serial, ledger.has_worked(), seconds))
    }
}
