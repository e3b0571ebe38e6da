//! Setups of other tools.

use crate::aws_files::long_term_name;
use crate::aws_files::profiles::Profiles;
use crate::context::Context;
use crate::error::{CommandError, ErrorKind};
use crate::model::again::again;
use crate::model::command_line;
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;
use crate::process::Program;

/// Whether a command gets a session from aws-vault, rather than the long-term keys.
pub(super) fn is_aws_vault(command: &str) -> bool {
    let words = command_line::words(command).unwrap_or_default();
    let program = words.first().map_or("", String::as_str);
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let prints_keys = words.iter().any(|word| matches!(word.as_str(), "--no-session" | "-n"));
    matches!(name, "aws-vault" | "aws-vault.exe") && !prints_keys
}

/// aws-vault prints sessions. It can print the long-term keys, too, and then it stays where they are kept.
pub(super) fn in_aws_vault(profile: &str, base: &str) -> CommandError {
    let message =
        format!("the long-term keys of profile `{profile}` are in aws-vault, which prints only sessions");
    let long_term = long_term_name(base);
    keep_in_aws_vault(CommandError::new(ErrorKind::Configuration, message), "keep", base).hint(format!(
        "or enter them in the credentials file: `{}`; aws-vault shows them with `{}`",
        CommandLine::new("aws configure").profile(&long_term),
        CommandLine::new("aws-vault export --no-session").arg(base),
    ))
}

/// The same error for a profile without keys. People who use aws-vault have them in its keyring, which no file mentions.
pub(super) fn maybe_in_aws_vault(ctx: &Context, error: CommandError, profile: &str) -> CommandError {
    match Program::find("aws-vault".as_ref(), &ctx.env) {
        Ok(_) => keep_in_aws_vault(error, "or keep", profile),
        Err(_) => error,
    }
}

fn keep_in_aws_vault(error: CommandError, verb: &str, base: &str) -> CommandError {
    let export = ["aws-vault", "export", "--no-session", "--format=json", base];
    let Some(export) = command_line::for_setting(&export) else { return error };
    let keep =
        CommandLine::new("aws configure set credential_process").arg(export).profile(long_term_name(base));
    let again = again("awsmfa setup").profile_if_none(base);
    error.hint(format!("{verb} them in aws-vault: `{keep}`, then run `{again}`"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_vault_prints_the_keys_only_if_it_is_told_to() {
        for (command, expected) in [
            ("aws-vault exec --json dev", true),
            ("/opt/bin/aws-vault export --format=json dev", true),
            ("aws-vault export --no-session --format=json dev", false),
            ("aws-vault exec -n --json dev", false),
            ("cat aws-vault", false),
        ] {
            assert_eq!(is_aws_vault(command), expected, "{command}");
        }
    }
}
