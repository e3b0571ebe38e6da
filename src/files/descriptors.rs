//! File descriptors. Some systems allow few, and libraries panic when they run out, possibly after a code was used.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
#[cfg(unix)]
use std::sync::{Mutex, PoisonError};

/// A command has at most about 15 files open at a time; TLS, a proxy and a child program need some more.
#[cfg(unix)]
const NEEDED: usize = 24;

/// The limit that was raised, for a program that awsmfa becomes.
#[cfg(unix)]
static RAISED: std::sync::OnceLock<rustix::process::Rlimit> = std::sync::OnceLock::new();

/// Makes sure that a command can open as many files as it needs.
#[cfg(unix)]
pub fn check_descriptors() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    if try_descriptors().is_ok() {
        return Ok(());
    }
    // The usual limit is a soft one, which a process may raise.
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let _ = RAISED.set(Rlimit { current, maximum });
    let wanted = current.map(|current| current.saturating_add(NEEDED as u64));
    let wanted = wanted.map(|wanted| maximum.map_or(wanted, |maximum| wanted.min(maximum)));
    let _ = setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum });
    try_descriptors()
}

/// Restores the limit as it was when awsmfa started.
#[cfg(unix)]
pub fn restore_limit() {
    use rustix::process::{Resource, setrlimit};
    if let Some(limit) = RAISED.get() {
        // A lower soft limit is always allowed.
        let _ = setrlimit(Resource::Nofile, *limit);
    }
}

#[cfg(unix)]
fn try_descriptors() -> io::Result<()> {
    // The standard streams are always open: std makes sure of that at the start.
    let duplicates: Result<Vec<_>, _> = (0..NEEDED).map(|_| rustix::io::dup(io::stdin())).collect();
    Ok(duplicates.map(drop)?)
}

/// What awsmfa inherited besides the standard streams, such as a script's lock or pipe.
#[cfg(unix)]
static INHERITED: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Notes what awsmfa inherited. Called before awsmfa opens anything.
#[cfg(unix)]
pub fn note_inherited() {
    // Without this folder, nothing is closed later.
    *INHERITED.lock().unwrap_or_else(PoisonError::into_inner) = descriptors().unwrap_or_default();
}

/// Closes what awsmfa inherited. A program that outlives awsmfa would keep it open: the script's lock would stay locked, and the
/// reader of its pipe would wait.
#[cfg(unix)]
pub fn close_inherited() {
    for descriptor in INHERITED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = nix::unistd::close(descriptor);
    }
}

/// The open descriptors above the standard streams.
#[cfg(unix)]
fn descriptors() -> io::Result<Vec<RawFd>> {
    use rustix::fs::{Dir, Mode, OFlags, open};
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let folder = open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let own = folder.as_raw_fd();
    let names = Dir::new(folder)?.filter_map(Result::ok);
    let numbers = names.filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok());
    Ok(numbers.filter(|number| *number > 2 && *number != own).collect())
}

/// Other systems allow thousands.
#[cfg(not(unix))]
pub fn check_descriptors() -> io::Result<()> {
    Ok(())
}
