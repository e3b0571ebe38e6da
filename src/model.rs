//! Values and their rules. Nothing here knows files, the environment, the network, processes, the clock or randomness.

pub mod account;
pub mod app_export;
pub mod archive;
pub mod clock_offset;
pub mod command_line;
pub mod console;
pub mod duration;
pub mod endpoint;
pub mod google_export;
pub mod handout;
pub mod identity;
#[cfg(any(test, all(unix, not(target_os = "macos"))))]
pub mod item_label;
pub mod names;
pub mod otpauth;
pub mod partition;
pub mod password;
pub mod place;
pub mod policy;
pub mod process_output;
pub mod proxy;
pub mod region;
pub mod role;
pub mod script;
pub mod secret;
mod secret_key;
mod seed_error;
pub mod serial;
pub mod session;
pub mod session_policy;
pub mod shell;
pub mod source;
pub mod step;
pub mod totp;
pub mod turn;
pub mod validity;
pub mod visible;
