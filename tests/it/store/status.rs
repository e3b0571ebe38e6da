//! `store status` and `store lock`

use crate::support::{World, words};

/// A world without a keyring.
fn world() -> World {
    let mut world = World::imported();
    world.home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    world
}

fn status(world: &World) -> String {
    let out = world.home.awsmfa(words("store status")).run().success().out();
    let out = out.replace(world.home.path().to_str().unwrap(), "~").replace(&world.key.id, "[KEY]");
    let replace = |text: &str, pattern: &str, with: &str| {
        regex::Regex::new(pattern).unwrap().replace_all(text, with).into_owned()
    };
    // The columns depend on the length of the home folder's path.
    replace(&replace(&out, r"\(os error \d+\)", "(os error [N])"), "  +", "  ")
}

#[test]
fn status_shows_stores_and_secrets() {
    let world = world();
    world.home.awsmfa(words("keys store -p dev")).run().success();
    insta::assert_snapshot!(status(&world), @"
    STORE  DEFAULT  STATE  FOLDER  NOTES
    keyring  -  unavailable  -  the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    file  yes (AWSMFA_STORE)  locked  ~/.local/share/awsmfa/store  AWSMFA_PASSPHRASE_FILE unlocks it

    SECRET  KIND  STORE  STATE  PROFILES
    arn:aws:iam::123456789012:mfa/alice  device  file  stored  dev
    [KEY]  access key  file  stored  dev
    ");
    let json =
        world.home.awsmfa(words("store status --json")).env_remove("AWSMFA_STORE").run().success().json();
    assert_eq!(
        (&json["default"], &json["default_reason"]),
        (&"file".into(), &"the keyring does not work".into())
    );
    assert_eq!(json["stores"][0]["state"], "unavailable");
    assert_eq!(json["secrets"][0]["profiles"][0], "dev");
}

#[test]
fn status_of_a_new_home_is_empty_and_changes_nothing() {
    let world = world();
    world.home.forget_store();
    let before = world.home.files();
    insta::assert_snapshot!(status(&world), @"
    STORE  DEFAULT  STATE  FOLDER  NOTES
    keyring  -  unavailable  -  the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    file  yes (AWSMFA_STORE)  not created  ~/.local/share/awsmfa/store  -
    ");
    assert_eq!(world.home.files(), before);
}

#[test]
fn status_compares_the_store_with_the_registry() {
    let world = world();
    let entry = |name: &str| world.home.join(".local/share/awsmfa/store").join(name);
    std::fs::rename(
        entry("arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age"),
        entry("arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Fbob.age"),
    )
    .unwrap();
    insta::assert_snapshot!(status(&world), @"
    STORE  DEFAULT  STATE  FOLDER  NOTES
    keyring  -  unavailable  -  the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    file  yes (AWSMFA_STORE)  locked  ~/.local/share/awsmfa/store  AWSMFA_PASSPHRASE_FILE unlocks it

    SECRET  KIND  STORE  STATE  PROFILES
    arn:aws:iam::123456789012:mfa/alice  device  file  missing  dev
    arn:aws:iam::123456789012:mfa/bob  device  file  unregistered  -
    ");
    let ran = world.home.awsmfa(words("store status")).run().success();
    insta::assert_snapshot!(ran.err(), @"
    hint: restore a missing secret from a backup: `awsmfa store restore FILE`, or import it again: `awsmfa device import --serial ARN`
    hint: register what the stores hold: `awsmfa store rebuild`
    ");
    std::fs::remove_file(entry("identity.age")).unwrap();
    insta::assert_snapshot!(status(&world), @"
    STORE  DEFAULT  STATE  FOLDER  NOTES
    keyring  -  unavailable  -  the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    file  yes (AWSMFA_STORE)  unavailable  ~/.local/share/awsmfa/store  `~/.local/share/awsmfa/store/identity.age` is missing; without it, nothing in the folder can be read

    SECRET  KIND  STORE  STATE  PROFILES
    arn:aws:iam::123456789012:mfa/alice  device  file  unknown  dev
    ");
}

/// The kernel keeps the store unlocked, if it can.
#[test]
#[cfg(target_os = "linux")]
fn status_shows_how_long_the_store_stays_unlocked() {
    let mut world = world();
    // A store of its own: the kernel keeps one identity a store, and the tests share theirs.
    world.home.forget_store();
    world.home.set("AWSMFA_UNLOCK_FOR", "2h");
    world.import();
    world.home.awsmfa(words("code")).run().success();
    let json = world.home.awsmfa(words("store status --json")).run().success().json();
    if json["stores"][1]["state"] == "unlocked" {
        assert!(json["stores"][1]["unlocked_until"].as_str().unwrap().ends_with('Z'), "{json}");
        let shown = status(&world);
        assert!(shown.contains("unlocked  ~/.local/share/awsmfa/store  for 1h 59m"), "{shown}");
        insta::assert_snapshot!(world.home.awsmfa(words("store lock")).run().success().err(), @"
        awsmfa: locked the file store
        awsmfa: `AWSMFA_PASSPHRASE_FILE` unlocks the file store whenever a secret is needed
        ");
    }
    let json = world.home.awsmfa(words("store status --json")).run().success().json();
    assert_eq!(json["stores"][1]["state"], "locked");
}

#[test]
fn lock_says_what_still_unlocks_the_store() {
    let world = world();
    insta::assert_snapshot!(world.home.awsmfa(words("store lock")).run().success().err(), @"
    awsmfa: the file store is already locked
    awsmfa: `AWSMFA_PASSPHRASE_FILE` unlocks the file store whenever a secret is needed
    ");
    world.home.forget_store();
    insta::assert_snapshot!(world.home.awsmfa(words("store lock")).run().success().err(), @"awsmfa: there is no file store to lock");
}
