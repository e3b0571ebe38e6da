//! The user's long-term keys: in a file, printed by a program, or in the environment.

use std::time::Duration;

use serde::Deserialize;

use super::request::Asker;
use crate::aws::Keys;
use crate::aws_files::profiles::{Profiles, StaticKeys};
use crate::aws_files::resolve::{self, KeySource, Resolution};
use crate::choice::Named;
use crate::context::Context;
use crate::env::SERVING;
use crate::error::{CommandError, CommandResult, ErrorKind, invalid};
use crate::model::secret::Secret;
use crate::model::session::{KeyPart, LongTermKeys};
use crate::model::shell::quoted;
use crate::process;

/// Keys in the environment, for a person without any configuration.
pub(super) fn environment_keys(
    ctx: &Context,
    asker: Asker,
    named: Named,
    profiles: &Profiles,
) -> CommandResult<Option<LongTermKeys>> {
    // A `[default]` that contains only the session of an earlier login is not configuration.
    let is_configured = || resolve::resolve(profiles, "default").is_ok_and(|default| default.keys.is_ok());
    let has_session = ctx.env.get("AWS_SESSION_TOKEN").is_some();
    if asker.is_hurried() || named != Named::Default || has_session || is_configured() {
        return Ok(None);
    }
    let Some(keys) = keys_of_environment(ctx)? else { return Ok(None) };
    ctx.ui.detail("the long-term keys come from the environment: no profile is configured");
    Ok(keys.long_term())
}

/// Keys or a session in the environment, where every SDK looks first.
pub fn keys_of_environment(ctx: &Context) -> CommandResult<Option<Keys>> {
    let get = |name| ctx.env.get(name);
    let (Some(id), Some(secret)) = (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) else {
        return Ok(None);
    };
    let keys = Keys::new(id, secret.into(), get("AWS_SESSION_TOKEN").map(Into::into));
    check_keys(&keys, |part| match part {
        KeyPart::Id => "AWS_ACCESS_KEY_ID".to_owned(),
        KeyPart::Secret => "AWS_SECRET_ACCESS_KEY".to_owned(),
        KeyPart::Token => "AWS_SESSION_TOKEN".to_owned(),
    })?;
    Ok(Some(keys))
}

/// The profile's long-term keys, if they are in a file; `None` if a program prints them.
pub(super) fn static_keys(ctx: &Context, resolution: &Resolution) -> CommandResult<Option<LongTermKeys>> {
    match &resolution.keys {
        Ok(KeySource::Static { profile, keys }) => {
            ctx.ui.detail(format_args!("long-term keys of `{profile}` ({})", keys.origin));
            check_static_keys(profile, keys)?;
            Ok(Some(LongTermKeys {
                access_key_id: keys.access_key_id.clone(),
                secret_access_key: keys.secret.clone(),
            }))
        }
        Ok(KeySource::Process { .. }) => Ok(None),
        Err(error) => Err(error.clone().into()),
    }
}

/// The profile's long-term keys. Runs its `credential_process` if necessary.
pub fn long_term_keys(ctx: &Context, resolution: &Resolution) -> CommandResult<LongTermKeys> {
    match (static_keys(ctx, resolution)?, &resolution.keys) {
        (None, Ok(KeySource::Process { profile, command })) => {
            ctx.ui.detail(format_args!(
                "long-term keys from `credential_process` of `{profile}` ({})",
                command.origin
            ));
            keys_from_process(ctx, profile, &command.text)
        }
        (Some(keys), _) => Ok(keys),
        (None, _) => unreachable!("keys that are not in a file are printed by a program"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessAnswer {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

fn keys_from_process(ctx: &Context, profile: &str, command: &str) -> CommandResult<LongTermKeys> {
    let keys = any_keys_from_process(ctx, profile, command)?;
    keys.long_term().ok_or_else(|| process_failed(profile, "printed a session instead of long-term keys"))
}

fn process_failed(profile: &str, what: &str) -> CommandError {
    let message = format!("`credential_process` of profile `{profile}` {what}");
    CommandError::new(ErrorKind::Configuration, message).hint("run the command by hand to see what it prints")
}

/// What a `credential_process` prints: a session or long-term keys.
pub fn any_keys_from_process(ctx: &Context, profile: &str, command: &str) -> CommandResult<Keys> {
    // The program may be awsmfa again, behind a wrapper or for another profile; such a loop must end.
    let serving = ctx.env.get(SERVING).unwrap_or_default();
    if serving.split('\n').any(|name| name == profile) {
        return Err(process_failed(profile, "calls awsmfa in a loop"));
    }
    let env = ctx.env.with(SERVING, &format!("{serving}\n{profile}"));
    let printed = process::run(command, &env, Duration::from_secs(60));
    let printed = printed.map_err(|error| process_failed(profile, &format!("failed: {error}")))?;
    // The parser's own message would quote the secret.
    let answer: ProcessAnswer = serde_json::from_str(printed.expose())
        .map_err(|_| process_failed(profile, "did not print credentials as JSON"))?;
    let secret = Secret::from(answer.secret_access_key);
    // Some programs print an empty token with long-term keys.
    let token = answer.session_token.filter(|token| !token.is_empty()).map(Secret::from);
    let keys = Keys::new(&answer.access_key_id, secret, token);
    keys.check().map_err(|unusable| process_failed(profile, &format!("printed invalid keys: {unusable}")))?;
    Ok(keys)
}

/// Rejects keys that cannot sign a request, such as keys that contain the bytes of an arrow key or a Windows line ending.
/// `place` says where a part was read.
pub(super) fn check_keys(keys: &Keys, place: impl FnOnce(KeyPart) -> String) -> CommandResult {
    keys.check().map_err(|unusable| {
        let message = format!("{}: {unusable}", place(unusable.part));
        CommandError::new(ErrorKind::Configuration, message)
            .hint("copy the keys again, without quotes or line breaks")
    })
}

/// Rejects keys in a file that cannot sign a request.
pub fn check_static_keys(profile: &str, keys: &StaticKeys) -> CommandResult {
    let signing = Keys::new(&keys.access_key_id, keys.secret.clone(), keys.session_token.clone());
    signing.check().map_err(|unusable| {
        let (key, origin) = match unusable.part {
            KeyPart::Secret => ("aws_secret_access_key", &keys.secret_origin),
            KeyPart::Id | KeyPart::Token => ("aws_access_key_id", &keys.origin),
        };
        invalid(&origin.of(key), unusable)
            .hint(format!("enter both keys again: `aws configure --profile {}`", quoted(profile)))
    })
}
