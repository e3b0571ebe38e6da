//! `store backup`, `store restore` and `store move` where the stores, the registry and a backup do not agree.

use super::{ENTRY, REGISTRY, world_with_key as world};
use crate::support::desktop::Desktop;
use crate::support::{OTHER_SECRET, World, words};

const STORE: &str = ".local/share/awsmfa/store";

fn err(world: &World, line: &str, code: i32) -> String {
    world.home.awsmfa(words(line)).run().code(code).err().replace(&world.key.id, "[KEY]")
}

fn registry(world: &World) -> serde_json::Value {
    serde_json::from_str(&world.home.read(REGISTRY)).unwrap()
}

/// Puts a text into the file store, as another program does.
fn seal(world: &World, file: &str, text: &str) {
    let recipient: age::x25519::Recipient =
        world.home.read(&format!("{STORE}/recipient")).trim().parse().unwrap();
    let path = format!("{STORE}/{file}.age");
    std::fs::write(world.home.join(&path), age::encrypt(&recipient, text.as_bytes()).unwrap()).unwrap();
    world.home.chmod(&path, 0o600);
}

/// A decrypted backup with the device, and with an access key of profile `dev`.
fn backup(world: &World, seed: &str, key: (&str, &str)) {
    let serial = &world.device.serial;
    let content = serde_json::json!({
        "format": "awsmfa-backup",
        "version": 1,
        "devices": [{
            "serial": serial,
            "uri": format!("otpauth://totp/x?secret={seed}"),
            "user": "alice",
            "label": "theirs",
            "profiles": ["dev", "taken", "free"],
        }],
        "keys": [{"profile": "dev", "access_key_id": key.0, "secret_access_key": key.1}],
        "device_of_key": {"AKIAKNOWN": serial, "AKIAUNKNOWN": serial},
    });
    world.home.write("b.json", &content.to_string());
}

#[test]
fn copies_are_no_other_secrets_in_a_backup_and_different_ones_are_reported() {
    let mut world = world();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    let recipient = age::x25519::Identity::generate().to_public();
    let backup = |file: &str| format!("store backup {file} --recipient {recipient}");
    let copies = [ENTRY.to_owned(), format!("{STORE}/{}.age", world.key.id)]
        .map(|path| (std::fs::read(world.home.join(&path)).unwrap(), path));
    world.home.awsmfa(words("store move --to keyring")).run().success();
    for (bytes, path) in copies {
        std::fs::write(world.home.join(&path), bytes).unwrap();
        world.home.chmod(&path, 0o600);
    }
    let said = err(&world, &backup("1.age"), 0);
    assert!(said.starts_with("awsmfa: backed up 1 device and 1 access key to 1.age"), "{said}");
    let uri = format!("otpauth://totp/x?secret={OTHER_SECRET}\n");
    seal(&world, "arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice", &uri);
    seal(&world, "GAHT12345678", "no URI\n");
    seal(&world, "AKIAJQMOYWVNWNOMXRVA", "no JSON\n");
    insta::assert_snapshot!(err(&world, &backup("2.age"), 5), @"
    warning: the backup does not include access key `AKIAJQMOYWVNWNOMXRVA` in the file store: it is damaged
    warning: the backup does not include the secret of `GAHT12345678` in the file store: it is damaged
    warning: the backup does not include the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store: the device uses another secret
    awsmfa: backed up 1 device and 1 access key to 2.age, encrypted to 1 recipient
    error: `2.age` is incomplete: it lacks 3 secrets
    hint: find out what is wrong: `awsmfa store status`
    ");
}

#[test]
fn restored_registry_keeps_what_it_has_and_gets_what_it_lacks() {
    let world = world();
    let token = "GAHT12345678";
    world.home.import(token, OTHER_SECRET);
    let mut before = registry(&world);
    before["devices"][0]["label"] = "mine".into();
    before["devices"][1]["profiles"] = serde_json::json!(["taken"]);
    before["keys"] = serde_json::json!({"AKIAKNOWN": token});
    world.home.write(REGISTRY, &before.to_string());
    backup(&world, &world.device.seed, (&world.key.id, &world.key.secret));
    insta::assert_snapshot!(err(&world, "store restore b.json", 0), @"awsmfa: nothing to restore: all secrets in the backup are stored here");
    let mut after = registry(&world);
    for (device, before) in
        after["devices"].as_array_mut().unwrap().iter_mut().zip(before["devices"].as_array().unwrap())
    {
        // Nothing was stored, so this stays.
        let stored_at = device.as_object_mut().unwrap().remove("stored_at");
        assert_eq!(stored_at.as_ref(), before.get("stored_at"));
    }
    let key = age::x25519::Identity::generate();
    world.home.awsmfa(words(&format!("store backup b.age --recipient {}", key.to_public()))).run().success();
    let plain = age::decrypt(&key, &std::fs::read(world.home.join("b.age")).unwrap()).unwrap();
    let backup: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!(backup["device_of_key"], after["keys"]);
    insta::assert_snapshot!(format!("{}\n{}", after["devices"], after["keys"]), @r#"
    [{"label":"mine","profiles":["dev","free"],"serial":"arn:aws:iam::123456789012:mfa/alice","store":"file","user":"alice"},{"profiles":["taken"],"serial":"GAHT12345678","store":"file"}]
    {"AKIAKNOWN":"GAHT12345678","AKIAUNKNOWN":"arn:aws:iam::123456789012:mfa/alice"}
    "#);
}

#[test]
fn stored_key_of_the_profile_is_kept_if_the_backup_has_another() {
    let world = world();
    let before = registry(&world);
    backup(&world, &world.device.seed, ("AKIAJQMOYWVNWNOMXRVA", "another"));
    let said = err(&world, "store restore b.json", 0);
    insta::assert_snapshot!(said, @"
    warning: access key `AKIAJQMOYWVNWNOMXRVA` of `dev` was not restored, because the profile has another access key
    hint: overwrite what is stored here, which cannot be undone: `awsmfa store restore b.json --force`
    ");
    assert_eq!(registry(&world)["stored_keys"], before["stored_keys"]);
    assert!(!world.home.join(&format!("{STORE}/AKIAJQMOYWVNWNOMXRVA.age")).exists());
}

#[test]
fn stored_key_that_the_registry_lost_is_registered_again() {
    let world = world();
    let whole = world.home.read(REGISTRY);
    let mut lost = registry(&world);
    lost.as_object_mut().unwrap().retain(|name, _| name == "version" || name == "devices");
    world.home.write(REGISTRY, &lost.to_string());
    assert_ne!(registry(&world), serde_json::from_str::<serde_json::Value>(&whole).unwrap());
    backup(&world, &world.device.seed, (&world.key.id, &world.key.secret));
    world.home.awsmfa(words("store restore b.json")).run().success();
    world.home.awsmfa(words("login -p dev")).run().success();
}

#[test]
fn damaged_item_of_the_keyring_is_replaced_only_with_force() {
    let mut world = world();
    let Some(desktop) = Desktop::start(&mut world.home) else { return };
    world.home.awsmfa(words("store move --to keyring alice")).run().success();
    let store = ["store", "--label", "x", "service", "awsmfa", "username", &world.device.serial];
    desktop.secret_tool(&world.home, &store, "no URI");
    backup(&world, &world.device.seed, (&world.key.id, &world.key.secret));
    insta::assert_snapshot!(err(&world, "store restore b.json", 0), @"
    warning: the secret of `arn:aws:iam::123456789012:mfa/alice` in the keyring store is damaged, and was kept
    hint: overwrite what is stored here, which cannot be undone: `awsmfa store restore b.json --force`
    ");
    let lookup = ["lookup", "service", "awsmfa", "username", &world.device.serial];
    assert_eq!(desktop.secret_tool(&world.home, &lookup, ""), "no URI");
    // Nor is one that is not even text absent.
    let script = format!("printf '\\377' | secret-tool {}", store.map(|word| format!("'{word}'")).join(" "));
    world.home.awsmfa(["x"; 0]).under("/bin/sh", &["-c", &script]).run().success();
    let said = err(&world, "store restore b.json", 0);
    assert!(said.contains("is damaged, and was kept"), "{said}");
    world.home.awsmfa(words("store restore b.json --force")).run().success();
    world.home.awsmfa(words("code --pair")).run().success();
}

#[test]
fn secret_that_is_missing_is_reported_and_the_others_are_moved() {
    let mut world = world();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    std::fs::remove_file(world.home.join(ENTRY)).unwrap();
    insta::assert_snapshot!(err(&world, "store move --to keyring", 5), @"
    awsmfa: moved access key `[KEY]` from the file store to the keyring store
    error: the secret of `arn:aws:iam::123456789012:mfa/alice` is missing from the file store, so it was not moved
    hint: compare stores and devices: `awsmfa store status`
    ");
}

#[test]
fn import_into_the_other_store_leaves_no_copy() {
    let mut world = world();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    let args = ["device", "import", "-p", "dev", "--secret-stdin", "--no-verify", "--store", "keyring"];
    world.home.awsmfa(args).stdin(&world.device.seed).run().success();
    assert!(!world.home.join(ENTRY).exists());
}
