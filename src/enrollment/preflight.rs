//! Checks on this computer before anything is changed in AWS: whether what AWS shows once can be saved.

use super::hints;
use super::journal::UserJournal;
use super::state::{EnrollRequest, Enrollment, NewUser};
use crate::aws_files::key_edits::{self, KeyEditError};
use crate::aws_files::resolve::{self, ResolveError};
use crate::aws_files::{AwsFile, session_edits};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::session::LongTermKeys;
use crate::store::{self, StoreError, StoreKind};

impl Enrollment<'_> {
    /// Checks the journal, the AWS files and the terminal, as far as they will be needed.
    pub(super) fn check_places(&self, file: &UserJournal) -> CommandResult {
        file.check_writable()?;
        self.check_profile()?;
        if let Some(new_user) = &self.request.new_user {
            self.check_new_user(new_user)?;
        }
        Ok(())
    }

    /// Checks the store. It may prompt for a new passphrase, so this is the last check.
    pub(super) fn check_store(&self) -> CommandResult {
        self.ctx.ui.doing("checking the secret store");
        let kind = self.ctx.vault.stores.for_new(self.request.store)?;
        store::probe(self.ctx.vault.hold()?.get(kind)?).map_err(|error| self.unusable(error))
    }

    fn check_profile(&self) -> CommandResult {
        let creates_key = self.request.new_user.as_ref().is_some_and(|new_user| new_user.access_key);
        if let (Some(profile), false) = (&self.request.for_profile, creates_key) {
            resolve::resolve(&self.ctx.profiles()?, profile).map_err(for_profile)?;
        }
        // Fails if the profile has the keys of another user.
        self.own_keys()?;
        let home = self.using_profile().map(|profile| self.serial_home(&profile)).transpose()?.flatten();
        if let Some(profile) = home {
            self.ctx.aws_files().rehearse(AwsFile::Config, |document| {
                session_edits::set_config_key(document, &profile, "mfa_serial", "-")
            })?;
        }
        Ok(())
    }

    fn check_new_user(&self, new_user: &NewUser) -> CommandResult {
        if new_user.console_password && !self.ctx.prompt.can_show() {
            let message = "a terminal is needed to show the console password";
            return Err(CommandError::new(ErrorKind::Usage, message)
                .hint("run the command in a terminal, or leave out `--console-password`"));
        }
        if new_user.access_key && self.own_keys()?.is_none() {
            let dummy = LongTermKeys { access_key_id: "AKIA".into(), secret_access_key: "-".into() };
            let profile = self.key_profile();
            self.ctx.aws_files().rehearse(
                AwsFile::Credentials,
                |document| -> Result<String, KeyEditError> {
                    key_edits::write_long_term(document, &profile, &dummy)
                },
            )?;
        }
        Ok(())
    }

    fn unusable(&self, error: StoreError) -> CommandError {
        use StoreError::{Locked, TimedOut, Unavailable};
        match error {
            Locked | TimedOut { .. } | Unavailable { .. } => {
                let in_file = EnrollRequest { store: Some(StoreKind::File), ..self.request.clone() };
                CommandError::new(ErrorKind::Store, &error).hint(format!(
                    "nothing was changed; unlock the keyring, or store the secret in a file: `{}`",
                    hints::command(&in_file)
                ))
            }
            error => error.into(),
        }
    }
}

/// An error about the profile of `--for-profile`.
fn for_profile(error: ResolveError) -> CommandError {
    let mut this = CommandError::from(error);
    for hint in &mut this.hints {
        *hint = hint.replace("`--profile ", "`--for-profile ");
    }
    this
}
