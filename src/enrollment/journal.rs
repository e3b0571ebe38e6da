//! The journal of an enrolment: how far it came, on the disk before each step that matters, so that the next run goes on
//! from there whatever ended this one. It holds no secret. A kernel lock a user keeps two runs apart.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::files::{self, Lock};
use crate::model::names::{DeviceName, IamPath};
use crate::model::serial::Serial;
use crate::store::StoreKind;

/// How far an enrolment came.
///
/// There is no state between `Planned` and `Stored` on the disk, though there is one in AWS: between AWS's answer to
/// Create, the only one that has the seed, and the seed's being in the store, nothing else is written, not even this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The name is chosen; AWS may have been asked to create the device.
    Planned,
    /// The device is created and its seed is in the store.
    Stored,
    /// The device is the user's.
    Enabled,
    /// AWS took a code of it, or lists it.
    Verified,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    version: u32,
    /// How far it came.
    pub stage: Stage,
    pub account: String,
    /// The user who gets the device.
    pub user: String,
    pub serial: Serial,
    /// The device's name, as it is in the serial.
    pub name: DeviceName,
    pub path: IamPath,
    /// Where its seed is, or goes.
    pub store: StoreKind,
    /// The profile whose credentials do the work, if one was named.
    pub profile: Option<String>,
    /// The profile that is to use the device, if one was named.
    pub for_profile: Option<String>,
    /// The device's name as the person gave it, without the number that a name that was taken got.
    #[serde(default)]
    pub device_name: Option<DeviceName>,
    /// The tags that the device is to have: keys and values.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    pub began: DateTime<Utc>,
    /// Devices that were in the way: nobody's, with secrets that nobody has.
    #[serde(default)]
    pub stale: Vec<Serial>,
}

const VERSION: u32 = 1;

/// A journal is smaller than this; tags and stale devices make it large.
const LIKELY_SIZE: usize = 16 * 1024;

/// The parts of a journal that a plan decides.
#[derive(Debug, Clone)]
pub struct Begun {
    /// How far it came already.
    pub stage: Stage,
    pub serial: Serial,
    pub name: DeviceName,
    /// Where its seed is, or goes.
    pub store: StoreKind,
}

impl Journal {
    /// A journal that begins now.
    pub fn new(begun: Begun, account: &str, user: &str, path: &IamPath, began: DateTime<Utc>) -> Self {
        Self {
            version: VERSION,
            stage: begun.stage,
            account: account.to_owned(),
            user: user.to_owned(),
            serial: begun.serial,
            name: begun.name,
            path: path.clone(),
            store: begun.store,
            profile: None,
            for_profile: None,
            device_name: None,
            tags: Vec::new(),
            began,
            stale: Vec::new(),
        }
    }

    /// Goes on with another device.
    pub fn take(&mut self, begun: Begun) {
        let Begun { stage, serial, name, store } = begun;
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

    /// Locks a user's journal, waiting for whoever has it. `waiting` is called if that takes longer than a moment.
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

    /// The places of the journals that name a device.
    pub fn naming(&self, serial: &Serial) -> io::Result<Vec<Place>> {
        let found = self.all()?.into_iter().filter(|(_, journal)| journal.serial == *serial);
        Ok(found.map(|(path, _)| Place(path)).collect())
    }

    /// Every enrolment that has not come to its end, without a lock: for finding out whose to resume.
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

/// The place of a user's journal, not locked yet.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Place {
    /// Locks it; waits for another process that has it.
    pub fn lock(self) -> io::Result<UserJournal> {
        let lock = Lock::acquire(&self.0.with_extension("lock"))?;
        Ok(UserJournal { path: self.0, _lock: lock })
    }
}

/// The place of a user's journal, locked.
#[derive(Debug)]
pub struct UserJournal {
    path: PathBuf,
    _lock: Lock,
}

impl UserJournal {
    /// The enrolment under way, if there is one.
    pub fn read(&self) -> io::Result<Option<Journal>> {
        read(&self.path)
    }

    /// Whether it can be written: what AWS makes must not be lost for want of space here.
    pub fn check_writable(&self) -> io::Result<()> {
        let path = self.path.with_extension("probe");
        let written = files::write_private(&path, &[b' '; LIKELY_SIZE]);
        let removed = files::remove(&path);
        written.and(removed.map(drop))
    }

    /// Writes how far it came; on the disk when this returns.
    pub fn save(&self, journal: &Journal) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(journal).map_err(io::Error::other)?;
        files::write_private(&self.path, &bytes)
    }

    /// Writes which access keys the user has before one more is made.
    pub fn save_keys(&self, ids: &[String]) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(ids).map_err(io::Error::other)?;
        files::write_private(&self.keys_path(), &bytes)
    }

    /// The access keys that there were before one was made whose secret may not have been kept.
    pub fn keys(&self) -> io::Result<Option<Vec<String>>> {
        let bytes = files::read_private(&self.keys_path())?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The secret of the access key is kept, or none was made.
    pub fn remove_keys(&self) -> io::Result<()> {
        files::remove(&self.keys_path()).map(drop)
    }

    fn keys_path(&self) -> PathBuf {
        self.path.with_extension("keys")
    }

    /// Forgets it: the enrolment came to its end.
    pub fn remove(&self) -> io::Result<()> {
        files::remove(&self.path).map(drop)
    }
}

/// A journal that cannot be understood is none: AWS and the store tell the same, if more slowly.
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
        let begun = Begun {
            stage: Stage::Planned,
            serial: format!("arn:aws:iam::123456789012:mfa/{user}").parse().unwrap(),
            name: user.parse().unwrap(),
            store: StoreKind::File,
        };
        Journal::new(begun, "123456789012", user, &IamPath::default(), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn journals_last_until_they_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let journals = Journals::new(home.path().join("enrollments"));
        assert_eq!(journals.unfinished().unwrap(), []);
        let file = journals.open("123456789012", "alice", &SystemClock, || panic!("nobody has it")).unwrap();
        assert_eq!(file.read().unwrap(), None);
        let mut alice = journal("alice");
        for stage in [Stage::Planned, Stage::Stored, Stage::Enabled, Stage::Verified] {
            alice.stage = stage;
            file.save(&alice).unwrap();
            assert_eq!(journals.unfinished().unwrap(), std::slice::from_ref(&alice));
        }
        drop(file);
        let file = journals.open("123456789012", "ALICE", &SystemClock, || ()).unwrap();
        assert_eq!(file.read().unwrap(), Some(alice), "names differ in more than their case");
        file.remove().unwrap();
        assert_eq!((file.read().unwrap(), journals.unfinished().unwrap()), (None, vec![]));
    }

    #[test]
    fn a_damaged_journal_is_none() {
        let home = tempfile::tempdir().unwrap();
        let journals = Journals::new(home.path().join("enrollments"));
        let file = journals.open("1", "a", &SystemClock, || ()).unwrap();
        files::write_private(&file.path, b"{\"version\": 1, \"sta").unwrap();
        assert_eq!((file.read().unwrap(), journals.unfinished().unwrap()), (None, vec![]));
    }
}
