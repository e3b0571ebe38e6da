//! The user's own files, which other programs write, too: replaced whole or not at all, and only if they are still what
//! was read. Nobody else takes our lock, so the file that was replaced is kept open: what another program was still
//! writing into it can be seen there.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::swap::{Displaced, create, swap};
use super::{
    Fingerprint, LIMIT, fingerprint_of, folder_of, owner, private_dir, read_bounded, resolve_links,
    sync_folder, temp, without_temp_name,
};

/// Why a file cannot be replaced, found by looking at it and at its folder.
#[derive(Debug, thiserror::Error)]
pub enum Irreplaceable {
    #[error("it is a folder")]
    Folder,
    /// A symlink to nothing: where it points to may be a disk that is not mounted.
    #[error("it is a symlink to nothing")]
    DanglingLink,
    /// A device, a FIFO or a socket, which a rename would turn into a file.
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    /// A bind mount, as `docker run -v FILE:FILE` creates: a rename over it fails.
    #[error("it is mounted by itself")]
    MountPoint,
    #[error("it is marked immutable or append-only")]
    Immutable(PathBuf),
    /// It is marked read-only or belongs to another user, or its folder takes no new files.
    #[error(transparent)]
    Denied(#[from] io::Error),
}

/// What [`replace_users_file`] did.
#[derive(Debug)]
pub enum Replaced {
    /// The new content is in place, with this fingerprint. The file that it replaced is still open; `None` where there
    /// was none.
    Yes(Option<Displaced>, Option<Fingerprint>),
    /// The file was not what was expected, and was left alone.
    Changed,
}

/// The content of a user's file; `None` if it does not exist.
pub fn read_users_file(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    match read_bounded(path, LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes what killed writes of the user's file at `path` left beside it. Only for whoever holds the lock under which
/// the file is written.
pub fn remove_leftovers(path: &Path) {
    if let Ok(target) = resolve_links(path) {
        temp::sweep(folder_of(&target), &temp::prefix_of(&target), None);
    }
}

/// Replaces a file of the user's that still holds `expected` (`None`: that does not exist yet). Symlinks are followed to
/// the end and kept, so is the owner, and the mode without what it grants to others (a new file gets 0600); the old
/// content stays until the new is on the disk, unless it is `hurried`: then the new is in place before it is on the disk.
pub fn replace_users_file(
    path: &Path,
    expected: Option<&[u8]>,
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
    // As late as can be: the disk may have taken its time.
    if read_users_file(&target)?.as_deref().map(Vec::as_slice) != expected {
        return Ok(Replaced::Changed);
    }
    // Taken before anyone else can touch it.
    let fingerprint = fingerprint_of(&file.metadata()?);
    let displaced = if old.is_some() { swap(temp, &target)? } else { create(temp, &target)? };
    if hurried {
        file.sync_all()?;
    }
    sync_folder(folder)?;
    Ok(displaced.map_or(Replaced::Changed, |displaced| Replaced::Yes(displaced, fingerprint)))
}

/// A temp file that is ready to take the target's place.
fn prepared(
    target: &Path,
    folder: &Path,
    bytes: &[u8],
    old: Option<&fs::Metadata>,
) -> io::Result<NamedTempFile> {
    let mut temp = temp::of(target, folder)?;
    temp.write_all(bytes).map_err(|error| without_temp_name(&error))?;
    match old {
        Some(old) => take_over(temp.as_file(), old)?,
        None => owner::give(temp.as_file(), target)?,
    }
    Ok(temp)
}

/// Whether [`replace_users_file`] could replace the file at `path` now: it is a regular file that can be renamed over and
/// is not marked read-only, and its folder takes a new file, which can be given to the file's owner. Leaves nothing
/// behind.
pub fn check_replaceable(path: &Path) -> Result<(), Irreplaceable> {
    let target = match resolve_links(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // `<(…)` is a link to something that has no path.
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
        // A rename would get past this mark; the person who set it meant it.
        if is_marked_read_only(old) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is marked read-only").into());
        }
    }
    let folder =
        target.ancestors().skip(1).map(|f| if f.as_os_str().is_empty() { Path::new(".") } else { f });
    let Some(folder) = folder.into_iter().find(|folder| folder.exists()) else {
        return Err(io::Error::from(io::ErrorKind::NotFound).into());
    };
    let tried = temp::of(&target, folder)
        .map_err(|error| io::Error::new(error.kind(), format!("its folder takes no new file: {error}")))?;
    Ok(old.map_or(Ok(()), |old| take_over(tried.as_file(), &old))?)
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

/// What makes a rename fail though everything else allows it.
#[cfg(target_os = "linux")]
fn check_attributes(target: &Path) -> Result<(), Irreplaceable> {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let attributes = |path: &Path| {
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS);
        // Before Linux 4.11, or forbidden by a sandbox: the write itself will tell.
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

/// Gives the new file the owner and the mode of the one that it replaces.
fn take_over(file: &File, old: &fs::Metadata) -> io::Result<()> {
    keep_owner(file, old)?;
    let wanted = tightened(&old.permissions());
    match file.set_permissions(wanted.clone()) {
        // Where modes cannot be changed, as on a Windows share, they are the mount's.
        Err(_) if !is_wider(&file.metadata()?.permissions(), &wanted) => Ok(()),
        done => done,
    }
}

/// Gives a file to the owner of the one that it replaces. Under `sudo`, or as a container's root, it would else be root's,
/// and its owner could not read their own keys any more.
#[cfg(unix)]
fn keep_owner(file: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let new = file.metadata()?;
    if old.gid() != new.gid() {
        // The mode grants the group nothing, so a group that cannot be kept is no loss.
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

/// A mode without what it grants to group and others: the file is about to hold a session.
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
    use crate::files::write_private;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn users_files_keep_symlinks_and_stricter_modes() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        write_private(&real, b"old").unwrap();
        symlink("real", &link).unwrap();
        for (before, after) in [(0o644, 0o600), (0o600, 0o600), (0o400, 0o400)] {
            chmod(&real, before);
            let expected = fs::read(&real).unwrap();
            let replaced = replace_users_file(&link, Some(&expected), b"new", false).unwrap();
            assert!(matches!(replaced, Replaced::Yes(Some(_), _)));
            assert_eq!(mode(&real), after);
        }
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "no temp file stays");
    }

    #[test]
    fn a_file_stays_its_owners_or_is_left_alone() {
        use std::os::unix::fs::{MetadataExt, chown};
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("credentials");
        write_private(&path, b"old").unwrap();
        // Only root can give files away; to anyone else, root's files are another's.
        if rustix::process::geteuid().is_root() {
            chown(&path, Some(1), Some(1)).unwrap();
            check_replaceable(&path).unwrap();
            replace_users_file(&path, Some(b"old"), b"new", true).unwrap();
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!((metadata.uid(), metadata.gid(), mode(&path)), (1, 1, 0o600));
        } else {
            let theirs = fs::metadata("/").unwrap();
            let error = keep_owner(&File::open(&path).unwrap(), &theirs).unwrap_err();
            assert_eq!(error.to_string(), "it belongs to another user (uid 0)");
            replace_users_file(&path, Some(b"old"), b"new", true).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn dangling_links_folders_and_read_only_marks_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let dangling = home.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        assert!(replace_users_file(&dangling, None, b"x", false).is_err());
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
