//! `awsmfa device list`: the devices stored here joined with those in AWS.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::commands::args::{JsonArg, ProfileArg};
use crate::context::Context;
use crate::devices::inventory::{self, Device, DeviceKind, Status};
use crate::devices::list;
use crate::error::CommandResult;
use crate::model::session::timestamp;
use crate::ui;

/// List MFA devices stored here and in AWS
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Shows the devices stored here, the devices of the profile's user or of `--user`, and unassigned virtual devices: an \
interrupted enrollment can leave such a device behind, which blocks the device's name. If AWS cannot be reached, only the \
devices stored here are listed.

ENABLED is the date the device was enabled, `unassigned` if no user has it, or `missing` if it does not exist in AWS. SECRET \
is the store that holds the device's secret.

Examples:
  awsmfa device list
  awsmfa device list --profile admin --user alice
  awsmfa device list --local --json")]
pub struct ListArgs {
    #[command(flatten)]
    profile: ProfileArg,
    /// List the devices of this user [default: the user of the profile]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// List only the devices stored here
    #[arg(long, conflicts_with_all = ["profile", "user"])]
    local: bool,
    #[command(flatten)]
    json: JsonArg,
}

#[derive(Serialize)]
struct DeviceOutput<'a> {
    serial: &'a str,
    kind: &'static str,
    user: Option<&'a str>,
    label: Option<&'a str>,
    state: &'static str,
    enabled: Option<String>,
    store: Option<String>,
    profiles: &'a [String],
}

pub fn run(ctx: &Context, args: &ListArgs) -> CommandResult {
    let devices = if args.local {
        inventory::stored(ctx)?
    } else {
        list::with_aws(ctx, args.profile.profile.as_deref(), args.user.as_deref())?
    };
    if args.json.json {
        let output: Vec<DeviceOutput> = devices.iter().map(output).collect();
        return Ok(ctx.ui.pretty_json(&output)?);
    }
    if devices.is_empty() {
        ctx.ui.say("no devices found");
        ctx.ui.hint(
            "enroll a device: `awsmfa enroll`, or import an existing one: `awsmfa device import --profile NAME`",
        );
        if let Some(hint) = ctx.vault.how_to_find_lost() {
            ctx.ui.hint(hint);
        }
        return Ok(());
    }
    Ok(ctx.ui.result(&table(&devices))?)
}

fn output(device: &Device) -> DeviceOutput<'_> {
    DeviceOutput {
        serial: &device.serial,
        kind: match DeviceKind::of(&device.serial) {
            DeviceKind::Virtual => "virtual",
            DeviceKind::Hardware => "hardware",
            DeviceKind::SecurityKey => "fido",
        },
        user: device.user.as_deref(),
        label: device.label.as_deref(),
        state: match device.status {
            Status::Enabled(_) => "enabled",
            Status::Unassigned => "unassigned",
            Status::Missing => "missing",
            Status::Unknown => "unknown",
        },
        enabled: since(device).map(timestamp),
        store: device.store.map(|store| store.to_string()),
        profiles: &device.profiles,
    }
}

fn since(device: &Device) -> Option<DateTime<Utc>> {
    match device.status {
        Status::Enabled(since) => since,
        _ => None,
    }
}

fn table(devices: &[Device]) -> String {
    let head = ["SERIAL", "KIND", "USER", "ENABLED", "SECRET", "PROFILES", "LABEL"];
    ui::table(head, devices.iter().map(row))
}

fn row(device: &Device) -> [String; 7] {
    let kind = match DeviceKind::of(&device.serial) {
        DeviceKind::Virtual => "virtual",
        DeviceKind::Hardware => "hardware",
        DeviceKind::SecurityKey => "security key",
    };
    let enabled = match device.status {
        Status::Enabled(Some(since)) => since.format("%Y-%m-%d").to_string(),
        Status::Enabled(None) => "yes".to_owned(),
        Status::Unassigned => "unassigned".to_owned(),
        Status::Missing => "missing".to_owned(),
        Status::Unknown => String::new(),
    };
    [
        device.serial.clone(),
        kind.to_owned(),
        device.user.clone().unwrap_or_default(),
        enabled,
        device.store.map(|store| store.to_string()).unwrap_or_default(),
        device.profiles.join(","),
        device.label.clone().unwrap_or_default(),
    ]
}
