//! Keys and sessions: what signs requests, how long it is valid, and when to replace it.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, SecondsFormat, TimeDelta, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::secret::Secret;

/// An IAM user's access key, without an expiration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongTermKeys {
    /// The access key ID (`AKIA…`).
    pub access_key_id: String,
    pub secret_access_key: Secret<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The access key ID (`ASIA…`).
    pub access_key_id: String,
    pub secret_access_key: Secret<String>,
    pub session_token: Secret<String>,
    /// When AWS issued the session, in AWS's time.
    pub issued: DateTime<Utc>,
    /// When the session expires, in AWS's time.
    pub expiration: DateTime<Utc>,
    /// Twelve digits, if known.
    pub account_id: Option<String>,
}

/// Keys that cannot sign a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// The SDK panics on header values with such characters, and no real key contains them. This is the first one.
    #[error("the {} contains {} (U+{:04X})", part.name(), character_kind(*.character), u32::from(*.character))]
    Character { part: KeyPart, character: char },
    /// AWS would call the access key unknown.
    #[error("the session token of temporary access key `{access_key_id}` is missing")]
    NoToken { access_key_id: String },
}

impl UnusableKey {
    pub fn part(&self) -> KeyPart {
        match self {
            Self::Character { part, .. } => *part,
            Self::NoToken { .. } => KeyPart::Token,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPart {
    Id,
    Secret,
    Token,
}

impl KeyPart {
    fn name(self) -> &'static str {
        match self {
            Self::Id => "access key ID",
            Self::Secret => "secret access key",
            Self::Token => "session token",
        }
    }
}

fn character_kind(character: char) -> &'static str {
    match character {
        c if c.is_control() => "a control character",
        c if c.is_whitespace() => "whitespace",
        '"' | '\'' => "quotation marks",
        _ => "a non-ASCII character",
    }
}

/// Checks that keys can sign a request: only visible ASCII, no surrounding quotes, which AWS's files and `docker --env-file`
/// treat as part of the value, and a token with the key of a session (`ASIA…`).
pub fn check_keys(id: &str, secret: &str, token: Option<&str>) -> Result<(), UnusableKey> {
    let parts = [(KeyPart::Id, id), (KeyPart::Secret, secret), (KeyPart::Token, token.unwrap_or_default())];
    for (part, text) in parts {
        let quote =
            text.chars().next().filter(|c| text.len() > 1 && "\"'".contains(*c) && text.ends_with(*c));
        if let Some(character) = text.chars().find(|c| !c.is_ascii_graphic()).or(quote) {
            return Err(UnusableKey::Character { part, character });
        }
    }
    if id.starts_with("ASIA") && token.is_none() {
        return Err(UnusableKey::NoToken { access_key_id: id.to_owned() });
    }
    Ok(())
}

/// The access key ID in AWS's documentation. No real key has it; moto returns it with sessions.
const EXAMPLE_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";

/// Whether an access key ID belongs to a long-term key (`AKIA…`; IAM User Guide, "Unique identifiers"), even if a session
/// token is next to it: `aws configure` overwrites a session's key and leaves the token.
pub fn is_long_term_id(access_key_id: &str) -> bool {
    access_key_id.starts_with("AKIA") && access_key_id != EXAMPLE_KEY_ID
}

/// botocore renews a session in its last 15 minutes; with less time left, it runs the program again for every request.
const REFRESH_WINDOW: Duration = Duration::from_secs(15 * 60);

impl Session {
    /// When to replace the session: 15 minutes before it expires, or in its last quarter if that is shorter.
    pub fn refresh_at(&self) -> DateTime<Utc> {
        let life = (self.expiration - self.issued).to_std().unwrap_or_default();
        self.expiration - REFRESH_WINDOW.min(life / 4)
    }

    /// Whether the session does not need to be replaced yet. `now` is AWS's time.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now < self.refresh_at()
    }

    /// Whether `judge` (fresh or valid) holds for the session both in this computer's time, `local`, and in AWS's time,
    /// which was last `offset` away: the clock may have been set since. It never holds for a session from the future.
    pub fn holds(
        &self,
        judge: fn(&Self, DateTime<Utc>) -> bool,
        local: DateTime<Utc>,
        offset: TimeDelta,
    ) -> bool {
        let times = [local, local + offset];
        let issued = times.iter().any(|time| self.issued <= *time + TimeDelta::seconds(10));
        issued && times.iter().all(|time| judge(self, *time))
    }

    /// Whether AWS still accepts the session. `now` is AWS's time.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        now < self.expiration
    }
}

/// Whether a session can have this time. SDKs read only four-digit years, and later times would overflow when a clock
/// offset is added.
pub fn is_plausible(time: DateTime<Utc>) -> bool {
    (1970..=9999).contains(&time.year())
}

/// A time in the format that every SDK reads: `YYYY-MM-DDTHH:MM:SSZ`.
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A session as stored in the cache. [`Session`] itself cannot be serialized by accident.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredSession {
    #[serde(deserialize_with = "usable")]
    access_key_id: String,
    #[serde(deserialize_with = "usable")]
    secret_access_key: String,
    #[serde(deserialize_with = "usable")]
    session_token: String,
    #[serde(deserialize_with = "plausible")]
    issued: DateTime<Utc>,
    #[serde(deserialize_with = "plausible")]
    expiration: DateTime<Utc>,
    account_id: Option<String>,
}

/// Rejects implausible times, so that a damaged cache file is not read as a session.
fn plausible<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let time = DateTime::deserialize(deserializer)?;
    if is_plausible(time) { Ok(time) } else { Err(D::Error::custom("not a session's time")) }
}

/// Rejects unusable parts of credentials, so that a damaged cache file is not read as a session.
fn usable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.is_empty() || check_keys("", &text, None).is_err() {
        true => Err(D::Error::custom("not a part of credentials")),
        false => Ok(text),
    }
}

impl From<&Session> for StoredSession {
    fn from(session: &Session) -> Self {
        Self {
            access_key_id: session.access_key_id.clone(),
            secret_access_key: session.secret_access_key.expose().clone(),
            session_token: session.session_token.expose().clone(),
            issued: session.issued,
            expiration: session.expiration,
            account_id: session.account_id.clone(),
        }
    }
}

impl From<StoredSession> for Session {
    fn from(mut stored: StoredSession) -> Self {
        Self {
            access_key_id: std::mem::take(&mut stored.access_key_id),
            secret_access_key: std::mem::take(&mut stored.secret_access_key).into(),
            session_token: std::mem::take(&mut stored.session_token).into(),
            issued: stored.issued,
            expiration: stored.expiration,
            account_id: stored.account_id.take(),
        }
    }
}

impl Drop for StoredSession {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret_access_key);
        zeroize::Zeroize::zeroize(&mut self.session_token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(life_seconds: i64) -> Session {
        let issued = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Session {
            access_key_id: "ASIA".into(),
            secret_access_key: "secret-part".into(),
            session_token: "token-part".into(),
            issued,
            expiration: issued + TimeDelta::seconds(life_seconds),
            account_id: None,
        }
    }

    #[test]
    fn long_sessions_are_renewed_fifteen_minutes_before_they_expire() {
        let session = session(43_200);
        assert_eq!(session.expiration - session.refresh_at(), TimeDelta::minutes(15));
        assert!(session.is_fresh(session.refresh_at() - TimeDelta::seconds(1)));
        assert!(!session.is_fresh(session.refresh_at()));
        assert!(session.is_valid(session.refresh_at()) && !session.is_valid(session.expiration));
    }

    #[test]
    fn short_sessions_are_renewed_in_their_last_quarter() {
        let session = session(900);
        assert_eq!(session.expiration - session.refresh_at(), TimeDelta::seconds(225));
    }

    #[test]
    fn wrong_clock_does_not_revive_an_expired_session() {
        let session = session(43_200);
        let at = |seconds| session.issued + TimeDelta::seconds(seconds);
        let offset = TimeDelta::seconds(-3000);
        assert!(session.holds(Session::is_fresh, at(3100), offset));
        assert!(!session.holds(Session::is_fresh, at(43_000), offset), "the offset may be outdated");
        assert!(!session.holds(Session::is_valid, at(-60), TimeDelta::zero()), "from the future");
        assert!(session.holds(Session::is_fresh, at(-1200), TimeDelta::seconds(1200)));
    }

    #[test]
    fn long_term_keys_are_recognized_by_their_ids() {
        assert!(is_long_term_id("AKIAJQMOYWVNWNOMXRVA"));
        assert!(!is_long_term_id("ASIARWAYMUI6HWZ7SWIO") && !is_long_term_id("AKIAIOSFODNN7EXAMPLE"));
    }

    #[test]
    fn keys_that_cannot_sign_a_request_are_unusable() {
        assert_eq!(check_keys("AKIAEXAMPLE", "a/b+c=", Some("t/+=")), Ok(()));
        let why = |id, secret, token| check_keys(id, secret, token).unwrap_err().to_string();
        assert_eq!(why("AKIA\u{1b}[D", "s", None), "the access key ID contains a control character (U+001B)");
        assert_eq!(why("AKIA", "s\u{a0}", None), "the secret access key contains whitespace (U+00A0)");
        assert_eq!(why("\"AKIA\"", "s", None), "the access key ID contains quotation marks (U+0022)");
        assert_eq!(why("AKIA", "'s'", None), "the secret access key contains quotation marks (U+0027)");
        assert_eq!(check_keys("AKIA", "\"", Some("'t")), Ok(()));
        assert_eq!(why("AKIA", "s", Some("é")), "the session token contains a non-ASCII character (U+00E9)");
        assert_eq!(why("ASIA", "s", None), "the session token of temporary access key `ASIA` is missing");
    }

    #[test]
    fn stored_sessions_need_plausible_times() {
        let stored = serde_json::to_string(&StoredSession::from(&session(900))).unwrap();
        let read = |text: &str| serde_json::from_str::<StoredSession>(text).is_ok();
        assert!(read(&stored));
        let expiration = timestamp(session(900).expiration);
        for (time, is_read) in [
            ("9999-12-31T23:59:59Z", true),
            ("+10000-01-01T00:00:00Z", false),
            ("+262142-12-31T23:59:59Z", false),
            ("0000-01-01T00:00:00Z", false),
        ] {
            assert_eq!(read(&stored.replace(&expiration, time)), is_read, "{time}");
        }
    }

    #[test]
    fn debug_shows_no_secrets() {
        let shown = format!("{:?}", session(900));
        assert!(!shown.contains("secret-part") && !shown.contains("token-part"), "{shown}");
    }
}
