//! Who can use a file, and what killed writes left behind.

use std::fs::{self, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::check::{check_file, check_folder};
use super::open::{folder_of, resolve_links};
use super::own::{list, read_private};
use super::problem::{Doing, Oddity, at, is_odd, odd};
use super::temp::{self, Probe};

/// What is wrong in one of awsmfa's own folders: files that others can read, links, other users' files. Each error is a
/// [`Problem`](super::Problem) with its path.
pub fn check_own(folder: &Path) -> Vec<io::Error> {
    if folder.is_file() {
        return vec![odd(folder, Oddity::NotFolder)];
    }
    let mut wrong = Vec::new();
    look(folder, &mut wrong);
    wrong
}

fn look(path: &Path, wrong: &mut Vec<io::Error>) {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return wrong.push(at(Doing::Read, path)(error)),
    };
    if metadata.is_symlink() {
        // People keep these folders elsewhere; a file behind a link is refused.
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {}
            _ => return wrong.push(odd(path, Oddity::Link)),
        }
    }
    if !path.is_dir() {
        return wrong.extend(check_file(path, &metadata).err());
    }
    let checked =
        fs::metadata(path).map_err(at(Doing::Read, path)).and_then(|found| check_folder(path, &found));
    wrong.extend(checked.err());
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| look(&entry.path(), wrong)),
        Err(error) => wrong.push(at(Doing::Read, path)(error)),
    }
}

/// Whether a user's file or folder belongs to the user and is closed to others: to reading with `secret`, otherwise to
/// writing by everyone. One that does not exist is.
pub fn check_users(path: &Path, secret: bool) -> io::Result<()> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(Doing::Read, path)(error)),
    };
    // What is neither is another check's finding.
    match (metadata.is_dir(), metadata.is_file()) {
        (false, true) if secret => check_file(path, &metadata),
        (false, true) => check_writable(path, &metadata),
        (true, _) => check_folder(path, &metadata),
        _ => Ok(()),
    }
}

/// The same as for a folder.
fn check_writable(path: &Path, metadata: &Metadata) -> io::Result<()> {
    match check_file(path, metadata) {
        Err(error) if is_shared(&error) && !is_writable_by_all(metadata) => Ok(()),
        Err(error) if is_shared(&error) => Err(odd(path, Oddity::Writable)),
        checked => checked,
    }
}

fn is_shared(error: &io::Error) -> bool {
    is_odd(error) && matches!(super::problem(error), Some(super::Problem::Odd { oddity: Oddity::Shared, .. }))
}

#[cfg(unix)]
fn is_writable_by_all(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o002 != 0
}

#[cfg(not(unix))]
fn is_writable_by_all(_: &Metadata) -> bool {
    false
}

/// Keeps all other users out of a file or folder. Links are followed.
pub fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_err(at(Doing::Read, path))?.permissions().mode() & 0o700;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(at(Doing::Protect, path))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The JSON files in one of awsmfa's own folders with content that is not `sound`.
pub fn damaged(folder: &Path, is_sound: impl Fn(&[u8]) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut damaged = Vec::new();
    for path in list(folder)? {
        if path.extension().is_some_and(|extension| extension == "json")
            && read_private(&path)?.is_some_and(|bytes| !is_sound(&bytes))
        {
            damaged.push(path);
        }
    }
    damaged.sort();
    Ok(damaged)
}

/// The temp files of killed writes in a folder. A write that may still run does not count.
pub fn leftovers(folder: &Path, now: DateTime<Utc>) -> Vec<PathBuf> {
    let is_left = |entry: &fs::DirEntry| {
        entry.file_name().as_encoded_bytes().starts_with(temp::PREFIX.as_bytes())
            && entry.metadata().is_ok_and(|found| {
                let old = found.modified().is_ok_and(|at| DateTime::<Utc>::from(at) < now - temp::STALE);
                old && check_file(&entry.path(), &found).is_ok()
            })
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.filter(is_left).map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// A folder and all folders in it; links are not followed.
pub fn folders(folder: &Path) -> Vec<PathBuf> {
    if !fs::metadata(folder).is_ok_and(|found| found.is_dir()) {
        return Vec::new();
    }
    let mut all = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(folders(&entry.path()));
        }
    }
    all
}

/// The folder of a user's file, where its temp files are: that of the target, if the file is a link.
pub fn folder_of_target(path: &Path) -> Option<PathBuf> {
    resolve_links(path).ok().map(|target| folder_of(&target).to_owned())
}

/// Whether files can be written in a folder or, if it does not exist, whether it could be created. Leaves nothing behind.
pub fn check_writable_folder(folder: &Path) -> io::Result<()> {
    let exists = |path: &&Path| fs::symlink_metadata(path).is_ok();
    let Some(folder) = folder.ancestors().find(exists) else { return Ok(()) };
    if !folder.is_dir() {
        return Err(odd(folder, Oddity::NotFolder));
    }
    let write = || {
        // More than a file system keeps beside a file's name.
        let probe = Probe::of(&folder.join("probe"), folder)?;
        probe.file().write_all(&[0; 4096]).map_err(|error| temp::without_name(&error))
    };
    write().map_err(at(Doing::Write, folder))
}

/// Whether there is nothing at a path, not even a link.
pub fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Whether a path is a program that this user could run.
pub fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && has_execute_bit(&found))
}

#[cfg(unix)]
fn has_execute_bit(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o111 != 0
}

#[cfg(not(unix))]
fn has_execute_bit(_: &Metadata) -> bool {
    true
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::super::tests::{chmod, mode};
    use super::super::write_private;
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn own_folder_is_checked_with_all_that_is_in_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("awsmfa");
        assert!(check_own(&folder).is_empty(), "it does not exist");
        for file in ["a", "sub/b"] {
            write_private(&folder.join(file), b"").unwrap();
        }
        assert!(check_own(&folder).is_empty());
        chmod(&folder.join("sub/b"), 0o640);
        chmod(&folder, 0o777);
        symlink("/etc/passwd", folder.join("link")).unwrap();
        let mut wrong: Vec<String> = check_own(&folder).iter().map(ToString::to_string).collect();
        wrong.sort();
        let at = |path: &str| format!("`{}", folder.join(path).display());
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong[0].starts_with(&at("link")) && wrong[0].ends_with("is a symlink"), "{wrong:?}");
        assert!(wrong[1].starts_with(&at("sub/b")), "{wrong:?}");
        assert!(wrong[2].ends_with("awsmfa` is writable by every user"), "{wrong:?}");
        make_private(&folder.join("sub/b")).unwrap();
        make_private(&folder).unwrap();
        assert_eq!((mode(&folder), mode(&folder.join("sub/b"))), (0o700, 0o600));
    }

    #[test]
    fn users_files_may_be_readable_unless_they_hold_secrets() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config");
        assert!(check_users(&file, true).is_ok(), "it does not exist");
        write_private(&file, b"").unwrap();
        for (mode, secret, other) in [(0o600, true, true), (0o644, false, true), (0o666, false, false)] {
            chmod(&file, mode);
            assert_eq!(
                (check_users(&file, true).is_ok(), check_users(&file, false).is_ok()),
                (secret, other)
            );
        }
    }
}
