//! `awsmfa device …`: MFA devices, stored here and in AWS.

pub mod export;
pub mod import;
pub mod list;
pub mod remove;
pub mod resync;

use crate::context::Context;
use crate::error::CommandResult;

#[derive(Debug, clap::Subcommand)]
pub enum DeviceCommand {
    /// List MFA devices stored here and in AWS
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Store the secret of an MFA device
    Import(import::ImportArgs),
    /// Export a device's secret as a QR code, a URI or an age file
    Export(export::ExportArgs),
    /// Resynchronize a device with AWS
    Resync(resync::ResyncArgs),
    /// Remove a device from AWS and its secret from this machine
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
