//! `--access-key`: an access key for a new user. Like a seed, AWS shows its secret once, so it is written to the credentials
//! file before anything else happens.

use super::hints;
use super::journal::UserJournal;
use super::state::Enrollment;
use crate::aws::AwsErrorKind;
use crate::aws_files::AwsFile;
use crate::aws_files::key_edits::{self, KeyEditError};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::session::LongTermKeys;
use crate::retry;

impl Enrollment<'_> {
    pub(super) fn access_key(&mut self, file: &UserJournal) -> CommandResult {
        let (name, profile) = (self.target.user.clone(), self.key_profile());
        if self.own_keys()?.is_some() {
            self.ctx.ui.done(format_args!("profile `{profile}` already has keys of `{name}`"));
            return Ok(());
        }
        self.ctx.ui.doing(format_args!("creating an access key for `{name}`"));
        let before = self.key_ids(&name)?;
        // What an earlier run wrote also shows the key that it may have lost.
        let earlier = file.keys()?.is_some();
        if let (Some(before), false) = (&before, earlier) {
            file.save_keys(before)?;
        }
        let created = self.create_key(&profile, &name, before.as_deref());
        let in_doubt = created.as_ref().is_err_and(|error| earlier || error.kind == ErrorKind::Network);
        if !in_doubt {
            file.remove_keys()?;
        }
        created
    }

    /// Reports an access key that a killed run may have created and lost. Somebody else may have created it, so it is not
    /// deleted.
    pub(super) fn report_lost_key(&mut self, file: &UserJournal) -> CommandResult {
        let Some(before) = file.keys()? else { return Ok(()) };
        let name = self.target.user.clone();
        let Ok(Some(now)) = self.key_ids(&name) else { return Ok(()) };
        let own = self.own_keys()?.map(|own| own.keys.access_key_id);
        for id in now.iter().filter(|id| !before.contains(id) && Some(*id) != own.as_ref()) {
            self.warn_of_lost_key(&name, id);
        }
        if own.is_some() {
            file.remove_keys()?;
        }
        Ok(())
    }

    fn warn_of_lost_key(&self, name: &str, id: &str) {
        self.ctx.ui.warn(format_args!(
            "access key `{id}` of `{name}` was created during an earlier attempt and its secret was not saved"
        ));
        let delete = hints::delete_key_command(name, id);
        self.ctx.ui.hint(format_args!("unless somebody else created the key, delete it: `{delete}`"));
    }

    fn create_key(&mut self, profile: &str, name: &str, before: Option<&[String]>) -> CommandResult {
        let forget = |this: &mut Self| this.forget_lost_key(name, before).map(|()| None);
        let created =
            retry::change(self.ctx, self, |this| this.call_once(|aws| aws.create_access_key(name)), forget)?;
        match created.result {
            Ok(keys) => self.keep_key(profile, &keys),
            Err(error) if error.kind == AwsErrorKind::LimitExceeded => {
                let message = format!("`{name}` already has two access keys, the maximum");
                let list = self.aws(&["iam", "list-access-keys", "--user-name", name]);
                Err(CommandError::new(ErrorKind::Refused, message)
                    .hint(format!("find a key to delete: `{list}`")))
            }
            Err(error) => Err(self.refused_user(error)),
        }
    }

    fn keep_key(&mut self, profile: &str, keys: &LongTermKeys) -> CommandResult {
        let id = keys.access_key_id.clone();
        let section = match self.write_key(profile, keys) {
            Ok(section) => section,
            Err(error) => return Err(self.take_back_key(&id, error)),
        };
        self.ctx.ui.done(format_args!(
            "created access key `{id}` and wrote it to [{section}] in the credentials file"
        ));
        self.made.access_key_id = Some(id);
        self.facts.own_keys.take();
        Ok(())
    }

    /// The key could not be written, and its secret is about to be lost.
    fn take_back_key(&mut self, id: &str, error: CommandError) -> CommandError {
        let name = self.target.user.clone();
        error.hint(match self.call(|aws| aws.delete_access_key(&name, id)) {
            Ok(()) => format!("the new access key `{id}` was deleted"),
            Err(_) => format!("delete the key: `{}`", hints::delete_key_command(&name, id)),
        })
    }

    fn write_key(&self, profile: &str, keys: &LongTermKeys) -> CommandResult<String> {
        let edit = |document: &mut _| -> Result<String, KeyEditError> {
            key_edits::write_long_term(document, profile, keys)
        };
        Ok(self.ctx.aws_files().edit(AwsFile::Credentials, edit)?)
    }

    /// The user's access keys; `None` if the caller may not list them.
    fn key_ids(&mut self, name: &str) -> CommandResult<Option<Vec<String>>> {
        match self.call(|aws| aws.list_access_keys(name)) {
            Ok(keys) => Ok(Some(keys.into_iter().map(|key| key.id).collect())),
            Err(error) if error.kind == AwsErrorKind::AccessDenied => Ok(None),
            Err(error) => Err(self.refused_user(error)),
        }
    }

    /// Deletes the key whose secret was in a lost response. If there are two new keys, somebody else created one of them.
    fn forget_lost_key(&mut self, name: &str, before: Option<&[String]>) -> CommandResult {
        let (Some(before), Some(now)) = (before, self.key_ids(name)?) else {
            self.ctx.ui.warn(format_args!(
                "the response with the new access key's secret was lost; `{name}` may have a key that nobody can use"
            ));
            return Ok(());
        };
        let new: Vec<&String> = now.iter().filter(|id| !before.contains(id)).collect();
        let [id] = new.as_slice() else {
            new.iter().for_each(|id| self.warn_of_lost_key(name, id));
            return Ok(());
        };
        self.ctx.ui.detail(format_args!("the response with the secret of `{id}` was lost; deleting the key"));
        match self.call(|aws| aws.delete_access_key(name, id)) {
            Err(error) if error.kind != AwsErrorKind::NotFound => Err(self.refused_user(error)),
            _ => Ok(()),
        }
    }
}
