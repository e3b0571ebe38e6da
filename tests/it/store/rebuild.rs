//! `store rebuild`, and what works without a registry.

use super::{ENTRY, NO_BUS, REGISTRY, world};
use crate::support::{OTHER_SECRET, World, words};

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
    warning: the keyring could not be listed: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    awsmfa: copied the damaged registry to ~/.local/share/awsmfa/devices.json.bad
    awsmfa: registered `arn:aws:iam::123456789012:mfa/alice`; its secret is in the file store
    awsmfa: registered access key `[KEY]` of `dev`, which is in the file store
    ");
    assert_eq!(world.home.read(&format!("{REGISTRY}.bad")), broken);
    world.home.awsmfa(words("login -p dev")).run().success();
    // What one damage left is not overwritten by another.
    world.home.write(REGISTRY, "");
    assert!(
        rebuild(&world, 0)
            .contains("copied the damaged registry to ~/.local/share/awsmfa/devices.json.bad-2\n")
    );
    assert_eq!(world.home.read(&format!("{REGISTRY}.bad")), broken);
    world.home.awsmfa(words("login -p dev")).run().success();
}

#[test]
fn sound_records_of_a_damaged_registry_stay() {
    let world = world();
    let serial = &world.device.serial;
    world.home.write(
        REGISTRY,
        &format!(
            r#"{{"version": 1, "keys": {{"AKIAX": "{serial}", "AKIAY": 7}}, "devices": [{{"serial": "{serial}", "store": "keyrin"}},
            {{"serial": "{serial}", "store": "file", "label": "phone", "profiles": ["dev"]}}]}}"#
        ),
    );
    let refused = world.home.awsmfa(words("code")).run().code(3).err();
    assert!(refused.contains("`awsmfa store rebuild`"), "{refused}");
    let said = rebuild(&world, 0);
    assert!(said.contains("copied the damaged registry") && !said.contains("registered `"), "{said}");
    world.home.awsmfa(words("code phone")).run().success();
    assert!(world.home.read(REGISTRY).contains("AKIAX"));
}

/// Registries of programs that are not awsmfa, and none at all.
#[test]
fn foreign_registries_are_replaced() {
    let world = world();
    for foreign in
        ["[]", "null", "{}", "\u{feff}", "{\"version\": \"1\"}", "{\"version\": 1, \"devices\": {}}"]
    {
        world.home.write(REGISTRY, foreign);
        rebuild(&world, 0);
        world.home.awsmfa(words("code")).run().success();
    }
}

#[test]
#[cfg(unix)]
fn registry_that_is_a_link_or_a_folder_is_left_alone() {
    let world = world();
    let content = world.home.read(REGISTRY);
    let path = world.home.join(REGISTRY);
    std::fs::rename(&path, world.home.join("elsewhere.json")).unwrap();
    std::os::unix::fs::symlink(world.home.join("elsewhere.json"), &path).unwrap();
    insta::assert_snapshot!(rebuild(&world, 1), @"
    error: `~/.local/share/awsmfa/devices.json` is a symlink
    hint: move it away: `mv ~/.local/share/awsmfa/devices.json ~/.local/share/awsmfa/devices.json.bad`
    ");
    assert_eq!(world.home.read("elsewhere.json"), content);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    insta::assert_snapshot!(rebuild(&world, 1), @"
    error: `~/.local/share/awsmfa/devices.json` is not a regular file
    hint: move it away: `mv ~/.local/share/awsmfa/devices.json ~/.local/share/awsmfa/devices.json.bad`
    ");
    assert!(path.is_dir());
}

#[test]
fn device_that_is_registered_twice_is_registered_once() {
    let world = world();
    let serial = &world.device.serial;
    let record = |store: &str, label: &str| {
        format!(r#"{{"serial": "{serial}", "store": "{store}", "label": "{label}"}}"#)
    };
    let both = format!("{}, {}", record("file", "one"), record("keyring", "two"));
    world.home.write(REGISTRY, &format!(r#"{{"version": 1, "devices": [{both}]}}"#));
    let said = world.home.awsmfa(words("store rebuild --store file")).run().success().err();
    insta::assert_snapshot!(said, @"
    warning: the keyring could not be listed: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    awsmfa: `arn:aws:iam::123456789012:mfa/alice` was registered twice; merged the two records
    ");
    world.home.awsmfa(words("code one")).run().success();
}

/// A world with two profiles whose keys are stored, and without a registry.
fn world_with_two_keys() -> (World, fake_aws::AccessKey) {
    let world = world();
    world.aws.add_user("bob");
    let other = world.aws.add_access_key("bob");
    let section =
        format!("[ops]\naws_access_key_id = {}\naws_secret_access_key = {}\n", other.id, other.secret);
    world.home.write_credentials(&(world.home.credentials() + &section));
    for profile in ["dev", "ops"] {
        world.home.awsmfa(["keys", "store", "-p", profile]).run().success();
    }
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    (world, other)
}

#[test]
fn stored_keys_are_registered_for_the_profiles_whose_comments_name_them() {
    let (world, other) = world_with_two_keys();
    insta::assert_snapshot!(rebuild(&world, 0).replace(&other.id, "[OTHER]"), @"
    warning: the keyring could not be listed: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    awsmfa: registered `arn:aws:iam::123456789012:mfa/alice`; its secret is in the file store
    awsmfa: registered access key `[KEY]` of `dev`, which is in the file store
    awsmfa: registered access key `[OTHER]` of `ops`, which is in the file store
    ");
    world.home.awsmfa(words("login -p dev")).run().success();
    let ran = world.home.awsmfa(words("keys restore -p ops")).run().success();
    assert!(ran.err().contains(&other.id), "{}", ran.err());
}

#[test]
fn key_of_an_unknown_profile_is_not_guessed() {
    let (world, other) = world_with_two_keys();
    // An earlier version did not name the key; and a profile whose key is in no store.
    let credentials = world.home.credentials().replace(&format!(" ({})", world.key.id), "");
    world.home.write_credentials(&credentials.replace(&other.id, "AKIAZZZZZZZZZZZZZZZZ"));
    std::fs::remove_file(world.home.join(&format!(".local/share/awsmfa/store/{}.age", other.id))).unwrap();
    insta::assert_snapshot!(rebuild(&world, 0), @"
    warning: the keyring could not be listed: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    awsmfa: registered `arn:aws:iam::123456789012:mfa/alice`; its secret is in the file store
    warning: access key `[KEY]` is in the file store, but its profile is unknown
    hint: print the key and add it to its profile with `aws configure`: `age -d -i ~/.local/share/awsmfa/store/identity.age ~/.local/share/awsmfa/store/[KEY].age`
    ");
    assert!(!world.home.read(REGISTRY).contains("AKIA"), "{}", world.home.read(REGISTRY));
}

/// `keys store` was interrupted before it changed the file.
#[test]
fn key_that_is_in_a_file_too_is_not_registered() {
    let world = world();
    let before = world.home.credentials();
    world.home.awsmfa(words("keys store -p dev")).run().success();
    world.home.write_credentials(&before);
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    insta::assert_snapshot!(rebuild(&world, 0), @"
    warning: the keyring could not be listed: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    awsmfa: registered `arn:aws:iam::123456789012:mfa/alice`; its secret is in the file store
    warning: access key `[KEY]` is in the file store, but profile `dev` uses the one in its file
    hint: use the key in the store, and remove it from the file: `awsmfa keys store --profile dev`
    ");
    world.home.awsmfa(words("keys store --profile dev")).run().success();
    assert!(rebuild(&world, 0).contains("could not be listed"));
    assert!(!world.home.credentials().contains(&world.key.secret));
}

#[test]
fn rotated_key_is_registered_again() {
    let world = world();
    world.aws.set_permissions("alice", fake_aws::Permissions::Admin);
    world.home.awsmfa(words("keys store -p dev")).run().success();
    world.home.awsmfa(words("keys rotate -p dev --yes")).run().success();
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    let said = rebuild(&world, 0);
    assert!(said.contains("of `dev`, which is in the file store") && !said.contains("[KEY]"), "{said}");
    world.home.awsmfa(words("login -p dev --force")).run().success();
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
    assert!(rebuild(&world, 0).contains("awsmfa: the registry has everything that the file store holds"));
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

/// The registry names a store that does not have the secrets.
#[test]
#[cfg(target_os = "linux")]
fn registry_that_refers_to_the_wrong_store_is_corrected() {
    let mut world = world();
    let Some(_desktop) = crate::support::desktop::Desktop::start(&mut world.home) else { return };
    world.home.awsmfa(words("keys store -p dev")).run().success();
    let refer_to = |store: &str, other: &str| {
        world.home.write(
            REGISTRY,
            &world.home.read(REGISTRY).replace(&format!("\"{other}\""), &format!("\"{store}\"")),
        );
    };
    let serial = world.device.serial.clone();
    for (right, wrong) in [("file", "keyring"), ("keyring", "file")] {
        world.home.awsmfa(["store", "move", "--to", right]).run().success();
        refer_to(wrong, right);
        world.home.awsmfa(words("code")).run().code(5);
        let corrected = |what: &str| {
            format!("awsmfa: {what} is in the {right} store; the registry referred to the {wrong} store\n")
        };
        let expected = corrected(&format!("the secret of `{serial}`")) + &corrected("access key `[KEY]`");
        assert_eq!(rebuild(&world, 0), expected);
        world.home.awsmfa(words("login -p dev --force")).run().success();
    }
    insta::assert_snapshot!(rebuild(&world, 0), @"awsmfa: the registry has everything that the stores hold");
}

/// What the registry says of a keyring that cannot be asked is neither changed nor called complete.
#[test]
#[cfg(target_os = "linux")]
fn keyring_that_cannot_be_listed_is_not_passed_over() {
    let mut world = world();
    let Some(desktop) = crate::support::desktop::Desktop::start(&mut world.home) else { return };
    world.home.awsmfa(words("store move --to keyring")).run().success();
    world.home.import("GAHT12345678", OTHER_SECRET);
    let refused = |world: &World, registry: &str, why: &str| {
        world.home.write(REGISTRY, registry);
        let said = rebuild(world, 5);
        assert!(said.starts_with(&format!("error: the keyring could not be listed: {why}")), "{said}");
        assert!(
            said.ends_with(
                "hint: or register only what the file store holds: `awsmfa store rebuild --store file`\n"
            ),
            "{said}"
        );
        assert_eq!(world.home.read(REGISTRY), registry);
        assert!(!world.home.join(&format!("{REGISTRY}.bad")).exists());
    };
    let sound = world.home.read(REGISTRY);
    let damaged = &sound[..sound.len() - 3];
    desktop.lock(&world.home);
    for registry in [&sound, damaged, "", r#"{"version": 1, "devices": []}"#] {
        refused(&world, registry, "the keyring is locked\n");
    }
    world.home.set("DBUS_SESSION_BUS_ADDRESS", NO_BUS);
    for registry in [&sound, damaged] {
        refused(&world, registry, "the keyring is not available: ");
    }
    // The person says that the file store counts alone. What the registry says of the keyring stays.
    world.home.write(REGISTRY, &sound.replace("GAHT12345678", "GAHT00000000"));
    let said = world.home.awsmfa(words("store rebuild --store file")).run().success().err();
    assert!(said.starts_with("warning: the keyring could not be listed: "), "{said}");
    assert!(said.ends_with("awsmfa: registered `GAHT12345678`; its secret is in the file store\n"), "{said}");
    let devices = world.home.awsmfa(words("device list --local --json")).run().success().json();
    let store = |serial: &str| {
        let device = devices.as_array().unwrap().iter().find(|device| device["serial"] == serial).unwrap();
        device["store"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (store(&world.device.serial), store("GAHT12345678")),
        ("keyring".to_owned(), "file".to_owned())
    );
    // Nothing refers to a keyring, and there is none.
    world.home.write(REGISTRY, r#"{"version": 1, "devices": []}"#);
    insta::assert_snapshot!(rebuild(&world, 0), @"
    warning: the keyring could not be listed: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    awsmfa: registered `GAHT12345678`; its secret is in the file store
    ");
}

/// Secrets that nobody can compare are not called different.
#[test]
#[cfg(target_os = "linux")]
fn secrets_that_cannot_be_compared_are_left_to_the_person() {
    let mut world = world();
    let Some(_desktop) = crate::support::desktop::Desktop::start(&mut world.home) else { return };
    let entry = std::fs::read(world.home.join(ENTRY)).unwrap();
    world.home.awsmfa(words("store move --to keyring")).run().success();
    std::fs::write(world.home.join(ENTRY), entry).unwrap();
    world.home.chmod(ENTRY, 0o600);
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    std::fs::remove_file(world.home.join("passphrase")).unwrap();
    insta::assert_snapshot!(rebuild(&world, 5), @"
    error: the secret of `arn:aws:iam::123456789012:mfa/alice` is in both stores, and the one in the file store cannot be read: the file store is locked: AWSMFA_PASSPHRASE_FILE `~/passphrase`: No such file or directory (os error [N])
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    hint: or use the secrets in the keyring: `awsmfa store rebuild --store keyring`
    hint: or use those in the file store: `awsmfa store rebuild --store file`
    ");
    assert!(!world.home.join(REGISTRY).exists());
    world.home.awsmfa(words("store rebuild --store keyring")).run().success();
    world.home.awsmfa(words("code")).run().success();
}

/// Without a registry, nothing says which of two different secrets is the right one.
#[test]
#[cfg(target_os = "linux")]
fn different_secrets_in_both_stores_are_not_guessed() {
    let mut world = world();
    let Some(desktop) = crate::support::desktop::Desktop::start(&mut world.home) else { return };
    let store = ["store", "--label", "by hand", "service", "awsmfa", "username", &world.device.serial];
    desktop.secret_tool(&world.home, &store, &format!("otpauth://totp/x?secret={OTHER_SECRET}"));
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    insta::assert_snapshot!(rebuild(&world, 5), @"
    error: the keyring store and the file store have different secrets for `arn:aws:iam::123456789012:mfa/alice`
    hint: use the secrets in the keyring: `awsmfa store rebuild --store keyring`
    hint: or use those in the file store: `awsmfa store rebuild --store file`
    ");
    assert!(!world.home.join(REGISTRY).exists());
    let used = || world.home.awsmfa(words("device export alice --uri --yes")).run().success().out();
    world.home.awsmfa(words("store rebuild --store keyring")).run().success();
    assert!(used().contains(OTHER_SECRET));
    world.home.awsmfa(words("store rebuild --store file")).run().success();
    assert!(used().contains(&world.device.seed));
    // A copy, as an interrupted move leaves it, is no problem.
    desktop.secret_tool(&world.home, &store, &world.home.open_entry(ENTRY.rsplit('/').next().unwrap()));
    std::fs::remove_file(world.home.join(REGISTRY)).unwrap();
    insta::assert_snapshot!(rebuild(&world, 0), @"awsmfa: registered `arn:aws:iam::123456789012:mfa/alice`; its secret is in the keyring store");
}

/// A secret that is registered and in no store stays registered, with its label.
#[test]
#[cfg(target_os = "linux")]
fn missing_secret_stays_registered() {
    let mut world = world();
    let Some(_desktop) = crate::support::desktop::Desktop::start(&mut world.home) else { return };
    world.home.import("GAHT12345678", OTHER_SECRET);
    std::fs::remove_file(world.home.join(".local/share/awsmfa/store/GAHT12345678.age")).unwrap();
    let before = world.home.read(REGISTRY);
    insta::assert_snapshot!(rebuild(&world, 0), @"
    warning: the secret of `GAHT12345678` is registered, but no store has it
    hint: restore what is missing from a backup: `awsmfa store restore FILE`
    hint: or import the secret again: `awsmfa device import --serial GAHT12345678`
    ");
    assert_eq!(world.home.read(REGISTRY), before);
}
