//! How long a session is still valid, as lists and shell prompts show it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::duration::in_words;
use super::visible::visible;

/// When a session expires, and by which clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// In AWS's time.
    pub expiration: DateTime<Utc>,
    /// AWS's time minus this computer's.
    pub offset: TimeDelta,
}

impl Validity {
    /// The time left at `now`, this computer's time; `None` once the session has expired.
    pub fn left(self, now: DateTime<Utc>) -> Option<Duration> {
        (self.expiration - (now + self.offset)).to_std().ok().filter(|left| !left.is_zero())
    }

    /// `11h 52m`, `59m`, `expired`: whole minutes, so that a list or a prompt does not flicker, and seconds in the last one.
    pub fn in_words(self, now: DateTime<Utc>) -> String {
        const MINUTE: u64 = 60;
        match self.left(now).map(|left| left.as_secs()) {
            None => "expired".to_owned(),
            Some(seconds @ 0..MINUTE) => in_words(Duration::from_secs(seconds)),
            Some(seconds) => in_words(Duration::from_secs(seconds / MINUTE * MINUTE)),
        }
    }

    /// As a ready answer of `status --short` holds it: both times in seconds.
    pub fn to_text(self) -> String {
        format!("{} {}", self.expiration.timestamp(), self.offset.num_seconds())
    }

    /// What [`to_text`](Self::to_text) returned.
    pub fn from_text(text: &str) -> Option<Self> {
        let (expiration, offset) = text.split_once(' ')?;
        let expiration = DateTime::from_timestamp(expiration.parse().ok()?, 0)?;
        Some(Self { expiration, offset: TimeDelta::try_seconds(offset.parse().ok()?)? })
    }

    /// The line for a shell prompt: `dev 11h 52m`.
    pub fn prompt(self, profile: &str, now: DateTime<Utc>) -> String {
        format!("{} {}\n", visible(profile), self.in_words(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_whole_and_the_last_one_has_seconds() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let words = |left: i64, offset: i64| {
            let validity = Validity { expiration: at(left), offset: TimeDelta::seconds(offset) };
            validity.in_words(at(0))
        };
        assert_eq!(words(42_779, 0), "11h 52m");
        assert_eq!(words(43_200, 0), "12h");
        assert_eq!(words(3599, 0), "59m");
        assert_eq!(words(59, 0), "59s");
        assert_eq!((words(0, 0).as_str(), words(-5, 0).as_str()), ("expired", "expired"));
        assert_eq!(words(3600, 1800), "30m", "AWS's clock is ahead");
        assert_eq!(words(100_000, 0), "1d 3h");
    }

    #[test]
    fn text_is_read_back() {
        let expiration = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let validity = Validity { expiration, offset: TimeDelta::seconds(-20) };
        assert_eq!(Validity::from_text(&validity.to_text()), Some(validity));
        for text in ["", "1", "1 ", " 1", "x 1", "9999999999999999 0", "1 9999999999999999999"] {
            assert_eq!(Validity::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn prompt_shows_the_profile_without_control_characters() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let validity = Validity { expiration: now + TimeDelta::hours(1), offset: TimeDelta::zero() };
        assert_eq!(validity.prompt("d\u{1b}v", now), "d\\u{1b}v 1h\n");
    }
}
