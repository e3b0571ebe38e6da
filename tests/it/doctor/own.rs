//! awsmfa's own files.

use super::{assert_fixed, found, good, printed};

const DATA: &str = ".local/share/awsmfa";

#[test]
#[cfg(unix)]
fn own_files_that_others_can_use_are_found_and_made_private() {
    let world = good();
    world.home.chmod(&format!("{DATA}/devices.json"), 0o644);
    world.home.chmod(&format!("{DATA}/store"), 0o777);
    insta::assert_snapshot!(found(&world.home), @"
    error: `~/.local/share/awsmfa/devices.json` is accessible to other users
      fix: make the file private: `chmod 600 ~/.local/share/awsmfa/devices.json`
    error: `~/.local/share/awsmfa/store` is writable by every user
      fix: make the folder private: `chmod 700 ~/.local/share/awsmfa/store`
    ");
    assert_fixed(&world.home);
}

#[test]
fn damaged_registry_is_found() {
    let world = good();
    world.home.write(&format!("{DATA}/devices.json"), "{\"version\": 1, \"dev");
    insta::assert_snapshot!(found(&world.home), @"
    error: `~/.local/share/awsmfa/devices.json` is damaged: EOF while parsing a string at line 1 column 19
      fix: rebuild the registry from what the stores hold: `awsmfa store rebuild`
    ");
    world.home.write(&format!("{DATA}/devices.json"), "{\"version\": 7}");
    insta::assert_snapshot!(found(&world.home), @"
    error: `~/.local/share/awsmfa/devices.json` was written by a newer awsmfa (format 7; this version supports format 1)
      fix: use the newer awsmfa that wrote the file
    ");
}

#[test]
fn unfinished_enrollment_is_found() {
    let world = good();
    let journal = serde_json::json!({
        "version": 1, "stage": "stored", "account": "123456789012", "user": "bob",
        "serial": "arn:aws:iam::123456789012:mfa/bob", "name": "bob", "path": "/", "store": "file",
        "profile": "admin", "for_profile": null, "began": "2026-01-01T00:00:00Z",
    });
    world.home.write(".local/state/awsmfa/enrollments/x.json", &journal.to_string());
    world.home.chmod(".local/state/awsmfa/enrollments/x.json", 0o600);
    insta::assert_snapshot!(found(&world.home), @"
    warning: the enrollment of `arn:aws:iam::123456789012:mfa/bob` for `bob`, started at [TIME], is unfinished
      fix: resume the enrollment: `awsmfa enroll --resume --user bob --profile admin`
    ");
}

#[test]
fn unfinished_rotation_is_found() {
    let world = good();
    let journal = serde_json::json!({
        "version": 1, "stage": "created", "account": "123456789012", "user": "alice", "profile": "dev",
        "old": "AKIAOLD", "new": "AKIANEW", "began": "2026-01-01T00:00:00Z",
    });
    world.home.write(".local/state/awsmfa/rotations/x.json", &journal.to_string());
    world.home.chmod(".local/state/awsmfa/rotations/x.json", 0o600);
    insta::assert_snapshot!(found(&world.home), @"
    warning: the rotation of access key `AKIAOLD` of `alice`, started at [TIME], is unfinished
      fix: resume the rotation: `awsmfa keys rotate --profile dev`
    ");
}

#[test]
#[cfg(unix)]
fn files_of_another_user_and_links_are_found() {
    let world = good();
    let registry = world.home.join(&format!("{DATA}/devices.json"));
    let elsewhere = world.home.join("devices.json");
    std::fs::rename(&registry, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &registry).unwrap();
    insta::assert_snapshot!(found(&world.home), @"
    error: `~/.local/share/awsmfa/devices.json` is a symlink
      fix: move it away: `mv ~/.local/share/awsmfa/devices.json ~/.local/share/awsmfa/devices.json.bad`
    ");
    if !rustix::process::geteuid().is_root() {
        return crate::support::skipped("the right to change a file's owner");
    }
    std::fs::remove_file(&registry).unwrap();
    std::fs::rename(&elsewhere, &registry).unwrap();
    std::os::unix::fs::chown(world.home.join(".aws/credentials"), Some(4242), None).unwrap();
    std::os::unix::fs::chown(&registry, Some(4242), None).unwrap();
    insta::assert_snapshot!(found(&world.home), @r#"
    error: `~/.local/share/awsmfa/devices.json` belongs to another user (uid 4242)
      fix: make yourself the owner: `sudo chown -R "$(id -u):$(id -g)" ~/.local/share/awsmfa/devices.json`

    warning: `~/.aws/credentials` belongs to another user (uid 4242)
      fix: make yourself the owner: `sudo chown -R "$(id -u):$(id -g)" ~/.aws/credentials`
    "#);
}

#[test]
fn setup_that_cannot_be_undone_is_found() {
    let world = good();
    world.home.awsmfa(["setup", "-p", "dev", "--yes"]).run().success();
    let record = ".local/state/awsmfa/setups/000001.json";
    world.home.write(record, &world.home.read(record)[1..]);
    insta::assert_snapshot!(found(&world.home), @"
    warning: ~/.local/state/awsmfa/setups/000001.json is damaged, or a newer awsmfa wrote it
      fix: update awsmfa, or remove the file if you do not want to undo that setup
    ");
}

#[test]
#[cfg(unix)]
fn folders_that_cannot_be_written_are_found() {
    let world = good();
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    let limited = ["-c", "ulimit -f 0; exec \"$0\" \"$@\""];
    let run = world.home.awsmfa(["doctor", "--offline"]).under("/bin/sh", &limited);
    insta::assert_snapshot!(printed(&world.home, run, 1), @"
    error: cannot write `~/.local/state/awsmfa`: File too large (os error 27)
      fix: check the file size limit: `ulimit -f`

    warning: cannot write `~/.local/share/awsmfa`: File too large (os error 27)
      fix: check the file size limit: `ulimit -f`
    warning: cannot write `~/.cache/awsmfa`: File too large (os error 27)
      fix: check the file size limit: `ulimit -f`
    ");
    std::fs::remove_dir_all(world.home.join(".cache")).unwrap();
    for (folder, mode) in [(".local/state/awsmfa", 0o500), ("", 0o500)] {
        world.home.chmod(folder, mode);
    }
    let run = world.home.awsmfa(["doctor", "--offline"]).with_modes_enforced();
    insta::assert_snapshot!(printed(&world.home, run, 1), @"
    error: cannot write `~/.local/state/awsmfa`: Permission denied (os error 13)
      fix: check the owner and permissions: `ls -ld ~/.local/state/awsmfa`

    warning: cannot create `~/.cache/awsmfa`: Permission denied (os error 13)
      fix: check the owner and permissions: `ls -ld ~`
    ");
    for folder in [".local/state/awsmfa", ""] {
        world.home.chmod(folder, 0o700);
    }
    world.home.write(".cache/awsmfa", "");
    insta::assert_snapshot!(found(&world.home), @"
    error: `~/.cache/awsmfa` is not a folder
      fix: move it away: `mv ~/.cache/awsmfa ~/.cache/awsmfa.bad`
    ");
}

#[test]
fn damaged_records_are_found() {
    let world = good();
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    let state = ".local/state/awsmfa";
    let ledgers = std::fs::read_dir(world.home.join(&format!("{state}/ledgers"))).unwrap();
    let ledger = ledgers.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let ledger = ledger.into_iter().find(|name| name.ends_with(".json")).unwrap();
    for name in [format!("ledgers/{ledger}"), "enrollments/x.json".into(), "rotations/y.json".into()] {
        let path = format!("{state}/{name}");
        world.home.write(&path, "{ torn");
        world.home.chmod(&path, 0o600);
    }
    // A killed run may leave this.
    let probe = format!("{state}/enrollments/z.probe");
    world.home.write(&probe, " ");
    world.home.chmod(&probe, 0o600);
    insta::assert_snapshot!(found(&world.home).replace(&ledger, "[LEDGER].json"), @"
    warning: ~/.local/state/awsmfa/ledgers/[LEDGER].json, the record of a device's used codes, is damaged, or a newer awsmfa wrote it
      fix: start a new record: `rm ~/.local/state/awsmfa/ledgers/[LEDGER].json`
    warning: ~/.local/state/awsmfa/enrollments/x.json, the journal of an unfinished enrollment, is damaged, or a newer awsmfa wrote it
      fix: resume the enrollment with the same command: `awsmfa enroll`
      fix: or, if the enrollment is finished: `rm ~/.local/state/awsmfa/enrollments/x.json`
    warning: ~/.local/state/awsmfa/rotations/y.json, the journal of an unfinished rotation, is damaged, or a newer awsmfa wrote it
      fix: resume the rotation with the same command: `awsmfa keys rotate`
      fix: or, if the rotation is finished: `rm ~/.local/state/awsmfa/rotations/y.json`
    ");
}
