//! Journals of long changes in AWS: what was done so far, on disk before the next step, so that the next run can resume whatever
//! ended this one. One file a user; the kernel's lock keeps two runs for one user apart.

use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::files::{self, Lock};

/// Larger than any journal; tags and stale devices make a journal large.
const LIKELY_SIZE: usize = 16 * 1024;

/// What a journal contains. It has no secret.
pub trait Entry: Serialize + DeserializeOwned {
    /// The version of the format that this program reads and writes.
    const VERSION: u32;

    fn version(&self) -> u32;

    /// When the change began.
    fn began(&self) -> DateTime<Utc>;
}

/// The journals of one kind of change.
#[derive(Debug, Clone)]
pub struct Journals<T> {
    folder: PathBuf,
    entry: PhantomData<T>,
}

impl<T: Entry> Journals<T> {
    /// The journals in this folder, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, entry: PhantomData }
    }

    /// Locks a user's journal. `waiting` is called if that takes longer than a moment.
    pub fn open(
        &self,
        account: &str,
        user: &str,
        clock: &dyn Clock,
        waiting: impl FnOnce(),
    ) -> io::Result<UserJournal<T>> {
        let name = files::digest(format!("{account} {}", user.to_ascii_lowercase()).as_bytes());
        let lock_path = self.folder.join(format!("{name}.lock"));
        let lock = Lock::acquire_telling(&lock_path, clock, waiting)?;
        Ok(UserJournal::new(self.folder.join(format!("{name}.json")), lock))
    }

    /// The journals that contain something, not locked yet.
    pub fn with(&self, is_meant: impl Fn(&T) -> bool) -> io::Result<Vec<Unlocked<T>>> {
        let found = self.all()?.into_iter().filter(|(_, entry)| is_meant(entry));
        Ok(found.map(|(path, _)| Unlocked { path, entry: PhantomData }).collect())
    }

    /// All unfinished changes, read without a lock.
    pub fn unfinished(&self) -> io::Result<Vec<T>> {
        Ok(self.all()?.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The journals that cannot be read.
    pub fn damaged(&self) -> io::Result<Vec<PathBuf>> {
        files::damaged(&self.folder, |bytes| parse::<T>(bytes).is_some())
    }

    fn all(&self) -> io::Result<Vec<(PathBuf, T)>> {
        let mut found = Vec::new();
        for path in files::list(&self.folder)? {
            if path.extension().is_some_and(|extension| extension == "json") {
                found.extend(read(&path)?.map(|entry| (path, entry)));
            }
        }
        found.sort_by_key(|(_, entry): &(PathBuf, T)| entry.began());
        Ok(found)
    }
}

/// A user's journal before it is locked.
#[derive(Debug)]
pub struct Unlocked<T> {
    path: PathBuf,
    entry: PhantomData<T>,
}

impl<T: Entry> Unlocked<T> {
    /// Waits for another process that holds the lock.
    pub fn lock(self) -> io::Result<UserJournal<T>> {
        let lock = Lock::acquire(&self.path.with_extension("lock"))?;
        Ok(UserJournal::new(self.path, lock))
    }
}

/// A user's journal, locked.
#[derive(Debug)]
pub struct UserJournal<T> {
    path: PathBuf,
    _lock: Lock,
    entry: PhantomData<T>,
}

impl<T: Entry> UserJournal<T> {
    fn new(path: PathBuf, lock: Lock) -> Self {
        Self { path, _lock: lock, entry: PhantomData }
    }

    /// The unfinished change, if there is one.
    pub fn read(&self) -> io::Result<Option<T>> {
        read(&self.path)
    }

    /// Fails if there is no space for a journal: what AWS creates must not get lost.
    pub fn check_writable(&self) -> io::Result<()> {
        let written = files::write_private(&self.beside("probe"), &[b' '; LIKELY_SIZE]);
        written.and(self.remove_beside("probe"))
    }

    /// The journal is on disk when this returns.
    pub fn save(&self, entry: &T) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(entry).map_err(io::Error::other)?;
        files::write_private(&self.path, &bytes)
    }

    pub fn remove(&self) -> io::Result<()> {
        self.remove_beside("json")
    }

    /// Removes the journal or a file beside it, and what killed writes of the file left.
    pub fn remove_beside(&self, extension: &str) -> io::Result<()> {
        let path = self.beside(extension);
        files::remove(&path)?;
        files::remove_leftovers(&path);
        Ok(())
    }

    /// The path of a file that belongs to the journal.
    pub fn beside(&self, extension: &str) -> PathBuf {
        self.path.with_extension(extension)
    }
}

/// A journal that cannot be read counts as none: AWS and the store say the same, only more slowly.
fn read<T: Entry>(path: &Path) -> io::Result<Option<T>> {
    Ok(files::read_private(path)?.and_then(|bytes| parse(&bytes)))
}

fn parse<T: Entry>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice::<T>(bytes).ok().filter(|entry| entry.version() == T::VERSION)
}
