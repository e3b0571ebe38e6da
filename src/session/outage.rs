//! The note on a session's lock with which the process that found AWS out of reach spares those who wait for the lock a
//! try of their own, and a code.

use chrono::{DateTime, Utc};

use crate::aws::{AwsError, AwsErrorKind};
use crate::files::Lock;

const OUTAGE: &str = "outage ";

/// Leaves the note. If that fails, the others find out for themselves.
pub fn note(lock: &Lock, now: DateTime<Utc>) {
    let _ = lock.leave_note(&format!("{OUTAGE}{}", now.timestamp_millis()));
}

/// Removes the note, so that it is not taken for a later one when a clock goes back.
pub fn forget(lock: &Lock) {
    let _ = lock.leave_note("");
}

/// The outage that another process has met since `asked`.
pub fn since(lock: &Lock, asked: DateTime<Utc>) -> Option<AwsError> {
    let at: i64 = lock.note().ok()?.strip_prefix(OUTAGE)?.parse().ok()?;
    let message = "another process has just tried".to_owned();
    let error = AwsError::new(AwsErrorKind::Unreachable, "GetSessionToken", message);
    (at >= asked.timestamp_millis()).then_some(error)
}
