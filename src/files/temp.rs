//! Temp files: they lie beside the file that they are to become and are named for it, so that what a killed write left
//! there is known for what it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::NamedTempFile;

use super::own::check_file;
use super::{digest, remove, without_temp_name};
use crate::clock::{Clock, SystemClock};

/// How the name of every temp file begins.
pub(super) const PREFIX: &str = ".awsmfa-";

/// No write takes as long as this.
pub(super) const STALE: TimeDelta = TimeDelta::hours(1);

/// How the names of the temp files of `target` begin, and of no other file: a digest is of one length.
pub(super) fn prefix_of(target: &Path) -> String {
    format!("{PREFIX}{}-", digest(target.file_name().unwrap_or_default().as_encoded_bytes()))
}

/// The paths of the temp files that this process has created. Their names are random, so that one that is no more stays
/// here without harm.
static CREATED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn created() -> MutexGuard<'static, Vec<PathBuf>> {
    CREATED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An empty temp file of `target` in `folder`: 0600 from the start, and removed when it is dropped or a signal ends the
/// process.
pub(super) fn of(target: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    let mut created = created();
    let file = tempfile::Builder::new().prefix(&prefix_of(target)).tempfile_in(folder);
    let file = file.map_err(|error| without_temp_name(&error))?;
    created.push(file.path().to_owned());
    Ok(file)
}

/// Removes the temp files of this process, which is about to die by a signal: they may hold keys. From then on it creates
/// no more: whoever tries waits for the end.
pub fn remove_all() {
    let created = created();
    for path in &*created {
        // Most are renamed or removed already.
        let _ = fs::remove_file(path);
    }
    std::mem::forget(created);
}

/// Removes the temp files in `folder` whose names begin so: ours, and older than `age` if one is given. What stays does
/// no harm to what is done next, so that no failure is told.
pub(super) fn sweep(folder: &Path, prefix: &str, age: Option<TimeDelta>) {
    let latest = age.map(|age| SystemClock.now() - age);
    let is_old = |metadata: &fs::Metadata| {
        latest.is_none_or(|latest| metadata.modified().is_ok_and(|at| DateTime::<Utc>::from(at) < latest))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // The metadata are the entry's own: a symlink is no file.
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes())
            && entry.metadata().is_ok_and(|found| check_file(&entry.path(), &found).is_ok() && is_old(&found))
        {
            let _ = remove(&entry.path());
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

    /// What a killed write of this file leaves.
    fn leftover(target: &Path) -> PathBuf {
        of(target, target.parent().unwrap()).unwrap().keep().unwrap().1
    }

    fn age(path: &Path, by: TimeDelta) {
        let at = SystemClock.now() - by;
        fs::File::open(path).unwrap().set_modified(at.into()).unwrap();
    }

    #[test]
    fn only_private_files_of_the_one_target_are_swept() {
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
    fn without_a_lock_only_old_ones_are_swept() {
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
