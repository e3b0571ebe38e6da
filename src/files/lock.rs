//! Locks between processes. They are the kernel's, so they end with the process that holds them.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::uid;
#[cfg(unix)]
use super::open::no_follow;
use super::open::{folder_of, is_symlink_refusal};
use super::own::own_dir;
use super::owner;
use super::problem::{Doing, Oddity, at, odd};
use crate::clock::Clock;

/// How long a person waits without wondering why.
const MOMENT: Duration = Duration::from_secs(1);

/// Every note begins with this. A lock file is written in place, so text without it is never overwritten.
const MARK: &str = "awsmfa: ";

/// The longest note, in bytes.
const NOTE_LIMIT: usize = 200;

/// An exclusive lock, held until it is dropped or the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Waits for the lock on the file at `path` and takes it. The file stays; only the kernel's lock counts.
    pub fn acquire(path: &Path) -> io::Result<Self> {
        let file = open_lock_file(path).map_err(at(Doing::Lock, path))?;
        let locked = loop {
            match file.lock() {
                // A signal that this process handles.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                locked => break locked,
            }
        };
        locked.map_err(at(Doing::Lock, path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// The same; `waiting` is called if it takes longer than a moment.
    pub fn acquire_telling(path: &Path, clock: &dyn Clock, waiting: impl FnOnce()) -> io::Result<Self> {
        if let Some(lock) = Self::acquire_within(path, MOMENT, clock)? {
            return Ok(lock);
        }
        waiting();
        Self::acquire(path)
    }

    /// Waits at most `limit` for the lock; `None` after that.
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

    /// Takes the lock if it is free.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        let file = open_lock_file(path).map_err(at(Doing::Lock, path))?;
        loop {
            return match file.try_lock() {
                Ok(()) => Ok(Some(Self { file, path: path.to_owned() })),
                Err(fs::TryLockError::WouldBlock) => Ok(None),
                Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(fs::TryLockError::Error(error)) => Err(at(Doing::Lock, path)(error)),
            };
        }
    }

    /// Leaves a note of one line for the next holder; an empty one removes the last note.
    pub fn leave_note(&self, note: &str) -> io::Result<()> {
        if self.note()? == note {
            return Ok(());
        }
        let text = if note.is_empty() { String::new() } else { format!("{MARK}{note}") };
        let mut file = &self.file;
        file.set_len(0)?;
        file.seek(io::SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())
    }

    /// The last note; empty if there is none. Any other text is an error: someone moved a file here.
    pub fn note(&self) -> io::Result<String> {
        let mut bytes = Vec::with_capacity(NOTE_LIMIT + 1);
        let mut file = &self.file;
        file.seek(io::SeekFrom::Start(0))?;
        file.take(NOTE_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
        let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= NOTE_LIMIT);
        let note =
            text.as_ref().and_then(|text| if text.is_empty() { Some("") } else { text.strip_prefix(MARK) });
        note.map(str::to_owned).ok_or_else(|| odd(&self.path, Oddity::NotALock))
    }
}

/// Closing the file is not enough: a child that another thread is starting shares the open file, and so the lock, until its
/// `exec`.
impl Drop for Lock {
    fn drop(&mut self) {
        // If this fails, the lock ends with the process.
        _ = self.file.unlock();
    }
}

/// Opens the file, and creates it if it is missing. An existing file must belong to this user and have no other name, because
/// it may be written to.
#[allow(clippy::disallowed_methods, reason = "lock files stay, and hold nothing but a note")]
fn open_lock_file(path: &Path) -> io::Result<File> {
    own_dir(folder_of(path))?;
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(no_follow());
    }
    let file = match options.open(path) {
        Err(error) if is_symlink_refusal(&error) => return Err(odd(path, Oddity::Link)),
        file => file?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(odd(path, Oddity::NotFile));
    }
    if !owner::is_ours(&metadata, path) {
        return Err(odd(path, Oddity::Owner(uid(&metadata))));
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::nlink(&metadata) > 1 {
        return Err(odd(path, Oddity::HardLink));
    }
    owner::give(&file, path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_is_held_until_it_is_dropped() {
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
    fn long_wait_is_announced() {
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
