//! The journal of an enrollment: its stage, on disk before the step that leaves it.

use std::io;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::journals::{self, Entry};
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

impl Entry for Journal {
    const VERSION: u32 = VERSION;

    fn version(&self) -> u32 {
        self.version
    }

    fn began(&self) -> DateTime<Utc> {
        self.began
    }
}

/// The journals of all enrollments.
pub type Journals = journals::Journals<Journal>;

/// A user's journal, locked.
pub type UserJournal = journals::UserJournal<Journal>;

impl UserJournal {
    /// Saves which access keys the user has before another one is created.
    pub fn save_keys(&self, ids: &[String]) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(ids).map_err(io::Error::other)?;
        files::write_private(&self.beside("keys"), &bytes)
    }

    /// The access keys that existed before one was created whose secret may be lost.
    pub fn keys(&self) -> io::Result<Option<Vec<String>>> {
        let bytes = files::read_private(&self.beside("keys"))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// For when the access key's secret is saved, or no key was created.
    pub fn remove_keys(&self) -> io::Result<()> {
        self.remove_beside("keys")
    }
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
        files::write_private(&file.beside("json"), b"{\"version\": 1, \"sta").unwrap();
        assert_eq!((file.read().unwrap(), journals.unfinished().unwrap()), (None, vec![]));
    }
}
