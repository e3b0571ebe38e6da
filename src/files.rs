//! Files as awsmfa treats them: private ones of our own (`own`), and writes that are whole or did not happen. What a
//! person names is read in `read` and replaced in `users`. Locks are in `lock`, temp files in `temp`; `owner` knows whose files are whose, and `problem` how a path can fail us.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

mod busy;
mod descriptors;
mod lock;
mod own;
mod owner;
mod problem;
mod read;
mod swap;
mod temp;
mod users;

pub use descriptors::check_descriptors;
pub use lock::Lock;
pub use own::{list, private_dir, read_own, read_private, write_private};
pub use owner::taken;
pub use problem::{Oddity, Problem, problem};
pub use read::{LIMIT, read_bounded};
pub use swap::Displaced;
pub use temp::remove_all as remove_temp_files;
pub use users::{
    Irreplaceable, Replaced, check_replaceable, read_users_file, remove_leftovers, replace_users_file,
};

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
    fingerprint_of(&fs::metadata(path).ok()?)
}

fn fingerprint_of(metadata: &fs::Metadata) -> Option<Fingerprint> {
    let modified_ns = match metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).ok()?,
        Err(before) => -i128::try_from(before.duration().as_nanos()).ok()?,
    };
    Some(Fingerprint { modified_ns, size: metadata.len(), inode: inode(metadata) })
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
        Err(error) => Err(problem::at(path)(error)),
    }
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
    owner::give(temp.as_file(), &target)?;
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

/// Temp file beside the target, fsync, rename, fsync of the folder.
fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(target);
    let mut temp = temp::of(target, folder)?;
    temp.write_all(bytes).map_err(|error| without_temp_name(&error))?;
    owner::give(temp.as_file(), target)?;
    temp.as_file().sync_all()?;
    persist(temp, target)?;
    sync_folder(folder)
}

fn persist(temp: tempfile::NamedTempFile, target: &Path) -> io::Result<()> {
    let mut left = Some(temp);
    busy::rename(|| {
        let temp = left.take().expect("a failed attempt gives it back");
        temp.persist(target).map(drop).map_err(|failed| {
            left = Some(failed.file);
            failed.error
        })
    })
}

#[allow(clippy::disallowed_methods, reason = "opened for reading only")]
fn open_no_follow(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, no_follow());
    busy::open(|| options.open(path))
}

/// Flags of `open` that follow no planted symlink and do not hang on a planted FIFO.
#[cfg(unix)]
fn no_follow() -> i32 {
    (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed()
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
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

/// A file that was renamed or removed is so for good only once its folder is on the disk. Windows has no such call and
/// needs none.
#[allow(clippy::disallowed_methods, reason = "opened, not read")]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let sync = || File::open(folder)?.sync_all();
    if cfg!(unix) { sync().map_err(problem::at(folder)) } else { Ok(()) }
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
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
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
