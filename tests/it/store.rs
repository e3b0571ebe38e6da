//! `awsmfa store …`: what the stores hold, and how it is moved.

#[cfg(unix)]
mod init;
#[cfg(target_os = "linux")]
mod moving;
mod passwd;
mod status;
