//! Files that another program keeps open. Windows refuses to open or replace such a file, and virus scanners hold most
//! files for a moment after they are written.

use std::io;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

/// The pauses between attempts, about three seconds together.
const PAUSES_MS: [u64; 10] = [10, 20, 40, 80, 160, 320, 640, 640, 640, 640];

/// Opens a file once no other program keeps it to itself.
pub(super) fn open<T>(attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    when_free(attempt, is_in_use)
}

/// Renames over a file once no other program has it open.
pub(super) fn rename(attempt: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    // Windows reports a target that is open as one that may not be replaced.
    when_free(attempt, |error| {
        is_in_use(error) || cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied
    })
}

fn when_free<T>(
    mut attempt: impl FnMut() -> io::Result<T>,
    is_busy: impl Fn(&io::Error) -> bool,
) -> io::Result<T> {
    for pause in PAUSES_MS {
        match attempt() {
            Err(error) if is_busy(&error) => SystemClock.sleep(Duration::from_millis(pause)),
            done => return done,
        }
    }
    attempt().map_err(|error| match is_in_use(&error) {
        true => io::Error::new(io::ErrorKind::ResourceBusy, "another program has it open"),
        false => error,
    })
}

/// `ERROR_SHARING_VIOLATION` and `ERROR_LOCK_VIOLATION`. Elsewhere, no open file is in the way.
fn is_in_use(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(32 | 33))
}
