//! Which device a secret belongs to: its serial, and the profile that uses it.

use super::ImportRequest;
use crate::aws_files::resolve::resolve;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::account::{Account, Label};
use crate::model::serial::Serial;
use crate::session::{self, UserDevice};

/// A device, and what is known about its uses.
#[derive(Debug)]
pub(super) struct Target {
    pub serial: Serial,
    /// The device to remember, if AWS determined it.
    pub device: Option<UserDevice>,
    /// The profile that uses the device from now on.
    pub profile: Option<String>,
}

impl Target {
    /// The device that the request determines: by flag, or by a profile.
    pub fn requested(ctx: &Context, request: &ImportRequest) -> CommandResult<Self> {
        let profile = profile(ctx, request)?;
        let (serial, device) = serial(ctx, request, profile.as_deref())?;
        Ok(Self { serial, device, profile })
    }

    /// The device of an account: requested, or the one that the account's name contains.
    pub fn of_account(ctx: &Context, request: &ImportRequest, account: &Account) -> CommandResult<Self> {
        let label = account.label();
        if request.serial.is_some() {
            return Self::requested(ctx, request);
        }
        if let (Some(profile), None) = (&account.profile, &request.profile) {
            let request = ImportRequest { profile: Some(profile.clone()), ..request.clone() };
            return Self::requested(ctx, &request);
        }
        if request.profile.is_some() {
            let target = Self::requested(ctx, request)?;
            let id = label.and_then(|label| label.account_id);
            return match (id, target.serial.account()) {
                (Some(id), Some(other)) if id != other => Err(other_account(account, &target)),
                _ => Ok(target),
            };
        }
        match label {
            Some(label) => match known(ctx, &label)? {
                Some(target) => Ok(target),
                None => Self::of_label(ctx, request, account, &label),
            },
            None => Self::requested(ctx, request),
        }
    }

    /// A device that nothing here refers to. AWS writes the account's number or its alias after the device's name.
    fn of_label(
        ctx: &Context,
        request: &ImportRequest,
        account: &Account,
        label: &Label<'_>,
    ) -> CommandResult<Self> {
        let Some(id) = label.account_id else { return Self::requested(ctx, request) };
        // The user's own device may have a path, or be in another partition.
        if let Ok(target) = Self::requested(ctx, request)
            && is_of(&target.serial, label)
        {
            return Ok(target);
        }
        let serial: Serial = format!("arn:aws:iam::{id}:mfa/{}", label.device).parse().map_err(|_| {
            let message = format!("`{}` does not determine the ARN of its device", account.title());
            CommandError::new(ErrorKind::Usage, message).hint("add the device's ARN: `--serial ARN`")
        })?;
        Ok(Self { serial, device: None, profile: None })
    }
}

/// The only device with this label that a profile refers to, or that is stored here.
fn known(ctx: &Context, label: &Label<'_>) -> CommandResult<Option<Target>> {
    let mut found: Vec<Target> = Vec::new();
    let profiles = ctx.profiles()?;
    for name in profiles.names() {
        let Ok(resolution) = resolve(&profiles, name) else { continue };
        let serial = resolution.serial.as_ref().and_then(|setting| setting.text.parse::<Serial>().ok());
        let Some(serial) = serial.filter(|serial| is_of(serial, label)) else { continue };
        let profile = resolution.keys.is_ok().then(|| name.to_owned());
        match found.iter_mut().find(|target| target.serial == serial) {
            Some(target) => target.profile = target.profile.take().or(profile),
            None => found.push(Target { serial, device: None, profile }),
        }
    }
    for record in ctx.vault.devices()? {
        if is_of(&record.serial, label) && found.iter().all(|target| target.serial != record.serial) {
            found.push(Target { serial: record.serial, device: None, profile: None });
        }
    }
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// Whether a device has this label.
pub(super) fn is_of(serial: &Serial, label: &Label<'_>) -> bool {
    serial.device_name() == label.device && label.account_id.is_none_or(|id| serial.account() == Some(id))
}

fn other_account(account: &Account, target: &Target) -> CommandError {
    let (title, serial) = (account.title(), &target.serial);
    let message = format!("`{title}` is in another AWS account than `{serial}`, the device of the profile");
    CommandError::new(ErrorKind::Usage, message)
        .hint("leave out `--profile`, or use the profile of the account's user")
        .hint("if the account's name is wrong, add the device's ARN: `--serial ARN`")
}

/// The profile to assign the device to: the one given by flag, or the one that determines the serial. A device given by its
/// serial, such as the root user's, may have nothing to do with `AWS_PROFILE`.
fn profile(ctx: &Context, request: &ImportRequest) -> CommandResult<Option<String>> {
    let named = request.profile.clone();
    if let (Some(name), true) = (&named, request.serial.is_some()) {
        resolve(&ctx.profiles()?, name)?;
    }
    Ok(named.or_else(|| request.serial.is_none().then(|| ctx.env.profile().to_owned())))
}

/// The serial and, if AWS determined it, the device to remember.
fn serial(
    ctx: &Context,
    request: &ImportRequest,
    profile: Option<&str>,
) -> CommandResult<(Serial, Option<UserDevice>)> {
    if let Some(text) = &request.serial {
        return Ok((text.parse()?, None));
    }
    // A profile that has a serial needs no keys for this.
    let named = Named::of(profile, &ctx.env);
    let resolution = resolve(&ctx.profiles()?, named.name())?;
    if let Some(serial) = session::known_serial(ctx, &resolution, None)? {
        return Ok((serial, None));
    }
    let device = session::device(ctx, &session::Request::person(named))?;
    Ok((device.serial.clone(), Some(device)))
}
