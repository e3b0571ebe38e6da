//! The clock: telling the time and waiting. Everything that needs either gets a [`Clock`].

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub trait Clock: Debug + Send + Sync {
    /// This computer's time. It may be wrong; the ledger records how far AWS's clock differs.
    fn now(&self) -> DateTime<Utc>;
    fn sleep(&self, duration: Duration);
}

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

/// Measures elapsed time, even if the clock is set in the meantime.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "the one place that measures time")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
