//! The clock of fake-aws: wall time plus an offset, or a time that changes only when a test changes it.
//!
//! Only this module may read the system clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};

/// A handle to the time of fake-aws. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Mutex<Setting>>);

#[derive(Debug)]
enum Setting {
    Wall { offset: TimeDelta },
    Manual { at: DateTime<Utc> },
}

impl Default for Setting {
    fn default() -> Self {
        Self::Wall { offset: TimeDelta::zero() }
    }
}

impl Clock {
    /// A clock that follows wall time.
    pub fn new() -> Self {
        Self::default()
    }

    /// The current time of fake-aws.
    pub fn now(&self) -> DateTime<Utc> {
        match *self.lock() {
            Setting::Wall { offset } => wall() + offset,
            Setting::Manual { at } => at,
        }
    }

    /// The 30-second TOTP step of [`now`](Self::now).
    pub fn step(&self) -> i64 {
        step_of(self.now())
    }

    /// Follows the wall clock, `seconds` ahead of it (negative: behind). Ends a freeze.
    pub fn set_offset(&self, seconds: i64) {
        *self.lock() = Setting::Wall { offset: TimeDelta::seconds(seconds) };
    }

    /// Stops the clock at `at` until [`advance`](Self::advance), another `freeze` or [`set_offset`](Self::set_offset).
    pub fn freeze(&self, at: DateTime<Utc>) {
        *self.lock() = Setting::Manual { at };
    }

    /// Advances the clock, frozen or not.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        match &mut *self.lock() {
            Setting::Wall { offset } => *offset += by,
            Setting::Manual { at } => *at += by,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Setting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The TOTP step (RFC 6238, 30 s, T0 = 0) of a time.
pub fn step_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(30)
}

/// `YYYY-MM-DDTHH:MM:SSZ`, the format of times in AWS's XML.
pub fn iso(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `YYYYMMDDTHHMMSSZ`, the format of times in SigV4.
pub fn compact(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// The format of the HTTP `Date` header (RFC 9110 §5.6.7).
pub fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[allow(clippy::disallowed_methods, reason = "the one place where the fake reads the wall clock")]
fn wall() -> DateTime<Utc> {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).expect("a test's time").to_utc()
    }

    #[test]
    fn frozen_clock_stands_still() {
        let clock = Clock::new();
        clock.freeze(at("2026-01-02T03:04:05Z"));
        let other = clock.clone();
        other.advance(Duration::from_secs(60));
        assert_eq!(iso(clock.now()), "2026-01-02T03:05:05Z");
        assert_eq!(compact(clock.now()), "20260102T030505Z");
        assert_eq!(http_date(clock.now()), "Fri, 02 Jan 2026 03:05:05 GMT");
    }

    #[test]
    fn clock_with_an_offset_follows_the_wall_clock() {
        let clock = Clock::new();
        clock.set_offset(-3600);
        let lag = wall() - clock.now();
        assert!((3599..=3601).contains(&lag.num_seconds()), "{lag}");
        clock.advance(Duration::from_secs(3600));
        assert!((wall() - clock.now()).num_seconds().abs() <= 1);
    }
}
