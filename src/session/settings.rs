//! How AWS is reached for a profile, and the profile's roles. Every value is checked here, before a code is chosen; an invalid
//! one is an error that names its place. `aws` accepts only the checked types.

use super::request::Asker;
use crate::aws::{AssumeRole, Settings};
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{Resolution, Role, Setting};
use crate::aws_files::transport;
use crate::context::Context;
use crate::env::Env;
use crate::error::{CommandError, CommandResult, ErrorKind, invalid};
use crate::model::duration::SessionDuration;
use crate::model::endpoint::Endpoint;
use crate::model::partition;
use crate::model::proxy::ProxyUrl;
use crate::model::region::Region;
use crate::model::role::RoleSessionName;
use crate::model::serial::Serial;
use crate::model::source::{Source, Sourced};

/// How AWS is reached.
#[derive(Debug, Clone)]
pub struct Connection {
    pub settings: Settings,
    /// The region, if one is configured. If not, `settings` has the partition's default, which says nothing about where the
    /// person works.
    pub region: Option<RegionSetting>,
}

/// A region that a variable or a profile sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionSetting {
    pub region: Region,
    /// Where it is set.
    pub at: Source,
}

/// How AWS is reached for a profile.
pub fn connection(
    ctx: &Context,
    profiles: &Profiles,
    resolution: &Resolution,
    serial: Option<&Serial>,
    asker: Asker,
) -> CommandResult<Connection> {
    let env = &ctx.env;
    check_user_agent(env)?;
    let look = Look { env, profiles, chain: &resolution.chain };
    let sts_endpoint = look.endpoint("AWS_ENDPOINT_URL_STS", "sts")?;
    let chosen = look.region(resolution);
    let region = region(chosen.as_ref(), sts_endpoint.is_some(), resolution, serial)?;
    if let Some(chosen) = &chosen {
        ctx.ui.detail(format_args!("region `{region}` ({})", chosen.at.place()));
    }
    let settings = Settings {
        region,
        sts_endpoint,
        iam_endpoint: look.endpoint("AWS_ENDPOINT_URL_IAM", "iam")?,
        signin_endpoint: look.endpoint("AWS_ENDPOINT_URL_SIGNIN", "signin")?,
        use_fips: look.switch("AWS_USE_FIPS_ENDPOINT", transport::use_fips_endpoint),
        use_dual_stack: look.switch("AWS_USE_DUALSTACK_ENDPOINT", transport::use_dualstack_endpoint),
        ca_bundle: env
            .user_path("AWS_CA_BUNDLE")
            .or_else(|| Some(env.expand(look.ca_bundle()?.text.as_ref()))),
        http_proxy: look.proxy(["http_proxy", "HTTP_PROXY"])?,
        https_proxy: look.proxy(["https_proxy", "HTTPS_PROXY"])?,
        no_proxy: env.get("no_proxy").or_else(|| env.get("NO_PROXY")).map(str::to_owned),
        deadline: asker.deadline(),
    };
    let serial = serial.filter(|serial| serial.is_virtual()).map(Serial::as_str);
    let roles = resolution.roles.iter().map(|role| role.role_arn.as_str());
    check_partitions(&settings, chosen.as_ref(), serial.into_iter().chain(roles))?;
    let region = chosen.map(|chosen| RegionSetting { region: settings.region.clone(), at: chosen.at });
    Ok(Connection { settings, region })
}

/// The SDK sends this variable in a header of every request, and sends no request if the value is invalid there.
fn check_user_agent(env: &Env) -> CommandResult {
    const NAME: &str = "AWS_EXECUTION_ENV";
    let fits = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if env.get(NAME).is_none_or(fits) {
        return Ok(());
    }
    let error = "contains a character that is not valid in an HTTP header";
    Err(invalid(&Source::Variable(NAME), error).hint(format!("unset `{NAME}`")))
}

/// Where settings are looked up.
struct Look<'a> {
    env: &'a Env,
    profiles: &'a Profiles,
    /// The profile itself, then the profiles that it gets its keys from.
    chain: &'a [String],
}

impl Look<'_> {
    fn variable(&self, name: &'static str) -> Option<Sourced> {
        let text = self.env.get(name)?.to_owned();
        Some(Sourced { text, at: Source::Variable(name) })
    }

    fn region(&self, resolution: &Resolution) -> Option<Sourced> {
        let variable = self.variable("AWS_REGION").or_else(|| self.variable("AWS_DEFAULT_REGION"));
        variable.or_else(|| Some(in_file("region", resolution.region.as_ref()?)))
    }

    fn endpoint(&self, variable: &'static str, service: &str) -> CommandResult<Option<Endpoint>> {
        if self.env.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
            return Ok(None);
        }
        let of_env = self.variable(variable).or_else(|| self.variable("AWS_ENDPOINT_URL"));
        let configured = || {
            self.chain.iter().find_map(|profile| transport::service_endpoint(self.profiles, profile, service))
        };
        let Some(found) = of_env.or_else(|| Some(in_file("endpoint_url", &configured()?))) else {
            return Ok(None);
        };
        let parsed = found.parse();
        parsed.map(Some).map_err(|(at, error)| invalid(&at, error).hint(at.set_to("http://localhost:4566")))
    }

    fn switch(&self, variable: &str, of: fn(&Profiles, &str) -> Option<bool>) -> bool {
        match self.env.get(variable) {
            Some(_) => self.env.flag(variable),
            None => self.chain.iter().find_map(|profile| of(self.profiles, profile)).unwrap_or(false),
        }
    }

    fn ca_bundle(&self) -> Option<Setting> {
        self.chain.iter().find_map(|profile| transport::ca_bundle(self.profiles, profile))
    }

    fn proxy(&self, variables: [&'static str; 2]) -> CommandResult<Option<ProxyUrl>> {
        let own = variables.into_iter().find_map(|name| self.variable(name));
        // SOCKS is not supported; the AWS CLI does not read this variable at all.
        let all = ["all_proxy", "ALL_PROXY"].into_iter().find_map(|name| self.variable(name));
        let Some(found) = own.or(all.filter(|all| !all.text.starts_with("socks"))) else { return Ok(None) };
        found.parse().map(Some).map_err(|(at, error)| {
            invalid(&at, error)
                .hint(at.set_to("http://user:password@host:port"))
                .hint("write `/`, `?`, `#` and `%` in a password as `%2F`, `%3F`, `%23` and `%25`")
        })
    }
}

fn in_file(key: &'static str, setting: &Setting) -> Sourced {
    Sourced { text: setting.text.clone(), at: setting.origin.of(key) }
}

/// The configured region, or the partition's default.
fn region(
    chosen: Option<&Sourced>,
    own_server: bool,
    resolution: &Resolution,
    serial: Option<&Serial>,
) -> CommandResult<Region> {
    let Some(chosen) = chosen else {
        let role = resolution.roles.last().map(|role| role.role_arn.as_str());
        let arn = serial.map(Serial::as_str).or(role).unwrap_or_default();
        let region = partition::default_region(partition::of_arn(arn)).parse();
        return Ok(region.unwrap_or_else(|_| unreachable!("the defaults are regions")));
    };
    let region: Result<Region, _> = chosen.text.parse();
    let region = region.and_then(|region| match own_server || region.has_aws_form() {
        true => Ok(region),
        false => Err(region.as_unknown()),
    });
    region.map_err(|error| {
        let near = error.near;
        let this = invalid(&chosen.at, error);
        match near {
            Some(near) => this.hint(chosen.at.set_to(near)),
            None => this.hint(format!("{}, or another AWS region", chosen.at.set_to("us-east-1"))),
        }
    })
}

/// Partitions are separate clouds, each with its own devices and roles. Other servers may mix them.
pub(super) fn check_partitions<'a>(
    settings: &Settings,
    region: Option<&Sourced>,
    arns: impl IntoIterator<Item = &'a str>,
) -> CommandResult {
    if settings.sts_endpoint.is_some() {
        return Ok(());
    }
    let of_region = settings.region.partition();
    for arn in arns {
        let of_arn = partition::of_arn(arn);
        if of_arn != of_region && partition::is_known(of_arn) {
            let from = region.map(|region| format!(" ({})", region.at.place())).unwrap_or_default();
            let message = format!(
                "`{arn}` belongs to partition `{of_arn}`, but region `{}`{from} belongs to `{of_region}`",
                settings.region
            );
            let this = CommandError::new(ErrorKind::Configuration, message);
            return Err(match region {
                Some(region) => this.hint(region.at.set_to(partition::default_region(of_arn))),
                None => this.hint("use an MFA device and roles from the same partition"),
            });
        }
    }
    Ok(())
}

/// The AssumeRole parameters for a role in the AWS files.
pub fn assume_role(
    profiles: &Profiles,
    role: &Role,
    session_name: impl FnOnce() -> RoleSessionName,
    duration: SessionDuration,
) -> CommandResult<AssumeRole> {
    let sourced = |key: &'static str, text: &str| {
        let value = profiles.get(&role.profile).and_then(|profile| profile.value(key));
        let at = value.map(|value| value.origin.of(key));
        // A role always comes from a profile, so there is a line.
        Sourced { text: text.trim().to_owned(), at: at.unwrap_or(Source::Variable(key)) }
    };
    let arn = sourced("role_arn", &role.role_arn);
    let role_arn = arn.parse().map_err(|(at, error)| {
        invalid(&at, error)
            .hint("copy the ARN from the IAM console: `role_arn = arn:aws:iam::123456789012:role/NAME`")
    })?;
    let name = role.role_session_name.as_deref().map(|text| sourced("role_session_name", text));
    let name = name.map(|name| name.parse()).transpose();
    let name = name.map_err(|(at, error)| invalid(&at, error).hint(at.set_to("alice")))?;
    let external_id = role.external_id.as_deref().map(|text| sourced("external_id", text));
    let external_id = external_id.map(|id| id.parse()).transpose();
    let external_id = external_id.map_err(|(at, error)| {
        invalid(&at, error).hint("copy the external ID from the role's trust policy")
    })?;
    Ok(AssumeRole {
        role_arn,
        session_name: name.unwrap_or_else(session_name),
        external_id,
        duration,
        policy: None,
    })
}
