//! Writes that happen completely or not at all: a temp file beside the target, fsync, comparison with what was to be written,
//! rename, fsync of the folder. So a disk that fails is noticed while nothing is replaced yet.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::open::{folder_of, resolve_links};
use super::problem::Doing;
use super::{busy, owner, problem, read, temp};

/// Writes a secret to a path that the user chose: 0600, completely or not at all, in an existing folder. An existing file is
/// replaced only with `replace`, otherwise the error is `AlreadyExists`; anything but a regular file is never replaced.
pub fn write_chosen(path: &Path, bytes: &[u8], replace: bool) -> io::Result<()> {
    check_chosen(path, replace)?;
    let target = resolve_links(path)?;
    let folder = folder_of(&target);
    temp::sweep(folder, &temp::prefix_of(&target), Some(temp::STALE));
    let temp = prepare(&target, folder, bytes)?;
    match replace {
        true => persist(temp, &target)?,
        // A file that someone else created in the meantime stays.
        false => temp.persist_noclobber(&target).map(drop).map_err(|e| e.error)?,
    }
    sync_folder(folder)
}

/// Whether [`write_chosen`] could write now. It leaves nothing behind.
pub fn check_chosen(path: &Path, replace: bool) -> io::Result<()> {
    // A person who means standard output would not notice the file, and a program would get nothing.
    if path == Path::new("-") {
        return Err(io::Error::new(io::ErrorKind::InvalidFilename, "standard output is not a file"));
    }
    let target = resolve_links(path)?;
    match fs::metadata(&target) {
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // A rename would replace `/dev/stdout` with a file.
        Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is not a regular file")),
        Ok(_) if !replace => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    temp::Probe::of(&target, folder_of(&target)).map(drop)
}

/// Writes a file that everyone may read, such as documentation, and creates its folder. Nobody else may write to it, whatever
/// the umask.
#[allow(clippy::disallowed_methods, reason = "the file is not private, and can be written again")]
pub fn write_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (mut folder, mut file) = (fs::DirBuilder::new(), fs::OpenOptions::new());
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folder.mode(0o755);
        file.mode(0o644);
    }
    folder.recursive(true).create(folder_of(path))?;
    file.write(true).create(true).truncate(true).open(path)?.write_all(bytes)
}

/// Replaces one of awsmfa's own files.
pub(super) fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(target);
    persist(prepare(target, folder, bytes)?, target)?;
    sync_folder(folder)
}

/// A temp file that will be `target`, on the disk and compared with what was to be written.
fn prepare(target: &Path, folder: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut temp = temp::of(target, folder)?;
    temp.write_all(bytes).map_err(|error| temp::without_name(&error))?;
    owner::give(temp.as_file(), target)?;
    temp.as_file().sync_all()?;
    compare(temp.as_file(), bytes)?;
    Ok(temp)
}

fn compare(written: &File, bytes: &[u8]) -> io::Result<()> {
    // Otherwise the memory would answer for the disk.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(written, 0, None, rustix::fs::Advice::DontNeed);
    match read::holds(written, bytes)? {
        true => Ok(()),
        false => Err(io::Error::other("the disk returned something else than was written")),
    }
}

pub(super) fn persist(temp: tempfile::NamedTempFile, target: &Path) -> io::Result<()> {
    let mut left = Some(temp);
    busy::rename(|| {
        let temp = left.take().expect("a failed attempt gives it back");
        temp.persist(target).map(drop).map_err(|failed| {
            left = Some(failed.file);
            failed.error
        })
    })
}

/// Makes renames and removals in a folder durable. Windows has no such call and does not need one.
#[allow(clippy::disallowed_methods, reason = "opened, not read")]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let sync = || File::open(folder)?.sync_all();
    if cfg!(unix) { sync().map_err(problem::at(Doing::Write, folder)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_is_not_what_was_written_is_noticed() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("identity.age");
        let temp = prepare(&target, home.path(), b"a secret").unwrap();
        compare(temp.as_file(), b"a secret").unwrap();
        for other in [&b"a secre"[..], b"a secret\n", b"A secret", b""] {
            assert!(compare(temp.as_file(), other).unwrap_err().to_string().contains("the disk returned"));
        }
    }
}
