//! `--create-user`: the user, policies, an access key and a console password. Whatever exists already is left alone.

use super::journal::UserJournal;
use super::state::{Enrollment, NewUser};
use crate::aws::AwsErrorKind;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::password;
use crate::model::secret::Secret;
use crate::model::shell::CommandLine;

impl Enrollment<'_> {
    /// Creates what is missing.
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
        self.ctx.ui.doing(format_args!("looking for user `{name}`"));
        let was_missing = match self.call(|aws| aws.get_user(&name)) {
            Ok(arn) => {
                self.target.arn = arn;
                self.ctx.ui.done(format_args!("user `{name}` already exists"));
                return Ok(());
            }
            Err(error) if error.kind == AwsErrorKind::NotFound => true,
            Err(error) if error.kind == AwsErrorKind::AccessDenied => false,
            Err(error) => return Err(self.refused_user(error)),
        };
        let path = new_user.path.as_str();
        self.target.arn = self.caller.identity.user_arn(path, &name);
        self.ctx.ui.doing(format_args!("creating user `{name}`"));
        let created = self.change(|aws| aws.create_user(&name, path))?;
        match created.result {
            Ok(arn) => self.target.arn = arn,
            // The user was missing a moment ago, so the request whose response was lost created it.
            Err(error) if error.kind == AwsErrorKind::Exists && created.in_doubt && was_missing => {}
            Err(error) if error.kind == AwsErrorKind::Exists => {
                self.ctx.ui.done(format_args!("user `{name}` already exists"));
                return Ok(());
            }
            Err(error) => return Err(self.refused_user(error)),
        }
        self.made.user = true;
        self.ctx.ui.done(format_args!("created user `{name}`"));
        Ok(())
    }

    fn attach(&mut self, policy: &str) -> CommandResult {
        let name = self.target.user.clone();
        self.ctx.ui.doing(format_args!("attaching `{policy}`"));
        let attached = self.call(|aws| aws.attach_user_policy(&name, policy));
        attached.map_err(|error| match error.kind {
            AwsErrorKind::NotFound => {
                let list = self.aws(&["iam", "list-policies", "--only-attachable"]);
                CommandError::new(ErrorKind::Configuration, format!("policy `{policy}` does not exist"))
                    .hint(format!("list the policies: `{list}`"))
            }
            _ => self.refused_user(error),
        })?;
        self.ctx.ui.done(format_args!("attached `{policy}`"));
        Ok(())
    }

    fn console_password(&mut self) -> CommandResult {
        let name = self.target.user.clone();
        self.ctx.ui.doing(format_args!("creating a console password for `{name}`"));
        let password = password::generate(getrandom::fill)
            .map_err(|_| CommandError::new(ErrorKind::Failed, "cannot get random bytes from the system"))?;
        let created = self.change(|aws| aws.create_login_profile(&name, &password))?;
        match created.result {
            Ok(()) => {}
            // There was no password a moment ago, so the request whose response was lost set it.
            Err(error) if error.kind == AwsErrorKind::Exists && created.in_doubt => {}
            Err(error) if error.kind == AwsErrorKind::Exists => {
                self.ctx.ui.done(format_args!("`{name}` already has a console password"));
                return Ok(());
            }
            Err(error) if error.kind == AwsErrorKind::PasswordPolicy => {
                return Err(CommandError::from(error).hint(
                    "set a password that the account's policy allows in the console, and leave out `--console-password`",
                ));
            }
            Err(error) => return Err(self.refused_user(error)),
        }
        self.show(&password, &name)
    }

    fn show(&self, password: &Secret<String>, name: &str) -> CommandResult {
        self.ctx.ui.done(format_args!(
            "created a console password for `{name}`; it must be changed at the first sign-in:"
        ));
        self.ctx.prompt.show(password).map_err(|error| {
            let update = CommandLine::new("aws iam update-login-profile").option("--user-name", Some(name));
            CommandError::from(error).hint(format!("set another password: `{update} --password …`"))
        })
    }
}
