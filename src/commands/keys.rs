//! `awsmfa keys …`: long-term access keys.

pub mod restore;
pub mod rotate;
pub mod store;

use crate::context::Context;
use crate::error::CommandResult;

#[derive(Debug, clap::Subcommand)]
pub enum KeysCommand {
    /// Replace a profile's access key with a new one
    Rotate(rotate::RotateArgs),
    /// Move a profile's long-term keys from the AWS files to the keyring or the file store
    Store(store::StoreArgs),
    /// Move a profile's long-term keys back to the AWS files
    Restore(restore::RestoreArgs),
}

pub fn run(ctx: &Context, command: &KeysCommand) -> CommandResult {
    match command {
        KeysCommand::Rotate(args) => rotate::run(ctx, args),
        KeysCommand::Store(args) => store::run(ctx, args),
        KeysCommand::Restore(args) => restore::run(ctx, args),
    }
}
