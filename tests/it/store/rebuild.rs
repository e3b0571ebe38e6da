//! `store rebuild`, and what works without a registry.

use crate::support::{OTHER_SECRET, World, words};

const REGISTRY: &str = ".local/share/awsmfa/devices.json";

fn world() -> World {
    let mut world = World::imported();
    world.home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    world
}

fn rebuild(world: &World, code: i32) -> String {
    world.home.awsmfa(words("store rebuild")).run().code(code).err().replace(&world.key.id, "[KEY]")
}

#[test]
fn damaged_registry_is_rebuilt_and_kept() {
    let world = world();
    world.home.awsmfa(words("keys store -p dev")).run().success();
    let broken = "{\"version\": 1, \"devices\": [";
    world.home.write(REGISTRY, broken);
    let refused = world.home.awsmfa(words("code")).run().code(3).err();
    assert!(refused.contains("`awsmfa store rebuild`"), "{refused}");
    insta::assert_snapshot!(rebuild(&world, 0), @"
    awsmfa: moved the damaged registry to ~/.local/share/awsmfa/devices.json.bad
    warning: the keyring could not be listed: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    awsmfa: registered `arn:aws:iam::123456789012:mfa/alice`; its secret is in the file store
    awsmfa: registered access key `[KEY]` of `dev`, which is in the file store
    ");
    assert_eq!(world.home.read(&format!("{REGISTRY}.bad")), broken);
    world.home.awsmfa(words("login -p dev")).run().success();
    assert!(rebuild(&world, 0).contains("awsmfa: the registry has everything that the stores hold"));
}

#[test]
fn missing_registry_needs_no_command_for_the_file_store() {
    let world = world();
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    world.home.awsmfa(words("login -p dev")).run().success();
    assert_eq!(
        world.home.awsmfa(words("device list --local --json")).run().success().json()[0]["store"],
        "file"
    );
}

#[test]
fn rebuilt_registry_is_complete() {
    let world = world();
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    assert!(rebuild(&world, 0).contains("awsmfa: registered `arn:aws:iam::123456789012:mfa/alice`"));
    assert!(world.home.read(REGISTRY).contains("mfa/alice"));
    assert!(rebuild(&world, 0).contains("awsmfa: the registry has everything that the stores hold"));
}

#[test]
fn registry_of_a_newer_version_is_not_replaced() {
    let world = world();
    world.home.write(REGISTRY, "{\"version\": 2}");
    insta::assert_snapshot!(rebuild(&world, 3), @"
    error: `~/.local/share/awsmfa/devices.json` was written by a newer awsmfa (format 2; this version supports format 1)
    hint: use the newer awsmfa that wrote the file
    ");
    assert_eq!(world.home.read(REGISTRY), "{\"version\": 2}");
}

/// A desktop has the secret, as another computer's backup of the keyring restores it.
#[test]
#[cfg(target_os = "linux")]
fn secrets_in_the_keyring_are_found() {
    let mut world = world();
    let Some(_desktop) = crate::support::desktop::Desktop::start(&mut world.home) else { return };
    world.home.awsmfa(words("store move --to keyring")).run().success();
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    let import =
        format!("device import --serial {} --secret-stdin --no-verify --store keyring", world.device.serial);
    let ran = world.home.awsmfa(words(&import)).stdin(OTHER_SECRET).run().code(2);
    assert!(ran.err().starts_with("error: another secret is stored for "), "{}", ran.err());
    insta::assert_snapshot!(rebuild(&world, 0), @"awsmfa: registered `arn:aws:iam::123456789012:mfa/alice`; its secret is in the keyring store");
    world.home.awsmfa(words("login -p dev")).run().success();
}
