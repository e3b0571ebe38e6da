//! Turns of computers that share a device. AWS judges nine codes per device in each UTC-aligned three-minute window
//! (`aws-facts` §1), for all computers together. Computers that collided once spread their next tries over the windows that
//! follow, one try each, so that eight of them never exceed the budget.

use chrono::{DateTime, TimeDelta, Utc};

/// The length of AWS's window.
const WINDOW: i64 = 180;

/// Clocks may differ by this much unnoticed (`clock_offset`): a turn keeps clear of both ends of its window.
const MARGIN: i64 = 12;

/// The number of the window that a time belongs to.
pub fn window(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(WINDOW)
}

/// When the window after that of `now` begins.
pub fn next_window(now: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp((window(now) + 1) * WINDOW, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A random time in the next window. After several collisions it may be the window after that: the more computers there
/// are, the fewer should try at once.
pub fn next_turn(now: DateTime<Utc>, collisions: usize, random: u64) -> DateTime<Utc> {
    let skipped = if collisions > 3 { random % 2 } else { 0 };
    let room = (WINDOW - 2 * MARGIN).unsigned_abs() * 1000;
    let within = TimeDelta::milliseconds(((random / 2) % room).cast_signed());
    next_window(now) + TimeDelta::seconds(skipped.cast_signed() * WINDOW + MARGIN) + within
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_turn_is_well_within_a_later_window(seconds in 0i64..4_000_000_000, collisions in 0usize..9, random: u64) {
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let turn = next_turn(now, collisions, random);
            let ahead = window(turn) - window(now);
            let furthest = if collisions > 3 { 2 } else { 1 };
            prop_assert!((1..=furthest).contains(&ahead));
            let clear = TimeDelta::seconds(10);
            prop_assert_eq!((window(turn - clear), window(turn + clear)), (window(turn), window(turn)));
        }
    }
}
