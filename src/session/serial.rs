//! The MFA device of a profile: from a flag, `mfa_serial`, the registry, or AWS.

use chrono::TimeDelta;

use super::error::SessionError;
use crate::aws::{Aws, AwsError, AwsErrorKind, Keys, MfaDevice};
use crate::aws_files::document::UnsafeEdit;
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{self, Resolution};
use crate::aws_files::{AwsFile, session_edits};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind, RefusedKeys};
use crate::model::serial::Serial;
use crate::model::session::LongTermKeys;
use crate::model::shell::quoted;
use crate::retry::with_aws_time;

/// The MFA device of a profile's user.
#[derive(Debug, Clone)]
pub struct UserDevice {
    pub serial: Serial,
    /// The user's access key.
    pub access_key_id: String,
    /// Whether only AWS knows that the user has the device.
    pub(super) is_news: bool,
    /// The profile that can hold the serial. Keys in the environment do not belong to a profile.
    pub(super) home: Option<String>,
}

/// The profile's device as far as it is known without AWS. The registry is asked for the profile's access key, too, or for
/// `access_key_id` where the files do not show the key.
pub fn known_serial(
    ctx: &Context,
    resolution: &Resolution,
    access_key_id: Option<&str>,
) -> CommandResult<Option<Serial>> {
    if let Some(setting) = &resolution.serial {
        ctx.ui.detail(format_args!("MFA device `{}` ({})", setting.text, setting.origin));
        let parsed = setting.text.parse::<Serial>();
        return Ok(Some(parsed.map_err(|error| {
            let mut error = CommandError::from(error);
            error.kind = ErrorKind::Configuration;
            error.message = format!("mfa_serial ({}): {}", setting.origin, error.message);
            error.placed(&setting.origin)
        })?));
    }
    for profile in &resolution.chain {
        if let Some(record) = ctx.vault.of_profile(profile)? {
            ctx.ui.detail(format_args!("MFA device `{}`, registered for profile `{profile}`", record.serial));
            return Ok(Some(record.serial));
        }
    }
    match access_key_id.or(resolution.access_key_id()) {
        Some(id) => remembered_serial(ctx, id),
        None => Ok(None),
    }
}

/// The device that is remembered for an access key.
pub(super) fn remembered_serial(ctx: &Context, access_key_id: &str) -> CommandResult<Option<Serial>> {
    let serial = ctx.vault.of_key(access_key_id)?;
    if let Some(serial) = &serial {
        ctx.ui.detail(format_args!("MFA device `{serial}`, remembered for access key `{access_key_id}`"));
    }
    Ok(serial)
}

/// Asks AWS for the devices of the keys' user, and chooses the only device, or the only one that is stored here.
pub(super) fn ask_aws(
    ctx: &Context,
    aws: &Aws,
    keys: &LongTermKeys,
    resolution: &Resolution,
) -> CommandResult<Serial> {
    ctx.ui.detail("asking AWS which MFA device the user has");
    let devices = list(ctx, aws, &keys.into()).map_err(|error| unknown_serial(resolution, keys, error))?;
    choose_device(ctx, resolution, &devices)
}

/// Chooses one of the user's devices: the only one, or the only one that is stored here.
pub fn choose_device(ctx: &Context, resolution: &Resolution, devices: &[MfaDevice]) -> CommandResult<Serial> {
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
                .hint(format!("choose a device: `{}`", set_serial(resolution, several[0].as_str()))))
        }
    }
}

impl UserDevice {
    /// Remembers a serial that came from AWS, so that AWS is asked only once: in the profile that has the keys if that breaks
    /// no other tool, otherwise only in the registry. A file that cannot be written is not an error.
    pub fn remember(&self, ctx: &Context) {
        if !self.is_news {
            return;
        }
        let written = match &self.home {
            Some(profile) => self.write_to(ctx, profile),
            None => Ok(false),
        };
        if let Err(error) = &written {
            ctx.ui.detail(format_args!("cannot write `mfa_serial`: {error}"));
        }
        if !written.unwrap_or(false) {
            self.remember_for_key(ctx);
        }
    }

    /// Remembers in the registry which device the access key's user has.
    pub fn remember_for_key(&self, ctx: &Context) {
        let (id, serial) = (&self.access_key_id, &self.serial);
        let remembered = ctx.vault.remember_for_key(id, serial);
        match remembered {
            Ok(()) => ctx.ui.detail(format_args!("remembered MFA device `{serial}` for access key `{id}`")),
            Err(error) => ctx.ui.detail(format_args!("cannot remember MFA device `{serial}`: {error}")),
        }
    }

    /// Returns whether the profile has the serial now.
    fn write_to(&self, ctx: &Context, profile: &str) -> CommandResult<bool> {
        let (files, serial) = (ctx.aws_files(), &self.serial);
        let edit = |document: &mut _| -> Result<bool, UnsafeEdit> {
            session_edits::set_config_key(document, profile, "mfa_serial", serial.as_str())
        };
        if files.edit(AwsFile::Config, edit)? {
            let path = files.path(AwsFile::Config).display();
            ctx.ui.say(format_args!("saved `mfa_serial = {serial}` for profile `{profile}` in {path}"));
        }
        // What is read may differ from what was written: the file may be a device, or another section may hide the profile.
        let resolution = resolve::resolve(&ctx.profiles()?, profile)?;
        Ok(resolution.serial.is_some_and(|setting| setting.text == serial.as_str()))
    }

    /// Forgets a remembered serial that AWS could not validate, so that AWS is asked again next time: the user may have
    /// another device by now.
    pub(super) fn doubt(&self, ctx: &Context, error: &SessionError) {
        if !matches!(error, SessionError::Aws(error) if error.kind == AwsErrorKind::CannotValidateCode) {
            return;
        }
        let id = &self.access_key_id;
        let forgotten = ctx.vault.forget_key(id);
        if forgotten.unwrap_or(false) {
            ctx.ui.detail(format_args!("forgot which MFA device access key `{id}` uses"));
        }
    }
}

/// The profile that can hold the serial of the user whose keys the profile uses.
pub(super) fn home(profiles: &Profiles, resolution: &Resolution) -> Option<String> {
    resolution.keys.as_ref().ok()?;
    resolve::serial_home(profiles, &resolution.base)
}

/// ListMFADevices, first without a user name. A server that cannot find the keys' user itself (AWS can) gets the name from
/// GetCallerIdentity.
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

/// The error for a profile without a serial if AWS does not list its user's devices.
pub fn unknown_serial(resolution: &Resolution, keys: &LongTermKeys, error: AwsError) -> CommandError {
    let refused = matches!(error.kind, AwsErrorKind::AccessDenied | AwsErrorKind::NotFound);
    let mut error = CommandError::refused(error, &RefusedKeys::new(&keys.access_key_id, resolution), None);
    if refused {
        error.kind = ErrorKind::Configuration;
        error.message =
            format!("profile `{}` has no `mfa_serial`, and {}", resolution.profile, error.message);
        let command = set_serial(resolution, "arn:aws:iam::ACCOUNT:mfa/NAME");
        error.hints.push(format!("set the device: `{command}`"));
    }
    error
}

/// The command that sets the device. In a profile with a role, `mfa_serial` would break other tools.
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
        _ => "its user has only security keys, which do not generate codes",
    };
    let this = CommandError::new(
        ErrorKind::Configuration,
        format!("profile `{profile}` has no `mfa_serial`, and {user}"),
    );
    match (unusable, &resolution.keys) {
        (0, Ok(_)) => this.hint(format!("awsmfa enroll --profile {}", quoted(&resolution.base))),
        (0, Err(_)) => this.hint("awsmfa enroll"),
        // AWS requires a session from a device that the user already has (AWS-2023-001); with a security key, only the
        // console can get one.
        _ => this.hint("add a virtual MFA device in the IAM console, then `awsmfa device import`"),
    }
}
