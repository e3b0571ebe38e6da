//! Replacing a file while the old one stays open: other programs may still write into it.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::fingerprint::{Fingerprint, fingerprint_of};
#[cfg(unix)]
use super::open::open_no_follow;
use super::read::{self, LIMIT};
use super::replace::persist;

/// The replaced file. It no longer has a name; a program that opened it earlier can still write into it.
#[derive(Debug)]
pub struct Displaced {
    file: File,
    /// The fingerprint that every write changes, if there is one, and whether the file had the expected content with it.
    fingerprint: Option<Fingerprint>,
    compared: bool,
}

impl Displaced {
    /// Whether it still holds this and nothing else. `expected` is always the same.
    pub fn holds(&mut self, expected: &[u8]) -> io::Result<bool> {
        let is_unwritten = || Ok::<_, io::Error>(fingerprint_of(&self.file.metadata()?) == self.fingerprint);
        if self.compared && self.fingerprint.is_some() && is_unwritten()? {
            return Ok(true);
        }
        self.compared = read::holds(&self.file, expected)?;
        Ok(self.compared)
    }

    pub fn content(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        read::regular(file, LIMIT)
    }
}

/// Puts the temp file at a path without a file. `None` if there is one now.
pub(super) fn create(temp: NamedTempFile, target: &Path) -> io::Result<Option<Option<Displaced>>> {
    match temp.persist_noclobber(target) {
        Ok(_) => Ok(Some(None)),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(e) => Err(e.error),
    }
}

/// Puts the temp file in the target's place and keeps the old file open. The two swap names, so that it is certain which file
/// was replaced, even if another program put a new one there a moment ago. `None` if the target no longer exists.
#[cfg(unix)]
pub(super) fn swap(
    temp: NamedTempFile,
    target: &Path,
    fingerprint: Option<Fingerprint>,
) -> io::Result<Option<Option<Displaced>>> {
    use rustix::io::Errno;
    let displaced = |file| Some(Some(Displaced { file, fingerprint, compared: false }));
    match exchange(temp.path(), target) {
        Ok(()) => {
            // Dropping `path` removes the name, whatever it refers to now.
            let (_, path) = temp.into_parts();
            let found = open_no_follow(&path).and_then(|file| Ok((file.metadata()?.is_file(), file)));
            match found {
                Ok((true, file)) => Ok(displaced(file)),
                // Someone put a link or a device there: swap it back.
                _ => exchange(&path, target).map(|()| None).map_err(io::Error::from),
            }
        }
        Err(Errno::NOENT) => Ok(None),
        // The file system cannot swap.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            let file = open_no_follow(target)?;
            persist(temp, target)?;
            Ok(displaced(file))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn exchange(a: &Path, b: &Path) -> rustix::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)
}

/// Other Unixes have no such call.
#[cfg(all(unix, not(any(target_os = "linux", target_vendor = "apple"))))]
fn exchange(_: &Path, _: &Path) -> rustix::io::Result<()> {
    Err(rustix::io::Errno::NOSYS)
}

/// Windows refuses to rename over a file that is open.
#[cfg(not(unix))]
pub(super) fn swap(
    temp: NamedTempFile,
    target: &Path,
    _: Option<Fingerprint>,
) -> io::Result<Option<Option<Displaced>>> {
    persist(temp, target).map(|()| Some(None))
}
