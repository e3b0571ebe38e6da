//! What is said to the person, where more than one stage says it.

use crate::error::{CommandError, ErrorKind};
use crate::model::serial::Serial;

/// How to go on while the user is being made.
pub(super) const AGAIN: &str = "run the same command again; what is there already is left alone";

/// The user is not there.
pub(super) fn no_such_user(user: &str, account: &str) -> CommandError {
    let message = format!("there is no user `{user}` in account {account}");
    CommandError::new(ErrorKind::Configuration, message)
        .hint(format!("make the user too: `awsmfa enroll --user {user} --create-user`"))
        .hint("or list the users: `aws iam list-users`")
}

/// The command that goes on with an enrolment.
pub(super) fn resume(user: &str, profile: Option<&str>) -> String {
    let profile = profile.map(|profile| format!(" --profile {profile}")).unwrap_or_default();
    format!("awsmfa enroll --resume --user {user}{profile}")
}

/// How an administrator takes a device away that is nobody's.
pub(super) fn delete_command(serial: &Serial) -> String {
    format!("aws iam delete-virtual-mfa-device --serial-number {serial}")
}

/// How an administrator takes an access key away whose secret nobody has.
pub(super) fn delete_key_command(user: &str, id: &str) -> String {
    format!("aws iam delete-access-key --user-name {user} --access-key-id {id}")
}

/// The user has a device, and AWS demands a session made with it.
pub(super) fn needs_mfa(user: &str, serial: Option<&str>) -> CommandError {
    let device = serial.map_or("an MFA device".to_owned(), |serial| format!("the MFA device `{serial}`"));
    let message = format!(
        "`{user}` has {device} already, and AWS lets its owner change devices only in a session made with it (AWS-2023-001)"
    );
    let this = CommandError::new(ErrorKind::Refused, message);
    let import = serial.map(|serial| format!("awsmfa device import --serial {serial}"));
    let this = import.into_iter().fold(this, |this, import| {
        this.hint(format!("if its secret key is at hand: `{import}`, then `awsmfa enroll` again"))
    });
    this.hint(format!("or let an administrator do it: `awsmfa enroll --user {user} --profile ADMIN`"))
}
