//! An interrupted rotation, and what somebody changed by hand since.

use super::journal::{Journal, Stage};
use super::state::Rotation;
use crate::error::CommandResult;
use crate::key_storage;

impl Rotation<'_> {
    /// Continues `begun`, or what is left of it: a profile may have been renamed, or have another access key now.
    pub(super) fn resume(&mut self, begun: Journal) -> CommandResult {
        let current = std::mem::replace(&mut self.journal, begun);
        self.journal.keep_old |= current.keep_old;
        let is_placed = matches!(self.journal.stage, Stage::Placed | Stage::Inactive);
        let new = match &self.journal.new {
            Some(new) => key_storage::profiles_with(self.ctx, new)?,
            None => Vec::new(),
        };
        // A person may have written the new key to the profile.
        let holders = match is_placed || !new.is_empty() {
            true => new,
            false => key_storage::profiles_with(self.ctx, &self.journal.old)?,
        };
        if let Some(holder) = holders.first() {
            if !holders.contains(&self.journal.profile) {
                self.journal.profile.clone_from(holder);
            }
        } else if !is_placed {
            self.replace_instead(current);
        } else if !self.is_new_listed()? {
            self.journal = current;
            return Ok(());
        }
        let Journal { old, user, .. } = &self.journal;
        self.ctx.ui.say(format_args!("resuming the rotation of access key `{old}` of `{user}`"));
        Ok(())
    }

    /// The old key is gone from this computer, so the new one, if there is one, replaces the key that the profile has now.
    fn replace_instead(&mut self, current: Journal) {
        let Journal { old, profile, store, .. } = current;
        (self.journal.old, self.journal.profile) = (old, profile);
        if self.journal.stage == Stage::Planned {
            self.journal.store = store;
        }
    }

    /// Whether AWS lists the new key.
    pub(super) fn is_new_listed(&mut self) -> CommandResult<bool> {
        let new = self.journal.new.clone();
        Ok(self.keys()?.iter().any(|key| Some(&key.id) == new.as_ref()))
    }
}
