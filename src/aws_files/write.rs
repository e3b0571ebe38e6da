//! From the disk and back: the files are read whole, edited under a lock, checked by the guard and replaced whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
    /// The file is marked read-only or another user's, or its folder takes no new files.
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
    // As far as the path is there: it must have the same lock before and after the file is made.
    let real = file.ancestors().find_map(|ancestor| {
        let there = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
        let rest = file.strip_prefix(ancestor).ok()?;
        let real = fs::canonicalize(there).ok()?;
        Some(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
    });
    let real = real.unwrap_or_else(|| file.to_owned());
    let name = files::digest(real.as_os_str().as_encoded_bytes());
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

/// Edits a file: lock, read, `change`, guard, replace. Without a change nothing is written, but what killed writes left
/// goes. `lock` is the path that [`lock_path`] gives. Returns what `change` returned.
pub fn edit<T, E>(
    path: &Path,
    kind: Kind,
    lock: &Path,
    change: impl FnOnce(&mut Document) -> Result<T, E>,
) -> Result<T, EditError<E>> {
    let _lock = Lock::acquire(lock).map_err(|source| FileError::Lock { path: lock.to_owned(), source })?;
    files::remove_leftovers(path);
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
    guard::check(old.expose(), new.expose(), document.log())
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn set(document: &mut Document) -> Result<bool, UnsafeEdit> {
        document.set("dev", "k", "v")
    }

    /// A folder with a file of this content, and the lock of it.
    fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("credentials");
        files::write_private(&path, content).unwrap();
        let lock = lock_path(&home.path().join("state"), &path);
        (home, path, lock)
    }

    #[test]
    fn what_cannot_be_edited_is_named_and_left_alone() {
        for (content, expected) in [
            (&b"\xef\xbb\xbf[a]\n"[..], "line 1: the file starts with a UTF-8 byte order mark"),
            (b"[a]\nk = \xff\n", "line 2: not UTF-8"),
            (b"[a]\n\nk = \0\n", "line 3: a NUL byte"),
            (b"[a]\rk = v\r", "line 1: a carriage return"),
            (b"[a]\nk: v\n", "line 2: `:` where `=` is needed"),
            (b"[a]\n[a]\n", "section [a] appears twice, on lines 1 and 2"),
        ] {
            let (_home, path, lock) = file(content);
            let error = edit(&path, Kind::Credentials, &lock, set).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("credentials"), "{error}");
            assert!(check_writable(&path, Kind::Credentials, set).is_err());
            assert_eq!(fs::read(&path).unwrap(), content);
        }
    }

    #[test]
    fn folders_marks_and_dangling_links_are_told_apart() {
        let (home, path, lock) = file(b"[a]\n");
        let fails = |path: &Path| match edit(path, Kind::Credentials, &lock, set) {
            Err(EditError::File(error)) => error,
            other => panic!("{other:?}"),
        };
        assert!(matches!(fails(home.path()), FileError::Folder { .. }));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(matches!(fails(&path), FileError::ReadOnly { .. }));
        let link = home.path().join("link");
        symlink("nowhere", &link).unwrap();
        assert!(matches!(fails(&link), FileError::DanglingLink { .. }));
        assert!(matches!(fails(&path.join("x")), FileError::Unreadable { .. }));
    }

    #[test]
    fn a_link_and_its_target_have_one_lock() {
        let (home, path, lock) = file(b"");
        let link = home.path().join("link");
        symlink(&path, &link).unwrap();
        let state = home.path().join("state");
        assert_eq!(lock_path(&state, &link), lock);
        assert_ne!(lock_path(&state, &home.path().join("config")), lock);
        let before = lock_path(&state, &home.path().join("new"));
        files::write_private(&home.path().join("new"), b"").unwrap();
        assert_eq!(lock_path(&state, &home.path().join("new")), before, "the same before the file is there");
        let deep = home.path().join("real/aws/credentials");
        symlink(home.path().join("real"), home.path().join("alias")).unwrap();
        files::private_dir(&home.path().join("real")).unwrap();
        let before = lock_path(&state, &home.path().join("alias/aws/credentials"));
        files::write_private(&deep, b"").unwrap();
        assert_eq!(lock_path(&state, &deep), before, "the same before its folder is there");
    }

    #[test]
    fn an_edit_that_does_not_fit_its_log_is_refused() {
        let (_home, path, lock) = file(b"[a]\nk = v\nx = y\n");
        let broken = |document: &mut Document| {
            document.lines.remove(1);
            Ok::<(), Infallible>(())
        };
        let error = edit(&path, Kind::Credentials, &lock, broken).unwrap_err();
        assert!(matches!(error, EditError::File(FileError::Refused { .. })), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"[a]\nk = v\nx = y\n");
    }

    #[test]
    fn concurrent_edits_do_not_lose_each_other() {
        let (_home, path, lock) = file(b"# top\n");
        std::thread::scope(|scope| {
            for index in 0..8 {
                let (path, lock) = (&path, &lock);
                scope.spawn(move || {
                    edit(path, Kind::Credentials, lock, |d| d.set(&format!("s{index}"), "k", "v")).unwrap();
                });
            }
        });
        assert_eq!(read(&path, Kind::Credentials).unwrap().sections().len(), 8);
    }
}
