//! Several commands at once: none loses a secret, and none fails because of another.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{ENTRY, REGISTRY};
use crate::support::desktop::Desktop;
use crate::support::kills::paused_at_call;
use crate::support::{OTHER_SECRET, World, until, words};

/// A world with a device and a stored access key, and passphrases for a backup and for the store.
fn world() -> World {
    let mut world = World::imported();
    world.home.write("secret", &world.device.seed);
    world.home.awsmfa(words("keys store -p dev")).run().success();
    for (name, variable) in
        [("new", "AWSMFA_NEW_PASSPHRASE_FILE"), ("backup", "AWSMFA_BACKUP_PASSPHRASE_FILE")]
    {
        // The new passphrase is the old one, so that commands that start later can still open the store.
        world.home.write(name, "correct horse\n");
        world.home.chmod(name, 0o600);
        world.home.set(variable, world.home.join(name).to_str().unwrap());
    }
    world
}

fn start(world: &World, line: &str) -> Child {
    let mut command = world.home.awsmfa(words(line)).into_command();
    // What `device import` reads.
    let secret = std::fs::File::open(world.home.join("secret")).unwrap();
    command.stdin(secret).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs all of these at once, and fails unless each succeeds.
#[track_caller]
fn at_once(world: &World, lines: &[&str]) {
    let all: Vec<_> = lines.iter().map(|line| (line, start(world, line))).collect();
    for (line, child) in all {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Fails unless each secret is in the store in which the registry says it is, and nowhere else.
#[track_caller]
fn check(world: &World) {
    world.home.awsmfa(words("code --pair")).run().success();
    let status = world.home.awsmfa(words("store status --json")).run().success().json();
    let secrets = status["secrets"].as_array().unwrap();
    assert!(secrets.iter().all(|secret| secret["state"] == "stored"), "{status}");
    let names: std::collections::BTreeSet<_> =
        secrets.iter().map(|secret| secret["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), secrets.len(), "two copies: {status}");
    assert!(
        names.contains(world.device.serial.as_str()) && names.contains(world.key.id.as_str()),
        "{status}"
    );
}

/// The reader knows the old store, and the secret is in the new one when it looks.
#[test]
fn moved_secret_is_found_in_its_new_store() {
    let mut world = world();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    let entry = world.home.join(ENTRY);
    for args in [&["code", "--pair"][..], &["device", "export", "alice", "--uri", "--yes"]] {
        let Some(reader) = paused_at_call(&world.home, args, "openat", &entry) else { return };
        // The reader is at the entry, if it is fast enough; otherwise this tests nothing.
        let started = Instant::now();
        until(|| started.elapsed() > Duration::from_millis(700));
        world.home.awsmfa(words("store move --to keyring")).run().success();
        let output = reader.wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        world.home.awsmfa(words("store move --to file")).run().success();
    }
}

/// Without a lock, the move would make the registry refer to the old secret.
#[test]
fn secret_that_is_imported_beside_a_move_is_the_one_that_counts() {
    let mut world = world();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    world.home.write("secret", OTHER_SECRET);
    let registry = world.home.join(REGISTRY);
    let renames = "rename,renameat,renameat2";
    let args = ["store", "move", "--to", "keyring", "alice"];
    let Some(mover) = paused_at_call(&world.home, &args, renames, &registry) else { return };
    let started = Instant::now();
    until(|| started.elapsed() > Duration::from_millis(700));
    at_once(
        &world,
        &[&format!("device import --serial {} --secret-stdin --no-verify --yes", world.device.serial)],
    );
    let output = mover.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let uri = world.home.awsmfa(words("device export alice --uri --yes")).run().success().out();
    assert!(uri.contains(OTHER_SECRET), "the old secret is used");
    check(&world);
}

#[test]
fn secrets_are_read_while_they_are_moved() {
    let mut world = world();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    world.home.awsmfa(words("login -p dev")).run().success();
    for _ in 0..6 {
        let code = "code --pair";
        at_once(&world, &["store move --to keyring", code, "store move --to file", code, code, code]);
        check(&world);
    }
}

#[test]
fn secrets_are_moved_backed_up_restored_and_imported_at_once() {
    let mut world = world();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    world.home.awsmfa(words("store backup old.age")).run().success();
    let import = format!("device import --serial {} --secret-stdin --no-verify --yes", world.device.serial);
    for round in 0..3 {
        let backup = format!("store backup b{round}.age");
        let restore = "store restore old.age";
        at_once(
            &world,
            &["store move --to keyring", &backup, &import, "store move --to file", restore, "store rebuild"],
        );
        check(&world);
    }
}

#[test]
fn new_passphrase_and_lost_registry_hurt_no_other_command() {
    let world = world();
    world.home.awsmfa(words("store backup old.age")).run().success();
    at_once(
        &world,
        &["store passwd", "store restore old.age --force", "code --pair", "store passwd", "code --pair"],
    );
    check(&world);
    for round in 0..3 {
        world.home.write(REGISTRY, "{ damaged");
        let backup = format!("store backup b{round}.age");
        at_once(&world, &["store rebuild", "store rebuild"]);
        at_once(&world, &["store rebuild", &backup, "store rebuild", "code --pair"]);
        check(&world);
    }
}

/// An enrollment stores its device beside commands that rebuild the registry and move everything.
#[test]
fn enrollment_beside_other_commands_keeps_its_secret() {
    let mut world = World::new();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    world.aws.add_user("bob");
    world.aws.add_admin("boss");
    let boss = world.aws.add_access_key("boss");
    let profile =
        format!("[admin]\naws_access_key_id = {}\naws_secret_access_key = {}\n", boss.id, boss.secret);
    world.home.write_credentials(&profile);
    world.home.write("secret", "");
    at_once(
        &world,
        &[
            "enroll -p admin --user bob --no-qr --yes",
            "store rebuild",
            "store move --to keyring",
            "store rebuild",
            "store move --to file",
            "store move --to keyring",
        ],
    );
    world.home.awsmfa(words("code --pair bob")).run().success();
}

/// Another command needs the store while `store init` is about to create it.
#[test]
fn store_that_is_being_created_is_used_and_not_replaced() {
    let world = World::new();
    world.home.forget_store();
    world.home.write("secret", &world.device.seed);
    let identity = world.home.join(ENTRY).with_file_name("identity.age");
    let renames = "rename,renameat,renameat2";
    let Some(creating) = paused_at_call(&world.home, &["store", "init"], renames, &identity) else { return };
    until(|| world.home.files().keys().any(|name| name.ends_with("custody.lock")));
    assert!(!identity.exists());
    at_once(&world, &["device import -p dev --secret-stdin --no-verify"]);
    let created = creating.wait_with_output().unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    world.home.awsmfa(words("login -p dev")).run().success();
}

/// The first secrets of a computer are stored by several commands at once.
#[test]
fn store_is_created_once() {
    let world = World::new();
    world.home.forget_store();
    world.home.write("secret", OTHER_SECRET);
    let serials = ["GAHT00000001", "GAHT00000002", "GAHT00000003"];
    let import = |serial| format!("device import --serial {serial} --secret-stdin --no-verify");
    let lines = serials.map(import);
    at_once(&world, &lines.each_ref().map(String::as_str));
    for serial in serials {
        let uri = world.home.awsmfa(["device", "export", serial, "--uri", "--yes"]).run().success().out();
        assert!(uri.contains(OTHER_SECRET), "{uri}");
    }
}
