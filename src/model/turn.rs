//! How computers that share a device take turns. AWS checks nine codes per device in each UTC-aligned three-minute window,
//! counted across all computers. After a collision, each computer tries at most once in any three minutes, at a random
//! time, so that eight of them never exceed the limit.

use chrono::{DateTime, TimeDelta, Utc};

/// AWS's window, in seconds.
const WINDOW: i64 = 180;

/// Clocks can differ by this many seconds unnoticed (see `clock_offset`), so a turn starts this much later.
const MARGIN: i64 = 12;

/// The turns after a try are spread over this many seconds.
const SPREAD: i64 = 150;

/// The number of the window that contains a time.
pub fn window(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(WINDOW)
}

/// When the next window starts.
pub fn next_window(now: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp((window(now) + 1) * WINDOW, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A random time at least three minutes after a try at `tried`. After several collisions, possibly another three minutes
/// later: the more computers compete, the fewer should try at the same time.
pub fn next_turn(tried: DateTime<Utc>, collisions: usize, random: u64) -> DateTime<Utc> {
    let skipped = if collisions > 3 { random % 2 } else { 0 };
    let within = TimeDelta::milliseconds(((random / 2) % (SPREAD.unsigned_abs() * 1000)).cast_signed());
    tried + TimeDelta::seconds((1 + skipped.cast_signed()) * WINDOW + MARGIN) + within
}

/// Whether two tries are within three minutes of each other.
pub fn are_close(a: DateTime<Utc>, b: DateTime<Utc>) -> bool {
    (a - b).abs() < TimeDelta::seconds(WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_turn_is_in_a_later_window(seconds in 0i64..4_000_000_000, collisions in 0usize..9, random: u64) {
            let tried = DateTime::from_timestamp(seconds, 0).unwrap();
            let turn = next_turn(tried, collisions, random);
            prop_assert!(!are_close(tried, turn - TimeDelta::seconds(10)));
            prop_assert!(window(turn) > window(tried));
            let latest = if collisions > 3 { 9 } else { 6 };
            prop_assert!(turn - tried < TimeDelta::minutes(latest));
        }
    }
}
