//! TOTP time steps (RFC 6238 §4): the counter from which a code is computed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The only step length that AWS's virtual devices use.
pub const STEP_SECONDS: u64 = 30;

/// A 30-second counter since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Step(pub u64);

impl Step {
    /// The step at `time`. Times before 1970 count as 1970.
    pub fn at(time: DateTime<Utc>) -> Self {
        Self(u64::try_from(time.timestamp()).unwrap_or(0) / STEP_SECONDS)
    }

    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub fn start(self) -> DateTime<Utc> {
        let seconds = i64::try_from(self.0.saturating_mul(STEP_SECONDS)).unwrap_or(i64::MAX);
        DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The seconds left in the step at `time`, rounded up; 0 only if the step is over.
    pub fn seconds_left(self, time: DateTime<Utc>) -> u64 {
        u64::try_from((self.next().start() - time).num_milliseconds()).unwrap_or(0).div_ceil(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_start_on_the_half_minute() {
        let time = |s| DateTime::from_timestamp(s, 0).unwrap();
        assert_eq!(Step::at(time(59)), Step(1));
        assert_eq!(Step::at(time(60)), Step(2));
        assert_eq!(Step(2).seconds_left(time(60)), 30);
        let last = DateTime::from_timestamp_millis(89_001).unwrap();
        assert_eq!((Step(2).seconds_left(last), Step(2).seconds_left(time(90))), (1, 0));
        assert_eq!(Step(2).start(), time(60));
        assert_eq!(Step(1).seconds_left(time(59)), 1);
        assert_eq!(Step(1).seconds_left(time(61)), 0);
        assert_eq!(Step::at(time(-5)), Step(0));
    }

    #[test]
    fn extreme_steps_do_not_panic() {
        let last = Step(u64::MAX);
        assert_eq!((last.next(), Step(0).previous()), (last, Step(0)));
        assert_eq!(last.start(), DateTime::<Utc>::MAX_UTC);
        assert!(last.seconds_left(DateTime::UNIX_EPOCH) > 0);
    }
}
