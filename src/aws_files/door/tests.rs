#![allow(clippy::disallowed_methods, reason = "other programs write as they please")]

use super::state::lock_path;
use super::*;
use crate::aws_files::document::UnsafeEdit;
use crate::files::write_private;
use chrono::{DateTime, Utc};
use std::convert::Infallible;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Mutex};

fn set(document: &mut Document) -> Result<bool, UnsafeEdit> {
    document.set("dev", "k", "v")
}

/// What another program does while we sleep, by the number of the sleep.
type Deed = Box<dyn FnMut(usize) + Send>;

/// A clock whose sleeps take no time. Other programs act during them.
struct Busy(Mutex<(usize, Deed)>);

impl std::fmt::Debug for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Busy")
    }
}

impl crate::clock::Clock for Busy {
    fn now(&self) -> DateTime<Utc> {
        crate::clock::SystemClock.now()
    }
    fn sleep(&self, _: Duration) {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        let nap = state.0;
        (state.1)(nap);
    }
}

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// A home with a credentials file with this content.
    fn new(content: &[u8]) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        write_private(&home.path(), content).unwrap();
        home
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }

    fn read(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn files(&self) -> AwsFiles {
        self.beside(|_| ())
    }

    /// The files, with a program that does this while we sleep.
    fn beside(&self, deed: impl FnMut(usize) + Send + 'static) -> AwsFiles {
        self.at(&self.path(), deed)
    }

    fn at(&self, path: &Path, deed: impl FnMut(usize) + Send + 'static) -> AwsFiles {
        let folder = self.folder.path();
        let clock = Arc::new(Busy(Mutex::new((0, Box::new(deed)))));
        AwsFiles::new(folder.join("config"), path.to_owned(), &folder.join("state"), clock)
    }
}

const OLD: &str = "[a]\naws_access_key_id = AKIAA\naws_secret_access_key = s\n\n[b]\nk = 1\n";

#[test]
fn uneditable_files_are_reported_and_not_changed() {
    for (content, expected) in [
        (&b"\xef\xbb\xbf[a]\n"[..], "line 1: the file starts with a UTF-8 byte order mark"),
        (b"[a]\nk = \xff\n", "line 2: not UTF-8"),
        (b"[a]\n\nk = \0\n", "line 3: a NUL byte"),
        (b"[a]\rk = v\r", "line 1: a carriage return"),
        (b"[a]\nk: v\n", "line 2: `:` where `=` is needed"),
        (b"[a]\n[a]\n", "section [a] appears twice, on lines 1 and 2"),
    ] {
        let home = Home::new(content);
        let error = home.files().edit(AwsFile::Credentials, set).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("credentials"), "{error}");
        assert!(home.files().rehearse(AwsFile::Credentials, set).is_err());
        assert_eq!(fs::read(home.path()).unwrap(), content);
    }
}

#[test]
fn reasons_for_an_irreplaceable_file_are_distinguished() {
    let home = Home::new(b"[a]\n");
    let fails = |path: &Path| match home.at(path, |_| ()).edit(AwsFile::Credentials, set) {
        Err(EditError::File(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(fails(home.folder.path()), FileError::Folder { .. }));
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o400)).unwrap();
    assert!(matches!(fails(&home.path()), FileError::Irreplaceable { .. }));
    let link = home.folder.path().join("link");
    symlink("nowhere", &link).unwrap();
    assert!(matches!(fails(&link), FileError::DanglingLink { .. }));
    assert!(matches!(fails(&home.path().join("x")), FileError::Unreadable { .. }));
    for device in ["/dev/null", "/dev/full"] {
        let link = home.folder.path().join(device.replace('/', "-"));
        symlink(device, &link).unwrap();
        let error = home.at(&link, |_| ()).rehearse(AwsFile::Credentials, set);
        assert!(error.unwrap_err().to_string().contains("a device, not a regular file"));
    }
}

#[test]
fn links_and_their_targets_share_a_lock() {
    let home = Home::new(b"");
    let (folder, state) = (home.folder.path(), home.folder.path().join("state"));
    let lock = lock_path(&state, &home.path());
    let link = folder.join("link");
    symlink(home.path(), &link).unwrap();
    assert_eq!(lock_path(&state, &link), lock);
    assert_ne!(lock_path(&state, &folder.join("config")), lock);
    let before = lock_path(&state, &folder.join("new"));
    write_private(&folder.join("new"), b"").unwrap();
    assert_eq!(lock_path(&state, &folder.join("new")), before, "the lock is the same before the file exists");
    let deep = folder.join("real/aws/credentials");
    symlink(folder.join("real"), folder.join("alias")).unwrap();
    fs::create_dir(folder.join("real")).unwrap();
    let before = lock_path(&state, &folder.join("alias/aws/credentials"));
    write_private(&deep, b"").unwrap();
    assert_eq!(lock_path(&state, &deep), before, "the lock is the same before the folder exists");
}

#[test]
fn edits_that_do_not_fit_their_log_are_refused() {
    let home = Home::new(b"[a]\nk = v\nx = y\n");
    let broken = |document: &mut Document| {
        document.lines_mut(1).remove(1);
        Ok::<(), Infallible>(())
    };
    let error = home.files().edit(AwsFile::Credentials, broken).unwrap_err();
    assert!(matches!(error, EditError::File(FileError::Refused { .. })), "{error}");
    assert_eq!(home.read(), "[a]\nk = v\nx = y\n");
}

#[test]
fn concurrent_edits_do_not_lose_each_other() {
    let home = Home::new(b"# top\n");
    std::thread::scope(|scope| {
        for index in 0..8 {
            let files = home.files();
            scope.spawn(move || {
                files.edit(AwsFile::Credentials, |d| d.set(&format!("s{index}"), "k", "v")).unwrap();
            });
        }
    });
    assert_eq!(home.files().read(AwsFile::Credentials).unwrap().sections().len(), 8);
}

#[test]
fn truncated_file_is_waited_for() {
    let home = Home::new(OLD.as_bytes());
    let path = home.path();
    let files = home.beside(move |nap| {
        if nap == 7 {
            fs::write(&path, format!("{OLD}new = 2\n")).unwrap();
        }
    });
    files.profiles().unwrap();
    fs::write(home.path(), "").unwrap();
    files.edit(AwsFile::Credentials, set).unwrap();
    assert_eq!(home.read(), format!("{OLD}new = 2\n\n[dev]\nk = v\n"));
}

#[test]
fn file_that_stays_truncated_is_refused() {
    for rest in ["", "[a]\n", "[b]\nk = 1\n"] {
        let home = Home::new(OLD.as_bytes());
        let files = home.files();
        files.profiles().unwrap();
        fs::write(home.path(), rest).unwrap();
        let error = files.edit(AwsFile::Credentials, set).unwrap_err();
        assert!(matches!(error, EditError::File(FileError::Shrunk { .. })), "{error}");
        assert_eq!(home.read(), rest);
    }
}

#[test]
fn keys_removed_by_another_awsmfa_are_not_missing() {
    let home = Home::new(OLD.as_bytes());
    let (first, second) = (home.files(), home.files());
    first.profiles().unwrap();
    second.edit(AwsFile::Credentials, |d| d.remove("b", "k")).unwrap();
    first.edit(AwsFile::Credentials, set).unwrap();
    assert!(!home.read().contains("k = 1"));
}

#[test]
fn changes_between_reading_and_replacing_are_kept() {
    for in_place in [true, false] {
        let home = Home::new(OLD.as_bytes());
        let (path, mut done) = (home.path(), false);
        let change = |document: &mut Document| {
            if !std::mem::replace(&mut done, true) {
                let text = OLD.replace("k = 1", "k = 2");
                if in_place {
                    fs::write(&path, text).unwrap();
                } else {
                    write_private(&path, text.as_bytes()).unwrap();
                }
            }
            set(document)
        };
        home.files().edit(AwsFile::Credentials, change).unwrap();
        assert_eq!(home.read(), format!("{}\n[dev]\nk = v\n", OLD.replace("k = 1", "k = 2")));
    }
}

/// Sets a file's modification time to a day long ago.
fn age(path: &Path) {
    let at = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    fs::File::open(path).unwrap().set_modified(at).unwrap();
}

#[test]
fn write_of_another_program_is_read() {
    let home = Home::new(b"[a]\nk = 1\n");
    let files = home.files();
    let values = || {
        let document = files.read(AwsFile::Credentials).unwrap();
        let profiles = files.profiles().unwrap();
        let value = profiles.get("a").unwrap().get("k").unwrap().to_owned();
        (document.get("a", "k").unwrap().expose().clone(), value)
    };
    let both = |value: &str| (value.to_owned(), value.to_owned());
    // Too young to be known by its time: another write may leave the same one.
    let now = fs::metadata(home.path()).unwrap().modified().unwrap();
    assert_eq!(values(), both("1"));
    fs::write(home.path(), "[a]\nk = 2\n").unwrap();
    fs::File::open(home.path()).unwrap().set_modified(now).unwrap();
    assert_eq!(values(), both("2"));
    age(&home.path());
    assert_eq!(values(), both("2"));
    fs::write(home.path(), "[a]\nk = 3\n").unwrap();
    assert_eq!(values(), both("3"));
}

#[test]
fn write_that_keeps_the_time_is_found() {
    let home = Home::new(OLD.as_bytes());
    age(&home.path());
    let (files, path, mut done) = (home.files(), home.path(), false);
    files.profiles().unwrap();
    let change = |document: &mut Document| {
        if !std::mem::replace(&mut done, true) {
            fs::write(&path, OLD.replace("k = 1", "k = 2")).unwrap();
            age(&path);
        }
        set(document)
    };
    files.edit(AwsFile::Credentials, change).unwrap();
    assert_eq!(home.read(), format!("{}\n[dev]\nk = v\n", OLD.replace("k = 1", "k = 2")));
}

/// Writes a text to a file that is already open, like an editor that truncates it first.
fn overwrite(mut file: &fs::File, text: &str) {
    file.set_len(0).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn text_written_to_the_replaced_file_is_restored() {
    let theirs = OLD.replace("k = 1", "k = 2\nnew = 3");
    // In the second nap, a file that has not changed for long has been compared, so only its fingerprint is looked at.
    for (first, gap, is_old) in [(1, 0, false), (1, 30, false), (1, 0, true), (2, 0, true), (2, 30, true)] {
        let home = Home::new(OLD.as_bytes());
        if is_old {
            age(&home.path());
        }
        let open = fs::OpenOptions::new().write(true).open(home.path()).unwrap();
        let text = theirs.clone();
        let files = home.beside(move |nap| {
            if nap == first {
                overwrite(&open, if gap == 0 { &text } else { "" });
            }
            if gap > 0 && nap == first + gap {
                overwrite(&open, &text);
            }
        });
        files.edit(AwsFile::Credentials, set).unwrap();
        assert_eq!(
            home.read(),
            format!("{theirs}\n[dev]\nk = v\n"),
            "from nap {first}, a gap of {gap}, {is_old}"
        );
    }
}

#[test]
fn both_sides_survive_writes_to_the_old_and_the_new_file() {
    let home = Home::new(OLD.as_bytes());
    let open = fs::OpenOptions::new().write(true).open(home.path()).unwrap();
    let path = home.path();
    let files = home.beside(move |nap| {
        if nap == 1 {
            overwrite(&open, &OLD.replace("k = 1", "k = 2\nfirst = 1"));
            let now = fs::read_to_string(&path).unwrap();
            fs::write(&path, now.replace("k = 1", "k = 3")).unwrap();
        }
    });
    files.edit(AwsFile::Credentials, set).unwrap();
    assert_eq!(home.read(), format!("{}\n[dev]\nk = v\n", OLD.replace("k = 1", "k = 3\nfirst = 1")));
}

#[test]
fn overwritten_change_is_repeated() {
    let home = Home::new(OLD.as_bytes());
    let path = home.path();
    let files = home.beside(move |nap| {
        if nap == 1 {
            fs::write(&path, OLD.replace("k = 1", "k = 2")).unwrap();
        }
    });
    files.edit(AwsFile::Credentials, set).unwrap();
    assert_eq!(home.read(), format!("{}\n[dev]\nk = v\n", OLD.replace("k = 1", "k = 2")));
}

#[test]
fn endless_contention_is_an_error() {
    let home = Home::new(OLD.as_bytes());
    let path = home.path();
    let files = home.beside(move |nap| fs::write(&path, format!("{OLD}n = {nap}\n")).unwrap());
    let error = files.edit(AwsFile::Credentials, set).unwrap_err();
    assert!(matches!(error, EditError::File(FileError::Contended { .. })), "{error}");
}
