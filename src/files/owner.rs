//! File ownership. Under `sudo` and in containers, root works in other users' homes: what root creates there must belong to
//! the home's owner, who would otherwise be locked out.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::paths::OWN_FOLDER;

/// awsmfa's own folders on a path: from `folder` up to the one called [`OWN_FOLDER`]. Outside such a folder, only `folder`.
pub(super) fn own_folders(folder: &Path) -> impl Iterator<Item = &Path> {
    let base = base_of(folder).unwrap_or(folder);
    folder.ancestors().take_while(move |ancestor| ancestor.starts_with(base))
}

fn base_of(path: &Path) -> Option<&Path> {
    path.ancestors().find(|ancestor| ancestor.file_name().is_some_and(|name| name == OWN_FOLDER))
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, fchown};

    use super::*;
    use crate::files::open::folder_of;

    /// A user and a group.
    type Owner = (u32, u32);

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// For root: the owner of the home that contains the path, unless that is root. The nearest folder above awsmfa's own that
    /// does not belong to root decides. awsmfa's own folder counts if only root can have put it there, such as a volume.
    fn home_owner(path: &Path) -> Option<Owner> {
        if me() != 0 {
            return None;
        }
        let look = |folder: &Path| std::fs::metadata(folder).ok();
        let owner = |found: &Metadata| (found.uid() != 0).then(|| (found.uid(), found.gid()));
        let base = base_of(path);
        let above = base.unwrap_or(path).ancestors().skip(1);
        let mut above =
            above.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        if let Some(found) = above.find_map(|folder| owner(&look(folder)?)) {
            return Some(found);
        }
        let base = base?;
        let is_safe = base.parent().and_then(look).is_some_and(|parent| parent.mode() & 0o002 == 0);
        look(base).and_then(|found| owner(&found)).filter(|_| is_safe)
    }

    /// Whether a file or folder at this path belongs to the user who runs awsmfa or, for root, to the home's owner.
    pub(in super::super) fn is_ours(metadata: &Metadata, path: &Path) -> bool {
        metadata.uid() == me() || home_owner(path).is_some_and(|(uid, _)| metadata.uid() == uid)
    }

    /// Gives what root just created at this path to the home's owner.
    pub(in super::super) fn give(file: &File, path: &Path) -> io::Result<()> {
        match home_owner(path) {
            Some((uid, gid)) if file.metadata()?.uid() != uid => fchown(file, Some(uid), Some(gid)),
            _ => Ok(()),
        }
    }

    /// The topmost folder or file on `path` that belongs to another user but lies in this user's folder: what `chown` would give
    /// back.
    pub fn taken(path: &Path) -> Option<PathBuf> {
        let owner = |path: &Path| std::fs::symlink_metadata(path).ok().map(|found| found.uid());
        let others = path.ancestors().take_while(|ancestor| owner(ancestor) != Some(me()));
        let topmost = others.filter(|ancestor| owner(ancestor).is_some()).last()?;
        let folder = folder_of(topmost);
        (owner(folder) == Some(me())).then(|| topmost.to_owned())
    }
}

/// On other systems, only the user can access the user's profile folder.
#[cfg(not(unix))]
mod other {
    use super::*;

    pub(in super::super) fn is_ours(_: &Metadata, _: &Path) -> bool {
        true
    }

    pub(in super::super) fn give(_: &File, _: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Nothing can be given back.
    pub fn taken(_: &Path) -> Option<PathBuf> {
        None
    }
}

#[cfg(not(unix))]
pub use other::taken;
#[cfg(not(unix))]
pub(super) use other::{give, is_ours};
#[cfg(unix)]
pub use unix::taken;
#[cfg(unix)]
pub(super) use unix::{give, is_ours};
