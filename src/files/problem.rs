//! What can be wrong with a file or folder at a path of ours. These errors travel inside [`io::Error`]s, so that every one
//! names its path, and whoever explains it can look into it.

use std::io;
use std::path::{Path, PathBuf};

/// A failure with the path that it is about.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("`{}`: {source}", path.display())]
    System { path: PathBuf, source: io::Error },
    /// The file cannot be opened as a lock, or its file system has no locks.
    #[error("cannot lock `{}`: {source}", path.display())]
    Lock { path: PathBuf, source: io::Error },
    /// It is not what awsmfa puts there, and is left alone.
    #[error("`{}` {oddity}", path.display())]
    Odd { path: PathBuf, oddity: Oddity },
}

/// Why a file or folder is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Oddity {
    /// Following it could lead to any file of the user's.
    #[error("is a symlink")]
    Link,
    /// A folder, a device, a FIFO or a socket.
    #[error("is not a regular file")]
    NotFile,
    /// Something else stands where a folder should.
    #[error("is not a folder")]
    NotFolder,
    #[error("belongs to another user (uid {0})")]
    Owner(u32),
    /// A file with a mode that lets others read it.
    #[error("is accessible to other users")]
    Shared,
    /// A folder in which everyone can replace files.
    #[error("is writable by every user")]
    Writable,
    /// Another file of the user's may be the same one.
    #[cfg_attr(windows, expect(dead_code, reason = "std cannot count a file's names there"))]
    #[error("has another name (a hard link)")]
    HardLink,
    #[error("is too large ({0} bytes)")]
    TooLarge(u64),
    /// A lock file with text that awsmfa did not write.
    #[error("is not a lock file of awsmfa")]
    NotALock,
}

/// Adds a path to an error of the system that has none yet.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |source| match problem(&source) {
        Some(_) => source,
        None => io::Error::new(source.kind(), Problem::System { path: path.to_owned(), source }),
    }
}

/// The same for a lock file.
pub(super) fn at_lock(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |source| match problem(&source) {
        Some(_) => source,
        None => io::Error::new(source.kind(), Problem::Lock { path: path.to_owned(), source }),
    }
}

pub(super) fn odd(path: &Path, oddity: Oddity) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Problem::Odd { path: path.to_owned(), oddity })
}

/// What an error of this module's functions says about which path; `None` for any other error.
pub fn problem(error: &io::Error) -> Option<&Problem> {
    error.get_ref()?.downcast_ref()
}

pub(super) fn is_odd(error: &io::Error) -> bool {
    matches!(problem(error), Some(Problem::Odd { .. }))
}
