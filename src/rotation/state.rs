//! A rotation on its way: who signs, what the journal says, and what its stages share.

use chrono::{DateTime, TimeDelta, Utc};

use super::journal::{Journal, Stage, UserJournal};
use crate::aws::{AwsError, AwsErrorKind, Keys, UserKey};
use crate::caller::Caller;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, denied};
use crate::model::shell::CommandLine;
use crate::session::{self, Request};
use crate::store::StoreKind;

/// How long after its request a key can have been created by it.
pub(super) const REQUEST: TimeDelta = TimeDelta::minutes(2);

/// Options of a rotation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Do not delete the old key, only deactivate it.
    pub keep_old: bool,
    /// Delete an inactive key that is in the way without asking.
    pub yes: bool,
}

pub(super) struct Rotation<'a> {
    pub(super) ctx: &'a Context,
    /// Signs with a session with MFA.
    pub(super) caller: Caller,
    pub(super) file: UserJournal,
    pub(super) journal: Journal,
    /// Delete an inactive key that is in the way without asking.
    pub(super) yes: bool,
    /// The profile whose keys get sessions.
    pub(super) signer: String,
}

impl Rotation<'_> {
    /// Goes to the next stage, which is on disk when this returns.
    pub(super) fn enter(&mut self, stage: Stage) -> CommandResult {
        self.journal.stage = stage;
        Ok(self.file.save(&self.journal)?)
    }

    /// Signs with an MFA session from now on.
    pub(super) fn sign_in(&mut self) -> CommandResult {
        let request = Request { without_roles: true, ..Request::person(Named::Flag(&self.signer)) };
        self.caller.keys = Keys::from(&session::obtain(self.ctx, &request)?.session);
        Ok(())
    }

    /// AWS's time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.ctx.clock.now() + self.caller.offset
    }

    /// The user's access keys.
    pub(super) fn keys(&mut self) -> CommandResult<Vec<UserKey>> {
        let user = self.journal.user.clone();
        let listed = self.caller.send(self.ctx, |aws| aws.list_access_keys(&user));
        listed.map_err(|error| self.refused(error))
    }

    /// The error for a request about the user that AWS refused.
    pub(super) fn refused(&self, error: AwsError) -> CommandError {
        let is_denied = error.kind == AwsErrorKind::AccessDenied;
        let identity = &self.caller.identity;
        let this = denied(error, &identity.arn, &identity.arn);
        match is_denied {
            true => this.hint("or attach the policy that this command prints: `awsmfa policy`"),
            false => this,
        }
    }

    /// The command that resumes the rotation.
    pub(super) fn command(&self) -> CommandLine {
        self.journal.command()
    }

    /// An error, with what is left to do.
    pub(super) fn explain(&self, error: CommandError) -> CommandError {
        if self.journal.requested.is_none() {
            return error;
        }
        let command = self.command();
        match (self.journal.stage, &self.journal.new) {
            (Stage::Placed | Stage::Inactive, Some(new)) => {
                error.hint(format!("the new access key `{new}` is in use; resume with `{command}`"))
            }
            _ => error.hint(format!("nothing is lost; resume with `{command}`")),
        }
    }

    pub(super) fn store(&self) -> Option<StoreKind> {
        self.journal.store
    }
}
