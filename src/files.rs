//! Files as awsmfa treats them: private ones of our own, and writes that are whole or did not happen. Locks are in
//! `lock`, temp files in `temp`.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

mod lock;
mod temp;

pub use lock::Lock;

/// What identifies a state of a file for the fast path: any write changes at least one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Modification time in nanoseconds since 1970.
    pub modified_ns: i128,
    /// Size in bytes.
    pub size: u64,
    /// Inode number; 0 where there are none.
    pub inode: u64,
}

/// The fingerprint of the file at `path`, symlinks followed; `None` when there is nothing to be seen.
pub fn fingerprint(path: &Path) -> Option<Fingerprint> {
    let metadata = fs::metadata(path).ok()?;
    let modified_ns = match metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).ok()?,
        Err(before) => -i128::try_from(before.duration().as_nanos()).ok()?,
    };
    Some(Fingerprint { modified_ns, size: metadata.len(), inode: inode(&metadata) })
}

/// Reads a file of our own. `None` if it is not there, or not ours alone: another owner's, readable by others, or not
/// a regular file. Such a file is treated as missing, so that nobody can plant an answer.
pub fn read_private(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = match open_no_follow(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_symlink_refusal(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || !is_private(&metadata) {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Writes a file of our own: 0600 in 0700 folders, whole or not at all, on the disk when this returns.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    private_dir(folder)?;
    // All files of such a folder are ours, but not all are written under a lock.
    temp::sweep(folder, temp::PREFIX, Some(temp::STALE));
    replace(path, bytes, None)
}

/// A short name for something whose own name would not do as a file's: 32 hexadecimal digits of its SHA-256.
pub fn digest(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Removes a file; that it is not there is no error. Returns whether it was.
pub fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a folder and those above it, where missing, with mode 0700.
pub fn private_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Removes what killed writes of the user's file at `path` left beside it. Only for whoever holds the lock under which
/// the file is written.
pub fn remove_leftovers(path: &Path) {
    if let Ok(target) = resolve_links(path) {
        temp::sweep(folder_of(&target), &temp::prefix_of(&target), None);
    }
}

/// Replaces a file of the user's: symlinks are followed to the end and kept, so is the owner, and the mode without what it
/// grants to others (a new file gets 0600); the old content stays until the new is on the disk.
pub fn replace_users_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = resolve_links(path)?;
    let folder = folder_of(&target);
    private_dir(folder)?;
    let old = match fs::metadata(&target) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    replace(&target, bytes, old.as_ref())
}

/// Whether [`replace_users_file`] could replace the file at `path` now: its folder takes a new file, which can be given to
/// the file's owner, and the file itself is not marked read-only. Leaves nothing behind.
pub fn check_replaceable(path: &Path) -> io::Result<()> {
    let target = resolve_links(path)?;
    let old = match fs::metadata(&target) {
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // A rename would get past this mark; the person who set it meant it.
        Ok(metadata) if is_marked_read_only(&metadata) => {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is marked read-only"));
        }
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut folder = target.as_path();
    while let Some(parent) = folder.parent() {
        folder = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        if folder.exists() {
            let tried = temp::of(&target, folder).map_err(|error| {
                io::Error::new(error.kind(), format!("its folder takes no new file: {error}"))
            })?;
            return old.map_or(Ok(()), |old| keep_owner(tried.as_file(), &old));
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Writes a secret to a path that the person chose: 0600, whole or not at all. No folder is made. A file that is there
/// stays, with `AlreadyExists`, unless `replace`; anything but a regular file stays in any case.
pub fn write_chosen(path: &Path, bytes: &[u8], replace: bool) -> io::Result<()> {
    check_chosen(path, replace)?;
    let target = resolve_links(path)?;
    let folder = folder_of(&target);
    temp::sweep(folder, &temp::prefix_of(&target), Some(temp::STALE));
    let mut temp = temp::of(&target, folder)?;
    temp.write_all(bytes).map_err(|error| without_temp_name(&error))?;
    temp.as_file().sync_all()?;
    match replace {
        true => persist(temp, &target)?,
        // Whoever made a file of that name in the meantime keeps it.
        false => temp.persist_noclobber(&target).map(drop).map_err(|e| e.error)?,
    }
    sync_folder(folder)
}

/// Whether [`write_chosen`] could write now. Leaves nothing behind.
pub fn check_chosen(path: &Path, replace: bool) -> io::Result<()> {
    let target = resolve_links(path)?;
    match fs::metadata(&target) {
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // A rename would put a file in the place of `/dev/stdout`.
        Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is not a regular file")),
        Ok(_) if !replace => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    temp::of(&target, folder_of(&target)).map(drop)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// tempfile's errors end with the path of a file that is no more, under a random name.
fn without_temp_name(error: &io::Error) -> io::Error {
    let text = error.to_string();
    io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or_default())
}

/// The end of a chain of symlinks, whether or not something is there. A dangling link is an error: where it points to
/// may be a disk that is not mounted.
fn resolve_links(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(target) => Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::symlink_metadata(path) {
            Ok(_) => Err(io::Error::new(io::ErrorKind::NotFound, "it is a symlink to nothing")),
            Err(_) => Ok(path.to_owned()),
        },
        Err(error) => Err(error),
    }
}

/// Temp file beside the target, fsync, rename, fsync of the folder. The owner and the mode are those of `old`.
fn replace(target: &Path, bytes: &[u8], old: Option<&fs::Metadata>) -> io::Result<()> {
    let folder = folder_of(target);
    let mut temp = temp::of(target, folder)?;
    temp.write_all(bytes).map_err(|error| without_temp_name(&error))?;
    if let Some(old) = old {
        keep_owner(temp.as_file(), old)?;
        temp.as_file().set_permissions(tightened(&old.permissions()))?;
    }
    temp.as_file().sync_all()?;
    persist(temp, target)?;
    sync_folder(folder)
}

#[cfg(not(windows))]
fn persist(temp: tempfile::NamedTempFile, target: &Path) -> io::Result<()> {
    temp.persist(target).map(drop).map_err(|e| e.error)
}

/// A reader or a virus scanner may have the target open for a moment, which makes the rename fail on Windows.
#[cfg(windows)]
fn persist(mut temp: tempfile::NamedTempFile, target: &Path) -> io::Result<()> {
    use crate::clock::{Clock, SystemClock};
    for attempt in 0u32.. {
        match temp.persist(target) {
            Ok(_) => break,
            Err(e) if attempt < 10 && e.error.kind() == io::ErrorKind::PermissionDenied => {
                temp = e.file;
                SystemClock.sleep(std::time::Duration::from_millis(10 << attempt.min(6)));
            }
            Err(e) => return Err(e.error),
        }
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "opened for reading only")]
fn open_no_follow(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        // Not following a planted symlink, not hanging on a planted pipe.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    options.open(path)
}

#[cfg(unix)]
fn is_symlink_refusal(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_symlink_refusal(_: &io::Error) -> bool {
    false
}

#[cfg(unix)]
fn is_private(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o077 == 0 && metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Windows keeps a user's profile folder to that user.
#[cfg(not(unix))]
fn is_private(_: &fs::Metadata) -> bool {
    true
}

#[cfg(unix)]
fn is_marked_read_only(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o200 == 0
}

#[cfg(not(unix))]
fn is_marked_read_only(metadata: &fs::Metadata) -> bool {
    metadata.permissions().readonly()
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
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

/// A file that was renamed or removed is so for good only once its folder is on the disk. Windows has no such call and
/// needs none.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn private_files_are_private() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/file");
        write_private(&path, b"one").unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(read_private(&path).unwrap(), Some(b"one".to_vec()));
        chmod(&path, 0o640);
        assert_eq!(read_private(&path).unwrap(), None, "readable by the group");
        assert_eq!(read_private(&home.path().join("missing")).unwrap(), None);
        let link = home.path().join("link");
        chmod(&path, 0o600);
        symlink(&path, &link).unwrap();
        assert_eq!(read_private(&link).unwrap(), None, "a symlink");
    }

    #[test]
    fn users_files_keep_symlinks_and_stricter_modes() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        write_private(&real, b"old").unwrap();
        symlink("real", &link).unwrap();
        for (before, after) in [(0o644, 0o600), (0o600, 0o600), (0o400, 0o400)] {
            chmod(&real, before);
            replace_users_file(&link, b"new").unwrap();
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
            replace_users_file(&path, b"new").unwrap();
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!((metadata.uid(), metadata.gid(), mode(&path)), (1, 1, 0o600));
        } else {
            let theirs = fs::metadata("/").unwrap();
            let error = keep_owner(&File::open(&path).unwrap(), &theirs).unwrap_err();
            assert_eq!(error.to_string(), "it belongs to another user (uid 0)");
            replace_users_file(&path, b"new").unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn dangling_links_folders_and_read_only_marks_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let dangling = home.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        assert!(replace_users_file(&dangling, b"x").is_err());
        assert!(check_replaceable(&dangling).is_err());
        assert!(check_replaceable(home.path()).is_err());
        let marked = home.path().join("marked");
        write_private(&marked, b"x").unwrap();
        chmod(&marked, 0o400);
        assert!(check_replaceable(&marked).is_err());
        assert!(check_replaceable(&home.path().join("new/folder/file")).is_ok());
        assert!(!home.path().join("new").exists());
    }

    #[test]
    fn chosen_files_are_private_and_replaced_only_when_told() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("qr.png");
        write_chosen(&path, b"one", false).unwrap();
        assert_eq!(mode(&path), 0o600);
        let kind = |result: io::Result<()>| result.unwrap_err().kind();
        assert_eq!(kind(write_chosen(&path, b"two", false)), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        chmod(&path, 0o644);
        write_chosen(&path, b"two", true).unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"two".to_vec()));
        assert_eq!(kind(write_chosen(&home.path().join("no/qr.png"), b"x", true)), io::ErrorKind::NotFound);
        assert!(write_chosen(Path::new("/dev/null"), b"x", true).is_err());
        assert_eq!(kind(write_chosen(home.path(), b"x", true)), io::ErrorKind::IsADirectory);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no temp file stays, no folder is made");
    }

    #[test]
    fn fingerprints_change_with_every_write() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        assert_eq!(fingerprint(&path), None);
        write_private(&path, b"one").unwrap();
        let before = fingerprint(&path);
        assert_eq!(fingerprint(&path), before);
        write_private(&path, b"two").unwrap();
        assert_ne!(fingerprint(&path), before);
    }
}
