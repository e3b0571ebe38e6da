//! Hands out a profile's session as environment variables: to a command (`exec`), or to a shell that evaluates them (`env`).

use std::ffi::OsString;

use crate::choice::Named;
use crate::context::Context;
use crate::env::Env;
use crate::error::CommandResult;
use crate::model::duration::SessionDuration;
use crate::model::handout::{Change, Credentials, Handout};
use crate::model::session_policy::SessionPolicy;
use crate::model::shell::CommandLine;
use crate::session::{self, Obtained, Request};

/// A session and the variables that hand it out.
pub struct HandedOut {
    pub obtained: Obtained,
    /// What becomes different in the environment of awsmfa.
    pub changes: Vec<Change>,
}

/// Gets the session of a profile.
pub fn hand_out(
    ctx: &Context,
    named: Named,
    duration: Option<SessionDuration>,
    policy: Option<SessionPolicy>,
) -> CommandResult<HandedOut> {
    let obtained = session::obtain(ctx, &Request { duration, policy, ..Request::person(named) })?;
    let handout = Handout {
        profile: &obtained.profile.profile,
        credentials: Credentials::Session(&obtained.session),
        region: obtained.region.as_ref().map(|region| region.region.as_str()),
    };
    let changes = handout.changes(|name| ctx.env.get(name));
    Ok(HandedOut { obtained, changes })
}

/// Warns that a session replaces keys in the environment that a person without `--profile` may have meant.
pub fn warn_of_ignored_keys(ctx: &Context, named: Named, obtained: &Obtained, command: &str) {
    let profile = &obtained.profile.profile;
    let has_keys = ctx.env.get("AWS_ACCESS_KEY_ID").is_some();
    // No profile has the keys, so the session comes from those in the environment.
    let is_source = obtained.profile.keys.is_err();
    if has_keys && !is_source && named.yields_to_environment_keys() {
        ctx.ui.warn(format_args!(
            "AWS_ACCESS_KEY_ID in the environment is ignored: this is the session for `{profile}`"
        ));
        let command = CommandLine::new(command).profile(profile);
        ctx.ui.hint(format_args!("set the profile explicitly: `{command}`"));
    }
}

/// Warns that a shell loses the access key that the session comes from.
pub fn warn_of_lost_keys(ctx: &Context, obtained: &Obtained) {
    if obtained.profile.keys.is_err() {
        ctx.ui.warn("the session replaces the access key in the environment, which the next session needs");
        ctx.ui.hint("save the access key in a profile: `aws configure`");
    }
}

/// The user's shell: `SHELL`, then what the system has for the user.
pub fn user_shell(env: &Env) -> OsString {
    env.path("SHELL").map_or_else(|| system::shell(env), Into::into)
}

#[cfg(unix)]
mod system {
    use std::path::Path;

    use super::*;
    use crate::files::{LIMIT, read_bounded};

    pub(super) fn shell(_: &Env) -> OsString {
        let users = read_bounded(Path::new("/etc/passwd"), LIMIT).unwrap_or_default();
        let user = rustix::process::getuid().as_raw();
        shell_of(&String::from_utf8_lossy(&users), user).unwrap_or("/bin/sh").into()
    }

    /// The shell in the user's line: `name:password:1000:group:comment:home:shell`.
    pub(super) fn shell_of(users: &str, user: u32) -> Option<&str> {
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let is_user = |fields: &Vec<&str>| fields.get(2).and_then(|id| id.parse().ok()) == Some(user);
        fields.filter(is_user).find_map(|fields| fields.get(6).copied()).filter(|shell| !shell.is_empty())
    }
}

#[cfg(not(unix))]
mod system {
    use super::*;
    use crate::model::shell::Shell;

    pub(super) fn shell(env: &Env) -> OsString {
        match Shell::current() {
            Shell::PowerShell => "powershell".into(),
            _ => env.path("COMSPEC").map_or_else(|| "cmd".into(), Into::into),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn shell_is_the_users() {
        let env = Env::from_pairs([("SHELL", "/opt/fish")]);
        assert_eq!(user_shell(&env), "/opt/fish");
        let users =
            "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/usr/bin/zsh\nbob:x:1:1::/:\n";
        let shell = |user| system::shell_of(users, user);
        assert_eq!((shell(1000), shell(1), shell(7)), (Some("/usr/bin/zsh"), None, None));
        assert!(!user_shell(&Env::default()).is_empty());
    }
}
