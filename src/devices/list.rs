//! The devices that are stored here joined, by serial, with those that AWS lists.

use std::collections::BTreeSet;

use super::inventory::{self, Device, DeviceKind, Status};
use super::profile;
use crate::aws::{AwsError, AwsErrorKind, MfaDevice, VirtualDevice};
use crate::aws_files::resolve::{ResolveError, resolve};
use crate::caller::Caller;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};

/// What AWS lists.
#[derive(Debug, Default)]
struct Remote {
    /// The account that was asked.
    account: Option<String>,
    /// The devices of one user.
    of_user: Vec<MfaDevice>,
    /// Every virtual device of the account, if the caller may list them.
    virtual_devices: Option<Vec<VirtualDevice>>,
    /// What is not known, and why.
    gap: Option<String>,
}

/// The devices stored here and those in AWS. `profile` and `user` are as given by flag. If AWS cannot be asked, that is a
/// message, and the list shows what is stored here.
pub fn with_aws(ctx: &Context, profile: Option<&str>, user: Option<&str>) -> CommandResult<Vec<Device>> {
    let stored = inventory::stored(ctx)?;
    let chosen = profile.map(str::to_owned).or_else(|| profile::of_any(ctx, &stored));
    if chosen.is_none() && user.is_none() && !profile::credentials_are_determined(ctx) {
        // The SDK would look for a machine's role, which takes long, and a role has no devices.
        if !stored.is_empty() {
            ctx.ui.say("showing only devices stored here: choose a profile that has AWS credentials");
        }
        return Ok(stored);
    }
    check_profile(ctx, profile)?;
    let asked = Caller::find(ctx, chosen.as_deref())
        .and_then(|mut caller| ask(ctx, &mut caller, user).map_err(|error| not_listed(user, error)));
    let remote = match asked {
        Ok(remote) => remote,
        Err(error) if matches!(error.kind, ErrorKind::Usage | ErrorKind::Interrupted) => return Err(error),
        Err(error) => {
            ctx.ui.say(format_args!("showing only devices stored here: {error}"));
            Remote::default()
        }
    };
    if let Some(gap) = &remote.gap {
        ctx.ui.say(format_args!("the list is incomplete: {gap}"));
    }
    let mut devices = remote.join(ctx, stored);
    if let Some(user) = user {
        // A device with an unknown user may be this user's.
        devices.retain(|device| device.user.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(user)));
    }
    Ok(devices)
}

/// Rejects a profile that does not exist: it is probably mistyped. With keys in the environment, `AWS_PROFILE` provides
/// settings at most.
fn check_profile(ctx: &Context, profile: Option<&str>) -> CommandResult {
    let named = Named::of(profile, &ctx.env);
    // The list reports files that cannot be read.
    let (Some(name), Ok(profiles)) = (named.whose_credentials(&ctx.env), ctx.profiles()) else {
        return Ok(());
    };
    match resolve(&profiles, name) {
        Err(error @ (ResolveError::NoSuchProfile { .. } | ResolveError::Ignored { .. })) => Err(error.into()),
        _ => Ok(()),
    }
}

/// A user that does not exist is probably mistyped: an error, not an empty list.
fn not_listed(user: Option<&str>, error: AwsError) -> CommandError {
    match user {
        Some(user) if error.kind == AwsErrorKind::NotFound => {
            CommandError::new(ErrorKind::Usage, format!("there is no IAM user `{user}`"))
                .hint("list the users: `aws iam list-users --query 'Users[].UserName'`")
        }
        _ => error.into(),
    }
}

/// Asks AWS for a user's devices, by default the caller's own, and for the account's virtual devices.
fn ask(ctx: &Context, caller: &mut Caller, user: Option<&str>) -> Result<Remote, AwsError> {
    let mut remote = Remote { account: Some(caller.identity.account.clone()), ..Remote::default() };
    // A role has no devices, and IAM would reject the request.
    if let Some(user) = user.or(caller.identity.user()).map(str::to_owned) {
        ctx.ui.detail(format_args!("asking AWS for the devices of `{user}`"));
        match caller.send(ctx, |aws| aws.list_mfa_devices(Some(&user))) {
            Ok(devices) => remote.of_user = devices,
            Err(error) if error.kind == AwsErrorKind::AccessDenied => {
                remote.gap = Some(format!("no permission for `iam:ListMFADevices` on user `{user}`"));
            }
            Err(error) => return Err(error),
        }
    }
    ctx.ui.detail("asking AWS for the account's virtual devices");
    match caller.send(ctx, |aws| aws.list_virtual_mfa_devices()) {
        Ok(devices) => remote.virtual_devices = Some(devices),
        Err(error) if error.kind == AwsErrorKind::AccessDenied => {
            let gap = "no permission for `iam:ListVirtualMFADevices`, which shows unassigned devices";
            remote.gap.get_or_insert_with(|| gap.to_owned());
        }
        Err(error) => return Err(error),
    }
    Ok(remote)
}

impl Remote {
    /// What is stored here, then the user's other devices, then unassigned virtual devices.
    fn join(&self, ctx: &Context, stored: Vec<Device>) -> Vec<Device> {
        let profiles = ctx.profiles().unwrap_or_default();
        let mut devices: Vec<Device> = stored.into_iter().map(|device| self.complete(device)).collect();
        let known: BTreeSet<String> = devices.iter().map(|device| device.serial.clone()).collect();
        let unassigned = self.virtual_devices.iter().flatten().filter(|device| device.assigned.is_none());
        let others = self.of_user.iter().map(|device| &device.serial).chain(unassigned.map(|d| &d.serial));
        devices.extend(others.filter(|serial| !known.contains(*serial)).map(|serial| {
            self.complete(Device {
                serial: serial.clone(),
                user: None,
                label: None,
                status: Status::Unknown,
                store: None,
                profiles: inventory::profiles_using(&profiles, serial, Vec::new()),
            })
        }));
        devices
    }

    /// The device with what AWS says about it.
    fn complete(&self, device: Device) -> Device {
        if let Some(listed) = self.of_user.iter().find(|listed| listed.serial == device.serial) {
            return Device {
                user: Some(listed.user.clone()),
                status: Status::Enabled(listed.enabled),
                ..device
            };
        }
        let Some(devices) = &self.virtual_devices else { return device };
        let account = device.serial.split(':').nth(4);
        if DeviceKind::of(&device.serial) != DeviceKind::Virtual || account != self.account.as_deref() {
            return device;
        }
        match devices.iter().find(|listed| listed.serial == device.serial) {
            None => Device { status: Status::Missing, ..device },
            Some(VirtualDevice { assigned: None, .. }) => Device { status: Status::Unassigned, ..device },
            Some(VirtualDevice { assigned: Some(assigned), .. }) => {
                let user = assigned.user.clone().or(device.user);
                Device { user, status: Status::Enabled(assigned.enabled), ..device }
            }
        }
    }
}
