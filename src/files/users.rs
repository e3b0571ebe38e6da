//! The user's own files, which other programs write too. A file is replaced completely or not at all, and only if it still
//! holds what was read. Other programs do not use awsmfa's lock, so the replaced file stays open: what another program was
//! still writing into it can be read there.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::fingerprint::{Fingerprint, fingerprint_of};
use super::open::{folder_of, is_symlink_refusal, open_no_follow, resolve_links};
use super::own::private_dir;
use super::read::{LIMIT, holds, read_bounded};
use super::replace::sync_folder;
use super::swap::{Displaced, create, swap};
use super::temp::Probe;
use super::{owner, temp};

/// Why a file cannot be replaced, judged by the file and its folder.
#[derive(Debug, thiserror::Error)]
pub enum Irreplaceable {
    #[error("it is a folder")]
    Folder,
    /// A dangling symlink: it may point to a disk that is not mounted.
    #[error("it is a dangling symlink")]
    DanglingLink,
    /// A device, a FIFO or a socket, which a rename would turn into a file.
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    /// A bind mount, as `docker run -v FILE:FILE` creates it: it cannot be renamed over.
    #[error("it is a mount point")]
    MountPoint,
    #[error("it is marked immutable or append-only")]
    Immutable(PathBuf),
    /// It is marked read-only or belongs to another user, or its folder does not accept new files.
    #[error(transparent)]
    Denied(#[from] io::Error),
}

/// What [`replace_users_file`] did.
#[derive(Debug)]
pub enum Replaced {
    /// The new content is in place, with this fingerprint. The replaced file is still open; `None` if there was none.
    Yes(Option<Displaced>, Option<Fingerprint>),
    /// The file was not what was expected, and was left alone.
    Changed,
}

/// What a user's file is expected to hold.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `None`: the file does not exist.
    pub bytes: Option<&'a [u8]>,
    /// The file's fingerprint, if every write since it held this has changed that.
    pub fingerprint: Option<Fingerprint>,
}

impl<'a> Expected<'a> {
    /// This content, whatever the fingerprint.
    pub fn content(bytes: &'a [u8]) -> Self {
        Self { bytes: Some(bytes), fingerprint: None }
    }

    /// Whether the fingerprint alone proves that an open file is as expected.
    fn is_proved_by(&self, metadata: &fs::Metadata) -> bool {
        self.bytes.is_some() && self.fingerprint.is_some() && fingerprint_of(metadata) == self.fingerprint
    }
}

/// The content of a user's file; `None` if it does not exist.
pub fn read_users_file(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    match read_bounded(path, LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a user's file holds exactly this. It is read in pieces, without a copy of the whole content.
pub fn users_file_holds(path: &Path, expected: &[u8]) -> bool {
    let Ok(target) = resolve_links(path) else { return false };
    // Opening a FIFO would end the wait of the program that writes into it.
    fs::metadata(&target).is_ok_and(|found| found.is_file())
        && still_holds(&target, Expected::content(expected)).unwrap_or(false)
}

/// Removes what killed writes of the user's file at `path` left beside it. The caller must hold the lock under which the
/// file is written.
pub fn remove_leftovers(path: &Path) {
    if let Ok(target) = resolve_links(path) {
        temp::sweep(folder_of(&target), &temp::prefix_of(&target), None);
    }
}

/// Replaces a user's file that is still as `expected`. Symlinks are followed and kept. The file
/// keeps its owner, and its mode without access for others (a new file gets 0600). The old content stays until the new
/// content is on the disk, unless the write is `hurried`: then the new content is in place before it is on the disk.
pub fn replace_users_file(
    path: &Path,
    expected: Expected<'_>,
    bytes: &[u8],
    hurried: bool,
) -> io::Result<Replaced> {
    let target = resolve_links(path)?;
    let folder = folder_of(&target);
    private_dir(folder)?;
    let old = match fs::metadata(&target) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let temp = prepared(&target, folder, bytes, old.as_ref())?;
    if !hurried {
        temp.as_file().sync_all()?;
    }
    let file = temp.as_file().try_clone()?;
    // As late as possible: syncing may have taken long.
    if !still_holds(&target, expected)? {
        return Ok(Replaced::Changed);
    }
    // Before anyone else can change the file.
    let fingerprint = fingerprint_of(&file.metadata()?);
    let displaced =
        if old.is_some() { swap(temp, &target, expected.fingerprint)? } else { create(temp, &target)? };
    if hurried {
        file.sync_all()?;
    }
    sync_folder(folder)?;
    Ok(displaced.map_or(Replaced::Changed, |displaced| Replaced::Yes(displaced, fingerprint)))
}

/// Whether a file is regular and as expected.
fn still_holds(target: &Path, expected: Expected<'_>) -> io::Result<bool> {
    match (open_no_follow(target), expected.bytes) {
        (Ok(file), Some(bytes)) => {
            let metadata = file.metadata()?;
            Ok(metadata.is_file() && (expected.is_proved_by(&metadata) || holds(&file, bytes)?))
        }
        (Ok(_), None) => Ok(false),
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => Ok(expected.bytes.is_none()),
        (Err(error), _) if is_symlink_refusal(&error) => Ok(false),
        (Err(error), _) => Err(error),
    }
}

/// A temp file that is ready to replace the target.
fn prepared(
    target: &Path,
    folder: &Path,
    bytes: &[u8],
    old: Option<&fs::Metadata>,
) -> io::Result<NamedTempFile> {
    let mut temp = temp::of(target, folder)?;
    temp.write_all(bytes).map_err(|error| temp::without_name(&error))?;
    match old {
        Some(old) => take_over(temp.as_file(), old)?,
        None => owner::give(temp.as_file(), target)?,
    }
    Ok(temp)
}

/// Whether [`replace_users_file`] could replace the file at `path` now: it is a regular file that can be renamed over and is
/// not marked read-only, and a new file can be created in its folder and given to the file's owner. Leaves nothing behind.
pub fn check_replaceable(path: &Path) -> Result<(), Irreplaceable> {
    let target = match resolve_links(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // `<(…)` is a link to something without a path.
            fs::metadata(path).map_or(Ok(()), |found| check_kind(&found))?;
            return Err(Irreplaceable::DanglingLink);
        }
        target => target?,
    };
    let old = match fs::metadata(&target) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(old) = &old {
        check_kind(old)?;
        check_attributes(&target)?;
        // A rename would ignore this mark, but it was set on purpose.
        if is_marked_read_only(old) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is marked read-only").into());
        }
    }
    let folder =
        target.ancestors().skip(1).map(|f| if f.as_os_str().is_empty() { Path::new(".") } else { f });
    let Some(folder) = folder.into_iter().find(|folder| folder.exists()) else {
        return Err(io::Error::from(io::ErrorKind::NotFound).into());
    };
    let tried = Probe::of(&target, folder).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot create a file in its folder: {error}"))
    })?;
    Ok(old.map_or(Ok(()), |old| take_over(tried.file(), &old))?)
}

fn check_kind(metadata: &fs::Metadata) -> Result<(), Irreplaceable> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(Irreplaceable::Folder);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Err(Irreplaceable::NotRegular("a FIFO"));
        }
        if kind.is_socket() {
            return Err(Irreplaceable::NotRegular("a socket"));
        }
    }
    Err(Irreplaceable::NotRegular("a device"))
}

/// What makes a rename fail although permissions allow it.
#[cfg(target_os = "linux")]
fn check_attributes(target: &Path) -> Result<(), Irreplaceable> {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let attributes = |path: &Path| {
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS);
        // Before Linux 4.11, or in a sandbox that forbids it: then the write itself fails.
        found.map_or(StatxAttributes::empty(), |found| found.stx_attributes)
    };
    let own = attributes(target);
    if own.contains(StatxAttributes::MOUNT_ROOT) {
        return Err(Irreplaceable::MountPoint);
    }
    let fixed = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
    for (path, attributes) in [(target, own), (folder_of(target), attributes(folder_of(target)))] {
        if attributes.intersects(fixed) {
            return Err(Irreplaceable::Immutable(path.to_owned()));
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn check_attributes(_: &Path) -> Result<(), Irreplaceable> {
    Ok(())
}

/// Gives the new file the owner and mode of the file that it replaces.
fn take_over(file: &File, old: &fs::Metadata) -> io::Result<()> {
    keep_owner(file, old)?;
    let wanted = tightened(&old.permissions());
    match file.set_permissions(wanted.clone()) {
        // If modes cannot be changed, as on a Windows share, the mount decides them.
        Err(_) if !is_wider(&file.metadata()?.permissions(), &wanted) => Ok(()),
        done => done,
    }
}

/// Gives a file to the owner of the file that it replaces. Under `sudo`, or as root in a container, it would otherwise belong
/// to root, and the user could no longer read their own keys.
#[cfg(unix)]
fn keep_owner(file: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let new = file.metadata()?;
    if old.gid() != new.gid() {
        // The group has no access, so it does not matter if it cannot be kept.
        let _ = fchown(file, None, Some(old.gid()));
    }
    if old.uid() == new.uid() {
        return Ok(());
    }
    fchown(file, Some(old.uid()), None).map_err(|error| {
        io::Error::new(error.kind(), format!("it belongs to another user (uid {})", old.uid()))
    })
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// A mode without access for the group and others: the file is about to hold a session.
#[cfg(unix)]
fn tightened(permissions: &Permissions) -> Permissions {
    use std::os::unix::fs::PermissionsExt;
    Permissions::from_mode(permissions.mode() & 0o600)
}

#[cfg(not(unix))]
fn tightened(permissions: &Permissions) -> Permissions {
    permissions.clone()
}

#[cfg(unix)]
fn is_wider(mode: &Permissions, wanted: &Permissions) -> bool {
    use std::os::unix::fs::PermissionsExt;
    mode.mode() & 0o777 & !wanted.mode() != 0
}

#[cfg(not(unix))]
fn is_wider(_: &Permissions, _: &Permissions) -> bool {
    false
}

#[cfg(unix)]
fn is_marked_read_only(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o200 == 0
}

#[cfg(not(unix))]
fn is_marked_read_only(metadata: &fs::Metadata) -> bool {
    metadata.permissions().readonly()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::files::tests::{chmod, mode};
    use crate::files::write_private;
    use std::os::unix::fs::symlink;

    #[test]
    fn symlinks_and_stricter_modes_are_kept() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        write_private(&real, b"old").unwrap();
        symlink("real", &link).unwrap();
        for (before, after) in [(0o644, 0o600), (0o600, 0o600), (0o400, 0o400)] {
            chmod(&real, before);
            let expected = fs::read(&real).unwrap();
            let replaced = replace_users_file(&link, Expected::content(&expected), b"new", false).unwrap();
            assert!(matches!(replaced, Replaced::Yes(Some(_), _)));
            assert_eq!(mode(&real), after);
        }
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "no temp file is left");
    }

    #[test]
    fn file_keeps_its_owner_or_is_left_alone() {
        use std::os::unix::fs::{MetadataExt, chown};
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("credentials");
        write_private(&path, b"old").unwrap();
        // Only root can give files away; for anyone else, root's files belong to another user.
        if rustix::process::geteuid().is_root() {
            chown(&path, Some(1), Some(1)).unwrap();
            check_replaceable(&path).unwrap();
            replace_users_file(&path, Expected::content(b"old"), b"new", true).unwrap();
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!((metadata.uid(), metadata.gid(), mode(&path)), (1, 1, 0o600));
        } else {
            let theirs = fs::metadata("/").unwrap();
            let error = keep_owner(&File::open(&path).unwrap(), &theirs).unwrap_err();
            assert_eq!(error.to_string(), "it belongs to another user (uid 0)");
            replace_users_file(&path, Expected::content(b"old"), b"new", true).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn dangling_links_folders_and_read_only_files_are_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        let dangling = home.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        assert!(
            replace_users_file(&dangling, Expected { bytes: None, fingerprint: None }, b"x", false).is_err()
        );
        assert!(check_replaceable(&dangling).is_err());
        assert!(check_replaceable(home.path()).is_err());
        let marked = home.path().join("marked");
        write_private(&marked, b"x").unwrap();
        chmod(&marked, 0o400);
        assert!(check_replaceable(&marked).is_err());
        assert!(check_replaceable(&home.path().join("new/folder/file")).is_ok());
        assert!(!home.path().join("new").exists());
    }
}
