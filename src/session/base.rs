//! What a profile's session comes from: a user's long-term keys with an MFA device, or credentials that are temporary already.
//! MFA cannot be added to those, and AWS issues no session for them; but roles can be assumed with them.

use super::keys::{self, HeldKeys, any_keys_from_process, check_keys, keys_of_environment, process_failed};
use super::request::Request;
use crate::aws::{Aws, AwsError, AwsErrorKind, ChainError, Keys, Machine};
use crate::aws_files::profiles::{Profile, Profiles};
use crate::aws_files::resolve::{Instead, KeySource, KeysError, Resolution};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::session::KeyPart;
use crate::model::shell::CommandLine;

/// What a session comes from.
#[derive(Debug, Clone)]
pub enum Base {
    User(User),
    Temporary(Temporary),
}

/// An IAM user who signs in with MFA.
#[derive(Debug, Clone)]
pub struct User {
    pub keys: HeldKeys,
    pub serial: Serial,
    /// A command that prints the device's codes.
    pub mfa_process: Option<String>,
}

/// Credentials that are temporary already.
#[derive(Debug, Clone)]
pub struct Temporary {
    /// The profile that has them.
    pub profile: String,
    /// Identifies them in the cache. The IDs of most such keys change by the hour.
    pub name: String,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// A session in the credentials file.
    File(Keys),
    /// A session in the environment.
    Environment(Keys),
    /// A session that a program printed.
    Process(Keys),
    /// The SDK finds them: SSO or a web identity.
    Sdk(Instead),
    Machine(Machine),
}

/// Keys as far as they are known without running a program or asking a service.
#[derive(Clone)]
pub(super) enum Known {
    LongTerm(HeldKeys),
    /// A program prints them; this is their name in the cache if they are a session.
    Printed(String),
    Temporary(Temporary),
}

impl Known {
    /// The keys of a profile; only for a role can they be temporary.
    pub(super) fn of(
        ctx: &Context,
        request: &Request,
        profiles: &Profiles,
        resolution: &Resolution,
    ) -> CommandResult<Self> {
        let keys = keys::held_keys(ctx, resolution);
        let is_role = !resolution.roles.is_empty() && !request.without_roles;
        if let (Err(_), Err(KeysError::NoLongTermKeys { instead: Some(instead), .. })) =
            (&keys, &resolution.keys)
            && is_role
            && let Some(known) = of_role(ctx, profiles, resolution, instead)?
        {
            return Ok(known);
        }
        let command = match &resolution.keys {
            Ok(KeySource::Process { command, .. }) => command.text.as_str(),
            _ => "",
        };
        Ok(keys?.map_or_else(|| Self::Printed(process_name(command)), Self::LongTerm))
    }

    /// The keys that the profile's program prints now.
    pub(super) fn printed(ctx: &Context, request: &Request, resolution: &Resolution) -> CommandResult<Self> {
        let Ok(KeySource::Process { profile, command }) = &resolution.keys else {
            unreachable!("only programs print keys");
        };
        ctx.ui.detail(format_args!("keys from `credential_process` of `{profile}` ({})", command.origin));
        let keys = any_keys_from_process(ctx, profile, &command.text)?;
        match keys.long_term() {
            Some(keys) => Ok(Self::LongTerm(HeldKeys::Read(keys))),
            None if resolution.roles.is_empty() || request.without_roles => {
                Err(process_failed(profile, "printed a session instead of long-term keys"))
            }
            None => Ok(Self::Temporary(Temporary {
                profile: profile.clone(),
                name: process_name(&command.text),
                source: Source::Process(keys),
            })),
        }
    }
}

fn process_name(command: &str) -> String {
    format!("credential_process {command}")
}

/// What a role's base has instead of long-term keys, if a role can be assumed with it.
fn of_role(
    ctx: &Context,
    profiles: &Profiles,
    resolution: &Resolution,
    instead: &Instead,
) -> CommandResult<Option<Known>> {
    let profile = &resolution.base;
    let temporary =
        |name: String, source| Some(Known::Temporary(Temporary { profile: profile.clone(), name, source }));
    let settings = |keys: &[&str]| {
        let own = profiles.get(profile);
        let values = keys.iter().map(|key| own.and_then(|own: &Profile| own.get(key)).unwrap_or_default());
        [profile.as_str()].into_iter().chain(values).collect::<Vec<_>>().join("\n")
    };
    Ok(match instead {
        Instead::Sso => temporary(
            settings(&["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"]),
            Source::Sdk(instead.clone()),
        ),
        Instead::WebIdentity => {
            temporary(settings(&["web_identity_token_file", "role_arn"]), Source::Sdk(instead.clone()))
        }
        Instead::SessionOnly => of_file(profiles, profile)?.map(|keys| {
            let (profile, name) = (profile.clone(), keys.access_key_id().to_owned());
            Known::Temporary(Temporary { profile, name, source: Source::File(keys) })
        }),
        Instead::CredentialSource(source) => match Machine::named(source) {
            Some(machine) => temporary(source.clone(), Source::Machine(machine)),
            None if source == "Environment" => Some(of_environment(ctx, profile)?),
            None => return Err(unknown_source(profile, source)),
        },
        Instead::LoginSession | Instead::Ourselves | Instead::Served(_) | Instead::Misnamed(_) => None,
    })
}

fn of_environment(ctx: &Context, profile: &str) -> CommandResult<Known> {
    let Some(keys) = keys_of_environment(ctx)? else {
        if let Some(other) = ctx.env.handed_out() {
            let message = format!(
                "profile `{profile}` has `credential_source = Environment`, but the environment has only the session \
                 that awsmfa put there for `{other}`"
            );
            let hint =
                format!("replace `credential_source` in profile `{profile}` with `source_profile = {other}`");
            return Err(CommandError::new(ErrorKind::Configuration, message).hint(hint));
        }
        let message = format!(
            "profile `{profile}` has `credential_source = Environment`, but `AWS_ACCESS_KEY_ID` and \
             `AWS_SECRET_ACCESS_KEY` are not set"
        );
        return Err(CommandError::new(ErrorKind::Configuration, message).hint(
            "set both variables, or replace `credential_source` with the `source_profile` that has the keys",
        ));
    };
    ctx.ui.detail("the keys come from the environment (`credential_source = Environment`)");
    Ok(match keys.long_term() {
        Some(keys) => Known::LongTerm(HeldKeys::Read(keys)),
        None => {
            let name = keys.access_key_id().to_owned();
            Known::Temporary(Temporary {
                profile: profile.to_owned(),
                name,
                source: Source::Environment(keys),
            })
        }
    })
}

/// The session in a profile's section.
fn of_file(profiles: &Profiles, name: &str) -> CommandResult<Option<Keys>> {
    let Some(found) = profiles.get(name).and_then(|profile| profile.static_keys().ok().flatten()) else {
        return Ok(None);
    };
    let keys = Keys::new(&found.access_key_id, found.secret, found.session_token);
    check_keys(&keys, |part| match part {
        KeyPart::Id | KeyPart::Token => found.origin.to_string(),
        KeyPart::Secret => found.secret_origin.to_string(),
    })?;
    Ok(Some(keys))
}

/// Whether a `credential_source` is one that AWS defines.
pub fn check_credential_source(profile: &str, source: &str) -> CommandResult {
    match Machine::named(source).is_some() || source == "Environment" {
        true => Ok(()),
        false => Err(unknown_source(profile, source)),
    }
}

fn unknown_source(profile: &str, source: &str) -> CommandError {
    let message = format!("profile `{profile}` has an unknown `credential_source`: `{source}`");
    CommandError::new(ErrorKind::Configuration, message)
        .hint("use `Environment`, `Ec2InstanceMetadata` or `EcsContainer`")
}

impl Temporary {
    /// The credentials. Asks a service for them if necessary.
    pub(super) fn load(&self, ctx: &Context, aws: &Aws) -> CommandResult<Keys> {
        let found = match &self.source {
            Source::File(keys) | Source::Environment(keys) | Source::Process(keys) => return Ok(keys.clone()),
            Source::Sdk(_) => {
                ctx.ui.detail(format_args!("asking the AWS SDK for the credentials of `{}`", self.profile));
                aws.default_chain_keys(Some(&self.profile))
            }
            Source::Machine(machine) => {
                ctx.ui.detail(format_args!("getting the credentials from `{machine}`"));
                aws.machine_keys(*machine)
            }
        };
        found.map_err(|error| self.not_loaded(&error))
    }

    fn not_loaded(&self, error: &ChainError) -> CommandError {
        let kind = match error {
            ChainError::TimedOut => ErrorKind::Network,
            ChainError::None | ChainError::Failed(_) => ErrorKind::Configuration,
        };
        let message = format!("cannot load the credentials of profile `{}`: {error}", self.profile);
        CommandError::new(kind, message).hint(self.renew())
    }

    /// The error for a request that AWS refused.
    pub(super) fn refused(&self, error: AwsError) -> CommandError {
        use AwsErrorKind::{Expired, UnknownKey, WrongSecretKey};
        if !matches!(error.kind, Expired | UnknownKey | WrongSecretKey) {
            return error.into();
        }
        let message = format!("the credentials of profile `{}` have expired or are invalid", self.profile);
        CommandError::new(ErrorKind::Refused, message).hint(self.renew()).because(error)
    }

    /// What to do to get new ones.
    fn renew(&self) -> String {
        let profile = &self.profile;
        match &self.source {
            Source::File(_) => {
                format!("write a new session to profile `{profile}`, or give it long-term keys")
            }
            Source::Environment(_) => "set `AWS_ACCESS_KEY_ID` and the related variables again".to_owned(),
            Source::Process(_) => {
                let get = CommandLine::new("aws configure get credential_process").profile(profile);
                format!("check the program that prints them: `{get}`")
            }
            Source::Sdk(Instead::Sso) => {
                format!("sign in again: `{}`", CommandLine::new("aws sso login").profile(profile))
            }
            Source::Sdk(_) => {
                format!(
                    "check the profile: `{}`",
                    CommandLine::new("aws sts get-caller-identity").profile(profile)
                )
            }
            Source::Machine(machine) => format!("check that awsmfa runs where `{machine}` is available"),
        }
    }
}
