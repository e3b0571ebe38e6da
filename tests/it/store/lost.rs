//! Secrets whose records were lost: commands that miss one say how to find it.

use super::{ENTRY, NO_BUS, REGISTRY, world_with_key};
use crate::support::{OTHER_SECRET, World, words};

const REBUILD: &str = "`awsmfa store rebuild`";

/// Every command that misses the device's secret, with its exit code.
const MISSING: [(&str, i32); 11] = [
    ("code", 3),
    ("code alice", 3),
    ("code arn:aws:iam::123456789012:mfa/alice", 3),
    ("code -p dev", 3),
    ("login -p dev", 3),
    ("credential-process -p dev", 3),
    ("exec -p dev -- true", 3),
    ("device export alice --uri --yes", 3),
    ("device resync alice", 3),
    ("setup -p dev --dry-run", 3),
    ("device list --local", 0),
];

/// Runs every such command in turn and returns its hints about the registry.
fn hints(world: &World) -> Vec<(&'static str, Vec<String>)> {
    let run = |(line, code)| {
        let said = world.home.awsmfa(words(line)).run().code(code).err();
        // What an SDK shows is one line.
        let hints = said.split(['\n', ';']).map(str::trim).filter(|hint| hint.contains(REBUILD));
        (line, hints.map(str::to_owned).collect())
    };
    MISSING.map(run).into()
}

#[test]
fn lost_registry_is_mentioned_if_the_keyring_may_have_secrets() {
    let mut world = World::new();
    world.home.set("DBUS_SESSION_BUS_ADDRESS", NO_BUS);
    for (line, hints) in hints(&world) {
        assert!(hints.is_empty(), "AWSMFA_STORE=file {line}: {hints:?}");
    }
    for store in [None, Some("keyring")] {
        world.home.unset("AWSMFA_STORE");
        store.into_iter().for_each(|store| world.home.set("AWSMFA_STORE", store));
        for (line, hints) in hints(&world) {
            let expected = ["hint: find secrets that were stored here before: `awsmfa store rebuild`"];
            assert_eq!(hints, expected, "{store:?} {line}");
        }
        let found = world.home.awsmfa(words("doctor --offline")).run();
        assert!(found.out().contains(REBUILD), "{}", found.out());
    }
    // Who has another device has a registry.
    world
        .home
        .awsmfa(words("device import --serial GAHT12345678 --secret-stdin --no-verify --store file"))
        .stdin(OTHER_SECRET)
        .run()
        .success();
    let said = world.home.awsmfa(words("code alice")).run().code(3).err();
    assert_eq!(said.matches(REBUILD).count(), 0, "{said}");
}

/// The registry exists, but does not have what the file store holds.
#[test]
fn file_store_without_a_record_is_noticed() {
    let world = World::imported();
    world.home.write(REGISTRY, "{\"version\": 1, \"devices\": []}");
    for (line, hints) in hints(&world) {
        assert_eq!(hints, ["hint: register what the file store holds: `awsmfa store rebuild`"], "{line}");
    }
    insta::assert_snapshot!(world.home.awsmfa(words("code")).run().code(3).err(), @"
    error: no device is stored here
    hint: enroll a device: `awsmfa enroll`, or import an existing one: `awsmfa device import --profile NAME`
    hint: register what the file store holds: `awsmfa store rebuild`
    ");
    let found = world.home.awsmfa(words("doctor --offline")).run();
    assert!(
        found.out().contains("the file store has `arn:aws:iam::123456789012:mfa/alice`, which"),
        "{}",
        found.out()
    );
    world.home.awsmfa(words("store rebuild")).run().success();
    world.home.awsmfa(words("code")).run().success();
    let found = world.home.awsmfa(words("doctor --offline")).run();
    assert!(!found.out().contains(REBUILD), "{}", found.out());
}

/// What belongs to the other store, and what awsmfa did not save, is no lost secret.
#[test]
fn copies_and_foreign_files_are_no_lost_secrets() {
    let world = World::imported();
    let entry = world.home.join(ENTRY);
    std::fs::copy(&entry, entry.with_file_name("note.age")).unwrap();
    world.home.write(REGISTRY, &world.home.read(REGISTRY).replace("\"file\"", "\"keyring\""));
    let said = world.home.awsmfa(words("code bob")).run().code(3).err();
    assert!(!said.contains(REBUILD), "{said}");
    let found = world.home.awsmfa(words("doctor --offline")).run();
    assert!(!found.out().contains(REBUILD), "{}", found.out());
}

/// A comment says that the profile's keys are in a store.
#[test]
fn stored_keys_without_a_record_are_noticed() {
    let world = world_with_key();
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    insta::assert_snapshot!(world.home.awsmfa(words("login -p dev")).run().code(3).err(), @"
    error: the long-term keys of `dev` were moved into a store, but the registry has no record of them
    hint: register what the stores hold: `awsmfa store rebuild`
    hint: or enter an access key again: `aws configure --profile dev`
    ");
    world.home.awsmfa(words("store rebuild")).run().success();
    world.home.awsmfa(words("login -p dev")).run().success();
}
