//! Commands in hints, and errors that more than one stage reports.

pub(super) use super::request::command;
use super::state::{EnrollRequest, Enrollment, NewUser};
use crate::error::{CommandError, ErrorKind};
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;

/// How to resume while the user is being created.
pub(super) const AGAIN: &str = "run the same command again; whatever exists already is left alone";

/// The command that resumes an enrollment.
pub(super) fn resume(user: &str, profile: Option<&str>) -> CommandLine {
    CommandLine::new("awsmfa enroll --resume").option("--user", Some(user)).option("--profile", profile)
}

/// The command with which an administrator deletes an unassigned device.
pub(super) fn delete_command(serial: &Serial) -> CommandLine {
    CommandLine::new("aws iam delete-virtual-mfa-device").option("--serial-number", Some(serial.as_str()))
}

/// The command with which an administrator deletes an access key.
pub(super) fn delete_key_command(user: &str, id: &str) -> CommandLine {
    CommandLine::new("aws iam delete-access-key")
        .option("--user-name", Some(user))
        .option("--access-key-id", Some(id))
}

impl Enrollment<'_> {
    /// The command that resumes this enrollment.
    pub(super) fn resume_command(&self) -> CommandLine {
        let resume = resume(&self.target.user, self.request.profile.as_deref());
        resume.switch("--setup", self.request.setup)
    }

    /// The request as an administrator would make it.
    pub(super) fn by_admin(&self) -> EnrollRequest {
        EnrollRequest {
            user: self.target.user.parse().ok(),
            profile: Some("ADMIN".to_owned()),
            for_profile: self.using_profile(),
            ..self.request.clone()
        }
    }

    /// The request for another device beside those that the user has. The user alone would need a session made with one.
    pub(super) fn another(&self) -> EnrollRequest {
        let request = if self.is_owner() { self.by_admin() } else { self.request.clone() };
        EnrollRequest { device_name: "NAME".parse().ok(), ..request }
    }

    /// Whether requests are signed with the user's own long-term keys, which may not enable a second device (AWS-2023-001).
    pub(super) fn is_owner(&self) -> bool {
        self.target.is_self && self.caller.own.is_some()
    }

    /// A command of the AWS CLI with the credentials of this enrollment.
    pub(super) fn aws(&self, words: &[&str]) -> CommandLine {
        let command = words.iter().fold(CommandLine::new("aws"), |command, word| command.arg(*word));
        command.option("--profile", self.request.profile.as_deref())
    }

    pub(super) fn no_such_user(&self) -> CommandError {
        let (user, account) = (&self.target.user, &self.caller.identity.account);
        let mut with_user = self.request.clone();
        with_user.new_user.get_or_insert_with(NewUser::default);
        let message = format!("account {account} has no user `{user}`");
        CommandError::new(ErrorKind::Configuration, message)
            .hint(format!("create the user as well: `{}`", command(&with_user)))
            .hint(format!("or list the users: `{}`", self.aws(&["iam", "list-users"])))
    }

    /// The command that imports a device's secret.
    pub(super) fn import(&self, serial: &str) -> CommandLine {
        CommandLine::new("awsmfa device import")
            .option("--serial", Some(serial))
            .option("--profile", self.using_profile())
    }

    /// AWS demands a session made with a device that the user has.
    pub(super) fn needs_mfa(&self, serial: Option<&str>) -> CommandError {
        let user = &self.target.user;
        let device = serial.map_or("an MFA device".to_owned(), |serial| format!("MFA device `{serial}`"));
        let message = format!(
            "`{user}` already has {device}, and AWS lets users change their devices only in a session made with MFA (AWS-2023-001)"
        );
        let mut this = CommandError::new(ErrorKind::Refused, message);
        if let Some(serial) = serial {
            this = this.hint(format!(
                "if you have its secret key: `{}`, then `{}` again",
                self.import(serial),
                command(&self.request)
            ));
        }
        this.hint(format!("or ask an administrator: `{}`", command(&self.by_admin())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_contains_the_whole_request() {
        assert_eq!(command(&EnrollRequest::default()).to_string(), "awsmfa enroll");
        let tag = crate::aws::Tag { key: "team".into(), value: "dark blue".into() };
        let new_user = NewUser {
            path: "/eng/".parse().unwrap(),
            policies: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap()],
            console_password: true,
            access_key: true,
        };
        let request = EnrollRequest {
            user: "alice".parse().ok(),
            profile: Some("my admin".into()),
            for_profile: Some("dev".into()),
            device_name: "phone".parse().ok(),
            path: "/phones/".parse().unwrap(),
            store: Some(crate::store::StoreKind::File),
            resume: false,
            replace: true,
            setup: true,
            yes: true,
            tags: vec![tag],
            new_user: Some(new_user),
        };
        assert_eq!(
            command(&request).to_string(),
            "awsmfa enroll --user alice --profile 'my admin' --for-profile dev --device-name phone \
             --path /phones/ --store file --tag 'team=dark blue' --create-user --user-path /eng/ \
             --attach-policy arn:aws:iam::aws:policy/ReadOnlyAccess --console-password --access-key \
             --replace --setup --yes"
        );
    }
}
