//! awsmfa's own files and folders: whatever someone puts in their place is not followed, not written to and not trusted.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

use crate::support::{Home, Ran, Run, World, skipped, words};

const STATE: &str = ".local/state/awsmfa";

/// Every lock file, by its path below the home folder.
fn locks(home: &Home) -> Vec<String> {
    let locks = home.files().into_keys().filter(|path| path.starts_with(STATE) && path.ends_with(".lock"));
    let locks: Vec<String> = locks.collect();
    assert!(locks.len() >= 3, "for the session, the device and the credentials file: {locks:?}");
    locks
}

/// A world with a session, and so with every file that awsmfa creates.
fn logged_in() -> World {
    let world = World::imported();
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
    world
}

/// Imports the device's secret again.
fn import(world: &World) -> Ran {
    let import = ["device", "import", "--profile", "dev", "--secret-stdin", "--yes", "--no-verify"];
    world.home.awsmfa(import).stdin(&world.device.seed).run()
}

/// Replaces each lock in turn, and asserts that the person's document remains unchanged.
#[track_caller]
fn a_lock_replaced(replace: fn(document: PathBuf, lock: PathBuf), complaint: &str) {
    let world = logged_in();
    world.home.write("thesis", "a year's work\n");
    for lock in locks(&world.home) {
        fs::remove_file(world.home.join(&lock)).unwrap();
        replace(world.home.join("thesis"), world.home.join(&lock));
        let said = match lock.contains("session-") || lock.contains("ledgers/") {
            true => world.home.awsmfa(["login", "--profile", "dev", "--force"]).run().code(1).err(),
            false => world.home.awsmfa(["logout", "--all"]).run().err() + &import(&world).err(),
        };
        let expected =
            format!("error: `~/{lock}` {complaint}\nhint: move it away: `mv ~/{lock} ~/{lock}.bad`");
        assert!(said.contains(&expected), "{said}");
        assert_eq!(world.home.read("thesis"), "a year's work\n", "{lock}");
        fs::remove_file(world.home.join(&lock)).unwrap();
    }
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "a code was used");
}

#[test]
fn symlink_in_place_of_a_lock_is_not_followed() {
    a_lock_replaced(|document, lock| symlink(document, lock).unwrap(), "is a symlink");
}

#[test]
fn hard_link_in_place_of_a_lock_is_not_written() {
    a_lock_replaced(
        |document, lock| fs::hard_link(document, lock).unwrap(),
        "has another name (a hard link)",
    );
}

#[test]
fn fifo_in_place_of_a_lock_does_not_hang() {
    let replace = |_, lock: PathBuf| {
        let created = std::process::Command::new("mkfifo").arg(lock).status().unwrap();
        assert!(created.success());
    };
    a_lock_replaced(replace, "is not a regular file");
}

#[test]
fn document_in_place_of_a_lock_keeps_its_text() {
    let world = logged_in();
    let locks = locks(&world.home);
    locks.iter().for_each(|lock| world.home.write(lock, "a year's work\n"));
    world.home.awsmfa(["login", "--profile", "dev", "--force"]).run().success();
    import(&world).success();
    for lock in locks {
        assert_eq!(world.home.read(&lock), "a year's work\n", "{lock}");
    }
}

#[test]
fn world_writable_folder_is_rejected() {
    for folder in [STATE, ".local/state/awsmfa/ledgers", ".local/share/awsmfa"] {
        let world = logged_in();
        world.home.chmod(folder, 0o777);
        let login = world.home.awsmfa(["login", "--profile", "dev", "--force"]).run();
        let said = login.err() + &import(&world).err();
        assert!(said.contains(&format!("`~/{folder}` is writable by every user")), "{said}");
        let hint = format!("hint: make the folder private: `chmod 700 ~/{folder}`");
        assert!(said.contains(&hint), "{said}");
    }
}

/// Anyone who can write to the folder could exchange the secrets of two devices.
#[test]
fn nothing_is_read_from_a_store_that_others_can_write() {
    let world = logged_in();
    world.home.import("arn:aws:iam::123456789012:mfa/bob", &world.device.seed);
    // A backup leaves out what it cannot read, but it cannot do without the registry.
    for (folder, of_backup) in [(".local/share/awsmfa", 1), (".local/share/awsmfa/store", 5)] {
        world.home.chmod(folder, 0o777);
        for (line, code) in [
            ("code alice", 1),
            ("login -p dev --force", 1),
            ("store backup b.age", of_backup),
            ("device export alice --uri --yes", 1),
        ] {
            let said = world.home.awsmfa(words(line)).run().code(code).err();
            assert!(said.contains(&format!("`~/{folder}` is writable by every user")), "{line}: {said}");
            assert_eq!(said.matches("make the folder private").count(), 1, "{line}: {said}");
        }
        assert!(!world.home.join("b.age").exists());
        world.home.chmod(folder, 0o700);
        world.home.awsmfa(words("code alice")).run().success();
    }
}

#[test]
fn folder_that_a_group_can_write_is_rejected() {
    if !rustix::process::geteuid().is_root() {
        return skipped("root's right to give files away");
    }
    for folder in [STATE, ".local/share/awsmfa"] {
        let world = logged_in();
        let login = || world.home.awsmfa(["login", "--profile", "dev", "--force"]).run();
        world.home.chmod(folder, 0o770);
        // The group has the number of the user, so nobody else is in it.
        login().success();
        std::os::unix::fs::chown(world.home.join(folder), None, Some(1000)).unwrap();
        let said = login().err() + &import(&world).err();
        assert!(said.contains(&format!("`~/{folder}` is writable by its group")), "{said}");
        assert!(said.contains(&format!("hint: make the folder private: `chmod 700 ~/{folder}`")), "{said}");
    }
}

#[test]
fn world_writable_cache_is_not_used() {
    let world = World::imported();
    let folder = ".cache/awsmfa/sessions";
    world.home.write(&format!("{folder}/other"), "");
    world.home.chmod(folder, 0o777);
    for _ in 0..2 {
        world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    }
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "the session is in the state folder");
    assert_eq!(fs::read_dir(world.home.join(folder)).unwrap().count(), 1);
}

#[test]
fn folder_of_another_user_is_rejected() {
    if !rustix::process::geteuid().is_root() {
        return skipped("root's right to give files away");
    }
    let world = logged_in();
    give(&world.home, "", 1000);
    std::os::unix::fs::chown(world.home.join(STATE), Some(1501), Some(1501)).unwrap();
    world.home.chmod(STATE, 0o777);
    let ran = as_user(world.home.awsmfa(["login", "--profile", "dev", "--force"])).run().code(1);
    insta::assert_snapshot!(ran.err(), @r#"
    error: `~/.local/state/awsmfa` belongs to another user (uid 1501)
    hint: make yourself the owner: `sudo chown -R "$(id -u):$(id -g)" ~/.local/state/awsmfa`
    "#);
}

#[test]
fn endless_state_file_is_rejected_or_ignored() {
    let world = logged_in();
    let own = |path: &String| path.contains("awsmfa/");
    for path in world.home.files().into_keys().filter(own) {
        let before = fs::read(world.home.join(&path)).unwrap();
        let file = fs::OpenOptions::new().write(true).open(world.home.join(&path)).unwrap();
        file.set_len(1 << 40).unwrap();
        for command in [
            &["credential-process", "-p", "dev"][..],
            &["login", "-p", "dev"],
            &["device", "list", "-p", "dev"],
        ] {
            let run = world.home.awsmfa(command);
            let ended = run.into_command().output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert!(
                matches!(ended.status.code(), Some(0 | 1 | 5)),
                "{path}: {command:?}: {}: {said}",
                ended.status
            );
        }
        let _ = fs::remove_file(world.home.join(&path));
        fs::write(world.home.join(&path), before).unwrap();
        world.home.chmod(&path, 0o600);
    }
}

/// Makes a user the owner of everything below a path in the home folder.
fn give(home: &Home, path: &str, uid: u32) {
    let given = std::process::Command::new("chown")
        .arg("-R")
        .arg(format!("{uid}:{uid}"))
        .arg(home.join(path))
        .status();
    assert!(given.unwrap().success());
}

/// The run as user 1000.
fn as_user(run: Run) -> Run {
    run.under("setpriv", &["--reuid=1000", "--regid=1000", "--clear-groups", "--"])
}

/// Everything in the home folder that does not belong to user 1000.
fn not_the_users(home: &Home) -> Vec<PathBuf> {
    fn walk(path: PathBuf, found: &mut Vec<PathBuf>) {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            fs::read_dir(&path).unwrap().for_each(|entry| walk(entry.unwrap().path(), found));
        }
        if (metadata.uid(), metadata.gid()) != (1000, 1000) {
            found.push(path);
        }
    }
    let mut found = Vec::new();
    walk(home.path().to_owned(), &mut found);
    found
}

/// Runs each command as root in the user's home folder, and then as the user.
fn root_then_user(world: &World, commands: &[&[&str]]) {
    for command in commands {
        let run = || world.home.awsmfa(*command);
        run().run().success();
        assert_eq!(not_the_users(&world.home), Vec::<PathBuf>::new(), "{command:?}");
        as_user(run()).run().success();
    }
}

#[test]
fn files_created_by_root_belong_to_the_owner_of_the_home() {
    if !rustix::process::geteuid().is_root() {
        return skipped("root's right to give files away");
    }
    let world = World::imported();
    give(&world.home, "", 1000);
    root_then_user(
        &world,
        &[
            &["credential-process", "--profile", "dev"],
            &["login", "--profile", "dev", "--force"],
            &["code", "--profile", "dev"],
            &["logout", "--profile", "dev", "--restore"],
            &["login", "--all"],
            &["logout", "--all"],
        ],
    );
}

#[test]
fn files_of_an_enrollment_by_root_belong_to_the_owner_of_the_home() {
    if !rustix::process::geteuid().is_root() {
        return skipped("root's right to give files away");
    }
    for has_aws_files in [true, false] {
        let aws = fake_aws::FakeAws::start();
        aws.add_user("alice");
        let key = aws.add_access_key("alice");
        let mut home = Home::new(&aws);
        home.set("AWS_REGION", "eu-central-1");
        if has_aws_files {
            let credentials = format!(
                "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                key.id, key.secret
            );
            home.write_credentials(&credentials);
        } else {
            home.set_keys(&key);
        }
        home.forget_store();
        home.set("AWSMFA_NEW_PASSPHRASE_FILE", home.join("passphrase").to_str().unwrap());
        give(&home, "", 1000);
        let picture = home.join("qr.png");
        home.awsmfa(["enroll", "--qr-file", picture.to_str().unwrap()]).run().success();
        assert!(picture.exists());
        assert_eq!(not_the_users(&home), Vec::<PathBuf>::new(), "with AWS files: {has_aws_files}");
        let commands: &[_] = if has_aws_files {
            &["login", "credential-process", "code", "logout"]
        } else {
            &["login", "code", "logout"]
        };
        for command in commands {
            as_user(home.awsmfa([command])).run().success();
        }
        home.awsmfa(["login"]).run().success();
        assert_eq!(not_the_users(&home), Vec::<PathBuf>::new(), "with AWS files: {has_aws_files}");
    }
}
