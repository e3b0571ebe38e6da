//! Profiles with a role: SDKs assume it with the session of the source profile.

use crate::aws_files::profiles::{Profile, Profiles};
use crate::aws_files::resolve::{Resolution, resolve};
use crate::aws_files::{SERIAL_KEYS, own_command, session_name};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::again::again;
use crate::model::shell::CommandLine;

use super::request::Mode;

/// The longest that a role lasts that is assumed with a session, in seconds.
const LONGEST: u32 = 3600;

pub(super) fn has(profiles: &Profiles, name: &str, key: &str) -> bool {
    profiles.get(name).is_some_and(|profile| profile.get(key).is_some())
}

/// The role profiles that use the session of `base` and have an `mfa_serial`. An MFA session needs no code for its roles.
pub(super) fn with_serial(profiles: &Profiles, base: &str) -> Vec<String> {
    let has_serial = |profile: &&Profile| SERIAL_KEYS.iter().any(|key| profile.get(key).is_some());
    over(profiles, base).filter(has_serial).map(|profile| profile.name().to_owned()).collect()
}

/// The role profiles that use the session of `base`.
fn over<'a>(profiles: &'a Profiles, base: &str) -> impl Iterator<Item = &'a Profile> {
    let uses = move |profile: &&Profile| {
        profile.get("role_arn").is_some()
            && resolve(profiles, profile.name())
                .is_ok_and(|resolution| resolution.chain.iter().any(|name| name == base))
    };
    profiles.iter().filter(uses)
}

fn is_too_long(profile: &Profile) -> bool {
    let seconds = profile.get("duration_seconds").and_then(|text| text.trim().parse::<u32>().ok());
    seconds.is_some_and(|seconds| seconds > LONGEST)
}

/// Fails if AWS would refuse the role to an SDK because of its duration. awsmfa itself can assume the role with a code.
pub(super) fn check_duration(ctx: &Context, profiles: &Profiles, resolution: &Resolution) -> CommandResult {
    let roles = resolution.roles.iter().filter_map(|role| profiles.get(&role.profile));
    let Some(profile) = roles.into_iter().find(|profile| is_too_long(profile)) else { return Ok(()) };
    let (name, own) = (profile.name(), &resolution.profile);
    let message = format!(
        "tools cannot use `duration_seconds` of profile `{name}`: AWS limits a role that is assumed with a session to 1 hour"
    );
    Err(CommandError::new(ErrorKind::Configuration, message).hint(shorten(name)).hint(keep(ctx, own)))
}

/// A role that is assumed with the long-term keys themselves gets no session of awsmfa.
pub(super) fn uses_keys(profile: &str, long_term: &str, owner: &str) -> CommandError {
    let message = format!(
        "`source_profile` of profile `{profile}` is `{long_term}`, which holds the long-term keys of profile `{owner}`"
    );
    let source = CommandLine::new("aws configure set source_profile").arg(owner).profile(profile);
    let again = again("awsmfa setup").profile_if_none(profile);
    CommandError::new(ErrorKind::Configuration, message)
        .hint(format!("use `{owner}` as the source: `{source}`, then run `{again}`"))
}

fn shorten(profile: &str) -> CommandLine {
    CommandLine::new("aws configure set duration_seconds 3600").profile(profile)
}

/// awsmfa assumes a long role with a code. SDKs ask for it only in a profile without a role.
fn keep(ctx: &Context, profile: &str) -> String {
    let program = ctx.env.own_program().ok();
    let line = program.and_then(|program| own_command::line(program.to_str()?, profile));
    let to = format!("{profile}-mfa");
    let set = line.map(|line| {
        CommandLine::new("aws configure set credential_process").arg(line).profile(&to).to_string()
    });
    let login = || CommandLine::new("awsmfa login").profile(profile).to_string();
    match set {
        Some(set) => format!("or keep the duration and use profile `{to}` instead: `{set}`"),
        None => format!("or keep the duration and write the role's session with `{}`", login()),
    }
}

/// Warns about other roles of `base` that are too long.
pub(super) fn warn(ctx: &Context, profiles: &Profiles, base: &str) {
    for profile in over(profiles, base).filter(|profile| is_too_long(profile)) {
        let name = profile.name();
        ctx.ui.warn(format_args!(
            "`duration_seconds` of `{name}` is too long: AWS limits a role that is assumed with a session to 1 hour"
        ));
        ctx.ui.hint(shorten(name));
        ctx.ui.hint(keep(ctx, name));
    }
}

/// The region for the profile to which `login` writes a role's session.
pub(super) fn session_region(
    profiles: &Profiles,
    resolution: &Resolution,
    mode: Mode,
) -> Option<(String, String)> {
    let name = session_name(&resolution.profile);
    let is_used = !resolution.roles.is_empty() && (mode == Mode::Login || profiles.get(&name).is_some());
    let region = resolution.region.as_ref().filter(|_| is_used && !has(profiles, &name, "region"))?;
    Some((name, region.text.clone()))
}
