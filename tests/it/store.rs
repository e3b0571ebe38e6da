//! `awsmfa store …`: what the stores hold, and how it is moved.

mod backup;
mod backup_places;
#[cfg(target_os = "linux")]
mod beside;
#[cfg(target_os = "linux")]
mod differences;
#[cfg(unix)]
mod init;
#[cfg(target_os = "linux")]
mod kills;
#[cfg(target_os = "linux")]
mod moving;
mod passwd;
mod rebuild;
mod status;
