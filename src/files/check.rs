//! Whether a file or folder is the user's own and private.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use super::owner;
use super::problem::{Oddity, odd};

/// The largest file of awsmfa's own, in bytes. The registry grows by about 200 bytes per device.
pub(super) const LIMIT: u64 = 1024 * 1024;

/// An error unless the file belongs to this user and nobody else can read it.
pub(super) fn check_file(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let oddity = if !metadata.is_file() {
        Oddity::NotFile
    } else if !owner::is_ours(metadata, path) {
        Oddity::Owner(uid(metadata))
    } else if mode(metadata) & 0o077 != 0 {
        Oddity::Shared
    } else {
        return Ok(());
    };
    Err(odd(path, oddity))
}

/// An error unless the folder belongs to this user and nobody else can write to it.
pub(super) fn check_folder(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let oddity = if !metadata.is_dir() {
        Oddity::NotFolder
    } else if !owner::is_ours(metadata, path) {
        Oddity::Owner(uid(metadata))
    } else if mode(metadata) & 0o002 != 0 {
        Oddity::Writable
    } else if mode(metadata) & 0o020 != 0 && !has_group_of_one(metadata) {
        Oddity::GroupWritable
    } else {
        return Ok(());
    };
    Err(odd(path, oddity))
}

/// The size, unless it is beyond the limit.
pub(super) fn check_size(path: &Path, size: u64) -> io::Result<usize> {
    let checked = usize::try_from(size).ok().filter(|_| size <= LIMIT);
    checked.ok_or_else(|| odd(path, Oddity::TooLarge(size)))
}

/// Many systems give each user a group with the user's own number, and let it write by default.
#[cfg(unix)]
fn has_group_of_one(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.gid() == metadata.uid()
}

#[cfg(not(unix))]
fn has_group_of_one(_: &Metadata) -> bool {
    true
}

#[cfg(unix)]
pub(super) fn uid(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(metadata)
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

#[cfg(not(unix))]
pub(super) fn uid(_: &Metadata) -> u32 {
    0
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0o600
}
