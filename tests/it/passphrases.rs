//! The first passphrase of the file store is explained, and prompted for only when nothing else can fail.

use std::sync::Arc;

use awsmfa::testing::context::Context;

use crate::support::World;
use crate::support::in_process::{InProcess, Typist, device};

const WRONG: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// A world without a store and without a passphrase file.
fn world() -> World {
    let mut world = World::new();
    world.home.forget_store();
    world.home.unset("AWSMFA_PASSPHRASE_FILE");
    world.home.unset("AWSMFA_STORE");
    world
}

/// `device import` with these lines typed: whether it succeeded and what the terminal showed.
fn import(world: &World, typed: &[&str]) -> (bool, Vec<String>) {
    let InProcess { ctx, .. } = world.in_process(0);
    let typist = Typist::new(typed);
    let ctx = Context::new(ctx.env, ctx.clock, ctx.ui, Arc::clone(&typist) as _).unwrap();
    let result = device(&ctx, &["import", "--profile", "dev"]);
    // A machine that cannot keep the store unlocked shows one more line.
    let seen = typist.seen().into_iter().filter(|line| !line.contains("cannot keep the store unlocked"));
    (result.is_ok(), seen.map(|line| line.replace(world.home.path().to_str().unwrap(), "~")).collect())
}

#[test]
fn first_passphrase_is_explained() {
    let mut world = world();
    world.home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    world.home.set("AWSMFA_UNLOCK_FOR", "2m");
    let (done, seen) = import(&world, &[&world.device.seed, "short", "correct horse", "correct horse"]);
    assert!(done, "{seen:?}");
    // The reason comes from the platform.
    assert!(
        seen[1].starts_with("the keyring is") && seen[1].ends_with(", so the secret goes to the file store")
    );
    let seen = [&seen[..1], &seen[2..]].concat().join("\n");
    insta::assert_snapshot!(seen, @"
    secret key of `arn:aws:iam::123456789012:mfa/alice`:
    the file store keeps secrets in ~/.local/share/awsmfa/store, encrypted with a passphrase
    the store stays unlocked for 2m after you type the passphrase
    new passphrase for the file store (at least 8 characters):
    too short, try again: new passphrase for the file store (at least 8 characters):
    repeat the passphrase:
    ");
}

#[test]
fn chosen_store_needs_no_reason() {
    let mut world = world();
    world.home.set("AWSMFA_STORE", "file");
    world.home.set("AWSMFA_UNLOCK_FOR", "0");
    let (done, seen) = import(&world, &[&world.device.seed, "correct horse", "correct horse"]);
    assert!(done, "{seen:?}");
    assert!(seen[1].starts_with("the file store keeps secrets in"), "{seen:?}");
    assert_eq!(seen[2], "you will be prompted for the passphrase whenever a secret is needed");
}

#[test]
fn rejected_secret_prompts_for_no_passphrase() {
    let world = world();
    let (done, seen) = import(&world, &[WRONG]);
    assert!(!done);
    assert_eq!(seen, ["secret key of `arn:aws:iam::123456789012:mfa/alice`:"]);
    assert!(!world.home.join(".local/share/awsmfa/store").exists());
}

#[test]
fn rejected_enrollment_prompts_for_no_passphrase() {
    let mut world = world();
    world.home.set("AWSMFA_STORE", "file");
    world.aws.add_admin("boss");
    let key = world.aws.add_access_key("boss");
    world.home.write_credentials(&format!(
        "[admin]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.id, key.secret
    ));
    // Without a terminal, a prompt for the passphrase is exit code 5.
    let enroll =
        |user: &str| world.home.awsmfa(["enroll", "--profile", "admin", "--user", user, "--yes"]).run();
    enroll("ghost").code(3);
    for number in 2..=8 {
        world.aws.add_device("alice", &format!("alice-{number}"));
    }
    enroll("alice").code(4);
    enroll("boss").code(5);
    assert!(world.aws.requests_for("CreateVirtualMFADevice").is_empty());
}

#[test]
fn store_that_is_unlocked_still_needs_its_passphrase_file() {
    let mut world = World::imported();
    world.home.set("AWSMFA_UNLOCK_FOR", "2m");
    let code = || world.home.awsmfa(["code", "alice"]).run();
    code().success();
    code().success();
    world.home.write("passphrase", "battery staple\n");
    insta::assert_snapshot!(code().code(5).err(), @r"
    error: wrong passphrase for the file store
    hint: try again with the right passphrase; nothing was changed
    ");
    world.home.write("passphrase", "correct horse\n");
    code().success();
    // Otherwise, the unlocked store would hide that other users can read the passphrase.
    world.home.chmod("passphrase", 0o644);
    insta::assert_snapshot!(code().code(5).err(), @r"
    error: the file store is locked: AWSMFA_PASSPHRASE_FILE `~/passphrase` is readable by every user (`chmod 600`)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    std::fs::remove_file(world.home.join("passphrase")).unwrap();
    insta::assert_snapshot!(code().code(5).err(), @r"
    error: the file store is locked: AWSMFA_PASSPHRASE_FILE `~/passphrase`: No such file or directory (os error [N])
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
}
