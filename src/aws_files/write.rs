//! From the disk and back: the files are read whole, edited under a lock, checked by the guard and replaced whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::files::{self, Lock};

use super::Kind;
use super::document::{Document, UnsafeEdit};
use super::guard::{self, GuardError};
use super::syntax::SyntaxError;

/// What can be wrong with an AWS file. In every case it was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder stands where the file should.
    #[error("{} is a folder", path.display())]
    Folder {
        /// The path.
        path: PathBuf,
    },
    /// A symlink to nothing: where it points to may be a disk that is not mounted.
    #[error("{} is a symlink to nothing", path.display())]
    DanglingLink {
        /// The symlink.
        path: PathBuf,
    },
    /// A line of it cannot be read.
    #[error("{}, {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong with it.
        source: SyntaxError,
    },
    /// It can be read but not edited without harm.
    #[error("{} cannot be edited safely: {source}", path.display())]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: UnsafeEdit,
    },
    /// The file is marked read-only, or its folder takes no new files.
    #[error("{} cannot be replaced: {source}", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The lock could not be taken.
    #[error("cannot lock {}: {source}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The new content could not be written, as on a full disk. The old content is in place.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Our own edit was not what was intended.
    #[error("refused to write {}: {source}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What would have gone wrong.
        source: GuardError,
    },
}

/// Why an edit was not made.
#[derive(Debug, thiserror::Error)]
pub enum EditError<E> {
    /// The file does not allow it.
    #[error(transparent)]
    File(#[from] FileError),
    /// The edit itself failed.
    #[error("{}: {source}", path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// What the edit said.
        source: E,
    },
}

/// Where the lock of a file lives: in our state folder, named by a digest of the file's real path, so that nothing is
/// left beside the user's files and a symlink has the lock of what it points to.
pub fn lock_path(state_dir: &Path, file: &Path) -> PathBuf {
    let real = fs::canonicalize(file).or_else(|_| {
        let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::canonicalize(parent).map(|parent| parent.join(file.file_name().unwrap_or_default()))
    });
    let real = real.unwrap_or_else(|_| file.to_owned());
    let digest = Sha256::digest(real.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    state_dir.join("locks").join(format!("{name}.lock"))
}

/// Reads a file. One that is not there is an empty document.
pub fn read(path: &Path, kind: Kind) -> Result<Document, FileError> {
    let owned = || path.to_owned();
    match fs::read(path) {
        Ok(bytes) => {
            // Wiped when it goes: the file may hold keys.
            let bytes = zeroize::Zeroizing::new(bytes);
            Document::parse(kind, &bytes).map_err(|source| FileError::Syntax { path: owned(), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(FileError::DanglingLink { path: owned() });
            }
            Document::parse(kind, b"").map_err(|source| FileError::Syntax { path: owned(), source })
        }
        Err(_) if path.is_dir() => Err(FileError::Folder { path: owned() }),
        Err(source) => Err(FileError::Unreadable { path: owned(), source }),
    }
}

/// Edits a file: lock, read, `change`, guard, replace. Without a change nothing is written. `lock` is the path that
/// [`lock_path`] gives. Returns what `change` returned.
pub fn edit<T, E>(
    path: &Path,
    kind: Kind,
    lock: &Path,
    change: impl FnOnce(&mut Document) -> Result<T, E>,
) -> Result<T, EditError<E>> {
    let _lock = Lock::acquire(lock).map_err(|source| FileError::Lock { path: lock.to_owned(), source })?;
    let (result, text) = prepare(path, kind, change)?;
    if let Some(text) = text {
        replaceable(path)?;
        files::replace_users_file(path, text.expose().as_bytes())
            .map_err(|source| FileError::Write { path: path.to_owned(), source })?;
    }
    Ok(result)
}

/// Everything that [`edit`] does, but for the lock and the write: says before a code is spent whether the edit will
/// work. The same `change`, with values made up, is rehearsed on a copy.
pub fn check_writable<T, E>(
    path: &Path,
    kind: Kind,
    change: impl FnOnce(&mut Document) -> Result<T, E>,
) -> Result<T, EditError<E>> {
    replaceable(path)?;
    Ok(prepare(path, kind, change)?.0)
}

type Prepared<T> = (T, Option<crate::model::secret::Secret<String>>);

/// The result of a change and the new text, if it is a new one, as the guard let it pass.
fn prepare<T, E>(
    path: &Path,
    kind: Kind,
    change: impl FnOnce(&mut Document) -> Result<T, E>,
) -> Result<Prepared<T>, EditError<E>> {
    let mut document = read(path, kind)?;
    document.check_editable().map_err(|source| FileError::Unsafe { path: path.to_owned(), source })?;
    let old = document.to_text();
    let result = change(&mut document).map_err(|source| EditError::Edit { path: path.to_owned(), source })?;
    let new = document.to_text();
    if new == old {
        return Ok((result, None));
    }
    guard::check(kind, old.expose(), new.expose(), document.log())
        .map_err(|source| FileError::Refused { path: path.to_owned(), source })?;
    Ok((result, Some(new)))
}

fn replaceable(path: &Path) -> Result<(), FileError> {
    files::check_replaceable(path).map_err(|source| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::IsADirectory => FileError::Folder { path },
            io::ErrorKind::NotFound => FileError::DanglingLink { path },
            _ => FileError::ReadOnly { path, source },
        }
    })
}
