//! The user that is to have the device, made first if it is not there: policies, an access key, a console password.
//! Everything that is there already is left alone.

use std::cell::OnceCell;

use super::journal::UserJournal;
use super::{NewUser, Run, hints};
use crate::aws::AwsErrorKind;
use crate::aws_files::AwsFile;
use crate::aws_files::key_edits::{self, KeyEditError};
use crate::error::{CommandError, CommandResult, ErrorKind, denied};
use crate::model::password;
use crate::model::secret::Secret;
use crate::model::session::LongTermKeys;

/// So often a request is sent whose answer was lost.
const LOST: usize = 3;

impl Run<'_> {
    /// Makes what is missing.
    pub(super) fn new_user(&mut self, new_user: &NewUser, file: &UserJournal) -> CommandResult {
        self.user(new_user)?;
        for policy in &new_user.policies {
            self.attach(policy.as_str())?;
        }
        if new_user.access_key {
            self.access_key(file)?;
        }
        if new_user.console_password {
            self.console_password()?;
        }
        Ok(())
    }

    fn user(&mut self, new_user: &NewUser) -> CommandResult {
        let name = self.target.user.clone();
        self.ctx.ui.doing(format_args!("looking for the user `{name}`"));
        let was_missing = match self.call(|aws| aws.get_user(&name)) {
            Ok(arn) => {
                self.target.arn = arn;
                self.ctx.ui.done(format_args!("the user `{name}` is there"));
                return Ok(());
            }
            Err(error) if error.kind == AwsErrorKind::NotFound => true,
            Err(error) if error.kind == AwsErrorKind::AccessDenied => false,
            Err(error) => return Err(self.refused_user(error)),
        };
        self.target.arn = self.caller.identity.user_arn(new_user.path.as_str(), &name);
        self.ctx.ui.doing(format_args!("creating the user `{name}`"));
        let mut lost = 0;
        loop {
            let path = new_user.path.as_str();
            match self.call_once(|aws| aws.create_user(&name, path)) {
                Ok(arn) => {
                    self.target.arn = arn;
                    break;
                }
                // Ours, whose answer was lost: there was none a moment ago.
                Err(error) if error.kind == AwsErrorKind::Exists && lost > 0 && was_missing => break,
                Err(error) if error.kind == AwsErrorKind::Exists => {
                    self.ctx.ui.done(format_args!("the user `{name}` is there"));
                    return Ok(());
                }
                Err(error) if error.may_have_acted() && lost < LOST => {
                    self.wait_after_loss(lost);
                    lost += 1;
                }
                Err(error) => return Err(self.refused_user(error)),
            }
        }
        self.made_user = true;
        self.ctx.ui.done(format_args!("created the user `{name}`"));
        Ok(())
    }

    fn attach(&mut self, policy: &str) -> CommandResult {
        let name = self.target.user.clone();
        self.ctx.ui.doing(format_args!("attaching `{policy}`"));
        let attached = self.call(|aws| aws.attach_user_policy(&name, policy));
        attached.map_err(|error| match error.kind {
            AwsErrorKind::NotFound => CommandError::new(
                ErrorKind::Configuration,
                format!("there is no policy `{policy}` that could be attached"),
            )
            .hint(format!("list them: `{}`", self.aws("iam list-policies --only-attachable"))),
            _ => self.refused_user(error),
        })?;
        self.ctx.ui.done(format_args!("attached `{policy}`"));
        Ok(())
    }

    /// The secret of an access key is told once, like a seed: it is in the credentials file before anything else is done.
    fn access_key(&mut self, file: &UserJournal) -> CommandResult {
        let (name, profile) = (self.target.user.clone(), self.key_profile());
        if self.own_keys()?.is_some() {
            self.ctx.ui.done(format_args!("profile `{profile}` has keys of `{name}`"));
            return Ok(());
        }
        self.ctx.ui.doing(format_args!("creating an access key for `{name}`"));
        let before = self.key_ids(&name)?;
        // What an earlier run wrote shows the key that it may have lost, too.
        let earlier = file.keys()?.is_some();
        if let (Some(before), false) = (&before, earlier) {
            file.save_keys(before)?;
        }
        let made = self.make_key(&profile, &name, &before);
        let in_doubt = made.as_ref().is_err_and(|error| earlier || error.kind == ErrorKind::Network);
        if !in_doubt {
            file.remove_keys()?;
        }
        made
    }

    /// A run that was killed may have made an access key whose secret nobody has. Somebody else may have made it, too, so
    /// it is named and left.
    pub(super) fn tell_lost_key(&mut self, file: &UserJournal) -> CommandResult {
        let Some(before) = file.keys()? else { return Ok(()) };
        let name = self.target.user.clone();
        let Ok(Some(now)) = self.key_ids(&name) else { return Ok(()) };
        let own = self.own_keys()?.map(|own| own.keys.access_key_id);
        for id in now.iter().filter(|id| !before.contains(id) && Some(*id) != own.as_ref()) {
            self.name_lost_key(&name, id);
        }
        if own.is_some() {
            file.remove_keys()?;
        }
        Ok(())
    }

    fn name_lost_key(&self, name: &str, id: &str) {
        self.ctx.ui.warn(format_args!(
            "the access key `{id}` of `{name}` appeared while one was being made, and its secret was not kept"
        ));
        self.ctx.ui.hint(format_args!("if nobody else made it: `{}`", hints::delete_key_command(name, id)));
    }

    fn make_key(&mut self, profile: &str, name: &str, before: &Option<Vec<String>>) -> CommandResult {
        let mut lost = 0;
        loop {
            match self.call_once(|aws| aws.create_access_key(name)) {
                Ok(keys) => return self.keep_key(profile, &keys),
                Err(error) if error.may_have_acted() && lost < LOST => {
                    self.wait_after_loss(lost);
                    lost += 1;
                    self.forget_lost_key(name, before)?;
                }
                Err(error) if error.kind == AwsErrorKind::LimitExceeded => {
                    let message = format!("`{name}` has two access keys, and AWS allows no more");
                    let this = CommandError::new(ErrorKind::Refused, message);
                    return Err(this.hint(format!(
                        "see which is of no use: `{}`",
                        self.aws(&format!("iam list-access-keys --user-name {name}"))
                    )));
                }
                Err(error) => return Err(self.refused_user(error)),
            }
        }
    }

    fn keep_key(&mut self, profile: &str, keys: &LongTermKeys) -> CommandResult {
        let id = keys.access_key_id.clone();
        let written = self.write_key(profile, keys);
        let section = match written {
            Ok(section) => section,
            Err(error) => {
                // Its secret is about to be lost.
                let name = self.target.user.clone();
                let deleted = self.call(|aws| aws.delete_access_key(&name, &id));
                return Err(match deleted {
                    Ok(()) => error.hint(format!("the access key `{id}` was deleted again")),
                    Err(_) => {
                        error.hint(format!("delete the key: `{}`", hints::delete_key_command(&name, &id)))
                    }
                });
            }
        };
        self.made_key = Some(id.clone());
        self.own = OnceCell::new();
        self.ctx
            .ui
            .done(format_args!("created the access key `{id}`, in [{section}] of the credentials file"));
        Ok(())
    }

    fn write_key(&self, profile: &str, keys: &LongTermKeys) -> CommandResult<String> {
        let edit = |document: &mut _| -> Result<String, KeyEditError> {
            key_edits::write_long_term(document, profile, keys)
        };
        Ok(self.ctx.aws_files().edit(AwsFile::Credentials, edit)?)
    }

    /// The user's access keys; `None` where the caller may not know.
    fn key_ids(&mut self, name: &str) -> CommandResult<Option<Vec<String>>> {
        match self.call(|aws| aws.list_access_keys(name)) {
            Ok(ids) => Ok(Some(ids)),
            Err(error) if error.kind == AwsErrorKind::AccessDenied => Ok(None),
            Err(error) => Err(self.refused_user(error)),
        }
    }

    /// The answer with the secret was lost: a key that was not there before is of no use to anybody. If there are two,
    /// somebody else has made one.
    fn forget_lost_key(&mut self, name: &str, before: &Option<Vec<String>>) -> CommandResult {
        let (Some(before), Some(now)) = (before, self.key_ids(name)?) else {
            self.ctx.ui.warn(format_args!(
                "the answer with the new access key's secret was lost; `{name}` may have a key that nobody can use"
            ));
            return Ok(());
        };
        let new: Vec<&String> = now.iter().filter(|id| !before.contains(id)).collect();
        let [id] = new.as_slice() else {
            new.iter().for_each(|id| self.name_lost_key(name, id));
            return Ok(());
        };
        self.ctx.ui.detail(format_args!("the secret of `{id}` was lost on the way; deleting the key"));
        match self.call(|aws| aws.delete_access_key(name, id)) {
            Err(error) if error.kind != AwsErrorKind::NotFound => Err(self.refused_user(error)),
            _ => Ok(()),
        }
    }

    fn console_password(&mut self) -> CommandResult {
        let name = self.target.user.clone();
        self.ctx.ui.doing(format_args!("making a console password for `{name}`"));
        let password = password::generate(getrandom::fill)
            .map_err(|_| CommandError::new(ErrorKind::Failed, "the system gives no random numbers"))?;
        let mut lost = 0;
        loop {
            let made = self.call_once(|aws| aws.create_login_profile(&name, &password));
            match made {
                Ok(()) => break,
                // Ours, whose answer was lost: there was none a moment ago.
                Err(error) if error.kind == AwsErrorKind::Exists && lost > 0 => break,
                Err(error) if error.kind == AwsErrorKind::Exists => {
                    self.ctx.ui.done(format_args!("`{name}` has a console password"));
                    return Ok(());
                }
                Err(error) if error.may_have_acted() && lost < LOST => {
                    self.wait_after_loss(lost);
                    lost += 1;
                }
                Err(error) if error.kind == AwsErrorKind::PasswordPolicy => {
                    return Err(CommandError::from(error)
                        .hint("set one that the account's policy allows in the console, and leave `--console-password` out"));
                }
                Err(error) => return Err(denied(error, &self.target.arn, &self.caller.identity.arn)),
            }
        }
        self.show(&password, &name)
    }

    fn show(&self, password: &Secret<String>, name: &str) -> CommandResult {
        self.ctx
            .ui
            .done(format_args!("made a console password for `{name}`, to be changed at the first sign-in:"));
        self.ctx.prompt.show(password).map_err(|error| {
            CommandError::from(error).hint(format!(
                "give the user another: `aws iam update-login-profile --user-name {name} --password …`"
            ))
        })
    }
}
