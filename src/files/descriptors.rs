//! File descriptors, of which some surroundings give few. Libraries that get none panic, perhaps after a code was used.

use std::io;

/// The most that a command has open at a time is about 15; TLS, a proxy and a program that is run take some more.
#[cfg(unix)]
const NEEDED: usize = 24;

/// Sees to it that this many more files can be opened as a command needs.
#[cfg(unix)]
pub fn check_descriptors() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    if try_descriptors().is_ok() {
        return Ok(());
    }
    // The usual limit is a soft one, which is ours to raise.
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = current.map(|current| current.saturating_add(NEEDED as u64));
    let wanted = wanted.map(|wanted| maximum.map_or(wanted, |maximum| wanted.min(maximum)));
    let _ = setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum });
    try_descriptors()
}

#[cfg(unix)]
fn try_descriptors() -> io::Result<()> {
    // The standard streams are always open: std sees to it at the start.
    let duplicates: Result<Vec<_>, _> = (0..NEEDED).map(|_| rustix::io::dup(io::stdin())).collect();
    Ok(duplicates.map(drop)?)
}

/// Elsewhere there are thousands.
#[cfg(not(unix))]
pub fn check_descriptors() -> io::Result<()> {
    Ok(())
}
