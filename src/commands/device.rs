//! `awsmfa device …`: MFA devices, those whose secrets are stored here and those that AWS knows.

pub mod export;
pub mod import;
pub mod list;

use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::store::registry::DeviceRecord;

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum DeviceCommand {
    /// List the devices that are stored here and those that AWS has
    List(list::ListArgs),
    /// Store the secret of an MFA device
    Import(import::ImportArgs),
    /// Give out the secret of a device, as a QR code, a URI or an age file
    Export(export::ExportArgs),
}

/// Runs the subcommand.
pub fn run(ctx: &Context, command: &DeviceCommand) -> CommandResult {
    match command {
        DeviceCommand::List(args) => list::run(ctx, args),
        DeviceCommand::Import(args) => import::run(ctx, args),
        DeviceCommand::Export(args) => export::run(ctx, args),
    }
}

/// The stored device of this ARN, name or label.
fn stored(ctx: &Context, name: &str) -> CommandResult<DeviceRecord> {
    let devices = ctx.registry()?.load()?;
    let is_meant = |d: &&DeviceRecord| {
        d.serial.as_str() == name || d.serial.device_name() == name || d.label.as_deref() == Some(name)
    };
    let found: Vec<&DeviceRecord> = devices.iter().filter(is_meant).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(not_stored(name)),
        several => {
            let message = format!("several stored devices are called `{name}`");
            let this = CommandError::new(ErrorKind::Usage, message);
            Err(several.iter().fold(this, |this, d| this.hint(format!("name one by its ARN: {}", d.serial))))
        }
    }
}

fn not_stored(name: &str) -> CommandError {
    CommandError::new(ErrorKind::Configuration, format!("no secret is stored for `{name}`"))
        .hint("list the devices: `awsmfa device list`")
}
