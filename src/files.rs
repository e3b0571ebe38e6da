//! Files as awsmfa treats them: its own files, which are private ([`own`]), and the user's files, which other programs write
//! too ([`users`]). A write happens completely or not at all ([`replace`]).

mod busy;
mod check;
mod descriptors;
mod fingerprint;
mod health;
mod lock;
mod open;
mod own;
mod owner;
mod problem;
mod read;
mod replace;
mod swap;
mod temp;
mod users;

pub use descriptors::check_descriptors;
#[cfg(unix)]
pub use descriptors::{close_inherited, note_inherited, restore_limit};
pub use fingerprint::{Fingerprint, digest, fingerprint};
pub use health::{
    check_own, check_users, check_writable_folder, damaged, folder_of_target, folders, is_missing,
    is_program, leftovers, make_private,
};
pub use lock::Lock;
pub use own::{copy_aside, list, read_own, read_private, remove, write_private};
pub use owner::taken;
pub use problem::{Doing, Oddity, Problem, is_unwritable, problem};
pub use read::{LIMIT, append, read_bounded};
pub use replace::{check_chosen, sync_folder, write_chosen, write_public};
pub use swap::Displaced;
pub use temp::remove_all as remove_temp_files;
pub use users::{
    Expected, Irreplaceable, Replaced, check_replaceable, read_users_file, remove_leftovers,
    replace_users_file, users_file_holds,
};

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::io;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    pub(super) fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    pub(super) fn chmod(path: &Path, mode: u32) {
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
    fn chosen_files_are_private_and_replaced_only_on_request() {
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
        assert_eq!(
            fs::read_dir(home.path()).unwrap().count(),
            1,
            "no temp file is left and no folder is created"
        );
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
