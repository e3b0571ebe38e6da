//! The journal of an enrollment: its stage, on disk before the step that leaves it, so that the next run can resume whatever
//! ended this one. It contains no secret. The kernel's lock keeps two runs for one user apart.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::files::{self, Lock};
use crate::model::names::{DeviceName, IamPath};
use crate::model::serial::Serial;
use crate::store::StoreKind;

/// The stage of an enrollment.
///
/// In AWS there is a state between `Planned` and `Stored`, on disk there is none: between the response that has the seed and
/// saving the seed, nothing else is written, not even this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The name is chosen; AWS may have been asked to create the device.
    Planned,
    /// The device exists and its seed is in the store.
    Stored,
    /// The device belongs to the user.
    Enabled,
    /// AWS accepted one of its codes, or lists it.
    Verified,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    version: u32,
    pub stage: Stage,
    pub account: String,
    /// The user who gets the device.
    pub user: String,
    pub serial: Serial,
    /// The device's name, as in the serial.
    pub name: DeviceName,
    pub path: IamPath,
    /// The store that has the seed, or will have it.
    pub store: StoreKind,
    /// The profile whose credentials sign the requests, if one was requested.
    pub profile: Option<String>,
    /// The profile that will use the device, if one was requested.
    pub for_profile: Option<String>,
    /// The requested name. The device's name may have a number at its end, because the requested name was taken.
    #[serde(default)]
    pub device_name: Option<DeviceName>,
    /// The device's tags: keys and values.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    pub began: DateTime<Utc>,
    /// Unassigned devices that have the name, and whose secrets are lost.
    #[serde(default)]
    pub stale: Vec<Serial>,
}

const VERSION: u32 = 1;

/// Larger than any journal; tags and stale devices make a journal large.
const LIKELY_SIZE: usize = 16 * 1024;

/// A device to enroll, and the stage that it has reached already.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub stage: Stage,
    pub serial: Serial,
    pub name: DeviceName,
    /// The store that has the seed, or will have it.
    pub store: StoreKind,
}

impl Journal {
    /// A journal that begins now.
    pub fn new(
        candidate: Candidate,
        account: &str,
        user: &str,
        path: &IamPath,
        began: DateTime<Utc>,
    ) -> Self {
        Self {
            version: VERSION,
            stage: candidate.stage,
            account: account.to_owned(),
            user: user.to_owned(),
            serial: candidate.serial,
            name: candidate.name,
            path: path.clone(),
            store: candidate.store,
            profile: None,
            for_profile: None,
            device_name: None,
            tags: Vec::new(),
            began,
            stale: Vec::new(),
        }
    }

    pub fn candidate(&self) -> Candidate {
        Candidate {
            stage: self.stage,
            serial: self.serial.clone(),
            name: self.name.clone(),
            store: self.store,
        }
    }

    /// Continues with this device.
    pub fn take(&mut self, candidate: Candidate) {
        let Candidate { stage, serial, name, store } = candidate;
        (self.stage, self.serial, self.name, self.store) = (stage, serial, name, store);
    }
}

#[derive(Debug, Clone)]
pub struct Journals {
    folder: PathBuf,
}

impl Journals {
    /// The journals in this folder, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Locks a user's journal. `waiting` is called if that takes longer than a moment.
    pub fn open(
        &self,
        account: &str,
        user: &str,
        clock: &dyn Clock,
        waiting: impl FnOnce(),
    ) -> io::Result<UserJournal> {
        let name = files::digest(format!("{account} {}", user.to_ascii_lowercase()).as_bytes());
        let lock_path = self.folder.join(format!("{name}.lock"));
        let lock = Lock::acquire_telling(&lock_path, clock, waiting)?;
        Ok(UserJournal { path: self.folder.join(format!("{name}.json")), _lock: lock })
    }

    /// The journals of a device, not locked yet.
    pub fn naming(&self, serial: &Serial) -> io::Result<Vec<Unlocked>> {
        let found = self.all()?.into_iter().filter(|(_, journal)| journal.serial == *serial);
        Ok(found.map(|(path, _)| Unlocked(path)).collect())
    }

    /// All unfinished enrollments, read without a lock.
    pub fn unfinished(&self) -> io::Result<Vec<Journal>> {
        Ok(self.all()?.into_iter().map(|(_, journal)| journal).collect())
    }

    fn all(&self) -> io::Result<Vec<(PathBuf, Journal)>> {
        let mut found = Vec::new();
        for path in files::list(&self.folder)? {
            if path.extension().is_some_and(|extension| extension == "json") {
                found.extend(read(&path)?.map(|journal| (path, journal)));
            }
        }
        found.sort_by_key(|(_, journal): &(PathBuf, Journal)| journal.began);
        Ok(found)
    }
}

/// A user's journal before it is locked.
#[derive(Debug)]
pub struct Unlocked(PathBuf);

impl Unlocked {
    /// Waits for another process that holds the lock.
    pub fn lock(self) -> io::Result<UserJournal> {
        let lock = Lock::acquire(&self.0.with_extension("lock"))?;
        Ok(UserJournal { path: self.0, _lock: lock })
    }
}

/// A user's journal, locked.
#[derive(Debug)]
pub struct UserJournal {
    path: PathBuf,
    _lock: Lock,
}

impl UserJournal {
    /// The unfinished enrollment, if there is one.
    pub fn read(&self) -> io::Result<Option<Journal>> {
        read(&self.path)
    }

    /// Fails if there is no space for a journal: what AWS creates must not get lost.
    pub fn check_writable(&self) -> io::Result<()> {
        let path = self.path.with_extension("probe");
        let written = files::write_private(&path, &[b' '; LIKELY_SIZE]);
        let removed = files::remove(&path);
        written.and(removed.map(drop))
    }

    /// The journal is on disk when this returns.
    pub fn save(&self, journal: &Journal) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(journal).map_err(io::Error::other)?;
        files::write_private(&self.path, &bytes)
    }

    /// Saves which access keys the user has before another one is created.
    pub fn save_keys(&self, ids: &[String]) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(ids).map_err(io::Error::other)?;
        files::write_private(&self.keys_path(), &bytes)
    }

    /// The access keys that existed before one was created whose secret may be lost.
    pub fn keys(&self) -> io::Result<Option<Vec<String>>> {
        let bytes = files::read_private(&self.keys_path())?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// For when the access key's secret is saved, or no key was created.
    pub fn remove_keys(&self) -> io::Result<()> {
        files::remove(&self.keys_path()).map(drop)
    }

    fn keys_path(&self) -> PathBuf {
        self.path.with_extension("keys")
    }

    pub fn remove(&self) -> io::Result<()> {
        files::remove(&self.path).map(drop)
    }
}

/// A journal that cannot be read counts as none: AWS and the store say the same, only more slowly.
fn read(path: &Path) -> io::Result<Option<Journal>> {
    let bytes = files::read_private(path)?;
    Ok(bytes
        .and_then(|bytes| serde_json::from_slice::<Journal>(&bytes).ok())
        .filter(|j| j.version == VERSION))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn journal(user: &str) -> Journal {
        let candidate = Candidate {
            stage: Stage::Planned,
            serial: format!("arn:aws:iam::123456789012:mfa/{user}").parse().unwrap(),
            name: user.parse().unwrap(),
            store: StoreKind::File,
        };
        Journal::new(candidate, "123456789012", user, &IamPath::default(), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn journal_lasts_until_it_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let journals = Journals::new(home.path().join("enrollments"));
        assert_eq!(journals.unfinished().unwrap(), []);
        let file =
            journals.open("123456789012", "alice", &SystemClock, || panic!("nobody holds the lock")).unwrap();
        assert_eq!(file.read().unwrap(), None);
        let mut alice = journal("alice");
        for stage in [Stage::Planned, Stage::Stored, Stage::Enabled, Stage::Verified] {
            alice.stage = stage;
            file.save(&alice).unwrap();
            assert_eq!(journals.unfinished().unwrap(), std::slice::from_ref(&alice));
        }
        drop(file);
        let file = journals.open("123456789012", "ALICE", &SystemClock, || ()).unwrap();
        assert_eq!(file.read().unwrap(), Some(alice), "case makes no difference in names");
        file.remove().unwrap();
        assert_eq!((file.read().unwrap(), journals.unfinished().unwrap()), (None, vec![]));
    }

    #[test]
    fn damaged_journal_counts_as_none() {
        let home = tempfile::tempdir().unwrap();
        let journals = Journals::new(home.path().join("enrollments"));
        let file = journals.open("1", "a", &SystemClock, || ()).unwrap();
        files::write_private(&file.path, b"{\"version\": 1, \"sta").unwrap();
        assert_eq!((file.read().unwrap(), journals.unfinished().unwrap()), (None, vec![]));
    }
}
