//! `device list`: devices stored here joined with those in AWS.

use fake_aws::{FakeAws, Permissions};

use crate::support::{Home, Ran, World};

/// The table, with dates and random parts of serials replaced.
fn table(ran: &Ran) -> String {
    let dates = regex::Regex::new(r"\d{4}-\d\d-\d\d").unwrap().replace_all(&ran.out(), "[DATE]").into_owned();
    regex::Regex::new(r"yubi-[A-Z0-9]{20,}").unwrap().replace_all(&dates, "yubi-[ID]").into_owned()
}

/// Two devices of alice, one of them stored; an unassigned one; a hardware token; a security key; other users' devices.
fn crowded() -> World {
    let world = World::imported();
    world.aws.add_device("alice", "alice-phone");
    world.aws.add_unassigned_device("alice-stale");
    world.aws.add_hardware_device("alice", "GAHT12345678");
    world.aws.add_fido_device("alice", "yubi");
    world.aws.add_user("bob");
    world.aws.add_device("bob", "bob");
    world
}

#[test]
fn stored_and_remote_devices_are_joined_over_all_pages() {
    let world = crowded();
    // Three pages of alice's devices and two pages of the account's.
    world.aws.set_page_size(2);
    let ran = world.home.awsmfa(["device", "list", "--profile", "dev"]).run().success();
    insta::assert_snapshot!(table(&ran), @"
    SERIAL                                                                    KIND          USER   ENABLED     SECRET  PROFILES  LABEL
    arn:aws:iam::123456789012:mfa/alice                                       virtual       alice  [DATE]  file    dev       -
    arn:aws:iam::123456789012:mfa/alice-phone                                 virtual       alice  [DATE]  -       -         -
    GAHT12345678                                                              hardware      alice  [DATE]  -       -         -
    arn:aws:iam::123456789012:u2f/user/alice/yubi-[ID]  security key  alice  [DATE]  -       -         -
    arn:aws:iam::123456789012:mfa/alice-stale                                 virtual       -      unassigned  -       -         -
    ");
    assert_eq!(ran.err(), "");
    assert_eq!(world.aws.requests_for("ListMFADevices").len(), 2);
    assert_eq!(world.aws.requests_for("ListVirtualMFADevices").len(), 2);
}

#[test]
fn profile_that_uses_a_device_is_the_default() {
    let world = World::imported();
    let ran = world.home.awsmfa(["device", "list"]).run().success();
    insta::assert_snapshot!(table(&ran), @"
    SERIAL                               KIND     USER   ENABLED     SECRET  PROFILES  LABEL
    arn:aws:iam::123456789012:mfa/alice  virtual  alice  [DATE]  file    dev       -
    ");
}

#[test]
fn json_is_one_document_with_the_same_devices() {
    let world = crowded();
    let ran = world.home.awsmfa(["device", "list", "--profile", "dev", "--json"]).run().success();
    let list = ran.json();
    let of = |part: &str| {
        let mut all = list.as_array().unwrap().iter();
        all.find(|device| device["serial"].as_str().unwrap().contains(part)).unwrap().clone()
    };
    assert_eq!(list.as_array().unwrap().len(), 5);
    let stored = of("mfa/alice");
    assert_eq!(stored["kind"], "virtual");
    assert_eq!(stored["user"], "alice");
    assert_eq!(stored["state"], "enabled");
    assert!(stored["enabled"].as_str().unwrap().ends_with('Z'));
    assert_eq!(stored["store"], "file");
    assert_eq!(stored["profiles"], serde_json::json!(["dev"]));
    assert_eq!(of("alice-phone")["store"], serde_json::Value::Null);
    assert_eq!(of("alice-stale")["state"], "unassigned");
    assert_eq!(of("GAHT")["kind"], "hardware");
    assert_eq!(of("u2f/")["kind"], "fido");
    assert!(!ran.out().contains(&world.device.seed));
}

#[test]
fn administrator_sees_another_users_devices() {
    let world = crowded();
    world.aws.add_admin("root-ish");
    let key = world.aws.add_access_key("root-ish");
    let run = world.home.awsmfa(["device", "list", "--user", "bob"]);
    let ran = run.keys(&key).run().success();
    insta::assert_snapshot!(table(&ran), @"
    SERIAL                                     KIND     USER  ENABLED     SECRET  PROFILES  LABEL
    arn:aws:iam::123456789012:mfa/bob          virtual  bob   [DATE]  -       -         -
    arn:aws:iam::123456789012:mfa/alice-stale  virtual  -     unassigned  -       -         -
    ");
    let run = world.home.awsmfa(["device", "list", "--user", "nobody"]);
    let ran = run.keys(&key).run().code(2);
    assert!(ran.err().starts_with("error: there is no IAM user `nobody`"), "{}", ran.err());
}

#[test]
fn device_deleted_in_aws_is_missing() {
    let world = World::imported();
    world.aws.remove_device(&world.device.serial);
    let ran = world.home.awsmfa(["device", "list", "--profile", "dev"]).run().success();
    insta::assert_snapshot!(table(&ran), @"
    SERIAL                               KIND     USER  ENABLED  SECRET  PROFILES  LABEL
    arn:aws:iam::123456789012:mfa/alice  virtual  -     missing  file    dev       -
    ");
}

#[test]
fn missing_permission_is_one_message() {
    let world = crowded();
    world.aws.deny("alice", "iam:ListVirtualMFADevices");
    let ran = world.home.awsmfa(["device", "list", "--profile", "dev"]).run().success();
    assert_eq!(ran.out().lines().count(), 5, "{}", ran.out());
    insta::assert_snapshot!(ran.err(), @"awsmfa: the list is incomplete: no permission for `iam:ListVirtualMFADevices`, which shows unassigned devices");
    world.aws.set_permissions("alice", Permissions::None);
    let ran = world.home.awsmfa(["device", "list", "--profile", "dev"]).run().success();
    insta::assert_snapshot!(table(&ran), @"
    SERIAL                               KIND     USER  ENABLED  SECRET  PROFILES  LABEL
    arn:aws:iam::123456789012:mfa/alice  virtual  -     -        file    dev       -
    ");
    assert_eq!(ran.err().lines().count(), 1, "{}", ran.err());
}

#[test]
fn stored_devices_are_listed_without_aws() {
    let mut world = World::imported();
    let local = world.home.awsmfa(["device", "list", "--local"]).run().success();
    assert_eq!(local.err(), "");
    world.aws.clear_requests();
    world.home.awsmfa(["device", "list", "--local", "--json"]).run().success();
    assert!(world.aws.requests().is_empty(), "`--local` sends nothing");
    // No keys.
    world.home.write_credentials("");
    let ran =
        world.home.awsmfa(["device", "list", "--profile", "dev"]).env("AWS_EC2_METADATA_DISABLED", "true");
    let ran = ran.run().success();
    assert_eq!(ran.out(), local.out());
    assert_eq!(ran.err().lines().count(), 1, "{}", ran.err());
    // No network.
    world.home.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    world.home.write_credentials("[dev]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n");
    let ran = world.home.awsmfa(["device", "list", "--profile", "dev"]).run().success();
    assert_eq!(ran.out(), local.out());
    assert_eq!(ran.err().lines().count(), 1, "{}", ran.err());
}

#[test]
fn mistyped_profile_is_an_error() {
    let world = World::imported();
    for args in [&["--profile", "dve"][..], &["--profile", "dve", "--json"]] {
        let ran = world.home.awsmfa([&["device", "list"], args].concat()).run().code(3);
        assert_eq!(ran.out(), "");
        insta::allow_duplicates! { insta::assert_snapshot!(ran.err(), @"
        error: no profile `dve` in ~/.aws/config or ~/.aws/credentials
        hint: did you mean `--profile dev`?
        ") }
    }
    let ran = world.home.awsmfa(["device", "list"]).env("AWS_PROFILE", "dve").run().code(3);
    assert!(ran.err().starts_with("error: no profile `dve`"), "{}", ran.err());
    // With keys in the environment, the profile does not matter.
    let ran = world.home.awsmfa(["device", "list"]).env("AWS_PROFILE", "dve");
    let ran = ran.keys(&world.key).run();
    assert_eq!(ran.success().err(), "");
}

#[test]
fn empty_list_has_a_message() {
    let aws = FakeAws::start();
    let home = Home::new(&aws);
    let ran = home.awsmfa(["device", "list", "--local"]).run().success();
    assert_eq!(ran.out(), "");
    assert!(ran.err().starts_with("awsmfa: no devices found"), "{}", ran.err());
    let ran = home.awsmfa(["device", "list", "--local", "--json"]).run().success();
    assert_eq!(ran.json(), serde_json::json!([]));
}
