//! The journal of a rotation, and the new access key until it is in its place.

use std::io;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::CommandResult;
use crate::files;
use crate::journals::{self, Entry};
use crate::model::process_output;
use crate::model::session::LongTermKeys;
use crate::model::shell::CommandLine;
use crate::store::StoreKind;

const VERSION: u32 = 1;

/// The stage of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// AWS may have been asked to create the key.
    Planned,
    /// The new key is saved, beside the journal or in the store.
    Created,
    /// AWS accepts the new key, and it has replaced the old one on this computer.
    Placed,
    /// The old key is inactive.
    Inactive,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    version: u32,
    pub stage: Stage,
    pub account: String,
    pub user: String,
    /// The profile that has the keys, without `-long-term`.
    pub profile: String,
    /// The ID of the old key.
    pub old: String,
    /// The ID of the new key, once it is saved.
    #[serde(default)]
    pub new: Option<String>,
    /// The store that has the profile's keys; `None` if the files have them.
    #[serde(default)]
    pub store: Option<StoreKind>,
    /// The user's keys before the new one was requested.
    #[serde(default)]
    pub before: Vec<String>,
    /// When the new key was last requested, in AWS's time.
    #[serde(default)]
    pub requested: Option<DateTime<Utc>>,
    /// When it was requested before. AWS may have created a key then, which it did not list yet.
    #[serde(default)]
    pub doubtful: Vec<DateTime<Utc>>,
    /// The old key is only deactivated.
    #[serde(default)]
    pub keep_old: bool,
    pub began: DateTime<Utc>,
}

impl Journal {
    /// A rotation that begins now.
    pub fn new(
        account: &str,
        user: &str,
        profile: &str,
        old: &str,
        store: Option<StoreKind>,
        began: DateTime<Utc>,
    ) -> Self {
        Self {
            version: VERSION,
            stage: Stage::Planned,
            account: account.to_owned(),
            user: user.to_owned(),
            profile: profile.to_owned(),
            old: old.to_owned(),
            new: None,
            store,
            before: Vec::new(),
            requested: None,
            doubtful: Vec::new(),
            keep_old: false,
            began,
        }
    }

    /// The command that resumes the rotation.
    pub fn command(&self) -> CommandLine {
        CommandLine::new("awsmfa keys rotate").profile(&self.profile).switch("--keep-old", self.keep_old)
    }

    /// Starts over: AWS does not have the new key any more.
    pub fn start_over(&mut self) {
        (self.stage, self.new) = (Stage::Planned, None);
        self.settle();
    }

    /// No request for a new key is open any more.
    pub fn settle(&mut self) {
        self.requested = None;
        self.doubtful.clear();
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

pub type Journals = journals::Journals<Journal>;

/// A user's journal, locked.
pub type UserJournal = journals::UserJournal<Journal>;

impl UserJournal {
    /// Saves a new access key where the profile's keys are: in the store, or in a private file beside the journal until AWS
    /// accepts it. It is durable when this returns.
    pub fn save_new(&self, ctx: &Context, store: Option<StoreKind>, keys: &LongTermKeys) -> CommandResult {
        if let Some(store) = store {
            return ctx.vault.save_keys(store, keys);
        }
        let text = process_output::render_keys(keys);
        files::write_private(&self.beside("key"), text.expose().as_bytes())?;
        match self.new_beside()?.as_ref() == Some(keys) {
            true => Ok(()),
            false => {
                Err(io::Error::other(format!("{} was not written correctly", self.beside("key").display()))
                    .into())
            }
        }
    }

    /// The new key with this ID, if it is saved.
    pub fn new_keys(
        &self,
        ctx: &Context,
        store: Option<StoreKind>,
        id: &str,
    ) -> CommandResult<Option<LongTermKeys>> {
        match store {
            Some(store) => ctx.vault.keys_in(store, id),
            None => Ok(self.new_beside()?.filter(|keys| keys.access_key_id == id)),
        }
    }

    /// Whether a new key is saved beside the journal.
    pub fn is_new_beside(&self) -> bool {
        self.new_beside().is_ok_and(|keys| keys.is_some())
    }

    fn new_beside(&self) -> io::Result<Option<LongTermKeys>> {
        let Some(bytes) = files::read_private(&self.beside("key"))? else { return Ok(None) };
        let bytes = zeroize::Zeroizing::new(bytes);
        let printed = std::str::from_utf8(&bytes).ok().and_then(process_output::parse);
        Ok(printed.map(|printed| printed.keys))
    }

    /// Removes the saved key, which is in its place now.
    pub fn remove_new(&self) -> io::Result<()> {
        self.remove_beside("key")
    }
}
