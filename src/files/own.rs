//! Files and folders of our own: private, never reached through a link, bounded in size, and owned by the right user.

use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::owner::{self, own_folders};
use super::problem::{Oddity, at, is_odd, odd};
use super::{folder_of, is_symlink_refusal, open_no_follow, replace, temp};

/// The largest file of ours, in bytes. The registry grows by some 200 a device.
const LIMIT: u64 = 1024 * 1024;

/// Reads a file of our own; `None` if it does not exist. One that is there but is not ours alone is an error.
pub fn read_own(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match open_no_follow(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_symlink_refusal(&error) => return Err(odd(path, Oddity::Link)),
        Err(error) => return Err(at(path)(error)),
    };
    let metadata = file.metadata().map_err(at(path))?;
    check_file(path, &metadata)?;
    let size = check_size(path, metadata.len())?;
    let mut bytes = Vec::with_capacity(size + 1);
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(at(path))?;
    check_size(path, bytes.len() as u64)?;
    Ok(Some(bytes))
}

/// Reads a file of our own. One that is not ours alone is treated as missing, so that nobody can plant an answer.
pub fn read_private(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match read_own(path) {
        Err(error) if is_odd(&error) => Ok(None),
        read => read,
    }
}

/// Writes a file of our own: 0600 in 0700 folders, whole or not at all, on the disk when this returns.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    check_size(path, bytes.len() as u64)?;
    let folder = folder_of(path);
    own_dir(folder)?;
    // All files of such a folder are ours, but not all are written under a lock.
    temp::sweep(folder, temp::PREFIX, Some(temp::STALE));
    replace(path, bytes).map_err(at(path))
}

/// The files in a folder of our own; none if the folder does not exist.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(at(folder))?.path())).collect(),
        // A file in place of a folder has nothing in it either.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(at(folder)(error)),
    }
}

/// Creates a folder of our own where it is missing. One in which another user could replace what we put there is an error.
pub(super) fn own_dir(path: &Path) -> io::Result<()> {
    private_dir(path)?;
    own_folders(path).try_for_each(|folder| {
        let metadata = fs::metadata(folder).map_err(at(folder))?;
        check_folder(folder, &metadata)
    })
}

/// Creates a folder and those above it, where missing, with mode 0700. They belong to the home's owner.
pub fn private_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = folder_of(path);
    if parent != path {
        private_dir(parent)?;
    }
    match create_private(path) {
        Ok(()) => give_folder(path).map_err(at(path)),
        // By another process, a moment ago.
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(at(path)(error)),
    }
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// On Windows, a folder inherits who may enter it.
#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

fn give_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { owner::give(&open_no_follow(path)?, path) } else { Ok(()) }
}

/// Demands a file that is ours alone.
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

fn check_folder(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let oddity = if !metadata.is_dir() {
        Oddity::NotFolder
    } else if !owner::is_ours(metadata, path) {
        Oddity::Owner(uid(metadata))
    } else if mode(metadata) & 0o002 != 0 {
        Oddity::Writable
    } else {
        return Ok(());
    };
    Err(odd(path, oddity))
}

/// The size, if a file of ours can have it.
fn check_size(path: &Path, size: u64) -> io::Result<usize> {
    let checked = usize::try_from(size).ok().filter(|_| size <= LIMIT);
    checked.ok_or_else(|| odd(path, Oddity::TooLarge(size)))
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
