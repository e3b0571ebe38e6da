//! awsmfa's own files and folders: private, never reached through a link, limited in size, and owned by the right user.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::check::{LIMIT, check_file, check_folder, check_size};
use super::open::{folder_of, is_symlink_refusal, open_no_follow};
use super::owner::{self, own_folders};
use super::problem::{Doing, Oddity, at, is_odd, odd};
use super::replace::replace;
use super::temp;

/// Reads one of awsmfa's own files; `None` if it does not exist. An existing file that is not private is an error, and so is a
/// folder in which another user could swap it for another of the person's files.
pub fn read_own(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let read = read(path)?;
    if read.is_some() {
        check_folders(folder_of(path))?;
    }
    Ok(read)
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match open_no_follow(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_symlink_refusal(&error) => return Err(odd(path, Oddity::Link)),
        Err(error) => return Err(at(Doing::Read, path)(error)),
    };
    let metadata = file.metadata().map_err(at(Doing::Read, path))?;
    check_file(path, &metadata)?;
    let size = check_size(path, metadata.len())?;
    let mut bytes = Vec::with_capacity(size + 1);
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(at(Doing::Read, path))?;
    check_size(path, bytes.len() as u64)?;
    Ok(Some(bytes))
}

/// Reads one of awsmfa's own files that is not needed: if it is not private, it counts as missing, so that nobody can plant an
/// answer.
pub fn read_private(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match read(path) {
        Err(error) if is_odd(&error) => Ok(None),
        read => read,
    }
}

/// Writes one of awsmfa's own files: 0600 in 0700 folders, completely or not at all, on the disk when this returns.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    check_size(path, bytes.len() as u64)?;
    let folder = folder_of(path);
    own_dir(folder)?;
    // All files in such a folder are awsmfa's, but not all are written under a lock.
    temp::sweep(folder, temp::PREFIX, Some(temp::STALE));
    replace(path, bytes).map_err(at(Doing::Write, path))
}

/// Copies one of awsmfa's own files that is about to be replaced, because it is damaged, to `NAME.bad`. No older copy is
/// overwritten. Returns the copy; `None` if there is no file.
pub fn copy_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    let Some(bytes) = read_own(path)? else { return Ok(None) };
    for number in 1.. {
        let mut copy = path.as_os_str().to_owned();
        copy.push(if number == 1 { ".bad".to_owned() } else { format!(".bad-{number}") });
        let copy = PathBuf::from(copy);
        match read_own(&copy) {
            Ok(None) => write_private(&copy, &bytes)?,
            // An interrupted run has done this.
            Ok(Some(same)) if same == bytes => {}
            Ok(Some(_)) => continue,
            // Whatever it is, it is in the way.
            Err(error) if is_odd(&error) => continue,
            Err(error) => return Err(error),
        }
        return Ok(Some(copy));
    }
    unreachable!("there are more numbers than files")
}

/// Removes a file if it exists. Returns whether it did.
pub fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(at(Doing::Remove, path)(error)),
    }
}

/// The files in one of awsmfa's own folders; none if the folder does not exist.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(at(Doing::Read, folder))?.path())).collect(),
        // A file in place of a folder has nothing in it, either.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(at(Doing::Read, folder)(error)),
    }
}

/// Creates one of awsmfa's own folders if it is missing. A folder in which another user could replace files is an error.
pub(super) fn own_dir(path: &Path) -> io::Result<()> {
    private_dir(path)?;
    check_folders(path)
}

fn check_folders(path: &Path) -> io::Result<()> {
    own_folders(path).try_for_each(|folder| {
        let metadata = fs::metadata(folder).map_err(at(Doing::Read, folder))?;
        check_folder(folder, &metadata)
    })
}

/// Creates a folder and its parents, if they are missing, with mode 0700. They belong to the home's owner.
pub fn private_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = folder_of(path);
    if parent != path {
        private_dir(parent)?;
    }
    match create_private(path) {
        Ok(()) => give_folder(path).map_err(at(Doing::Create, path)),
        // Another process created it a moment ago.
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(at(Doing::Create, path)(error)),
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
