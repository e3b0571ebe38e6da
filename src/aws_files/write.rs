//! Reads and edits one file, and knows everything that can be wrong with it. Locks and other programs that write at the
//! same time are handled in `door`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use zeroize::Zeroizing;

use crate::files::{self, Expected, Fingerprint, Irreplaceable};
use crate::model::secret::Secret;

use super::AwsFile;
use super::document::{Document, UnsafeEdit};
use super::guard::{self, GuardError};
use super::syntax::SyntaxError;

/// What can be wrong with an AWS file. The file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// The path is a folder.
    #[error("{} is a folder", path.display())]
    Folder { path: PathBuf },
    /// A dangling symlink: its target may be on a disk that is not mounted.
    #[error("{} is a dangling symlink", path.display())]
    DanglingLink { path: PathBuf },
    /// A line cannot be read.
    #[error("{}, {source}", path.display())]
    Syntax {
        path: PathBuf,
        /// The line and the problem.
        source: SyntaxError,
    },
    /// The file can be read but not edited safely.
    #[error("{} cannot be edited safely: {source}", path.display())]
    Unsafe { path: PathBuf, source: UnsafeEdit },
    /// The file cannot be replaced: it is not a regular file, is read-only or belongs to another user, or its folder
    /// does not accept new files.
    #[error("{} cannot be replaced: {source}", path.display())]
    Irreplaceable { path: PathBuf, source: Irreplaceable },
    /// The file holds less than before: another program is writing it, or has removed something.
    #[error("{missing} was in {} a moment ago and has disappeared", path.display())]
    Shrunk { path: PathBuf, missing: String },
    /// Other programs keep writing the file and overwrite our change.
    #[error("another program keeps writing {}", path.display())]
    Contended { path: PathBuf },
    /// The lock cannot be taken; the error names it.
    #[error(transparent)]
    Lock(io::Error),
    /// The new content cannot be written, for example because the disk is full. The old content is in place.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// The edit's result is not what was intended.
    #[error("refused to write {}: {source}", path.display())]
    Refused {
        path: PathBuf,
        /// What would have gone wrong.
        source: GuardError,
    },
}

/// Why an edit failed.
#[derive(Debug, thiserror::Error)]
pub enum EditError<E> {
    /// The file cannot be edited.
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: {source}", path.display())]
    Edit { path: PathBuf, source: E },
}

/// A file that changed this recently may be half-written.
const LATELY: TimeDelta = TimeDelta::seconds(2);

/// A file as it was read.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) exists: bool,
    pub(super) document: Document,
    /// Its fingerprint, if every later write will change that.
    pub(super) fingerprint: Option<Fingerprint>,
}

impl Reading {
    /// Its content; `None` if it does not exist.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.exists.then(|| self.document.bytes())
    }

    pub(super) fn expected(&self) -> Expected<'_> {
        Expected { bytes: self.bytes(), fingerprint: self.fingerprint }
    }
}

/// Reads a file. A missing file is an empty document.
pub fn read(path: &Path, file: AwsFile) -> Result<Document, FileError> {
    Ok(read_content(path, file, None)?.1)
}

/// Reads a file, unless it certainly did not change since it was last `known`. It is parsed only if its content changed.
pub(super) fn read_whole(
    path: &Path,
    file: AwsFile,
    known: Option<&Reading>,
    now: DateTime<Utc>,
) -> Result<Reading, FileError> {
    let fingerprint = files::fingerprint(path);
    if let Some(known) = known.filter(|known| fingerprint.is_some() && known.fingerprint == fingerprint) {
        return Ok(known.clone());
    }
    let (exists, document) = read_content(path, file, known.map(|known| &known.document))?;
    // Two writes within one tick of the file system's clock leave the same fingerprint.
    Ok(Reading { exists, document, fingerprint: fingerprint.filter(|_| !changed_lately(path, now)) })
}

pub(super) fn changed_lately(path: &Path, now: DateTime<Utc>) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| (now - DateTime::<Utc>::from(at)).abs() < LATELY)
}

/// Whether the file exists, and its content.
fn read_content(path: &Path, file: AwsFile, known: Option<&Document>) -> Result<(bool, Document), FileError> {
    let owned = || path.to_owned();
    if let Some(known) = known.filter(|known| files::users_file_holds(path, known.bytes())) {
        return Ok((true, known.clone()));
    }
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
    Ok((exists, document))
}

pub(super) fn parse(path: &Path, file: AwsFile, bytes: Zeroizing<Vec<u8>>) -> Result<Document, FileError> {
    Document::parse_owned(file, bytes).map_err(|source| FileError::Syntax { path: path.to_owned(), source })
}

/// Changes a document that was just read.
pub(super) fn change<T, E>(
    path: &Path,
    document: &mut Document,
    change: impl FnOnce(&mut Document) -> Result<T, E>,
) -> Result<T, EditError<E>> {
    document.check_editable().map_err(|source| FileError::Unsafe { path: path.to_owned(), source })?;
    change(document).map_err(|source| EditError::Edit { path: path.to_owned(), source })
}

/// The new text of a changed document, after the guard has checked it; `None` if the text is the same.
pub(super) fn checked_text(path: &Path, document: &Document) -> Result<Option<Secret<String>>, FileError> {
    let text = document.is_changed().then(|| document.to_text());
    let Some(text) = text.filter(|text| text.expose() != document.text_before()) else { return Ok(None) };
    guard::check(document.text_before(), text.expose(), document.log())
        .map_err(|source| FileError::Refused { path: path.to_owned(), source })?;
    Ok(Some(text))
}

/// Checks whether the file can be replaced now.
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
