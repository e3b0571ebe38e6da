//! `awsmfa device …`: the MFA devices whose secrets are stored here.

pub mod import;
pub mod list;

use crate::context::Context;
use crate::error::CommandResult;

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum DeviceCommand {
    /// Store the secret of an MFA device
    Import(import::ImportArgs),
    /// List the devices whose secrets are stored
    List(list::ListArgs),
}

/// Runs the subcommand.
pub fn run(ctx: &Context, command: &DeviceCommand) -> CommandResult {
    match command {
        DeviceCommand::Import(args) => import::run(ctx, args),
        DeviceCommand::List(args) => list::run(ctx, args),
    }
}
