//! What a session depends on: keys, device, duration, roles and endpoint, and the key under which it is cached. Pure.
//! Settings: flag > `AWSMFA_*` > profile > default.

use super::base::Base;
use super::request::Request;
use super::settings::assume_role;
use crate::aws::{AssumeRole, Settings};
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{Resolution, Setting};
use crate::cache::{RoleKey, SessionKey};
use crate::env::{AWSMFA_DURATION, Env};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::duration::SessionDuration;
use crate::model::role::RoleSessionName;
use crate::model::serial::Serial;
use crate::model::session_policy::SessionPolicy;
use crate::model::source::Source;
use crate::ui::remedies;

/// Everything that a session depends on.
#[derive(Debug, Clone)]
pub struct Plan {
    pub base: Base,
    pub terms: Terms,
}

/// What is requested from AWS, for any user.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The duration of the user's own session.
    pub duration: SessionDuration,
    /// The roles to assume, in order; the last one is the profile's own.
    pub roles: Vec<AssumeRole>,
    /// The region and endpoint that the session comes from.
    pub endpoint: String,
}

impl Plan {
    /// The key under which the session is cached.
    pub fn key(&self) -> SessionKey {
        let (access_key_id, serial) = match &self.base {
            Base::User(user) => (user.keys.access_key_id().to_owned(), user.serial.to_string()),
            Base::Temporary(base) => (base.name.clone(), String::new()),
        };
        SessionKey {
            access_key_id,
            serial,
            duration: self.terms.duration,
            endpoint: self.terms.endpoint.clone(),
            roles: self.terms.role_keys(),
        }
    }

    /// The plan for the user's own session, from which roles are assumed.
    pub fn without_roles(&self) -> Self {
        Self { terms: self.terms.clone().without_roles(), ..self.clone() }
    }
}

impl Terms {
    /// The terms of a profile's session, for this device. A session that comes from temporary credentials has none.
    pub fn of(
        env: &Env,
        profiles: &Profiles,
        resolution: &Resolution,
        request: &Request,
        serial: Option<&Serial>,
        settings: &Settings,
    ) -> CommandResult<Self> {
        let (requested, variable) = (request.duration, variable_duration(env)?);
        let own = resolution.duration_seconds.as_ref().map(setting_duration).transpose()?;
        let is_role = !resolution.roles.is_empty();
        // With a role, the flag is about the role: roles share the user's session.
        let of_user = requested.filter(|_| !is_role);
        let duration = of_user.or(variable).or(own).unwrap_or(SessionDuration::DEFAULT);
        let mut roles = Vec::new();
        for role in &resolution.roles {
            let own = role.duration_seconds.as_ref().map(setting_duration).transpose()?;
            let requested = requested.filter(|_| role.profile == resolution.profile);
            let duration = requested.or(own).unwrap_or(SessionDuration::HOUR);
            roles.push(assume_role(profiles, role, || session_name(serial), duration)?);
        }
        narrow(&mut roles, request, &resolution.profile)?;
        let endpoint = settings.sts_endpoint.as_ref().map_or("aws", |url| url.as_str());
        Ok(Self { duration, roles, endpoint: format!("{} {endpoint}", settings.region) })
    }

    /// The terms of the user's own session.
    pub fn without_roles(self) -> Self {
        Self { roles: Vec::new(), ..self }
    }

    /// Whether a cached session matches these terms.
    pub fn match_key(&self, key: &SessionKey) -> bool {
        key.duration == self.duration && key.endpoint == self.endpoint && key.roles == self.role_keys()
    }

    fn role_keys(&self) -> Vec<RoleKey> {
        let key = |role: &AssumeRole| RoleKey {
            role_arn: role.role_arn.to_string(),
            session_name: role.session_name.to_string(),
            external_id: role.external_id.as_ref().map(ToString::to_string),
            duration: role.duration,
            policy: role.policy.as_ref().map(SessionPolicy::key),
        };
        self.roles.iter().map(key).collect()
    }
}

/// Adds the policy to the profile's own role, which is the last one.
fn narrow(roles: &mut [AssumeRole], request: &Request, profile: &str) -> CommandResult {
    let Some(policy) = request.policy.as_ref().filter(|_| !request.without_roles) else { return Ok(()) };
    let Some(role) = roles.last_mut() else {
        let message = format!("`--policy` narrows a role's session, and profile `{profile}` has no role");
        return Err(CommandError::new(ErrorKind::Usage, message)
            .hint("choose a profile that has a `role_arn`: `--profile NAME`"));
    };
    policy.check_role(&role.role_arn)?;
    role.policy = Some(policy.clone());
    Ok(())
}

/// CloudTrail shows this name, so it should identify the user: devices are usually named after their users.
fn session_name(serial: Option<&Serial>) -> RoleSessionName {
    serial.and_then(|serial| RoleSessionName::derived_from(serial.device_name())).unwrap_or_default()
}

/// The duration of a user's sessions from the environment.
pub(super) fn variable_duration(env: &Env) -> CommandResult<Option<SessionDuration>> {
    let parsed = env.get(AWSMFA_DURATION).map(str::parse).transpose();
    parsed.map_err(|e| {
        let message = format!("{AWSMFA_DURATION}: {e}");
        let hint = remedies::here().set(AWSMFA_DURATION, "12h");
        CommandError::new(ErrorKind::Configuration, message)
            .hint(hint)
            .placed(&Source::Variable(AWSMFA_DURATION))
    })
}

fn setting_duration(setting: &Setting) -> CommandResult<SessionDuration> {
    let parsed = setting.text.parse();
    parsed.map_err(|e| {
        let message = format!("duration_seconds ({}): {e}", setting.origin);
        CommandError::new(ErrorKind::Configuration, message)
            .hint("set a number of seconds, such as `duration_seconds = 43200`, or remove the line")
            .placed(&setting.origin)
    })
}
