//! What AWS's time differs from this computer's, as the `Date` headers of answers tell.

use chrono::{DateTime, TimeDelta, Utc};

/// The header has whole seconds and takes its time to come; a difference up to this is none.
const TOLERANCE: TimeDelta = TimeDelta::seconds(10);

/// The difference (AWS's time minus ours), if an answer that came at `local` and bears the date `aws` shows another than
/// the one that is `known`.
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
    fn jitter_is_no_difference() {
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
