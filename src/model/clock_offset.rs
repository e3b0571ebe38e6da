//! How far AWS's clock is from this computer's, according to the `Date` headers of responses.

use chrono::{DateTime, TimeDelta, Utc};

/// The header has whole seconds and arrives late, so a difference up to this counts as none.
const TOLERANCE: TimeDelta = TimeDelta::seconds(10);

/// The new difference (AWS's time minus this computer's), if a response that arrived at `local` with the date `aws` shows a
/// difference other than `known`.
pub fn learn(known: TimeDelta, aws: DateTime<Utc>, local: DateTime<Utc>) -> Option<TimeDelta> {
    let measured = aws - local;
    let measured = if measured.abs() <= TOLERANCE { TimeDelta::zero() } else { measured };
    let same = (measured - known).abs() <= TOLERANCE && measured.is_zero() == known.is_zero();
    (!same).then_some(measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_ignored() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let learn = |known, aws| learn(TimeDelta::seconds(known), at(aws), at(0)).map(|d| d.num_seconds());
        assert_eq!(learn(0, 10), None);
        assert_eq!(learn(0, 11), Some(11));
        assert_eq!(learn(1200, 1205), None);
        assert_eq!(learn(1200, 1220), Some(1220));
        assert_eq!(learn(1200, 3), Some(0), "the clock was set");
        assert_eq!(learn(11, 9), Some(0), "small, but none");
    }
}
