//! Paths on their way to a file: folders and symlinks.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::busy;

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where a chain of symlinks leads, whether or not that exists. A dangling link is an error: it may point to a disk that is
/// not mounted.
pub(super) fn resolve_links(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(target) => Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::symlink_metadata(path) {
            Ok(_) => Err(io::Error::new(io::ErrorKind::NotFound, "it is a dangling symlink")),
            Err(_) => Ok(path.to_owned()),
        },
        Err(error) => Err(error),
    }
}

#[allow(clippy::disallowed_methods, reason = "opened for reading only")]
pub(super) fn open_no_follow(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, no_follow());
    busy::open(|| options.open(path))
}

/// Flags for `open` that do not follow a planted symlink and do not hang on a planted FIFO.
#[cfg(unix)]
pub(super) fn no_follow() -> i32 {
    (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed()
}

#[cfg(unix)]
pub(super) fn is_symlink_refusal(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
pub(super) fn is_symlink_refusal(_: &io::Error) -> bool {
    false
}
