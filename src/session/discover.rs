//! Which device a profile means: by flag, by `mfa_serial`, by our registry, or by asking AWS.

use chrono::TimeDelta;

use super::SessionError;
use super::plan::Prepared;
use crate::aws::{Aws, AwsError, AwsErrorKind, Keys, MfaDevice};
use crate::aws_files::document::UnsafeEdit;
use crate::aws_files::resolve::Resolution;
use crate::aws_files::{AwsFile, resolve, session_edits};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind, RefusedKeys};
use crate::model::serial::Serial;
use crate::model::session::LongTermKeys;
use crate::model::visible::quoted;
use crate::retry::with_aws_time;

/// The serial as far as it is known without AWS. The profile's access key is looked up in the registry, too;
/// `access_key_id` is for keys that the files do not show.
pub fn known_serial(
    ctx: &Context,
    flag: Option<&Serial>,
    resolution: &Resolution,
    access_key_id: Option<&str>,
) -> CommandResult<Option<Serial>> {
    if let Some(serial) = flag {
        return Ok(Some(serial.clone()));
    }
    if let Some(setting) = &resolution.serial {
        ctx.ui.detail(format_args!("MFA device `{}` ({})", setting.text, setting.origin));
        let parsed = setting.text.parse::<Serial>();
        return Ok(Some(parsed.map_err(|error| {
            let mut error = CommandError::from(error);
            error.kind = ErrorKind::Configuration;
            error.message = format!("mfa_serial ({}): {}", setting.origin, error.message);
            error
        })?));
    }
    for profile in &resolution.chain {
        if let Some(record) = ctx.vault.of_profile(profile)? {
            ctx.ui.detail(format_args!("MFA device `{}`, registered for profile `{profile}`", record.serial));
            return Ok(Some(record.serial));
        }
    }
    let Some(id) = access_key_id.or(resolution.access_key_id()) else { return Ok(None) };
    let serial = ctx.vault.of_key(id)?;
    if let Some(serial) = &serial {
        ctx.ui.detail(format_args!("MFA device `{serial}`, remembered for access key `{id}`"));
    }
    Ok(serial)
}

/// Asks AWS for the devices of the keys' user, and takes the one that can be meant.
pub fn ask_aws(
    ctx: &Context,
    aws: &Aws,
    keys: &LongTermKeys,
    resolution: &Resolution,
) -> CommandResult<Serial> {
    ctx.ui.detail("asking AWS which MFA device the user has");
    let devices = list(ctx, aws, &keys.into()).map_err(|error| unknown_serial(resolution, keys, error))?;
    let serials: Vec<Serial> = devices.iter().filter_map(|d| d.serial.parse().ok()).collect();
    let registered = ctx.vault.devices()?;
    let stored: Vec<&Serial> =
        serials.iter().filter(|s| registered.iter().any(|record| record.serial == **s)).collect();
    match (serials.as_slice(), stored.as_slice()) {
        (_, [one]) => Ok((*one).clone()),
        ([one], _) => Ok(one.clone()),
        ([], _) => Err(no_device(resolution, devices.len())),
        (several, _) => {
            let list = several.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ");
            let message = format!("the user has several MFA devices: {list}");
            Err(CommandError::new(ErrorKind::Configuration, message)
                .hint(format!("name one: `{}`", set_serial(resolution, several[0].as_str()))))
        }
    }
}

/// Remembers a serial that AWS told us, so that AWS is asked once: in the profile that has the keys where that hurts no
/// other tool, otherwise in the registry alone. A file that cannot be written is no reason to fail: the session is there.
pub fn remember_serial(ctx: &Context, prepared: &Prepared) {
    if !prepared.discovered {
        return;
    }
    let serial = &prepared.plan.serial;
    let written = match home_of_serial(prepared) {
        Some(profile) => write_serial(ctx, &profile, serial),
        None => Ok(false),
    };
    if let Err(error) = &written {
        ctx.ui.detail(format_args!("cannot write `mfa_serial`: {error}"));
    }
    if !written.unwrap_or(false) {
        remember_for_key(ctx, prepared);
    }
}

/// Remembers in the registry which device the access key's user has.
pub fn remember_for_key(ctx: &Context, prepared: &Prepared) {
    let (id, serial) = (&prepared.plan.keys.access_key_id, &prepared.plan.serial);
    let remembered = ctx.vault.remember_for_key(id, serial);
    match remembered {
        Ok(()) => ctx.ui.detail(format_args!("remembered MFA device `{serial}` for access key `{id}`")),
        Err(error) => ctx.ui.detail(format_args!("cannot remember MFA device `{serial}`: {error}")),
    }
}

/// The profile that may hold the serial. Keys of the environment belong to no profile.
fn home_of_serial(prepared: &Prepared) -> Option<String> {
    let resolution = &prepared.resolution;
    resolution.keys.as_ref().ok()?;
    resolve::serial_home(&prepared.profiles, &resolution.base)
}

/// Returns whether the profile has the serial now.
fn write_serial(ctx: &Context, profile: &str, serial: &Serial) -> CommandResult<bool> {
    let files = ctx.aws_files();
    let edit = |document: &mut _| -> Result<bool, UnsafeEdit> {
        session_edits::set_config_key(document, profile, "mfa_serial", serial.as_str())
    };
    if files.edit(AwsFile::Config, edit)? {
        let path = files.path(AwsFile::Config);
        ctx.ui.say(format_args!("remembered `mfa_serial = {serial}` for `{profile}` in {}", path.display()));
    }
    // What was written may not be what is read: the file may be a device, or the profile hidden by another section.
    let resolution = resolve::resolve(&ctx.profiles()?, profile)?;
    Ok(resolution.serial.is_some_and(|setting| setting.text == serial.as_str()))
}

/// Forgets a remembered serial that AWS could not validate: the user may have another device by now, and AWS is asked
/// again next time.
pub fn doubt_serial(ctx: &Context, prepared: &Prepared, error: &SessionError) {
    if !matches!(error, SessionError::Aws(error) if error.kind == AwsErrorKind::CannotValidateCode) {
        return;
    }
    let id = &prepared.plan.keys.access_key_id;
    let forgotten = ctx.vault.forget_key(id);
    if forgotten.unwrap_or(false) {
        ctx.ui.detail(format_args!("forgot which MFA device access key `{id}` uses"));
    }
}

/// ListMFADevices, first without a user's name; where the server cannot tell whose keys these are (AWS can), with the
/// name that GetCallerIdentity gives.
fn list(ctx: &Context, aws: &Aws, keys: &Keys) -> Result<Vec<MfaDevice>, AwsError> {
    let mut offset = TimeDelta::zero();
    match with_aws_time(ctx, aws, keys, &mut offset, |aws| aws.list_mfa_devices(None)) {
        Err(error) if error.kind == AwsErrorKind::NotFound => {
            let caller = with_aws_time(ctx, aws, keys, &mut offset, |aws| aws.get_caller_identity())?;
            let user = caller.arn.rsplit('/').next();
            with_aws_time(ctx, aws, keys, &mut offset, |aws| aws.list_mfa_devices(user))
        }
        other => other,
    }
}

fn unknown_serial(resolution: &Resolution, keys: &LongTermKeys, error: AwsError) -> CommandError {
    let refused = matches!(error.kind, AwsErrorKind::AccessDenied | AwsErrorKind::NotFound);
    let mut error = CommandError::refused(error, &RefusedKeys::new(keys, resolution), None);
    if refused {
        error.kind = ErrorKind::Configuration;
        error.message =
            format!("profile `{}` has no `mfa_serial`, and {}", resolution.profile, error.message);
        let command = set_serial(resolution, "arn:aws:iam::ACCOUNT:mfa/NAME");
        error.hints.push(format!("name the device: `{command}`"));
    }
    error
}

/// The command that says which device is meant; in a profile with a role, `mfa_serial` would hurt other tools.
fn set_serial(resolution: &Resolution, serial: &str) -> String {
    let base = &resolution.base;
    match resolution.roles.iter().any(|role| role.profile == *base) {
        true => format!("awsmfa login --profile {} --serial {serial}", quoted(&resolution.profile)),
        false => format!("aws configure set mfa_serial {serial} --profile {}", quoted(base)),
    }
}

fn no_device(resolution: &Resolution, unusable: usize) -> CommandError {
    let profile = &resolution.profile;
    let user = match unusable {
        0 => "its user has no MFA device",
        _ => "its user has only security keys, which make no codes",
    };
    let this = CommandError::new(
        ErrorKind::Configuration,
        format!("profile `{profile}` has no `mfa_serial`, and {user}"),
    );
    match (unusable, &resolution.keys) {
        (0, Ok(_)) => this.hint(format!("awsmfa enroll --profile {}", quoted(&resolution.base))),
        (0, Err(_)) => this.hint("awsmfa enroll"),
        // AWS demands a session made with a device that the user has (AWS-2023-001); a security key makes one in the
        // console only.
        _ => this.hint("add a virtual MFA device in the IAM console, then `awsmfa device import`"),
    }
}
