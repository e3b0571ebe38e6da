//! Temp files. Each lies beside the file that it will replace and has a name made from that file's name, so that what a killed
//! write left behind is recognized.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::NamedTempFile;

use super::check::check_file;
use super::fingerprint::digest;
use crate::clock::{Clock, SystemClock};

/// Every temp file's name begins like this.
pub(super) const PREFIX: &str = ".awsmfa-";

/// No write takes this long.
pub(super) const STALE: TimeDelta = TimeDelta::hours(1);

/// The beginning of the names of `target`'s temp files, and of no other file's: all digests have the same length.
pub(super) fn prefix_of(target: &Path) -> String {
    format!("{PREFIX}{}-", digest(target.file_name().unwrap_or_default().as_encoded_bytes()))
}

/// The temp files that this process has created. Their names are random, so one that no longer exists does no harm here.
static CREATED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn created() -> MutexGuard<'static, Vec<PathBuf>> {
    CREATED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An empty temp file for `target` in `folder`: 0600 from the start, removed when it is dropped or a signal ends the process.
pub(super) fn of(target: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    let mut created = created();
    let file = tempfile::Builder::new().prefix(&prefix_of(target)).tempfile_in(folder);
    let file = file.map_err(|error| without_name(&error))?;
    created.push(file.path().to_owned());
    Ok(file)
}

/// An empty file like a temp file, to find out whether `folder` accepts one. Where the file system can do that, it never has a
/// name, so the folder does not change and programs that watch it are not woken.
pub(super) enum Probe {
    #[cfg(target_os = "linux")]
    Unnamed(fs::File),
    Named(NamedTempFile),
}

impl Probe {
    pub(super) fn of(target: &Path, folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Ok(file) = unnamed(folder) {
            return Ok(Self::Unnamed(file));
        }
        of(target, folder).map(Self::Named)
    }

    pub(super) fn file(&self) -> &fs::File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(temp) => temp.as_file(),
        }
    }
}

#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> io::Result<fs::File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(open(folder, flags, Mode::RUSR | Mode::WUSR)?.into())
}

/// The error without the random name of a file that no longer exists.
pub(super) fn without_name(error: &io::Error) -> io::Error {
    let text = error.to_string();
    io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or_default())
}

/// Removes the temp files of this process, which is about to be killed by a signal: they may hold keys. The process cannot
/// create new ones after that; a thread that tries waits for the end.
pub fn remove_all() {
    let created = created();
    for path in &*created {
        // Most were renamed or removed already.
        let _ = fs::remove_file(path);
    }
    std::mem::forget(created);
}

/// Removes this user's temp files in `folder` with names that begin with `prefix`, if they are older than `age`. Failures are
/// ignored: a temp file that stays does no harm.
pub(super) fn sweep(folder: &Path, prefix: &str, age: Option<TimeDelta>) {
    let latest = age.map(|age| SystemClock.now() - age);
    let is_old = |metadata: &fs::Metadata| {
        latest.is_none_or(|latest| metadata.modified().is_ok_and(|at| DateTime::<Utc>::from(at) < latest))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // This is the entry's own metadata: a symlink is not a file.
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes())
            && entry.metadata().is_ok_and(|found| check_file(&entry.path(), &found).is_ok() && is_old(&found))
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::files::{remove_leftovers, write_chosen, write_private};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    /// What a killed write of this file leaves behind.
    fn leftover(target: &Path) -> PathBuf {
        of(target, target.parent().unwrap()).unwrap().keep().unwrap().1
    }

    fn age(path: &Path, by: TimeDelta) {
        let at = SystemClock.now() - by;
        fs::File::open(path).unwrap().set_modified(at.into()).unwrap();
    }

    #[test]
    fn sweep_removes_only_private_files_of_the_target() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        let prefix = prefix_of(&path("credentials"));
        let (ours, others) = (leftover(&path("credentials")), leftover(&path("config")));
        let (readable, link, folder) = (
            leftover(&path("credentials")),
            path(&format!("{prefix}link")),
            path(&format!("{prefix}folder")),
        );
        fs::set_permissions(&readable, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&others, &link).unwrap();
        fs::create_dir(&folder).unwrap();
        write_private(&path(".awsmfa-backup"), b"mine").unwrap();
        symlink(path("credentials"), path("alias")).unwrap();
        write_private(&path("credentials"), b"").unwrap();
        remove_leftovers(&path("alias"));
        assert!(!ours.exists());
        for kept in [&others, &readable, &link, &folder, &path(".awsmfa-backup"), &path("credentials")] {
            assert!(fs::symlink_metadata(kept).is_ok(), "{}", kept.display());
        }
    }

    #[test]
    fn write_without_a_lock_sweeps_only_old_files() {
        let home = tempfile::tempdir().unwrap();
        let private = home.path().join("sessions/one.json");
        let chosen = home.path().join("qr.png");
        write_private(&private, b"").unwrap();
        let write: [(&Path, &dyn Fn()); 2] = [
            (&private.with_file_name("other.json"), &|| write_private(&private, b"new").unwrap()),
            (&chosen, &|| write_chosen(&chosen, b"new", true).unwrap()),
        ];
        for (target, write) in write {
            let (young, old) = (leftover(target), leftover(target));
            age(&old, STALE + TimeDelta::minutes(1));
            write();
            assert!(young.exists() && !old.exists(), "{}", target.display());
        }
    }
}
