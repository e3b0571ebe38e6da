//! `awsmfa store …`: the stores of secrets.

pub mod backup;
pub mod init;
pub mod lock;
pub mod moving;
pub mod passwd;
pub mod rebuild;
pub mod restore;
pub mod status;

use crate::context::Context;
use crate::error::CommandResult;

#[derive(Debug, clap::Subcommand)]
pub enum StoreCommand {
    /// Create the file store, with a passphrase or a hardware key
    Init(init::InitArgs),
    /// Show the stores, whether they work, and the secrets that they hold
    Status(status::StatusArgs),
    /// Move secrets from one store to the other
    Move(moving::MoveArgs),
    /// Back up all secrets to one encrypted file
    Backup(backup::BackupArgs),
    /// Restore secrets from a backup
    Restore(restore::RestoreArgs),
    /// Rebuild the registry of devices from what the stores hold
    Rebuild(rebuild::RebuildArgs),
    /// Change the passphrase of the file store
    Passwd(passwd::PasswdArgs),
    /// Lock the file store, so that it needs its passphrase again
    Lock(lock::LockArgs),
}

pub fn run(ctx: &Context, command: &StoreCommand) -> CommandResult {
    match command {
        StoreCommand::Init(args) => init::run(ctx, args),
        StoreCommand::Status(args) => status::run(ctx, args),
        StoreCommand::Move(args) => moving::run(ctx, args),
        StoreCommand::Backup(args) => backup::run(ctx, args),
        StoreCommand::Restore(args) => restore::run(ctx, args),
        StoreCommand::Rebuild(args) => rebuild::run(ctx, args),
        StoreCommand::Passwd(args) => passwd::run(ctx, args),
        StoreCommand::Lock(args) => lock::run(ctx, args),
    }
}
