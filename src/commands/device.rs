//! `awsmfa device …`: MFA devices, those whose secrets are stored here and those that AWS knows.

pub mod export;
pub mod import;
pub mod list;
pub mod remove;
pub mod resync;

use crate::context::Context;
use crate::devices::inventory::{self, Entry};
use crate::error::CommandResult;
use crate::model::serial::Serial;
use crate::store::registry::DeviceRecord;

#[derive(Debug, clap::Subcommand)]
pub enum DeviceCommand {
    /// List the devices that are stored here and those that AWS has
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Store the secret of an MFA device
    Import(import::ImportArgs),
    /// Give out the secret of a device, as a QR code, a URI or an age file
    Export(export::ExportArgs),
    /// Synchronise a device with AWS's clock
    Resync(resync::ResyncArgs),
    /// Remove a device from AWS and its secret from here
    #[command(visible_alias = "rm")]
    Remove(remove::RemoveArgs),
}

pub fn run(ctx: &Context, command: &DeviceCommand) -> CommandResult {
    match command {
        DeviceCommand::List(args) => list::run(ctx, args),
        DeviceCommand::Import(args) => import::run(ctx, args),
        DeviceCommand::Export(args) => export::run(ctx, args),
        DeviceCommand::Resync(args) => resync::run(ctx, args),
        DeviceCommand::Remove(args) => remove::run(ctx, args),
    }
}

/// Whether the environment or a default profile says whose credentials are meant.
fn somebody_is_configured(ctx: &Context) -> bool {
    let named = ctx.env.named_profile().is_some() || ctx.env.get("AWS_ACCESS_KEY_ID").is_some();
    named || ctx.profiles().is_ok_and(|profiles| profiles.get("default").is_some())
}

/// The first profile that uses one of these devices, where nothing else says whose credentials are meant.
fn profile_of_any(ctx: &Context, devices: &[Entry]) -> Option<String> {
    let profiles = ctx.profiles().ok().filter(|_| !somebody_is_configured(ctx))?;
    let mut used = devices.iter().flat_map(|device| &device.profiles);
    used.find(|name| profiles.get(name).is_some()).cloned()
}

/// The profile whose credentials work on a device: the one named, by flag or variable; else the first that it is registered
/// for; else, where nothing says whose credentials are meant, the first that names it or, as for the list, any device.
fn profile_of(
    ctx: &Context,
    flag: Option<&str>,
    serial: &Serial,
    record: Option<&DeviceRecord>,
) -> Option<String> {
    if flag.is_some() {
        return flag.map(str::to_owned);
    }
    if ctx.env.named_profile().is_some() {
        return None;
    }
    let profiles = ctx.profiles().unwrap_or_default();
    let exists = |name: &String| profiles.get(name).is_some();
    if let Some(registered) = record.and_then(|record| record.profiles.iter().find(|name| exists(name))) {
        return Some(registered.clone());
    }
    let users = inventory::users_of(&profiles, serial.as_str(), Vec::new());
    let user = users.into_iter().find(|name| exists(name) && !somebody_is_configured(ctx));
    user.or_else(|| profile_of_any(ctx, &inventory::local(ctx).ok()?))
}
