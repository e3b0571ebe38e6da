//! The clock: what time it is, and waiting. Everything that needs either is given a [`Clock`].

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// The time and a way to wait for a later one.
pub trait Clock: Debug + Send + Sync {
    /// This computer's time. It may be wrong; the ledger knows by how much AWS's differs.
    fn now(&self) -> DateTime<Utc>;
    /// Returns when `duration` has passed.
    fn sleep(&self, duration: Duration);
}

/// A clock that several owners share.
pub type SharedClock = Arc<dyn Clock>;

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where the time is read")]
    fn now(&self) -> DateTime<Utc> {
        std::time::SystemTime::now().into()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that waits")]
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// Measures how long something takes, whatever happens to the clock meanwhile.
#[cfg(unix)]
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

#[cfg(unix)]
impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "the one place that measures time")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
