//! One file, one reading or one edit of it: what it holds, what a change makes of it, and everything that can be wrong
//! with it. Locks, and other programs that write at the same time, are the door's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::files::{self, Irreplaceable};
use crate::model::secret::Secret;

use super::AwsFile;
use super::document::{Document, UnsafeEdit};
use super::guard::{self, GuardError};
use super::syntax::SyntaxError;

/// What can be wrong with an AWS file. In every case it was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// A folder stands where the file should.
    #[error("{} is a folder", path.display())]
    Folder { path: PathBuf },
    /// A symlink to nothing: where it points to may be a disk that is not mounted.
    #[error("{} is a symlink to nothing", path.display())]
    DanglingLink { path: PathBuf },
    /// A line of it cannot be read.
    #[error("{}, {source}", path.display())]
    Syntax {
        path: PathBuf,
        /// The line and what is wrong with it.
        source: SyntaxError,
    },
    /// It can be read but not edited without harm.
    #[error("{} cannot be edited safely: {source}", path.display())]
    Unsafe { path: PathBuf, source: UnsafeEdit },
    /// It cannot be replaced: it is no regular file, is marked read-only or another user's, or its folder takes no new
    /// files.
    #[error("{} cannot be replaced: {source}", path.display())]
    Irreplaceable { path: PathBuf, source: Irreplaceable },
    /// It holds less than when it was read before: another program is writing it, or has removed something meanwhile.
    #[error("{missing} was in {} a moment ago and is gone", path.display())]
    Shrunk { path: PathBuf, missing: String },
    /// Other programs keep writing it, so that a change of ours does not stay.
    #[error("another program keeps writing {}", path.display())]
    Contended { path: PathBuf },
    /// The lock could not be taken; the error names it.
    #[error(transparent)]
    Lock(io::Error),
    /// The new content could not be written, as on a full disk. The old content is in place.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// Our own edit was not what was intended.
    #[error("refused to write {}: {source}", path.display())]
    Refused {
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
    #[error("{}: {source}", path.display())]
    Edit { path: PathBuf, source: E },
}

/// A file as it was read.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) exists: bool,
    pub(super) document: Document,
}

impl Reading {
    /// Its content; `None` if it does not exist.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.exists.then(|| self.document.bytes())
    }
}

/// Reads a file. One that does not exist is an empty document.
pub fn read(path: &Path, file: AwsFile) -> Result<Document, FileError> {
    Ok(read_whole(path, file, None)?.document)
}

/// Reads a file, and parses it unless it holds what the `known` document was read from.
pub(super) fn read_whole(path: &Path, file: AwsFile, known: Option<&Document>) -> Result<Reading, FileError> {
    let owned = || path.to_owned();
    let bytes = match files::read_users_file(path) {
        Ok(None) if fs::symlink_metadata(path).is_ok() => {
            return Err(FileError::DanglingLink { path: owned() });
        }
        Ok(bytes) => bytes,
        Err(_) if path.is_dir() => return Err(FileError::Folder { path: owned() }),
        Err(source) => return Err(FileError::Unreadable { path: owned(), source }),
    };
    let exists = bytes.is_some();
    let bytes = bytes.unwrap_or_default();
    let document = match known.filter(|known| known.bytes() == bytes.as_slice()) {
        Some(known) => known.clone(),
        None => parse(path, file, bytes)?,
    };
    Ok(Reading { exists, document })
}

pub(super) fn parse(path: &Path, file: AwsFile, bytes: Zeroizing<Vec<u8>>) -> Result<Document, FileError> {
    Document::parse_owned(file, bytes).map_err(|source| FileError::Syntax { path: path.to_owned(), source })
}

/// Makes a change in a document that was just read.
pub(super) fn change<T, E>(
    path: &Path,
    document: &mut Document,
    change: impl FnOnce(&mut Document) -> Result<T, E>,
) -> Result<T, EditError<E>> {
    document.check_editable().map_err(|source| FileError::Unsafe { path: path.to_owned(), source })?;
    change(document).map_err(|source| EditError::Edit { path: path.to_owned(), source })
}

/// The text of a changed document, if it is a new one, once the guard has compared it with what was intended.
pub(super) fn checked_text(path: &Path, document: &Document) -> Result<Option<Secret<String>>, FileError> {
    let text = document.is_changed().then(|| document.to_text());
    let Some(text) = text.filter(|text| text.expose() != document.text_before()) else { return Ok(None) };
    guard::check(document.text_before(), text.expose(), document.log())
        .map_err(|source| FileError::Refused { path: path.to_owned(), source })?;
    Ok(Some(text))
}

/// Whether the file can be replaced now, found by looking.
pub(super) fn check_replaceable(path: &Path) -> Result<(), FileError> {
    files::check_replaceable(path).map_err(|source| {
        let path = path.to_owned();
        match source {
            Irreplaceable::Folder => FileError::Folder { path },
            Irreplaceable::DanglingLink => FileError::DanglingLink { path },
            source => FileError::Irreplaceable { path, source },
        }
    })
}
