//! `awsmfa device list`: the devices whose secrets are stored here.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use crate::context::Context;
use crate::error::CommandResult;
use crate::store::registry::DeviceRecord;

/// List the devices whose secrets are stored
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct DeviceOutput<'a> {
    serial: &'a str,
    user: Option<&'a str>,
    label: Option<&'a str>,
    store: String,
    profiles: &'a [String],
}

/// Runs the command.
pub fn run(ctx: &Context, args: &ListArgs) -> CommandResult {
    let devices = ctx.registry()?.load()?;
    if args.json {
        let output: Vec<DeviceOutput> = devices.iter().map(output).collect();
        let text = serde_json::to_string_pretty(&output).unwrap_or_default();
        return Ok(ctx.ui.result(&format!("{text}\n"))?);
    }
    if devices.is_empty() {
        ctx.ui.say("no device is stored");
        ctx.ui.hint("awsmfa device import --profile NAME");
        return Ok(());
    }
    Ok(ctx.ui.result(&table(&devices))?)
}

fn output(device: &DeviceRecord) -> DeviceOutput<'_> {
    DeviceOutput {
        serial: device.serial.as_str(),
        user: device.user.as_deref(),
        label: device.label.as_deref(),
        store: device.store.to_string(),
        profiles: &device.profiles,
    }
}

fn table(devices: &[DeviceRecord]) -> String {
    let mut table = Table::new();
    // Serials are for copying: they are never wrapped.
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["SERIAL", "STORE", "PROFILES", "LABEL"]);
    for device in devices {
        let label = device.label.as_deref().unwrap_or("-");
        let profiles = if device.profiles.is_empty() { "-".to_owned() } else { device.profiles.join(",") };
        table.add_row([device.serial.as_str(), &device.store.to_string(), &profiles, label]);
    }
    // Without the border's spaces, a line starts with what it is about.
    table.lines().map(|line| format!("{}\n", line.trim())).collect()
}
