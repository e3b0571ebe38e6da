//! Who gets the device.

use super::request::{self, EnrollRequest};
use crate::caller::Caller;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::identity::Who;
use crate::model::names::UserName;

/// The user who gets the device.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) user: String,
    pub(super) arn: String,
    /// Whether the user is the caller.
    pub(super) is_self: bool,
}

impl Target {
    pub(super) fn of(request: &EnrollRequest, caller: &Caller) -> CommandResult<Self> {
        let identity = &caller.identity;
        let own = match &identity.who {
            Who::User { name, path } => Some((name, path)),
            Who::Root | Who::Session => None,
        };
        let named = request.user.as_ref().map(UserName::as_str);
        match (named, own) {
            (None, Some((name, path))) => {
                Ok(Self { user: name.clone(), arn: identity.user_arn(path, name), is_self: true })
            }
            (Some(named), Some((name, path))) if named.eq_ignore_ascii_case(name) => {
                Ok(Self { user: name.clone(), arn: identity.user_arn(path, name), is_self: true })
            }
            // The path of another user is learned, if the caller may, when the user is looked up.
            (Some(named), _) => {
                Ok(Self { user: named.to_owned(), arn: identity.user_arn("/", named), is_self: false })
            }
            (None, None) => Err(no_user(request, caller)),
        }
    }
}

fn no_user(request: &EnrollRequest, caller: &Caller) -> CommandError {
    let identity = &caller.identity;
    let by_name = request::command(&EnrollRequest { user: "NAME".parse().ok(), ..request.clone() });
    if identity.who == Who::Root {
        let message = "these are root credentials; MFA for root can only be enabled in the console";
        let serial = identity.device_arn("/", "root-account-mfa-device");
        return CommandError::new(ErrorKind::Refused, message)
            .hint(format!(
                "start there, then run `awsmfa device import --serial {serial}` and `awsmfa code --pair {serial}`"
            ))
            .hint(format!("or enroll a user: `{by_name}`"));
    }
    let message = format!("`{}` is not an IAM user, so it cannot have an MFA device", identity.arn);
    CommandError::new(ErrorKind::Usage, message).hint(format!("choose a user: `{by_name}`"))
}
