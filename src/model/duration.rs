//! Durations as people write them: `12h`, `90min`, `1h 30m`, `1d`, `3600`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A session's duration: 900 to 129,600 seconds, the range that GetSessionToken accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionDuration(u32);

/// Why a text is not a session duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("`{0}` is not a duration")]
    Malformed(String),
    #[error("a session lasts 15 minutes to 36 hours (900 to 129600 seconds), not `{0}`")]
    OutOfRange(String),
}

impl SessionDuration {
    /// AWS's default for GetSessionToken: 12 hours.
    pub const DEFAULT: Self = Self(43_200);
    /// AWS's default for AssumeRole, and its limit for role chaining: 1 hour.
    pub const HOUR: Self = Self(3_600);
    /// AssumeRole's maximum: 12 hours.
    pub const ROLE_MAX: Self = Self(43_200);

    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl FromStr for SessionDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let seconds = parse_seconds(text).ok_or_else(|| DurationError::Malformed(text.to_owned()))?;
        match u32::try_from(seconds) {
            Ok(seconds) if (900..=129_600).contains(&seconds) => Ok(Self(seconds)),
            _ => Err(DurationError::OutOfRange(text.to_owned())),
        }
    }
}

impl fmt::Display for SessionDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_words(Duration::from_secs(self.0.into())))
    }
}

/// The units with all their names, largest first.
const UNITS: [(&[&str], u64); 4] = [
    (&["d", "day", "days"], 86_400),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600),
    (&["m", "min", "mins", "minute", "minutes"], 60),
    (&["s", "sec", "secs", "second", "seconds"], 1),
];

/// Reads a number of seconds, or numbers with units, largest first: `1h30m`, `1h 30m`, `90 min`, `1d`.
pub fn parse_seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut units = UNITS.iter();
    let (mut rest, mut total) = (text, 0u64);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let after = after.trim_start();
        let (unit, after) =
            after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        // Each unit at most once, largest first: anything else is probably a mistake.
        let (_, factor) =
            units.find(|(names, _)| names.iter().any(|name| name.eq_ignore_ascii_case(unit)))?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = after.trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// A duration for people: the two largest units, as in `11h 59m`, `4m`, `12s`.
pub fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let pair = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big}{big_unit}"),
        _ => format!("{big}{big_unit} {small}{small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => pair(seconds / 60, "m", seconds % 60, "s"),
        3600..86_400 => pair(seconds / 3600, "h", seconds / 60 % 60, "m"),
        _ => pair(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("900", 900),
            ("12h", 43_200),
            ("1h30m", 5_400),
            ("15m", 900),
            ("36h", 129_600),
            ("1d", 86_400),
            ("1d12h", 129_600),
            ("90min", 5_400),
            ("1h 30m", 5_400),
            (" 1 Hour 30 minutes ", 5_400),
            ("3600s", 3_600),
            ("2 hrs", 7_200),
        ] {
            assert_eq!(text.parse::<SessionDuration>().map(SessionDuration::seconds), Ok(seconds), "{text}");
        }
        for text in ["", "h", "12", "899", "36h1s", "129601", "99999999999999999999h"] {
            assert!(text.parse::<SessionDuration>().is_err(), "{text}");
        }
        for text in [
            "", " ", "twelve", "1m1h", "1h1h", "+900", "-1", "1.5h", "1h 30", "30 1h", "1w", "1h,30m", "h",
            "1hm",
        ] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn words_use_two_units() {
        let words = |s| in_words(Duration::from_secs(s));
        assert_eq!(words(43_199), "11h 59m");
        assert_eq!(words(240), "4m");
        assert_eq!(words(12), "12s");
        assert_eq!(words(90_000), "1d 1h");
    }
}
