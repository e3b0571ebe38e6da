//! Tests that run the real binary in a temporary home against fake-aws over real HTTP. Each module covers a command or a
//! promise; what they share is in `support`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests set the scene by hand")]
#![cfg_attr(
    not(target_os = "linux"),
    allow(
        dead_code,
        unused_imports,
        unused_variables,
        reason = "many tests need Linux, and what they share is then unused"
    )
)]

mod support;

mod architecture;
mod aws_files;
mod bad_input;
mod choice;
#[cfg(unix)]
mod clipboard;
mod codes;

mod command_line;
mod completions;
mod console;
mod credential_process;
mod device;
mod device_export;
mod device_import;
mod device_import_accounts;
mod device_import_export;
mod device_import_image;
mod device_list;
mod device_remove;
mod device_resync;
mod doctor;
mod documents;
mod enroll;
#[cfg(unix)]
mod env;
#[cfg(unix)]
mod exec;
mod extremes;
mod fast_path;
mod hostile_text;
#[cfg(unix)]
mod interrupts;
mod keys;
mod keys_rotate;
mod large_files;
mod leftovers;
mod limits;
#[cfg(unix)]
mod live_codes;
mod login;
mod login_all;
mod logout;
mod man;
mod network;
#[cfg(unix)]
mod output;
#[cfg(unix)]
mod own_files;
mod passphrases;
mod peek;
#[cfg(unix)]
mod pinentry;
mod policy;
mod process;
mod qr;
mod reading;
mod renewal;
mod role_bases;
mod roles;
mod secrets;
mod serials;
mod serve;
mod session_policies;
mod sessions;
mod setup;
mod sharing;
mod sources;
mod status;
mod store;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod watch;
mod winner;
mod wire;
mod words;
mod writers;
