//! The new access key: created once, saved before anything else happens, and deleted if its secret was lost.

use chrono::{DateTime, TimeDelta, Utc};

use super::journal::Stage;
use super::state::{REQUEST, Rotation};
use crate::aws::{AwsError, AwsErrorKind, UserKey};
use crate::error::{CommandError, CommandResult};
use crate::key_storage;
use crate::model::session::LongTermKeys;
use crate::retry::{self, Backoff, Wait};
use crate::store;

impl Rotation<'_> {
    /// Creates and saves the new key, unless an earlier run did.
    pub(super) fn create(&mut self) -> CommandResult {
        if self.find_saved()? {
            return self.enter(Stage::Created);
        }
        if self.journal.requested.is_some() {
            self.delete_lost()?;
        }
        self.check_places()?;
        self.make_room()?;
        let user = self.journal.user.clone();
        self.ctx.ui.doing(format_args!("creating an access key for `{user}`"));
        if self.journal.requested.is_none() {
            self.journal.before = self.keys()?.into_iter().map(|key| key.id).collect();
        }
        self.note_request()?;
        let keys = self.request_key()?;
        if let Err(error) = self.file.save_new(self.ctx, self.store(), &keys) {
            return Err(self.take_back(&keys.access_key_id, error));
        }
        self.journal.new = Some(keys.access_key_id.clone());
        self.enter(Stage::Created)?;
        self.ctx.ui.done(format_args!("created access key `{}` for `{user}`", keys.access_key_id));
        Ok(())
    }

    /// Whether everything that will be written can be written.
    fn check_places(&self) -> CommandResult {
        self.file.check_writable()?;
        self.rehearse()?;
        if let Some(kind) = self.store() {
            store::probe(self.ctx.vault.hold()?.get(kind)?).map_err(CommandError::about_keys)?;
        }
        Ok(())
    }

    fn note_request(&mut self) -> CommandResult {
        let now = self.now();
        self.journal.doubtful.extend(self.journal.requested.replace(now));
        self.enter(Stage::Planned)
    }

    fn request_key(&mut self) -> CommandResult<LongTermKeys> {
        let (ctx, user) = (self.ctx, self.journal.user.clone());
        let send = |this: &mut Self| this.caller.send_once(ctx, |aws| aws.create_access_key(&user));
        let forget = |this: &mut Self| -> CommandResult<Option<LongTermKeys>> {
            this.delete_lost()?;
            this.note_request()?;
            Ok(None)
        };
        let answered = retry::change(ctx, self, send, forget)?;
        let in_doubt = answered.in_doubt || !self.journal.doubtful.is_empty();
        match answered.result {
            Ok(keys) => Ok(keys),
            // The lost key is in the way, but was not listed yet.
            Err(error) if error.kind == AwsErrorKind::LimitExceeded && in_doubt => {
                let mut waits = Backoff::propagation();
                while !self.delete_lost()? {
                    if !waits.wait(ctx, Wait::For("AWS to list the new access key")) {
                        return Err(self.refused_key(error));
                    }
                }
                self.note_request()?;
                send(self).map_err(|error| self.refused_key(error))
            }
            Err(error) => {
                if !in_doubt && !error.may_have_acted() {
                    // Nothing was created, so nothing is unfinished.
                    self.journal.settle();
                    self.file.remove()?;
                }
                Err(self.refused_key(error))
            }
        }
    }

    fn refused_key(&mut self, error: AwsError) -> CommandError {
        if error.kind == AwsErrorKind::LimitExceeded {
            return self.quota_error().unwrap_or_else(|_| error.into());
        }
        self.refused(error)
    }

    /// The new key could not be saved, and its secret is about to be lost.
    fn take_back(&mut self, id: &str, error: CommandError) -> CommandError {
        match self.delete_key(id) {
            Ok(()) => {
                self.journal.settle();
                let _ = self.file.remove();
                error.hint(format!("the new access key `{id}` was deleted again"))
            }
            Err(_) => {
                error.hint(format!("the new access key `{id}` has no saved secret; the next run deletes it"))
            }
        }
    }

    /// Finds a key that an earlier run saved before it was killed.
    fn find_saved(&mut self) -> CommandResult<bool> {
        // Without the journal, a store does not tell the new key from another profile's.
        if self.journal.requested.is_none() && !self.file.is_new_beside() {
            return Ok(false);
        }
        for UserKey { id, .. } in self.unknown_keys()? {
            if self.file.new_keys(self.ctx, self.store(), &id)?.is_some() {
                self.journal.new = Some(id);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The keys that exist now and did not when a new one was requested.
    fn unknown_keys(&mut self) -> CommandResult<Vec<UserKey>> {
        let mut keys = self.keys()?;
        keys.retain(|key| key.id != self.journal.old && !self.journal.before.contains(&key.id));
        Ok(keys)
    }

    /// Deletes the key that AWS created for us in a response that was lost. A key that was created at another time, or that
    /// was used or is on this computer, is somebody else's: AWS may take hours to record a use. Returns whether there was one.
    fn delete_lost(&mut self) -> CommandResult<bool> {
        let [UserKey { id, created: Some(created), .. }] = &self.unknown_keys()?[..] else {
            return Ok(false);
        };
        // AWS's clocks agree only to some seconds.
        let is_of = |requested: &DateTime<Utc>| {
            (*requested - TimeDelta::seconds(5)..=*requested + REQUEST).contains(created)
        };
        let is_ours = self.journal.doubtful.iter().chain(&self.journal.requested).any(is_of);
        let is_here = !key_storage::profiles_with(self.ctx, id)?.is_empty();
        if !is_ours || is_here || self.was_used(id) {
            return Ok(false);
        }
        self.ctx.ui.detail(format_args!("the response with the secret of `{id}` was lost; deleting the key"));
        self.delete_key(id)?;
        self.journal.settle();
        Ok(true)
    }

    /// Whether AWS has recorded a use of the key. If that cannot be determined, the times decide.
    fn was_used(&mut self, id: &str) -> bool {
        let used = self.caller.send(self.ctx, |aws| aws.access_key_last_used(id));
        used.is_ok_and(|used| used.is_some())
    }
}
