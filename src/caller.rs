//! The caller: whose credentials sign an administrator's requests. `enroll` and `device` work on users and devices, the
//! caller's own and others', with any credentials that the AWS CLI accepts, including SSO and roles.

mod send;

use std::sync::Arc;

use chrono::TimeDelta;

use crate::aws::{Aws, Keys};
use crate::aws_files::own_command;
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{self, Instead, KeySource, KeysError, Resolution, ResolveError};
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind, RefusedKeys};
use crate::model::duration::SessionDuration;
use crate::model::identity::{Identity, Who};
use crate::model::role::RoleSessionName;
use crate::model::serial::Serial;
use crate::model::session::LongTermKeys;
use crate::model::shell::quoted;
use crate::retry::{MAX_OFFSET, with_aws_time};
use crate::session::{
    self, Asker, Request, SessionError, assume_role, check_static_keys, keys_of_environment, long_term_keys,
};

/// Someone who can sign requests, and the way to AWS.
pub struct Caller {
    pub aws: Arc<Aws>,
    pub keys: Keys,
    pub identity: Identity,
    /// AWS's time minus this computer's.
    pub offset: TimeDelta,
    /// Long-term keys, if the caller is an IAM user: they can get a session with MFA.
    pub own: Option<OwnKeys>,
}

/// The caller's own long-term keys.
#[derive(Debug, Clone)]
pub struct OwnKeys {
    pub keys: LongTermKeys,
    /// The profile that has them; `None` if they come from the environment.
    pub profile: Option<String>,
}

/// Whom the keys belong to, and AWS's time minus this computer's.
pub fn identify(ctx: &Context, aws: &Aws, keys: &Keys) -> Result<(Identity, TimeDelta), SessionError> {
    let mut offset = TimeDelta::zero();
    let asked = with_aws_time(ctx, aws, keys, &mut offset, |aws| aws.get_caller_identity());
    if offset.abs() > MAX_OFFSET {
        let (behind, by) = (offset > TimeDelta::zero(), offset.abs().to_std().unwrap_or_default());
        return Err(SessionError::ClockOff { behind, by });
    }
    let caller = asked.map_err(SessionError::Aws)?;
    let identity = Identity::of_arn(&caller.arn).ok_or_else(|| {
        CommandError::new(
            ErrorKind::Refused,
            format!("AWS returned `{}` as the caller, which is not an ARN", caller.arn),
        )
    })?;
    Ok((identity, offset))
}

impl Caller {
    /// Finds the credentials and asks AWS whose they are: those of `profile`, or else those in the environment, those of the
    /// environment's profile, and whatever else the SDK finds.
    pub fn find(ctx: &Context, profile: Option<&str>) -> CommandResult<Self> {
        Self::identified(ctx, find(ctx, profile)?)
    }

    /// The user whose long-term keys a profile has, even if the profile has a role.
    pub fn of_user(ctx: &Context, resolution: &Resolution) -> CommandResult<Self> {
        let (keys, source) = of_base(ctx, resolution)?.ok_or_else(no_credentials)?;
        let aws = way(ctx, &ctx.profiles()?, resolution)?;
        Self::identified(ctx, Found { aws, keys, source })
    }

    fn identified(ctx: &Context, found: Found) -> CommandResult<Self> {
        let identified = identify(ctx, &found.aws, &found.keys);
        let (identity, offset) = identified.map_err(|error| found.source.refused(error, &found.keys))?;
        ctx.ui.detail(format_args!("signing as `{}`", identity.arn));
        let is_user = matches!(identity.who, Who::User { .. });
        let profile = found.source.into_profile();
        let own = found.keys.long_term().filter(|_| is_user).map(|keys| OwnKeys { keys, profile });
        Ok(Self { aws: found.aws, keys: found.keys, identity, offset, own })
    }

    /// Signs with an MFA session from now on, if the caller is a user with one of these devices and a code is available.
    /// Returns whether it does.
    pub fn use_mfa(&mut self, ctx: &Context, serials: &[Serial]) -> CommandResult<bool> {
        let Some(own) = &self.own else { return Ok(false) };
        let Some(serial) = self.usable(ctx, serials)? else { return Ok(false) };
        ctx.ui.detail(format_args!("signing with a session made with `{serial}`"));
        let request = match &own.profile {
            Some(profile) => Request::person(Named::Flag(profile)),
            None => Request::keys(&own.keys, self.aws.settings()),
        };
        let request = Request { serial: Some(serial), without_roles: true, ..request };
        let keys = Keys::from(&session::obtain(ctx, &request)?.session);
        self.keys = keys;
        Ok(true)
    }

    /// The first device with a stored secret, otherwise the first one if a person can type its code.
    fn usable(&self, ctx: &Context, serials: &[Serial]) -> CommandResult<Option<Serial>> {
        let registered = ctx.vault.devices()?;
        let stored = serials.iter().find(|serial| registered.iter().any(|device| device.serial == **serial));
        Ok(stored.or(serials.first().filter(|_| ctx.prompt.can_ask())).cloned())
    }

    /// The device of the caller's own profile: its `mfa_serial`, or the one registered for it.
    pub fn known_devices(&self, ctx: &Context) -> CommandResult<Vec<Serial>> {
        let Some(profile) = self.own.as_ref().and_then(|own| own.profile.as_deref()) else {
            return Ok(Vec::new());
        };
        let resolution = resolve::resolve(&ctx.profiles()?, profile)?;
        Ok(session::known_serial(ctx, &resolution, None)?.into_iter().collect())
    }
}

struct Found {
    aws: Arc<Aws>,
    keys: Keys,
    source: Source,
}

enum Source {
    Environment,
    /// Long-term keys of this profile.
    Profile(String, KeySource),
    /// A role, or anything else that the SDK finds.
    Other,
}

impl Source {
    fn into_profile(self) -> Option<String> {
        match self {
            Self::Profile(name, _) => Some(name),
            Self::Environment | Self::Other => None,
        }
    }

    /// The error for a refused request, with the keys.
    fn refused(&self, error: SessionError, keys: &Keys) -> CommandError {
        let from = match self {
            Self::Environment => None,
            Self::Profile(_, from) => Some(from),
            Self::Other => return error.into(),
        };
        match error {
            SessionError::Aws(error) => {
                CommandError::refused(error, &RefusedKeys::from(keys.access_key_id(), from), None)
            }
            error => error.into(),
        }
    }
}

/// How AWS is reached for a profile.
fn way(ctx: &Context, profiles: &Profiles, resolution: &Resolution) -> CommandResult<Arc<Aws>> {
    let serial = resolution.serial.as_ref().and_then(|setting| setting.text.parse().ok());
    let connection = session::connection(ctx, profiles, resolution, serial.as_ref(), Asker::Person)?;
    ctx.aws(connection.settings)
}

fn find(ctx: &Context, profile: Option<&str>) -> CommandResult<Found> {
    let profiles = ctx.profiles()?;
    let named = Named::of(profile, &ctx.env);
    let name = named.name();
    let way = |resolution: &Resolution| way(ctx, &profiles, resolution);
    let resolution = resolve::resolve(&profiles, name);
    if named.yields_to_environment_keys()
        && let Some(keys) = keys_of_environment(ctx)?
    {
        ctx.ui.detail("the credentials come from the environment");
        let aws = way(&resolution.unwrap_or_else(|_| session::unconfigured(name)))?;
        return Ok(Found { aws, keys, source: Source::Environment });
    }
    let resolution = match resolution {
        Ok(resolution) => resolution,
        // Administrators in a container or on an EC2 instance need no configuration.
        Err(missing @ ResolveError::NoSuchProfile { .. }) if named == Named::Default => {
            let aws = way(&session::unconfigured(name))?;
            let keys =
                aws.default_chain_keys(None).map_err(|error| unconfigured(ctx, missing, error.into()))?;
            return Ok(Found { aws, keys, source: Source::Other });
        }
        Err(error) => return Err(error.into()),
    };
    let aws = way(&resolution)?;
    let (keys, source) = of_profile(ctx, &profiles, &resolution, &aws)?;
    Ok(Found { aws, keys, source })
}

/// Variables from which the SDK gets credentials without a profile.
const SOURCES: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// If nothing is configured, the SDK fails at the instance metadata. What is missing is a profile.
fn unconfigured(ctx: &Context, missing: ResolveError, error: CommandError) -> CommandError {
    let named = SOURCES.iter().any(|name| ctx.env.get(name).is_some());
    if named || error.kind != ErrorKind::Configuration {
        return error;
    }
    ctx.ui.detail(format_args!("without a profile: {error}"));
    missing.into()
}

/// The profile's credentials.
fn of_profile(
    ctx: &Context,
    profiles: &Profiles,
    resolution: &Resolution,
    aws: &Aws,
) -> CommandResult<(Keys, Source)> {
    if !resolution.roles.is_empty() {
        return Ok((of_role(ctx, profiles, resolution, aws)?, Source::Other));
    }
    if let Some(found) = of_base(ctx, resolution)? {
        return Ok(found);
    }
    match &resolution.keys {
        // The SDK would run awsmfa, which would ask the SDK.
        Err(KeysError::NoLongTermKeys {
            instead: Some(Instead::Ourselves | Instead::Misnamed(_)), ..
        })
        | Err(KeysError::Incomplete(_)) => {
            Err(resolution.keys.clone().err().map_or_else(no_credentials, Into::into))
        }
        _ => Ok((of_sdk(ctx, profiles, resolution, aws)?, Source::Other)),
    }
}

/// The keys of the base profile, from which roles are assumed.
fn of_base(ctx: &Context, resolution: &Resolution) -> CommandResult<Option<(Keys, Source)>> {
    let own = |from: &KeySource| Source::Profile(resolution.base.clone(), from.clone());
    Ok(match &resolution.keys {
        Ok(from @ (KeySource::Static { .. } | KeySource::Stored { .. })) => {
            Some((Keys::from(&long_term_keys(ctx, resolution)?), own(from)))
        }
        Ok(from @ KeySource::Process { profile, command }) => {
            let keys = session::any_keys_from_process(ctx, profile, &command.text)?;
            let source = if keys.long_term().is_some() { own(from) } else { Source::Other };
            Some((keys, source))
        }
        Err(_) => None,
    })
}

/// A role's credentials: with MFA if a device's secret is stored, otherwise without, as the SDKs do.
fn of_role(ctx: &Context, profiles: &Profiles, resolution: &Resolution, aws: &Aws) -> CommandResult<Keys> {
    let serial = session::known_serial(ctx, resolution, None)?;
    let stored = match (&serial, &resolution.keys) {
        (Some(serial), Ok(_)) => ctx.vault.record(serial)?.is_some(),
        _ => false,
    };
    if !stored {
        return match of_base(ctx, resolution)? {
            Some((keys, source)) => assumed(ctx, profiles, resolution, aws, keys, &source),
            None => of_sdk(ctx, profiles, resolution, aws),
        };
    }
    let request = Request { serial, ..Request::person(Named::Flag(&resolution.profile)) };
    Ok(Keys::from(&session::obtain(ctx, &request)?.session))
}

/// Assumes the roles with these keys. The SDK could do that, but it panics on unusable keys.
fn assumed(
    ctx: &Context,
    profiles: &Profiles,
    resolution: &Resolution,
    aws: &Aws,
    mut keys: Keys,
    source: &Source,
) -> CommandResult<Keys> {
    let mut offset = TimeDelta::zero();
    for role in &resolution.roles {
        let request = assume_role(profiles, role, RoleSessionName::default, SessionDuration::HOUR)?;
        ctx.ui.detail(format_args!("assuming `{}`", request.role_arn));
        let sent = with_aws_time(ctx, aws, &keys, &mut offset, |aws| aws.assume_role(&request, None));
        keys = Keys::from(&sent.map_err(|error| source.refused(SessionError::Aws(error), &keys))?);
    }
    Ok(keys)
}

/// The credentials that the SDK finds. It may sign with keys from files and variables, so those are checked first.
fn of_sdk(ctx: &Context, profiles: &Profiles, resolution: &Resolution, aws: &Aws) -> CommandResult<Keys> {
    let name = &resolution.profile;
    let command = |profile: &String| profiles.get(profile)?.get("credential_process").map(str::to_owned);
    if let Some(at) = resolution
        .chain
        .iter()
        .find(|profile| command(profile).is_some_and(|command| own_command::runs_ourselves(&command, name)))
    {
        let message =
            format!("`credential_process` of profile `{at}` runs awsmfa for `{name}`, which depends on it");
        return Err(CommandError::new(ErrorKind::Configuration, message)
            .hint(format!("give `{at}` credentials of its own: `aws configure --profile {}`", quoted(at))));
    }
    for profile in resolution.chain.iter().filter_map(|profile| profiles.get(profile)) {
        if let Ok(Some(keys)) = profile.static_keys() {
            check_static_keys(profile.name(), &keys)?;
        }
    }
    keys_of_environment(ctx)?;
    ctx.ui.detail(format_args!("asking the AWS SDK for the credentials of `{name}`"));
    Ok(aws.default_chain_keys(Some(name))?)
}

fn no_credentials() -> CommandError {
    CommandError::new(ErrorKind::Configuration, "no AWS credentials found")
}
