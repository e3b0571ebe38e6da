//! From a profile's name to a plan: whose keys, which device, how long, which roles, and how AWS is reached.
//! Settings: flag > `AWSMFA_*` > profile > default; for region and endpoint the AWS variables stand in between.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::discover;
use super::settings::{assume_role, check_keys, check_partitions, check_static_keys, settings};
use crate::aws::{AssumeRole, Aws, Keys, Settings};
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{self, Destination, KeySource, KeysError, Resolution, Setting};
use crate::cache::{RoleKey, SessionKey};
use crate::context::Context;
use crate::env::{AWSMFA_DURATION, SERVING};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::duration::SessionDuration;
use crate::model::role::RoleSessionName;
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::session::{KeyPart, LongTermKeys};
use crate::process;

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The profile; `None` for `AWS_PROFILE`, then `default`.
    pub profile: Option<String>,
    /// How long the session is to live.
    pub duration: Option<SessionDuration>,
    pub serial: Option<Serial>,
    /// Whether keys in the environment may serve where no profile is configured.
    pub environment_keys: bool,
    /// Whether an SDK waits for the answer.
    pub unattended: bool,
}

/// Everything that decides over a session.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The keys that all begins with.
    pub keys: LongTermKeys,
    pub serial: Serial,
    /// A command that prints its codes.
    pub mfa_process: Option<String>,
    /// How long the user's own session is to live.
    pub duration: SessionDuration,
    /// The roles to assume in turn; the last is the profile's own.
    pub roles: Vec<AssumeRole>,
    /// The region and endpoint that the session comes from.
    pub endpoint: String,
}

/// A profile made ready: what it stands for, the way to AWS, and the plan.
#[derive(Debug)]
pub struct Prepared {
    pub profiles: Profiles,
    /// What the profile stands for.
    pub resolution: Resolution,
    pub aws: Arc<Aws>,
    pub plan: Plan,
    /// Whether the serial came from AWS and stands nowhere yet.
    pub discovered: bool,
}

impl Plan {
    /// The key under which the session is cached.
    pub fn key(&self) -> SessionKey {
        let roles = self.roles.iter().map(|role| RoleKey {
            role_arn: role.role_arn.to_string(),
            session_name: role.session_name.to_string(),
            external_id: role.external_id.as_ref().map(ToString::to_string),
            duration: role.duration,
        });
        SessionKey {
            access_key_id: self.keys.access_key_id.clone(),
            serial: self.serial.to_string(),
            duration: self.duration,
            endpoint: self.endpoint.clone(),
            roles: roles.collect(),
        }
    }

    /// The plan for the user's own session, from which roles are assumed.
    pub fn without_roles(&self) -> Self {
        Self { roles: Vec::new(), ..self.clone() }
    }
}

/// Makes a profile ready. AWS is asked only for the device's serial, and only if it stands nowhere.
pub fn prepare(ctx: &Context, wishes: &Wishes) -> CommandResult<Prepared> {
    let profiles = ctx.profiles()?;
    let name = wishes.profile.as_deref().unwrap_or(ctx.env.profile());
    let (resolution, keys) = match environment_keys(ctx, wishes, &profiles)? {
        Some(keys) => (unconfigured(name), keys),
        None => {
            let resolution = resolve::resolve(&profiles, name)?;
            let keys = long_term_keys(ctx, &resolution)?;
            (resolution, keys)
        }
    };
    let known = discover::known_serial(ctx, wishes.serial.as_ref(), &resolution, Some(&keys.access_key_id))?;
    let settings = settings(ctx, &profiles, &resolution, known.as_ref(), wishes.unattended)?;
    let aws = ctx.aws(settings)?;
    let discovered = known.is_none();
    let serial = known.map_or_else(|| discover::ask_aws(ctx, &aws, &keys, &resolution), Ok)?;
    let plan = plan(ctx, wishes, &profiles, &resolution, keys, serial, aws.settings())?;
    Ok(Prepared { profiles, resolution, aws, plan, discovered })
}

fn plan(
    ctx: &Context,
    wishes: &Wishes,
    profiles: &Profiles,
    resolution: &Resolution,
    keys: LongTermKeys,
    serial: Serial,
    settings: &Settings,
) -> CommandResult<Plan> {
    let wished = wishes.duration;
    let variable = variable_duration(ctx)?;
    let own = resolution.duration_seconds.as_ref().map(setting_duration).transpose()?;
    let is_role = !resolution.roles.is_empty();
    // What is wished of a role's profile is wished of the role; the user's session beneath it is shared.
    let duration = wished.filter(|_| !is_role).or(variable).or(own).unwrap_or(SessionDuration::DEFAULT);
    let mut roles = Vec::new();
    for role in &resolution.roles {
        let own = role.duration_seconds.as_ref().map(setting_duration).transpose()?;
        let wished = wished.filter(|_| role.profile == resolution.profile);
        let duration = wished.or(own).unwrap_or(SessionDuration::HOUR);
        roles.push(assume_role(profiles, role, || session_name(&serial), duration)?);
    }
    if serial.is_virtual() {
        // AWS may have named it only now.
        check_partitions(settings, None, [serial.as_str()])?;
    }
    let endpoint = settings.sts_endpoint.as_ref().map_or("aws", |url| url.as_str());
    Ok(Plan {
        keys,
        serial,
        mfa_process: resolution.mfa_process.as_ref().map(|s| s.text.clone()),
        duration,
        roles,
        endpoint: format!("{} {endpoint}", settings.region),
    })
}

/// A plan for keys that belong to no profile: the user's own session, without roles.
pub fn plan_for_keys(
    ctx: &Context,
    keys: LongTermKeys,
    serial: Serial,
    settings: &Settings,
) -> CommandResult<Plan> {
    let resolution = unconfigured(ctx.env.profile());
    plan(ctx, &Wishes::default(), &Profiles::default(), &resolution, keys, serial, settings)
}

/// CloudTrail shows the name, so it says who: the device is usually named for its user.
fn session_name(serial: &Serial) -> RoleSessionName {
    RoleSessionName::derived_from(serial.device_name()).unwrap_or_default()
}

fn variable_duration(ctx: &Context) -> CommandResult<Option<SessionDuration>> {
    let parsed = ctx.env.get(AWSMFA_DURATION).map(str::parse).transpose();
    parsed.map_err(|e| {
        let message = format!("{AWSMFA_DURATION}: {e}");
        CommandError::new(ErrorKind::Configuration, message).hint(format!("{AWSMFA_DURATION}=12h"))
    })
}

fn setting_duration(setting: &Setting) -> CommandResult<SessionDuration> {
    let parsed = setting.text.parse();
    parsed.map_err(|e| {
        let message = format!("duration_seconds ({}): {e}", setting.origin);
        CommandError::new(ErrorKind::Configuration, message)
            .hint("write the seconds, as in `duration_seconds = 43200`, or take the line out")
    })
}

/// What a profile that is configured nowhere stands for, when the environment has the keys.
pub fn unconfigured(name: &str) -> Resolution {
    Resolution {
        profile: name.to_owned(),
        roles: Vec::new(),
        base: name.to_owned(),
        keys: Err(KeysError::NoLongTermKeys {
            profile: name.to_owned(),
            looked_in: Vec::new(),
            instead: None,
        }),
        serial: None,
        mfa_process: None,
        duration_seconds: None,
        region: None,
        target: Destination::Section(name.to_owned()),
        chain: vec![name.to_owned()],
    }
}

/// Keys of the environment, for those who have nothing configured at all.
fn environment_keys(
    ctx: &Context,
    wishes: &Wishes,
    profiles: &Profiles,
) -> CommandResult<Option<LongTermKeys>> {
    let named = wishes.profile.is_some() || ctx.env.named_profile().is_some();
    // A `[default]` that holds nothing but the session of the login before is no configuration.
    let configured = resolve::resolve(profiles, "default").is_ok_and(|resolution| resolution.keys.is_ok());
    if !wishes.environment_keys || named || configured || ctx.env.get("AWS_SESSION_TOKEN").is_some() {
        return Ok(None);
    }
    let Some(keys) = keys_of_environment(ctx)? else { return Ok(None) };
    ctx.ui.detail("the long-term keys come from the environment: no profile is configured");
    Ok(keys.long_term())
}

/// Keys or a session in the environment, as every SDK reads them first.
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

/// The long-term keys that a profile stands for; runs the profile's `credential_process` if they come from there.
pub fn long_term_keys(ctx: &Context, resolution: &Resolution) -> CommandResult<LongTermKeys> {
    match &resolution.keys {
        Ok(KeySource::Static { profile, keys }) => {
            ctx.ui.detail(format_args!("long-term keys of `{profile}` ({})", keys.origin));
            check_static_keys(profile, keys)?;
            Ok(LongTermKeys {
                access_key_id: keys.access_key_id.clone(),
                secret_access_key: keys.secret.clone(),
            })
        }
        Ok(KeySource::Process { profile, command }) => {
            ctx.ui.detail(format_args!(
                "long-term keys from `credential_process` of `{profile}` ({})",
                command.origin
            ));
            keys_from_process(ctx, profile, &command.text)
        }
        Err(error) => Err(error.clone().into()),
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
    keys.long_term()
        .ok_or_else(|| process_failed(profile, "printed a session, where long-term keys are needed"))
}

fn process_failed(profile: &str, what: &str) -> CommandError {
    let message = format!("`credential_process` of profile `{profile}` {what}");
    CommandError::new(ErrorKind::Configuration, message).hint("run the command by hand to see what it prints")
}

/// What a `credential_process` prints, a session or long-term keys.
pub fn any_keys_from_process(ctx: &Context, profile: &str, command: &str) -> CommandResult<Keys> {
    // The program may be awsmfa again, behind a wrapper or for another profile; a circle of those must end.
    let serving = ctx.env.get(SERVING).unwrap_or_default();
    if serving.split('\n').any(|name| name == profile) {
        return Err(process_failed(profile, "leads back to itself"));
    }
    let env = ctx.env.with(SERVING, &format!("{serving}\n{profile}"));
    let printed = process::run(command, &env, Duration::from_secs(60));
    let printed = printed.map_err(|error| process_failed(profile, &format!("failed: {error}")))?;
    // The parser's own message would quote the text.
    let answer: ProcessAnswer = serde_json::from_str(printed.expose())
        .map_err(|_| process_failed(profile, "did not print credentials as JSON"))?;
    let secret = Secret::from(answer.secret_access_key);
    // Some programs print an empty token with long-term keys.
    let token = answer.session_token.filter(|token| !token.is_empty()).map(Secret::from);
    let keys = Keys::new(&answer.access_key_id, secret, token);
    keys.check()
        .map_err(|unusable| process_failed(profile, &format!("printed unusable keys: {unusable}")))?;
    Ok(keys)
}
