//! What is said to the person, where more than one stage says it.

use super::{NewUser, Run, Wishes};
use crate::error::{CommandError, ErrorKind};
use crate::model::names::{DeviceName, IamPath, UserName};
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;

/// How to go on while the user is being made.
pub(super) const AGAIN: &str = "run the same command again; what is there already is left alone";

/// The command that goes on with an enrolment.
pub(super) fn resume(user: &str, profile: Option<&str>) -> CommandLine {
    CommandLine::new("awsmfa enroll --resume").option("--user", Some(user)).option("--profile", profile)
}

/// The command that wishes this.
pub(super) fn command(wishes: &Wishes) -> CommandLine {
    let mut command = CommandLine::new("awsmfa enroll")
        .option("--user", wishes.user.as_ref().map(UserName::as_str))
        .option("--profile", wishes.profile.as_deref())
        .option("--for-profile", wishes.for_profile.as_deref())
        .option("--device-name", wishes.device_name.as_ref().map(DeviceName::as_str))
        .option("--path", given(&wishes.path))
        .option("--store", wishes.store.map(|store| store.to_string()));
    for tag in &wishes.tags {
        command = command.option("--tag", Some(format!("{}={}", tag.key, tag.value)));
    }
    if let Some(new) = &wishes.new_user {
        command = command.switch("--create-user", true).option("--user-path", given(&new.path));
        for policy in &new.policies {
            command = command.option("--attach-policy", Some(policy.as_str()));
        }
        command =
            command.switch("--console-password", new.console_password).switch("--access-key", new.access_key);
    }
    command.switch("--replace", wishes.replace).switch("--yes", wishes.yes)
}

fn given(path: &IamPath) -> Option<&str> {
    Some(path.as_str()).filter(|_| *path != IamPath::default())
}

/// How an administrator takes a device away that is nobody's.
pub(super) fn delete_command(serial: &Serial) -> String {
    format!("aws iam delete-virtual-mfa-device --serial-number {serial}")
}

/// How an administrator takes an access key away whose secret nobody has.
pub(super) fn delete_key_command(user: &str, id: &str) -> String {
    format!("aws iam delete-access-key --user-name {user} --access-key-id {id}")
}

impl Run<'_> {
    /// What is wished, for the same command again.
    pub(super) fn again(&self) -> Wishes {
        Wishes { for_profile: self.for_profile.clone(), ..self.wishes.clone() }
    }

    /// What is wished, for a command that an administrator gives.
    pub(super) fn by_admin(&self) -> Wishes {
        Wishes {
            user: self.target.user.parse().ok(),
            profile: Some("ADMIN".to_owned()),
            for_profile: self.using_profile(),
            ..self.wishes.clone()
        }
    }

    /// Another device beside those that the user has. Its owner needs a session made with one of them.
    pub(super) fn another(&self) -> Wishes {
        let wishes = if self.is_owner() { self.by_admin() } else { self.again() };
        Wishes { device_name: "NAME".parse().ok(), ..wishes }
    }

    /// Whether it is the user's own long-term keys that sign, which change no second device (AWS-2023-001).
    pub(super) fn is_owner(&self) -> bool {
        self.target.is_self && self.caller.own.is_some()
    }

    /// A command of the AWS CLI, with the credentials that do the work here.
    pub(super) fn aws(&self, command: &str) -> String {
        CommandLine::new(&format!("aws {command}"))
            .option("--profile", self.wishes.profile.as_deref())
            .to_string()
    }

    /// The user is not there.
    pub(super) fn no_such_user(&self) -> CommandError {
        let (user, account) = (&self.target.user, &self.caller.identity.account);
        let mut with_user = self.again();
        with_user.new_user.get_or_insert_with(NewUser::default);
        let message = format!("there is no user `{user}` in account {account}");
        CommandError::new(ErrorKind::Configuration, message)
            .hint(format!("make the user too: `{}`", command(&with_user)))
            .hint(format!("or list the users: `{}`", self.aws("iam list-users")))
    }

    /// How the secret of a device that the user has comes here.
    pub(super) fn import(&self, serial: &str) -> String {
        CommandLine::new("awsmfa device import")
            .option("--serial", Some(serial))
            .option("--profile", self.using_profile())
            .to_string()
    }

    /// The user has a device, and AWS demands a session made with it.
    pub(super) fn needs_mfa(&self, serial: Option<&str>) -> CommandError {
        let user = &self.target.user;
        let device = serial.map_or("an MFA device".to_owned(), |serial| format!("the MFA device `{serial}`"));
        let message = format!(
            "`{user}` has {device} already, and AWS lets its owner change devices only in a session made with it (AWS-2023-001)"
        );
        let mut this = CommandError::new(ErrorKind::Refused, message);
        if let Some(serial) = serial {
            this = this.hint(format!(
                "if its secret key is at hand: `{}`, then `{}` again",
                self.import(serial),
                command(&self.again())
            ));
        }
        this.hint(format!("or let an administrator do it: `{}`", command(&self.by_admin())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_all_that_is_wished() {
        assert_eq!(command(&Wishes::default()).to_string(), "awsmfa enroll");
        let tag = crate::aws::Tag { key: "team".into(), value: "dark blue".into() };
        let new_user = NewUser {
            path: "/eng/".parse().unwrap(),
            policies: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap()],
            console_password: true,
            access_key: true,
        };
        let wishes = Wishes {
            user: "alice".parse().ok(),
            profile: Some("my admin".into()),
            for_profile: Some("dev".into()),
            device_name: "phone".parse().ok(),
            path: "/phones/".parse().unwrap(),
            store: Some(crate::store::StoreKind::File),
            resume: false,
            replace: true,
            yes: true,
            tags: vec![tag],
            new_user: Some(new_user),
        };
        assert_eq!(
            command(&wishes).to_string(),
            "awsmfa enroll --user alice --profile 'my admin' --for-profile dev --device-name phone \
             --path /phones/ --store file --tag 'team=dark blue' --create-user --user-path /eng/ \
             --attach-policy arn:aws:iam::aws:policy/ReadOnlyAccess --console-password --access-key \
             --replace --yes"
        );
    }
}
