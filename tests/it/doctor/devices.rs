//! Registered devices and the stores of their secrets.

use super::{found, good, noted};

const REGISTRY: &str = ".local/share/awsmfa/devices.json";

#[test]
fn locked_store_and_wrong_passphrase_are_found() {
    let mut world = good();
    world.home.write("passphrase", "wrong horse\n");
    insta::assert_snapshot!(found(&world.home), @"
    error: the passphrase from `AWSMFA_PASSPHRASE_FILE` does not open the file store
      fix: provide the right passphrase
    ");
    world.home.unset("AWSMFA_PASSPHRASE_FILE");
    insta::assert_snapshot!(found(&world.home), @"
    warning: the file store is locked, so SDKs cannot renew sessions until its passphrase is typed
      fix: unlock the store: run `awsmfa code` in a terminal
      fix: or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    world.home.set("AWSMFA_PASSPHRASE_COMMAND", "false");
    insta::assert_snapshot!(found(&world.home), @"
    error: the file store is locked: AWSMFA_PASSPHRASE_COMMAND: `false` failed (exit status: 1)
      fix: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
}

#[test]
fn missing_and_damaged_secrets_are_found() {
    let world = good();
    let entry =
        world.home.files().into_keys().find(|path| path.ends_with(".age") && !path.contains("identity"));
    let entry = entry.unwrap();
    world.home.write(&entry, "not age");
    insta::assert_snapshot!(found(&world.home).replace(&entry, "[ENTRY]"), @"
    error: `~/[ENTRY]` is damaged: it is not a complete age file
      fix: restore the file from a backup, or import the secret again; nothing was changed
    ");
    std::fs::remove_file(world.home.join(&entry)).unwrap();
    insta::assert_snapshot!(found(&world.home), @"
    error: the secret of `arn:aws:iam::123456789012:mfa/alice` is missing from the file store
      fix: restore the secret from a backup: `awsmfa store restore FILE`
      fix: or import it again: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice`
    ");
}

#[test]
fn unavailable_keyring_is_found() {
    let world = good();
    world.home.write(REGISTRY, &world.home.read(REGISTRY).replace("\"file\"", "\"keyring\""));
    let said = found(&world.home);
    assert!(said.contains("error: the keyring is not available"), "{said}");
}

#[test]
fn devices_that_no_profile_uses_are_noted() {
    let world = good();
    world.home.import("arn:aws:iam::123456789012:mfa/old", crate::support::OTHER_SECRET);
    let registry = world.home.read(REGISTRY).replacen("\"profiles\": []", "\"profiles\": [\"gone\"]", 1);
    world.home.write(REGISTRY, &registry);
    insta::assert_snapshot!(noted(&world.home), @"
    note: `arn:aws:iam::123456789012:mfa/old` is registered for profile `gone`, which does not exist (~/.local/share/awsmfa/devices.json)
      fix: create the profile: `aws configure --profile gone`
    note: no profile uses `arn:aws:iam::123456789012:mfa/old` (~/.local/share/awsmfa/devices.json)
      fix: use the device in a profile: `aws configure set mfa_serial arn:aws:iam::123456789012:mfa/old --profile NAME`
      fix: or delete the secret that is stored here: `awsmfa device remove arn:aws:iam::123456789012:mfa/old --local`
    no problems found in 1 profile and 2 devices
    ");
}

#[test]
fn duplicate_registrations_are_found() {
    let world = good();
    world.home.import("arn:aws:iam::123456789012:mfa/old", crate::support::OTHER_SECRET);
    let registry = world.home.read(REGISTRY).replacen("\"profiles\": []", "\"profiles\": [\"dev\"]", 1);
    let mut registry: serde_json::Value = serde_json::from_str(&registry).unwrap();
    let first = registry["devices"][0].clone();
    registry["devices"].as_array_mut().unwrap().push(first);
    world.home.write(REGISTRY, &registry.to_string());
    insta::assert_snapshot!(found(&world.home), @"
    warning: profile `dev` has two devices, `arn:aws:iam::123456789012:mfa/alice` and `arn:aws:iam::123456789012:mfa/old`; only the first one is used (~/.local/share/awsmfa/devices.json)
      fix: choose one by importing its secret again: `awsmfa device import --profile dev --serial arn:aws:iam::123456789012:mfa/old`
    warning: `arn:aws:iam::123456789012:mfa/alice` is registered twice; only the first entry is used (~/.local/share/awsmfa/devices.json)
      fix: remove one of the two entries
    warning: profile `dev` has two devices, `arn:aws:iam::123456789012:mfa/old` and `arn:aws:iam::123456789012:mfa/alice`; only the first one is used (~/.local/share/awsmfa/devices.json)
      fix: choose one by importing its secret again: `awsmfa device import --profile dev --serial arn:aws:iam::123456789012:mfa/alice`
    ");
}

#[test]
fn missing_stored_keys_are_found() {
    let world = good();
    let before = world.home.files();
    world.home.awsmfa(["keys", "store", "--profile", "dev"]).run().success();
    let run = || world.home.awsmfa(["doctor"]);
    super::printed(&world.home, run(), 0);
    assert!(world.aws.requests_for("GetCallerIdentity").len() == 1, "the stored key was not checked");
    let added =
        world.home.files().into_keys().find(|path| path.ends_with(".age") && !before.contains_key(path));
    std::fs::remove_file(world.home.join(&added.unwrap())).unwrap();
    insta::assert_snapshot!(found(&world.home).replace(&world.key.id, "AKIA"), @"
    error: the secret of access key `AKIA` is missing from the file store
      fix: enter the access key of the IAM user again: `aws configure --profile dev-long-term`
      fix: then move the keys into the store: `awsmfa keys store --profile dev`
    ");
}
