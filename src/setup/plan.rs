//! What to change: for each requested profile, the profile that is connected with awsmfa, and what stands in the way.

use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{KeySource, KeysError, Resolution, resolve};
use crate::aws_files::session_edits::SessionValues;
use crate::aws_files::winner::Claim;
use crate::aws_files::wiring::{Way, Wiring};
use crate::aws_files::{keeps_keys_of, own_command};
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::again::again;
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;
use crate::session::{self, Request};

use super::request::Mode;
use super::{others, roles};

/// A requested profile.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) profile: String,
    /// The profile that is connected with awsmfa: the profile itself or, if it has a role, the role's source.
    pub(super) base: String,
    pub(super) has_role: bool,
    pub(super) serial: Serial,
}

/// What to change in the AWS files.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) targets: Vec<Target>,
    pub(super) wirings: Vec<Wiring>,
    /// Profiles for which aws-mfa has assumed a role, and the role.
    assumed: Vec<(String, String)>,
}

impl Plan {
    pub(super) fn of(ctx: &Context, names: &[String], mode: Mode) -> CommandResult<Self> {
        let profiles = ctx.profiles()?;
        let mut plan = Self { targets: Vec::new(), wirings: Vec::new(), assumed: Vec::new() };
        for name in names {
            let resolution = resolved(ctx, &profiles, name)?;
            let base = base_of(&profiles, &resolution)?;
            let serial = serial(ctx, &resolution)?;
            let at_base = resolve(&profiles, &base)?;
            if mode == Mode::CredentialProcess {
                check_codes(ctx, &at_base, &serial)?;
                roles::check_duration(ctx, &profiles, &resolution)?;
            }
            let target = Target {
                profile: name.clone(),
                has_role: !resolution.roles.is_empty(),
                base: base.clone(),
                serial: serial.clone(),
            };
            plan.targets.push(target);
            if !plan.wirings.iter().any(|wiring| wiring.profile == base) {
                plan.wirings.push(wiring(ctx, &profiles, &at_base, &serial, mode)?);
                let role = profiles.get(&base).and_then(|profile| profile.get("assumed_role_arn"));
                plan.assumed.extend(role.map(|role| (base.clone(), role.to_owned())));
            }
            let wiring = plan.wirings.iter_mut().find(|wiring| wiring.profile == base);
            if let Some((wiring, region)) = wiring.zip(roles::session_region(&profiles, &resolution, mode)) {
                wiring.regions.push(region);
            }
        }
        Ok(plan)
    }

    /// What awsmfa claims about the profiles that it is connected with.
    pub(super) fn claims(&self) -> impl Iterator<Item = (&str, Claim<'_>)> {
        self.wirings.iter().flat_map(|wiring| {
            let profile = wiring.profile.as_str();
            let served = move |at| (profile, Claim::Served { at, profile });
            let aliases = wiring.aliases.iter().map(move |at| served(at));
            let own = match wiring.way {
                Way::Process(_) => served(profile),
                Way::Written(_) => (profile, Claim::Written(profile)),
            };
            std::iter::once(own).chain(aliases)
        })
    }
}

fn resolved(ctx: &Context, profiles: &Profiles, name: &str) -> CommandResult<Resolution> {
    if let Some(profile) = keeps_keys_of(name)
        && profiles.get(name).is_some()
    {
        let message = format!("profile `{name}` holds the long-term keys of profile `{profile}`");
        return Err(
            CommandError::new(ErrorKind::Configuration, message).hint(again("awsmfa setup").profile(profile))
        );
    }
    let resolution = resolve(profiles, name)
        .map_err(|error| CommandError::from(error).choose_profile(&again("awsmfa setup")))?;
    match &resolution.keys {
        Err(error @ KeysError::NoLongTermKeys { instead: None, .. }) => {
            Err(others::maybe_in_aws_vault(ctx, error.clone().into(), &resolution.base))
        }
        Err(error) => Err(error.clone().into()),
        Ok(KeySource::Process { profile, command }) if others::is_aws_vault(&command.text) => {
            Err(others::in_aws_vault(profile, &resolution.base))
        }
        Ok(_) => Ok(resolution),
    }
}

/// The profile to connect: the first one that has no role. From there on, SDKs follow no `source_profile`.
fn base_of(profiles: &Profiles, resolution: &Resolution) -> CommandResult<String> {
    let has_role = |name: &&String| roles::has(profiles, name, "role_arn");
    if let Some(at) = resolution.chain.iter().position(|name| !has_role(&name)) {
        let base = &resolution.chain[at];
        return match keeps_keys_of(base) {
            Some(owner) => Err(roles::uses_keys(&resolution.chain[at - 1], base, owner)),
            None => Ok(base.clone()),
        };
    }
    let base = &resolution.base;
    let message = format!("profile `{base}` has both a role and the access key that assumes it");
    let own = format!("{base}-user");
    let source = CommandLine::new("aws configure set source_profile").arg(&own).profile(base);
    Err(CommandError::new(ErrorKind::Configuration, message)
        .hint(format!(
            "enter the access key in its own profile: `{}`",
            CommandLine::new("aws configure").profile(&own)
        ))
        .hint(format!("then use it for the role: `{source}`, and remove the access key from `{base}`")))
}

/// The device, looked up in AWS if nothing here names it.
fn serial(ctx: &Context, resolution: &Resolution) -> CommandResult<Serial> {
    match session::known_serial(ctx, resolution, None)? {
        Some(serial) => Ok(serial),
        None => Ok(session::device(ctx, &Request::person(Named::Flag(&resolution.profile)))?.serial),
    }
}

/// Whether codes can be generated without a person.
fn check_codes(ctx: &Context, resolution: &Resolution, serial: &Serial) -> CommandResult {
    if resolution.mfa_process.is_some() || ctx.vault.record(serial)?.is_some() {
        return Ok(());
    }
    let profile = &resolution.profile;
    let message = format!("no secret is stored for `{serial}`, so tools would need a person to type codes");
    let import = CommandLine::new("awsmfa device import").profile(profile);
    let login = again("awsmfa setup").with("--mode", Some("login")).profile_if_none(profile);
    let error = CommandError::new(ErrorKind::Configuration, message)
        .hint(format!("store the secret: `{import}`"))
        .hint(format!("or type codes at each login: `{login}`"));
    Err(ctx.vault.or_lost(error))
}

fn wiring(
    ctx: &Context,
    profiles: &Profiles,
    base: &Resolution,
    serial: &Serial,
    mode: Mode,
) -> CommandResult<Wiring> {
    let profile = &base.profile;
    let way = match mode {
        Mode::CredentialProcess => Way::Process(command(ctx, profile)?),
        Mode::Login => Way::Written(cached_session(ctx, profile)),
    };
    let is_known = session::known_serial(ctx, base, None)?.is_some();
    let prints_keys = matches!(&base.keys, Ok(KeySource::Process { profile: at, .. }) if at == profile);
    let alias =
        others::mfa_login_profile(profiles, profile, serial).filter(|_| mode == Mode::CredentialProcess);
    let aliases: Vec<String> = alias.into_iter().collect();
    let region = base.region.as_ref().map(|region| region.text.clone());
    Ok(Wiring {
        profile: profile.clone(),
        way,
        serial: (!is_known).then(|| serial.to_string()),
        keeps_process: prints_keys,
        roles: roles::with_serial(profiles, profile),
        regions: aliases.iter().cloned().zip(region).collect(),
        aliases,
    })
}

/// The session that a login would write now, if it is cached: then a second setup changes nothing.
fn cached_session(ctx: &Context, profile: &str) -> SessionValues {
    let peeked = session::peek(ctx, &Request::person(Named::Flag(profile))).ok();
    let fresh = peeked.filter(|peeked| peeked.is_fresh(ctx.clock.now()));
    let session = fresh.and_then(|peeked| peeked.session);
    session.as_ref().map_or_else(SessionValues::placeholder, SessionValues::from)
}

/// The `credential_process` for a profile. The path is absolute: programs on a desktop, and those that cron starts, have
/// another `PATH` than shells.
fn command(ctx: &Context, profile: &str) -> CommandResult<String> {
    let program = ctx.env.own_program().map_err(|error| {
        CommandError::new(ErrorKind::Failed, format!("cannot find the path of awsmfa itself: {error}"))
    })?;
    let path = program.display();
    let line = program.to_str().and_then(|program| own_command::line(program, profile));
    let line = line.ok_or_else(|| {
        let message = format!("SDKs cannot all run `{path}` for profile `{profile}`: the path or the name has special characters");
        CommandError::new(ErrorKind::Configuration, message)
            .hint("install awsmfa in a folder with a plain name, and use a profile name without special characters")
    })?;
    match own_command::runs_ourselves(&line, profile) {
        true => Ok(line),
        false => Err(CommandError::new(ErrorKind::Configuration, format!("`{path}` is not named `awsmfa`"))
            .hint(
                "rename the program to `awsmfa`, so that awsmfa recognizes itself in `credential_process`",
            )),
    }
}

impl Plan {
    /// Warns about roles that tools do not get now: one that aws-mfa assumed, and those that last too long.
    pub(super) fn warn(&self, ctx: &Context, profiles: &Profiles) {
        for (profile, role) in &self.assumed {
            ctx.ui.warn(format_args!(
                "aws-mfa assumed role `{role}` for `{profile}`, which now gets the user's own session"
            ));
            let own = format!("{profile}-role");
            let set = |key: &str, value: &str| {
                CommandLine::new("aws configure set").arg(key).arg(value).profile(&own)
            };
            ctx.ui.hint(format_args!(
                "create a profile for the role: `{}` and `{}`",
                set("role_arn", role),
                set("source_profile", profile)
            ));
        }
        for wiring in &self.wirings {
            if let Way::Process(_) = wiring.way {
                roles::warn(ctx, profiles, &wiring.profile);
            }
        }
    }
}
