//! The profile whose credentials are used to work on a device.

use super::inventory::{self, Device};
use crate::context::Context;
use crate::model::serial::Serial;
use crate::store::registry::DeviceRecord;

/// The profile for one device: the one given by flag or variable, else the first one that the device is registered for, else,
/// if nothing determines the credentials, the first one that refers to this device or, as for the list, to any device.
pub fn of_device(
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
    let users = inventory::profiles_using(&profiles, serial.as_str(), Vec::new());
    let user = users.into_iter().find(|name| exists(name) && !credentials_are_determined(ctx));
    user.or_else(|| of_any(ctx, &inventory::stored(ctx).ok()?))
}

/// The first profile that uses one of these devices, if nothing else determines the credentials.
pub fn of_any(ctx: &Context, devices: &[Device]) -> Option<String> {
    let profiles = ctx.profiles().ok().filter(|_| !credentials_are_determined(ctx))?;
    let mut used = devices.iter().flat_map(|device| &device.profiles);
    used.find(|name| profiles.get(name).is_some()).cloned()
}

/// Whether the environment or a default profile determines the credentials.
pub fn credentials_are_determined(ctx: &Context) -> bool {
    let by_env = ctx.env.named_profile().is_some() || ctx.env.get("AWS_ACCESS_KEY_ID").is_some();
    by_env || ctx.profiles().is_ok_and(|profiles| profiles.get("default").is_some())
}
