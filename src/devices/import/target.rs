//! Which device a secret belongs to: its serial, and the profile that uses it.

use std::cell::OnceCell;

use super::ImportRequest;
use crate::aws_files::resolve::resolve;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::account::{Account, Label};
use crate::model::serial::Serial;
use crate::session::{self, UserDevice};

/// A device, and what is known about its uses.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub serial: Serial,
    /// The device to remember, if AWS determined it.
    pub device: Option<UserDevice>,
    /// The profile that uses the device from now on.
    pub profile: Option<String>,
    /// Whether only a part of the ARN is known, such as the device's name.
    pub is_guess: bool,
}

/// The devices of accounts.
pub(super) struct Targets<'a> {
    ctx: &'a Context,
    request: &'a ImportRequest,
    /// AWS may have to be asked, once for all accounts.
    requested: OnceCell<CommandResult<Target>>,
}

impl<'a> Targets<'a> {
    pub fn new(ctx: &'a Context, request: &'a ImportRequest) -> Self {
        Self { ctx, request, requested: OnceCell::new() }
    }

    /// The device that the request determines: by flag, or by a profile.
    pub fn requested(&self) -> CommandResult<Target> {
        self.requested.get_or_init(|| requested(self.ctx, self.request)).clone()
    }

    /// The device of an account: requested, or the one that the account's name contains. `only` is the request for this account
    /// alone.
    pub fn of(&self, only: &ImportRequest, account: &Account) -> CommandResult<Target> {
        if let (Some(serial), false) = (&account.serial, self.request.is_for_one_device()) {
            let (serial, profile) = (serial.clone(), account.profile.clone());
            return Ok(Target { serial, device: None, profile, is_guess: false });
        }
        if let (Some(profile), None, None) = (&account.profile, &self.request.profile, &self.request.serial) {
            let request = ImportRequest { profile: Some(profile.clone()), ..self.request.clone() };
            return requested(self.ctx, &request);
        }
        let Some(label) = account.label() else {
            return self.requested().map_err(|error| match error.kind {
                // A name that says nothing about the device is the reason why the profile matters.
                ErrorKind::Configuration if !self.request.has_device() && !account.is_unnamed() => {
                    unknown(only, account)
                }
                _ => error,
            });
        };
        if self.request.is_for_one_device() {
            let target = self.requested()?;
            self.check(only, account, &label, &target)?;
            return Ok(target);
        }
        if let Some(target) = known(self.ctx, only, account, &label)? {
            return Ok(target);
        }
        // The user's own device may have a path, or be in another partition.
        let requested = self.requested();
        match (label.account_id, requested) {
            (_, Ok(target)) if is_of(&target.serial, &label) => {
                Ok(Target { is_guess: label.account_id.is_none(), ..target })
            }
            (Some(id), _) => Ok(Target {
                serial: derived(only, account, &label, id)?,
                device: None,
                profile: None,
                is_guess: true,
            }),
            (None, _) => Err(unknown(only, account)),
        }
    }

    /// Checks that an account is not another device's. Only its owner knows whether the name is wrong.
    fn check(
        &self,
        only: &ImportRequest,
        account: &Account,
        label: &Label<'_>,
        target: &Target,
    ) -> CommandResult {
        let (title, serial) = (account.title(), &target.serial);
        if is_of(serial, label) {
            return Ok(());
        }
        let id = label.account_id.filter(|id| serial.account().is_some_and(|other| other != *id));
        let is_overridden = self.request.serial.is_some() || (self.request.yes && id.is_none());
        let what = match id {
            Some(_) => format!("`{title}` is in a different AWS account than `{serial}`"),
            None => format!("`{title}` is for device `{}`, not for `{serial}`", label.device),
        };
        if is_overridden {
            self.ctx.ui.warn(what);
            return Ok(());
        }
        if id.is_some() {
            return Err(CommandError::new(ErrorKind::Usage, what)
                .hint("leave out `--profile`, or use the profile of the account's user")
                .hint(format!(
                    "if the account's name is wrong, add the device's ARN: {}",
                    with_serial(only, "ARN")
                )));
        }
        self.ctx.confirm(&format!("{what}; import it anyway?"), |_| {
            let anyway = with_serial(only, serial.as_str());
            CommandError::new(ErrorKind::Usage, &what)
                .hint(format!("import the secret for this device anyway: {anyway}"))
                .hint("or import the secret for another device: `--serial ARN`")
        })
    }
}

fn with_serial(only: &ImportRequest, serial: &str) -> String {
    let with = ImportRequest { serial: Some(serial.to_owned()), ..only.clone() };
    format!("`{}`", with.command(only.store))
}

/// AWS writes the account's number after the device's name.
fn derived(only: &ImportRequest, account: &Account, label: &Label<'_>, id: &str) -> CommandResult<Serial> {
    format!("arn:aws:iam::{id}:mfa/{}", label.device).parse().map_err(|_| {
        let message = format!("`{}` does not determine the ARN of its device", account.title());
        CommandError::new(ErrorKind::Usage, message)
            .hint(format!("add the device's ARN: {}", with_serial(only, "ARN")))
    })
}

/// If the AWS account has an alias, that is what AWS writes after the device's name.
fn unknown(only: &ImportRequest, account: &Account) -> CommandError {
    let message = format!("`{}` does not contain the number of its AWS account", account.title());
    CommandError::new(ErrorKind::Usage, message)
        .hint(format!("add the device's ARN: {}", with_serial(only, "ARN")))
        .hint("or choose the profile that uses the device: `--profile NAME`")
}

/// The only device with this label that a profile refers to, or that is stored here.
fn known(
    ctx: &Context,
    only: &ImportRequest,
    account: &Account,
    label: &Label<'_>,
) -> CommandResult<Option<Target>> {
    let is_guess = label.account_id.is_none();
    let target = |serial, profile| Target { serial, device: None, profile, is_guess };
    let mut found: Vec<Target> = Vec::new();
    let profiles = ctx.profiles()?;
    for name in profiles.names() {
        let Ok(resolution) = resolve(&profiles, name) else { continue };
        let serial = resolution.serial.as_ref().and_then(|setting| setting.text.parse::<Serial>().ok());
        let Some(serial) = serial.filter(|serial| is_of(serial, label)) else { continue };
        let profile = resolution.keys.is_ok().then(|| name.to_owned());
        match found.iter_mut().find(|target| target.serial == serial) {
            Some(target) => target.profile = target.profile.take().or(profile),
            None => found.push(target(serial, profile)),
        }
    }
    for record in ctx.vault.devices()? {
        if is_of(&record.serial, label) && found.iter().all(|target| target.serial != record.serial) {
            found.push(target(record.serial, None));
        }
    }
    match found.as_slice() {
        [] | [_] => Ok(found.pop()),
        several => Err(ambiguous(only, account, several)),
    }
}

fn ambiguous(only: &ImportRequest, account: &Account, several: &[Target]) -> CommandError {
    let serials: Vec<String> = several.iter().map(|target| format!("`{}`", target.serial)).collect();
    let message = format!("`{}` could belong to several devices: {}", account.title(), serials.join(", "));
    CommandError::new(ErrorKind::Usage, message)
        .hint(format!("choose a device: {}", with_serial(only, several[0].serial.as_str())))
}

/// Whether a device has this label.
pub(super) fn is_of(serial: &Serial, label: &Label<'_>) -> bool {
    serial.device_name() == label.device && label.account_id.is_none_or(|id| serial.account() == Some(id))
}

/// The device that the request determines, and the profile to assign it to. A device given by its serial, such as the root
/// user's, may have nothing to do with `AWS_PROFILE`.
fn requested(ctx: &Context, request: &ImportRequest) -> CommandResult<Target> {
    let target = |serial, profile, device| Target { serial, device, profile, is_guess: false };
    if let Some(text) = &request.serial {
        let serial = text.parse()?;
        if let Some(name) = &request.profile {
            resolve(&ctx.profiles()?, name)?;
        }
        return Ok(target(serial, request.profile.clone(), None));
    }
    let named = Named::of(request.profile.as_deref(), &ctx.env);
    let resolved = resolve(&ctx.profiles()?, named.name());
    let has_no_keys = !resolved.as_ref().is_ok_and(|resolution| resolution.keys.is_ok());
    let keys = match named == Named::Default && has_no_keys {
        true => session::keys_of_environment(ctx)?.and_then(|keys| keys.long_term()),
        false => None,
    };
    let resolution = match &keys {
        Some(_) => resolved.unwrap_or_else(|_| session::unconfigured(named.name())),
        None => resolved?,
    };
    // Keys in the environment belong to no profile.
    let profile = keys.is_none().then(|| named.name().to_owned());
    // A profile that has a serial needs no keys for this.
    let id = keys.as_ref().map(|keys| keys.access_key_id.as_str());
    if let Some(serial) = session::known_serial(ctx, &resolution, id)? {
        return Ok(target(serial, profile, None));
    }
    let device = session::device(ctx, &session::Request::person(named))?;
    Ok(target(device.serial.clone(), profile, Some(device)))
}
