//! Locks between processes. They belong to the kernel and so end with the process that holds them.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use super::private_dir;
use crate::clock::Clock;

/// So long a person waits without asking why.
const MOMENT: Duration = Duration::from_secs(1);

/// An exclusive lock, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock named by `path`, waiting for whoever holds it. The file stays; only the kernel's lock counts.
    pub fn acquire(path: &Path) -> io::Result<Self> {
        let file = open_lock_file(path)?;
        file.lock()?;
        Ok(Self { file })
    }

    /// Takes the lock, waiting for whoever holds it. `waiting` is called if that takes longer than a moment.
    pub fn acquire_telling(path: &Path, clock: &dyn Clock, waiting: impl FnOnce()) -> io::Result<Self> {
        if let Some(lock) = Self::acquire_within(path, MOMENT, clock)? {
            return Ok(lock);
        }
        waiting();
        Self::acquire(path)
    }

    /// Takes the lock, waiting at most `limit` for whoever holds it; `None` after that.
    pub fn acquire_within(path: &Path, limit: Duration, clock: &dyn Clock) -> io::Result<Option<Self>> {
        const PAUSE: Duration = Duration::from_millis(20);
        let mut left = limit;
        loop {
            match Self::try_acquire(path)? {
                Some(lock) => return Ok(Some(lock)),
                None if left.is_zero() => return Ok(None),
                None => clock.sleep(PAUSE.min(left)),
            }
            left = left.saturating_sub(PAUSE);
        }
    }

    /// Leaves a note for whoever takes the lock next.
    pub fn leave_note(&self, note: &str) -> io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.seek(io::SeekFrom::Start(0))?;
        file.write_all(note.as_bytes())
    }

    /// The note that was left last; empty if there is none.
    pub fn note(&self) -> io::Result<String> {
        let mut note = String::new();
        let mut file = &self.file;
        file.seek(io::SeekFrom::Start(0))?;
        file.take(200).read_to_string(&mut note)?;
        Ok(note)
    }

    /// Takes the lock if nobody holds it.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        let file = open_lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Closing alone would not do: a child that another thread is starting shares the open file until its `exec`, and the
/// lock with it.
impl Drop for Lock {
    fn drop(&mut self) {
        // What fails here, the end of the process mends.
        _ = self.file.unlock();
    }
}

#[allow(clippy::disallowed_methods, reason = "lock files are opened, never written")]
fn open_lock_file(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        private_dir(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("locks/one");
        let held = Lock::acquire(&path).unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        let none =
            Lock::acquire_within(&path, Duration::from_millis(30), &crate::clock::SystemClock).unwrap();
        assert!(none.is_none());
        held.leave_note("a longer note").unwrap();
        held.leave_note("a note").unwrap();
        let shared_with_a_child = held.file.try_clone().unwrap();
        drop(held);
        let next = Lock::try_acquire(&path).unwrap().unwrap();
        assert_eq!(next.note().unwrap(), "a note");
        drop(shared_with_a_child);
    }

    /// A clock on which waiting takes no time.
    #[derive(Debug)]
    struct Impatient;

    impl Clock for Impatient {
        fn now(&self) -> chrono::DateTime<chrono::Utc> {
            chrono::DateTime::UNIX_EPOCH
        }
        fn sleep(&self, _: Duration) {}
    }

    #[test]
    fn who_waits_for_long_is_told() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("locks/one");
        let free = Lock::acquire_telling(&path, &Impatient, || panic!("nobody has it")).unwrap();
        let mut held = Some(free);
        let mut told = false;
        let next = Lock::acquire_telling(&path, &Impatient, || {
            told = true;
            held = None;
        });
        assert!(next.is_ok() && told);
    }
}
