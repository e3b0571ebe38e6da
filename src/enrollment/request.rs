//! What the command line asks an enrollment to do, and the command line that asks for it again.

use crate::aws::Tag;
use crate::model::names::{DeviceName, IamPath, PolicyArn, UserName};
use crate::model::shell::CommandLine;
use crate::store::StoreKind;

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct EnrollRequest {
    /// Who gets the device; `None` for the caller.
    pub user: Option<UserName>,
    /// The profile whose credentials sign the requests.
    pub profile: Option<String>,
    /// The device's name; `None` for the user's name.
    pub device_name: Option<DeviceName>,
    pub path: IamPath,
    /// The profile that will use the device.
    pub for_profile: Option<String>,
    pub store: Option<StoreKind>,
    /// Resume an unfinished enrollment; do not start a new one.
    pub resume: bool,
    /// Delete an unassigned device that has the name.
    pub replace: bool,
    /// Answer yes to all prompts.
    pub yes: bool,
    /// Set up the profile afterward.
    pub setup: bool,
    /// Tags of the device, for which IAM wants another permission.
    pub tags: Vec<Tag>,
    /// Create the user first.
    pub new_user: Option<NewUser>,
}

/// What to create for a user. Whatever exists already is left alone.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    pub path: IamPath,
    pub policies: Vec<PolicyArn>,
    pub console_password: bool,
    /// Create an access key and save it as the profile's long-term keys.
    pub access_key: bool,
}

/// The command for a request.
pub(super) fn command(request: &EnrollRequest) -> CommandLine {
    let mut command = CommandLine::new("awsmfa enroll")
        .option("--user", request.user.as_ref().map(UserName::as_str))
        .option("--profile", request.profile.as_deref())
        .option("--for-profile", request.for_profile.as_deref())
        .option("--device-name", request.device_name.as_ref().map(DeviceName::as_str))
        .option("--path", given(&request.path))
        .option("--store", request.store.map(|store| store.to_string()));
    for tag in &request.tags {
        command = command.option("--tag", Some(format!("{}={}", tag.key, tag.value)));
    }
    if let Some(new) = &request.new_user {
        command = command.switch("--create-user", true).option("--user-path", given(&new.path));
        for policy in &new.policies {
            command = command.option("--attach-policy", Some(policy.as_str()));
        }
        command =
            command.switch("--console-password", new.console_password).switch("--access-key", new.access_key);
    }
    command.switch("--replace", request.replace).switch("--setup", request.setup).switch("--yes", request.yes)
}

fn given(path: &IamPath) -> Option<&str> {
    Some(path.as_str()).filter(|_| *path != IamPath::default())
}
