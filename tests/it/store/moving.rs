//! `store move` between the file store and a real keyring.

use super::{ENTRY, REGISTRY};
use crate::support::desktop::Desktop;
use crate::support::{OTHER_SECRET, World, words};

fn err(world: &World, line: &str, code: i32) -> String {
    world.home.awsmfa(words(line)).run().code(code).err().replace(&world.key.id, "[KEY]")
}

/// How many entries the file store has.
fn entries(world: &World) -> usize {
    let is_entry = |name: &&String| name.contains("awsmfa/store/") && name.contains(".age");
    world.home.files().keys().filter(is_entry).count() - 1
}

#[test]
fn secrets_move_to_the_keyring_and_back() {
    let mut world = World::imported();
    let Some(desktop) = Desktop::start(&mut world.home) else { return };
    world.home.awsmfa(words("keys store -p dev")).run().success();
    insta::assert_snapshot!(err(&world, "store move --to keyring", 0), @"
    awsmfa: moved the secret of `arn:aws:iam::123456789012:mfa/alice` from the file store to the keyring store
    awsmfa: moved access key `[KEY]` from the file store to the keyring store
    ");
    assert_eq!((entries(&world), world.home.read(REGISTRY).matches("\"keyring\"").count()), (0, 2));
    let found = desktop.secret_tool(&world.home, &["search", "--all", "service", "awsmfa"], "");
    assert!(found.contains("label = awsmfa: alice (123456789012)\n"), "{found}");
    assert!(found.contains(&format!("label = awsmfa: {}\n", world.key.id)), "{found}");
    world.home.awsmfa(words("login -p dev")).run().success();
    insta::assert_snapshot!(err(&world, "store move --to keyring", 0), @"awsmfa: nothing to move to the keyring store");

    insta::assert_snapshot!(err(&world, "store move --to file alice", 0), @"awsmfa: moved the secret of `arn:aws:iam::123456789012:mfa/alice` from the keyring store to the file store");
    assert_eq!(entries(&world), 1);
    let key = format!("store move --to file {}", world.key.id);
    insta::assert_snapshot!(err(&world, &key, 0), @"awsmfa: moved access key `[KEY]` from the keyring store to the file store");
    let search = ["-c", "secret-tool search --all service awsmfa || :"];
    let found = world.home.awsmfa(["x"; 0]).under("/bin/sh", &search).run();
    assert_eq!(found.out(), "");
    world.home.awsmfa(words("code")).run().success();
}

#[test]
fn nothing_moves_out_of_a_store_that_cannot_be_read() {
    let mut world = World::imported();
    let Some(desktop) = Desktop::start(&mut world.home) else { return };
    world.home.awsmfa(words("store move --to keyring")).run().success();
    desktop.lock(&world.home);
    let before = (world.home.read(REGISTRY), entries(&world));
    // On a busy machine, the keyring may respond too late.
    let refused = err(&world, "store move --to file", 5).replace("did not respond within 2 s", "is locked");
    insta::assert_snapshot!(refused, @"
    error: the keyring is locked
    hint: unlock the keyring on the desktop and try again
    ");
    world.home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    insta::assert_snapshot!(err(&world, "store move --to file", 5), @"
    error: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    hint: start the keyring service and try again
    ");
    assert_eq!((world.home.read(REGISTRY), entries(&world)), before);
}

#[test]
fn nothing_moves_into_a_store_that_does_not_work() {
    let mut world = World::imported();
    world.home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    let before = (world.home.read(REGISTRY), std::fs::read(world.home.join(ENTRY)).unwrap());
    insta::assert_snapshot!(err(&world, "store move --to keyring", 5), @"
    error: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    hint: start the keyring service and try again
    ");
    insta::assert_snapshot!(err(&world, "store move --to file bob", 3), @"
    error: no secret is stored for `bob`
    hint: list the devices: `awsmfa device list`
    ");
    assert_eq!((world.home.read(REGISTRY), std::fs::read(world.home.join(ENTRY)).unwrap()), before);
    // The keyring is not needed to find out that there is nothing to do.
    insta::assert_snapshot!(err(&world, "store move --to file", 0), @"awsmfa: nothing to move to the file store");
}

#[test]
fn copy_that_an_interrupted_run_left_is_deleted() {
    let mut world = World::imported();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    let copy = std::fs::read(world.home.join(ENTRY)).unwrap();
    world.home.awsmfa(words("store move --to keyring")).run().success();
    std::fs::write(world.home.join(ENTRY), copy).unwrap();
    world.home.chmod(ENTRY, 0o600);
    insta::assert_snapshot!(err(&world, "store move --to keyring", 0), @"awsmfa: deleted the old copy of the secret of `arn:aws:iam::123456789012:mfa/alice` from the file store");
    assert_eq!(entries(&world), 0);
    world.home.awsmfa(words("code")).run().success();
}

#[test]
fn another_secret_is_not_replaced_without_confirmation() {
    let mut world = World::imported();
    let Some(desktop) = Desktop::start(&mut world.home) else { return };
    let store = ["store", "--label", "by hand", "service", "awsmfa", "username", &world.device.serial];
    desktop.secret_tool(&world.home, &store, &format!("otpauth://totp/x?secret={OTHER_SECRET}"));
    let before = (world.home.read(REGISTRY), std::fs::read(world.home.join(ENTRY)).unwrap());
    insta::assert_snapshot!(err(&world, "store move --to keyring", 2), @"
    error: the keyring store has another secret under the name `arn:aws:iam::123456789012:mfa/alice`
    hint: use `--yes` to replace it; nothing was changed
    ");
    assert_eq!((world.home.read(REGISTRY), std::fs::read(world.home.join(ENTRY)).unwrap()), before);
    // Nor is it mistaken for a copy.
    insta::assert_snapshot!(err(&world, "store move --to file", 0), @"
    warning: the keyring store has another secret under the name `arn:aws:iam::123456789012:mfa/alice`, which nothing uses
    hint: use the secrets in the keyring store instead: `awsmfa store rebuild --store keyring`
    awsmfa: nothing to move to the file store
    ");
    world.home.awsmfa(words("store move --to keyring --yes")).run().success();
    world.home.awsmfa(words("login -p dev")).run().success();
}

#[test]
fn item_by_secret_tool_is_read() {
    let mut world = World::imported();
    let Some(desktop) = Desktop::start(&mut world.home) else { return };
    let uri = world.home.open_entry("arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age");
    let store = ["store", "--label", "by hand", "service", "awsmfa", "username", &world.device.serial];
    desktop.secret_tool(&world.home, &store, &uri);
    std::fs::remove_file(world.home.join(ENTRY)).unwrap();
    world.home.write(REGISTRY, &world.home.read(REGISTRY).replace("\"file\"", "\"keyring\""));
    world.home.awsmfa(words("login -p dev")).run().success();
    let status = world.home.awsmfa(words("store status --json")).run().success().json();
    assert_eq!(
        (&status["stores"][0]["state"], &status["secrets"][0]["state"]),
        (&"available".into(), &"stored".into())
    );
}
