//! Setups of other tools.

use crate::aws_files::long_term_name;
use crate::aws_files::profiles::Profiles;
use crate::error::{CommandError, ErrorKind};
use crate::model::command_line;
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;

/// Whether a command gets a session from aws-vault, rather than the long-term keys.
pub(super) fn is_aws_vault(command: &str) -> bool {
    let program = command_line::words(command).and_then(|words| words.into_iter().next()).unwrap_or_default();
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    matches!(name, "aws-vault" | "aws-vault.exe") && !command.contains("--no-session")
}

/// aws-vault prints sessions. It can print the long-term keys, too, and then it stays where they are kept.
pub(super) fn in_aws_vault(profile: &str, base: &str) -> CommandError {
    let message =
        format!("the long-term keys of profile `{profile}` are in aws-vault, which prints only sessions");
    let long_term = long_term_name(base);
    let export = ["aws-vault", "export", "--no-session", "--format=json", base];
    let export = shlex::try_join(export).unwrap_or_default();
    let keep = CommandLine::new("aws configure set credential_process").arg(export).profile(&long_term);
    let again = CommandLine::new("awsmfa setup").profile(base);
    CommandError::new(ErrorKind::Configuration, message)
        .hint(format!("keep them in aws-vault: `{keep}`, then run `{again}`"))
        .hint(format!(
            "or enter them in the credentials file: `{}`; aws-vault shows them with `{}`",
            CommandLine::new("aws configure").profile(&long_term),
            CommandLine::new("aws-vault export --no-session").arg(base),
        ))
}

/// The profile to which `aws configure mfa-login` writes this device's sessions unless it is told another one, if it holds
/// such a session. Tools may use that profile, so it goes on working.
pub(super) fn mfa_login_profile(profiles: &Profiles, base: &str, serial: &Serial) -> Option<String> {
    let (account, device) = serial.as_str().strip_prefix("arn:aws:iam::")?.split_once(":mfa/")?;
    let name = format!("{account}-{}", device.rsplit('/').next()?);
    let profile = profiles.get(&name).filter(|_| name != base)?;
    let is_session = profile.static_keys().ok().flatten().is_some_and(|keys| keys.session_token.is_some());
    let is_plain = ["role_arn", "credential_process"].iter().all(|key| profile.get(key).is_none());
    (is_session && is_plain).then_some(name)
}
