//! What can be wrong with a file or folder, always with its path. These errors travel inside [`io::Error`]s, where the module
//! that explains them finds them again.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A failure and its path.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("cannot {doing} `{}`: {source}", path.display())]
    System { doing: Doing, path: PathBuf, source: io::Error },
    /// Something that awsmfa did not put there; it is left alone.
    #[error("`{}` {oddity}", path.display())]
    Odd { path: PathBuf, oddity: Oddity },
}

/// What the system did not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    Read,
    Write,
    Create,
    Remove,
    /// Change who can use it.
    #[cfg_attr(windows, expect(dead_code, reason = "there are no modes there"))]
    Protect,
    /// The file cannot be opened as a lock, or its file system has no locks.
    Lock,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
            Self::Remove => "remove",
            Self::Protect => "change the permissions of",
            Self::Lock => "lock",
        })
    }
}

/// Why a file or folder is not awsmfa's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Oddity {
    /// It could point to any of the user's files.
    #[error("is a symlink")]
    Link,
    /// A folder, a device, a FIFO or a socket.
    #[error("is not a regular file")]
    NotFile,
    /// Something else in place of a folder.
    #[error("is not a folder")]
    NotFolder,
    #[error("belongs to another user (uid {0})")]
    Owner(u32),
    /// A file that others can read.
    #[error("is accessible to other users")]
    Shared,
    /// A folder in which every user can replace files.
    #[error("is writable by every user")]
    Writable,
    #[error("is writable by its group")]
    GroupWritable,
    /// It may be another one of the user's files as well.
    #[cfg_attr(windows, expect(dead_code, reason = "std cannot count a file's names there"))]
    #[error("has another name (a hard link)")]
    HardLink,
    #[error("is too large ({0} bytes)")]
    TooLarge(u64),
    /// A lock file with text that awsmfa did not write.
    #[error("is not an awsmfa lock file")]
    NotALock,
}

/// Adds what was tried, and the path, to a system error that does not have them.
pub(super) fn at(doing: Doing, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |source| match problem(&source) {
        Some(_) => source,
        None => io::Error::new(source.kind(), Problem::System { doing, path: path.to_owned(), source }),
    }
}

pub(super) fn odd(path: &Path, oddity: Oddity) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Problem::Odd { path: path.to_owned(), oddity })
}

/// The problem inside an error of these modules; `None` for any other error.
pub fn problem(error: &io::Error) -> Option<&Problem> {
    error.get_ref()?.downcast_ref()
}

/// Whether nothing can be written there at all: the disk is full or read-only.
pub fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), ReadOnlyFilesystem | StorageFull | QuotaExceeded)
}

pub(super) fn is_odd(error: &io::Error) -> bool {
    matches!(problem(error), Some(Problem::Odd { .. }))
}
