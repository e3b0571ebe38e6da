//! File descriptors. Some systems allow few, and libraries panic when they run out, possibly after a code was used.

use std::io;

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

/// Other systems allow thousands.
#[cfg(not(unix))]
pub fn check_descriptors() -> io::Result<()> {
    Ok(())
}
