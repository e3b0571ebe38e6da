//! The user's long-term keys: in a store, in a file, printed by a program, or in the environment.

use std::time::Duration;

use super::request::Asker;
use crate::aws::Keys;
use crate::aws_files::profiles::{Profiles, StaticKeys};
use crate::aws_files::resolve::{self, KeySource, KeysError, Resolution};
use crate::aws_files::{AwsFile, keeps_keys_of, key_edits};
use crate::choice::Named;
use crate::context::Context;
use crate::env::SERVING;
use crate::error::{CommandError, CommandResult, ErrorKind, invalid};
use crate::model::process_output::{self, PrintedKeys};
use crate::model::session::{KeyPart, LongTermKeys, UnusableKey};
use crate::model::shell::{CommandLine, quoted};
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

/// A user's long-term keys. A store may need a passphrase or a person, so stored keys are read only to sign a request.
#[derive(Debug, Clone)]
pub enum HeldKeys {
    Read(LongTermKeys),
    Stored { profile: String, access_key_id: String },
}

impl HeldKeys {
    pub fn access_key_id(&self) -> &str {
        match self {
            Self::Read(keys) => &keys.access_key_id,
            Self::Stored { access_key_id, .. } => access_key_id,
        }
    }

    /// The keys, from the store if necessary.
    pub fn read(&self, ctx: &Context) -> CommandResult<LongTermKeys> {
        match self {
            Self::Read(keys) => Ok(keys.clone()),
            Self::Stored { profile, .. } => ctx.vault.long_term_keys(profile),
        }
    }
}

/// The profile's long-term keys, if they are in a store or a file; `None` if a program prints them.
pub(super) fn held_keys(ctx: &Context, resolution: &Resolution) -> CommandResult<Option<HeldKeys>> {
    match &resolution.keys {
        Ok(KeySource::Stored { profile, access_key_id }) => {
            ctx.ui.detail(format_args!("long-term keys of `{profile}` (`{access_key_id}`, stored)"));
            let (profile, access_key_id) = (profile.clone(), access_key_id.clone());
            Ok(Some(HeldKeys::Stored { profile, access_key_id }))
        }
        Ok(KeySource::Static { profile, keys }) => {
            ctx.ui.detail(format_args!("long-term keys of `{profile}` ({})", keys.origin));
            check_static_keys(profile, keys)?;
            Ok(Some(HeldKeys::Read(LongTermKeys {
                access_key_id: keys.access_key_id.clone(),
                secret_access_key: keys.secret.clone(),
            })))
        }
        Ok(KeySource::Process { .. }) => Ok(None),
        Err(error) => {
            // If the registry cannot be read, it is unknown whether a store has the keys.
            ctx.vault.stored_keys()?;
            match error {
                KeysError::NoLongTermKeys { profile, .. } if has_note(ctx, profile)? => {
                    Err(no_record(profile))
                }
                _ => Err(error.clone().into()),
            }
        }
    }
}

/// Whether a comment says that awsmfa moved the profile's keys into a store.
fn has_note(ctx: &Context, profile: &str) -> CommandResult<bool> {
    let files = ctx.aws_files();
    let profile = keeps_keys_of(profile).unwrap_or(profile);
    Ok(key_edits::has_note(&files.read(AwsFile::Credentials)?, profile)
        || key_edits::has_note(&files.read(AwsFile::Config)?, profile))
}

/// The error for keys in a store whose record was lost.
fn no_record(profile: &str) -> CommandError {
    let message = format!(
        "the long-term keys of `{profile}` were moved into a store, but the registry has no record of them"
    );
    let configure = CommandLine::new("aws configure").profile(profile);
    CommandError::new(ErrorKind::Configuration, message)
        .hint("register what the stores hold: `awsmfa store rebuild`")
        .hint(format!("or enter an access key again: `{configure}`"))
}

/// The profile's long-term keys. Reads them from a store or runs the profile's `credential_process` if necessary.
pub fn long_term_keys(ctx: &Context, resolution: &Resolution) -> CommandResult<LongTermKeys> {
    match (held_keys(ctx, resolution)?, &resolution.keys) {
        (None, Ok(KeySource::Process { profile, command })) => {
            ctx.ui.detail(format_args!(
                "long-term keys from `credential_process` of `{profile}` ({})",
                command.origin
            ));
            keys_from_process(ctx, profile, &command.text)
        }
        (Some(keys), _) => keys.read(ctx),
        (None, _) => unreachable!("keys that are neither stored nor in a file are printed by a program"),
    }
}

fn keys_from_process(ctx: &Context, profile: &str, command: &str) -> CommandResult<LongTermKeys> {
    let keys = any_keys_from_process(ctx, profile, command)?;
    keys.long_term().ok_or_else(|| process_failed(profile, "printed a session instead of long-term keys"))
}

pub(super) fn process_failed(profile: &str, what: &str) -> CommandError {
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
    let PrintedKeys { keys, session_token } = process_output::parse(printed.expose())
        .ok_or_else(|| process_failed(profile, "did not print credentials as JSON"))?;
    let keys = Keys::new(&keys.access_key_id, keys.secret_access_key, session_token);
    keys.check().map_err(|unusable| process_failed(profile, &format!("printed invalid keys: {unusable}")))?;
    Ok(keys)
}

/// Rejects keys that cannot sign a request, such as keys that contain the bytes of an arrow key or a Windows line ending.
/// `place` says where a part was read.
pub(super) fn check_keys(keys: &Keys, place: impl FnOnce(KeyPart) -> String) -> CommandResult {
    keys.check().map_err(|unusable| {
        let message = format!("{}: {unusable}", place(unusable.part()));
        CommandError::new(ErrorKind::Configuration, message).hint(match unusable {
            UnusableKey::Character { .. } => "copy the keys again, without quotes or line breaks",
            UnusableKey::NoToken { .. } => "copy all three parts of the session again",
        })
    })
}

/// Rejects keys in a file that cannot sign a request.
pub fn check_static_keys(profile: &str, keys: &StaticKeys) -> CommandResult {
    let signing = Keys::new(&keys.access_key_id, keys.secret.clone(), keys.session_token.clone());
    signing.check().map_err(|unusable| {
        let (key, origin) = match unusable.part() {
            KeyPart::Secret => ("aws_secret_access_key", &keys.secret_origin),
            KeyPart::Id | KeyPart::Token => ("aws_access_key_id", &keys.origin),
        };
        invalid(&origin.of(key), unusable)
            .hint(format!("enter both keys again: `aws configure --profile {}`", quoted(profile)))
    })
}
