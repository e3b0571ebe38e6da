//! One file a command: its arguments and `run`. Thin: resolve, call a use case, render.

mod args;
pub mod code;
pub mod completions;
pub mod console;
pub mod credential_process;
pub mod device;
pub mod doctor;
pub mod enroll;
pub mod env;
pub mod exec;
pub mod keys;
pub mod login;
pub mod logout;
pub mod man;
pub mod policy;
pub mod serve;
pub mod setup;
pub mod status;
pub mod store;
mod target;

pub use args::{OnlyProfileArgs, PolicyArgs, ProfileArg, SessionArgs};
pub use target::CommandArg;
