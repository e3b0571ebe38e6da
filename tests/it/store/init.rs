//! `store init`: a store with a passphrase, and one whose key an age plugin has.

use std::path::{Path, PathBuf};

use super::ENTRY;
use crate::support::screen::Screen;
use crate::support::{NO_ARGS, World, skipped, words};

/// A world without a store.
fn world() -> World {
    let world = World::new();
    world.home.forget_store();
    world
}

/// The example `age_plugin`, which is built with the tests.
fn plugin() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_BIN_EXE_awsmfa")).with_file_name("examples").join("age_plugin");
    if !path.exists() {
        skipped("the example `age_plugin` (`cargo build --example age_plugin`)");
        return None;
    }
    Some(path)
}

/// A world without a store and without a passphrase. A plugin is on the `PATH`, and its new identity in `identity.txt`.
fn world_with_plugin() -> Option<World> {
    let plugin = plugin()?;
    let mut world = world();
    world.home.unset("AWSMFA_PASSPHRASE_FILE");
    std::fs::create_dir(world.home.join("bin")).unwrap();
    std::os::unix::fs::symlink(&plugin, world.home.join("bin/age-plugin-awsmfatest")).unwrap();
    let path = format!("{}:/usr/bin:/bin", world.home.join("bin").display());
    world.home.set("PATH", &path);
    let printed = std::process::Command::new(plugin).output().unwrap();
    world.home.write("identity.txt", &String::from_utf8(printed.stdout).unwrap());
    Some(world)
}

/// [`world_with_plugin`] with the device's secret in its store.
fn stored_with_plugin() -> Option<World> {
    let world = world_with_plugin()?;
    init(&world).success();
    world.import();
    Some(world)
}

fn init(world: &World) -> crate::support::Ran {
    world.home.awsmfa(words("store init --identity identity.txt")).run()
}

/// The failure of a command that needs the secret while the plugin behaves like this.
fn failure(world: &World, behavior: &str) -> String {
    world.home.awsmfa(words("code alice")).env("AGE_TEST_PLUGIN", behavior).run().code(5).err()
}

#[test]
fn store_with_a_passphrase_is_created_once() {
    let world = world();
    let init = || world.home.awsmfa(words("store init")).run();
    insta::assert_snapshot!(init().success().err(), @"awsmfa: created the file store in ~/.local/share/awsmfa/store");
    let before = world.home.files();
    insta::assert_snapshot!(init().code(1).err(), @r"
    error: the file store already exists in ~/.local/share/awsmfa/store
    hint: show what it holds: `awsmfa store status`
    ");
    assert_eq!(world.home.files(), before);
    world.import();
    world.home.awsmfa(words("code alice")).run().success();
}

#[test]
fn passphrase_needs_a_person_or_a_variable() {
    let mut world = world();
    world.home.unset("AWSMFA_PASSPHRASE_FILE");
    world.home.unset("AWSMFA_STORE");
    let ran = world.home.awsmfa(words("store init")).run().code(5);
    insta::assert_snapshot!(ran.err(), @r"
    error: no new passphrase for the file store: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the new passphrase
    ");
    assert!(!world.home.join(".local/share").exists());
}

#[test]
fn plugin_opens_the_store_that_was_created_with_its_identity() {
    let Some(mut world) = world_with_plugin() else { return };
    insta::assert_snapshot!(init(&world).success().err(), @"awsmfa: created the file store in ~/.local/share/awsmfa/store; `age-plugin-awsmfatest` opens it");
    world.import();
    let code = world.home.awsmfa(words("code alice")).run().success().out();
    assert_eq!(code.trim().len(), 6);
    world.home.awsmfa(words("login -p dev")).run().success();
    let store = world.home.join(".local/share/awsmfa/store");
    assert_eq!(world.home.read(".local/share/awsmfa/store/identity.txt"), world.home.read("identity.txt"));
    assert!(world.home.read(".local/share/awsmfa/store/recipient").starts_with("age1awsmfatest1"));
    let entry = String::from_utf8_lossy(&std::fs::read(world.home.join(ENTRY)).unwrap()).into_owned();
    assert!(entry.contains("-> awsmfatest") && !entry.contains(&world.device.seed));
    assert_eq!(std::fs::read_dir(store).unwrap().count(), 3);
    insta::assert_snapshot!(init(&world).code(1).err().lines().next().unwrap(), @"error: the file store already exists in ~/.local/share/awsmfa/store");
    world.home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    let status = world.home.awsmfa(words("store status")).run().success().out();
    assert!(status.contains("age-plugin-awsmfatest unlocks it"), "{status}");
}

#[test]
fn identity_without_a_recipient_is_enough() {
    let Some(world) = world_with_plugin() else { return };
    let bare: String =
        world.home.read("identity.txt").lines().filter(|line| !line.starts_with('#')).collect();
    world.home.write("identity.txt", &bare);
    init(&world).success();
    world.import();
    world.home.awsmfa(words("code alice")).run().success();
}

#[test]
fn store_is_not_created_unless_the_plugin_opens_what_it_encrypts() {
    let Some(world) = world_with_plugin() else { return };
    let mut failures = Vec::new();
    for behavior in ["refuses", "crashes", "babbles", "asks"] {
        let run = world.home.awsmfa(words("store init --identity identity.txt"));
        failures.push(run.env("AGE_TEST_PLUGIN", behavior).run().code(5).err());
    }
    assert!(!world.home.join(".local/share").exists());
    insta::assert_snapshot!(failures.join("\n"), @r"
    error: the file store's key is not available: `age-plugin-awsmfatest` says: no device is connected
    hint: check that the device of `age-plugin-awsmfatest` works, and try again; nothing was changed

    error: the file store's key is not available: `age-plugin-awsmfatest` failed (exit status: 101)
    hint: check that the device of `age-plugin-awsmfatest` works, and try again; nothing was changed

    error: the file store's key is not available: `age-plugin-awsmfatest` does not follow the age plugin protocol
    hint: check that the device of `age-plugin-awsmfatest` works, and try again; nothing was changed

    error: the file store is locked: `age-plugin-awsmfatest` asks for `PIN of the test key`: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: run the command in a terminal
    ");
}

#[test]
fn plugin_that_fails_is_an_error() {
    let Some(world) = stored_with_plugin() else { return };
    let before = std::fs::read(world.home.join(ENTRY)).unwrap();
    let failures = ["refuses", "crashes", "asks"].map(|behavior| failure(&world, behavior));
    insta::assert_snapshot!(failures.join("\n"), @r"
    error: the file store's key is not available: `age-plugin-awsmfatest` says: no device is connected
    hint: check that the device of `age-plugin-awsmfatest` works, and try again; nothing was changed

    error: the file store's key is not available: `age-plugin-awsmfatest` failed (exit status: 101)
    hint: check that the device of `age-plugin-awsmfatest` works, and try again; nothing was changed

    error: the file store is locked: `age-plugin-awsmfatest` asks for `PIN of the test key`: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: run the command in a terminal
    ");
    std::fs::remove_file(world.home.join("bin/age-plugin-awsmfatest")).unwrap();
    insta::assert_snapshot!(failure(&world, "works"), @r"
    error: the file store needs `age-plugin-awsmfatest`, which is not installed
    hint: install `age-plugin-awsmfatest`, or add its folder to `PATH`
    ");
    assert_eq!(std::fs::read(world.home.join(ENTRY)).unwrap(), before);
}

#[test]
fn plugin_that_hangs_is_ended() {
    let Some(world) = stored_with_plugin() else { return };
    insta::assert_snapshot!(failure(&world, "hangs"), @r"
    error: the file store's key is not available: `age-plugin-awsmfatest` timed out (10 s)
    hint: connect the device, touch it if it blinks, and try again; nothing was changed
    ");
}

#[test]
fn plugin_prompts_the_person_at_the_terminal() {
    let Some(mut world) = stored_with_plugin() else { return };
    world.home.unset("AWSMFA_NO_INPUT");
    world.home.set("AGE_TEST_PLUGIN", "asks");
    let like = world.home.awsmfa(NO_ARGS).into_command();
    let line = format!("{} code alice; echo exit=$?", env!("CARGO_BIN_EXE_awsmfa"));
    let Some(mut screen) = Screen::run(&line, &like) else { return };
    screen.sees("PIN of the test key").echoes(false).types("864209\n").sees("exit=0");
    assert!(!screen.ended().contains("864209"));
    let Some(mut screen) = Screen::run(&line, &like) else { return };
    screen.sees("PIN of the test key").echoes(false).types("111111\n").sees("says: wrong PIN").sees("exit=5");
    screen.ended();
    world.home.set("AGE_TEST_PLUGIN", "asks-touch");
    let like = world.home.awsmfa(NO_ARGS).into_command();
    let Some(mut screen) = Screen::run(&line, &like) else { return };
    screen.sees("touch the test key").sees("Is it touched? (touched)").types("y\n").sees("exit=0");
    screen.ended();
}

#[test]
fn identity_that_no_plugin_has_is_rejected() {
    let world = world();
    let rejected = |text: &str| {
        world.home.write("identity.txt", text);
        init(&world).code(2).err()
    };
    insta::assert_snapshot!(rejected("# public key: age1xyz\nAGE-SECRET-KEY-1XYZ\n"), @r"
    error: cannot use the identity `identity.txt`: it is a plain age identity: anyone who can read the file can read every secret
    hint: create a store with a passphrase instead: `awsmfa store init`
    ");
    insta::assert_snapshot!(rejected("age-encryption.org/v1\n"), @r"
    error: cannot use the identity `identity.txt`: it is encrypted
    hint: decrypt the file first with `age -d`, or create a store with a passphrase: `awsmfa store init`
    ");
    insta::assert_snapshot!(rejected("hello\n"), @r"
    error: cannot use the identity `identity.txt`: it has no identity of an age plugin (`AGE-PLUGIN-…`)
    hint: create an identity with `age-plugin-tpm`, `age-plugin-se` or `age-plugin-yubikey`
    ");
    std::fs::remove_file(world.home.join("identity.txt")).unwrap();
    insta::assert_snapshot!(init(&world).code(2).err(), @"error: cannot use the identity `identity.txt`: No such file or directory (os error [N])");
    assert!(!world.home.join(".local").exists());
}
