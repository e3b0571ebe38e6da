//! Whose files are whose. Root works in other people's homes, under `sudo` and in containers: what it creates there belongs
//! to the home's owner, who would otherwise be locked out.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::paths::OWN_FOLDER;

/// The folders of a path that are awsmfa's own: from its own parent up to the one called [`OWN_FOLDER`]. A path outside of
/// such a folder has just its parent.
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

    /// A user and a group.
    type Owner = (u32, u32);

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// For root: whose home the path is in, if not root's own. The nearest folder above awsmfa's own that is not root's
    /// decides. Awsmfa's own folder counts if only root can have put it there, as a container's volume.
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

    /// Whether a file or folder at this path is ours: the user's who runs us or, for root, the home's owner's.
    pub(in super::super) fn is_ours(metadata: &Metadata, path: &Path) -> bool {
        metadata.uid() == me() || home_owner(path).is_some_and(|(uid, _)| metadata.uid() == uid)
    }

    /// Gives what root has just created at this path to the home's owner.
    pub(in super::super) fn give(file: &File, path: &Path) -> io::Result<()> {
        match home_owner(path) {
            Some((uid, gid)) if file.metadata()?.uid() != uid => fchown(file, Some(uid), Some(gid)),
            _ => Ok(()),
        }
    }

    /// The topmost folder or file on the way to `path` that belongs to another user but stands in a folder of ours: what a
    /// `chown` would give back.
    pub fn taken(path: &Path) -> Option<PathBuf> {
        let owner = |path: &Path| std::fs::symlink_metadata(path).ok().map(|found| found.uid());
        let others = path.ancestors().take_while(|ancestor| owner(ancestor) != Some(me()));
        let topmost = others.filter(|ancestor| owner(ancestor).is_some()).last()?;
        let folder = super::super::folder_of(topmost);
        (owner(folder) == Some(me())).then(|| topmost.to_owned())
    }
}

/// Elsewhere a user's profile folder is kept to that user by the system.
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
