//! AWS allows a user two access keys, so a second one is in the way.

use super::state::Rotation;
use crate::aws::UserKey;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::key_storage;
use crate::model::session::timestamp;
use crate::model::shell::CommandLine;

/// The most access keys that a user can have.
const QUOTA: usize = 2;

/// The command that deletes an access key with a session, because policies may require MFA for it.
pub fn delete_command(profile: &str, user: &str, id: &str) -> CommandLine {
    CommandLine::new("awsmfa exec")
        .profile(profile)
        .arg("--")
        .arg("aws")
        .arg("iam")
        .arg("delete-access-key")
        .option("--user-name", Some(user))
        .option("--access-key-id", Some(id))
}

impl Rotation<'_> {
    /// Makes room for the new key: offers to delete an inactive one. An active one is for the person to look at.
    pub(super) fn make_room(&mut self) -> CommandResult {
        let keys = self.keys()?;
        if keys.len() < QUOTA {
            return Ok(());
        }
        let Some(inactive) = keys.iter().find(|key| !key.is_active && key.id != self.journal.old) else {
            return Err(self.quota_error()?);
        };
        let (id, user) = (&inactive.id, self.journal.user.clone());
        let question = format!(
            "`{user}` has two access keys, the maximum, and `{id}` is inactive; delete inactive access key `{id}`?"
        );
        if !self.yes {
            let message = format!("`{user}` already has two access keys, the maximum; `{id}` is inactive");
            let command = self.command();
            self.ctx.confirm(&question, |_| {
                CommandError::new(ErrorKind::Refused, message)
                    .hint(format!("delete the inactive key and continue: `{command} --yes`"))
            })?;
        }
        self.delete_key(id)?;
        self.ctx.ui.say(format_args!("deleted inactive access key `{id}` of `{user}`"));
        Ok(())
    }

    /// The error for a full quota: what is known about the other key, and how to delete it.
    pub(super) fn quota_error(&mut self) -> CommandResult<CommandError> {
        let (user, old) = (self.journal.user.clone(), self.journal.old.clone());
        let others: Vec<UserKey> = self.keys()?.into_iter().filter(|key| key.id != old).collect();
        let mut message = format!("`{user}` already has two access keys, the maximum");
        let mut hints = Vec::new();
        for UserKey { id, .. } in &others {
            let used = self.caller.send(self.ctx, |aws| aws.access_key_last_used(id));
            message.push_str(&match used {
                Ok(Some(date)) => format!("; `{id}` was last used at {}", timestamp(date)),
                Ok(None) => format!("; `{id}` was never used"),
                Err(_) => format!("; the other one is `{id}`"),
            });
            match key_storage::profiles_with(self.ctx, id)?.as_slice() {
                [] => {
                    let delete = delete_command(&self.journal.profile, &user, id);
                    hints.push(format!("delete the other key if nothing uses it: `{delete}`"));
                }
                [profile, ..] => {
                    message.push_str(&format!(", and profile `{profile}` has it"));
                    hints.push(format!("use one key for both profiles, and delete `{id}` in AWS"));
                }
            }
        }
        Ok(hints.into_iter().fold(CommandError::new(ErrorKind::Refused, message), CommandError::hint))
    }
}
