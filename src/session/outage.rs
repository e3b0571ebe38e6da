//! A note on a session's lock, left by a process that could not reach AWS, so that processes waiting for the lock do not try
//! as well and each spend a code.

use chrono::{DateTime, Utc};

use crate::aws::{AwsError, AwsErrorKind};
use crate::files::Lock;

const OUTAGE: &str = "outage ";

/// Leaves the note. If that fails, the other processes just try.
pub fn note(lock: &Lock, now: DateTime<Utc>) {
    let _ = lock.leave_note(&format!("{OUTAGE}{}", now.timestamp_millis()));
}

/// Removes the note, so that it does not look recent if a clock is set back.
pub fn forget(lock: &Lock) {
    let _ = lock.leave_note("");
}

/// The outage that another process noted since `asked`.
pub fn since(lock: &Lock, asked: DateTime<Utc>) -> Option<AwsError> {
    let at: i64 = lock.note().ok()?.strip_prefix(OUTAGE)?.parse().ok()?;
    let message = "another process has just tried".to_owned();
    let error = AwsError::new(AwsErrorKind::Unreachable, "GetSessionToken", message);
    (at >= asked.timestamp_millis()).then_some(error)
}
