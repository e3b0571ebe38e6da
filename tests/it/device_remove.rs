//! `device remove`: deactivate, delete, forget. Whatever happens in between, a second run finishes it.

use fake_aws::{Device, Fault, Permissions};

use crate::support::{Ran, World};

/// A user with all permissions, but only with MFA, and a second device that is stored too.
fn two_devices() -> (World, Device) {
    let world = World::imported();
    world.aws.set_permissions("alice", Permissions::Admin);
    let phone = world.aws.add_device("alice", "alice-phone");
    let import = ["device", "import", "--serial", &phone.serial, "--secret-stdin"];
    world.home.awsmfa(import).stdin(&phone.seed).run().success();
    (world, phone)
}

fn remove(world: &World, device: &str) -> Ran {
    world.home.awsmfa(["device", "remove", device, "--profile", "dev", "--yes"]).run()
}

fn is_stored(world: &World, device: &str) -> bool {
    let list = world.home.awsmfa(["device", "list", "--local", "--json"]).run().success().json();
    let known = list.as_array().unwrap().iter().any(|d| d["serial"].as_str().unwrap().ends_with(device));
    let held = world.home.awsmfa(["device", "export", device, "--uri", "--yes"]).run();
    assert_eq!(known, !held.out().is_empty(), "the registry and the store agree");
    known
}

fn serials(world: &World) -> Vec<String> {
    world.aws.devices().into_iter().map(|device| device.serial).collect()
}

#[test]
fn other_device_keeps_working() {
    let (world, phone) = two_devices();
    let ran = remove(&world, "alice-phone").success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: deactivated `arn:aws:iam::123456789012:mfa/alice-phone` for `alice`
    awsmfa: deleted `arn:aws:iam::123456789012:mfa/alice-phone`
    awsmfa: deleted the secret of `arn:aws:iam::123456789012:mfa/alice-phone`
    ");
    assert_eq!(ran.out(), "");
    assert_eq!(serials(&world), [&*world.device.serial]);
    assert!(!is_stored(&world, "alice-phone") && is_stored(&world, "alice"));
    // AWS-2023-001: the session was made with the device that remains.
    assert!(world.aws.codes_sent(&phone.serial).is_empty());
    assert_eq!(world.aws.codes_sent(&world.device.serial).len(), 1);
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
}

#[test]
fn last_device_is_removed_with_its_own_session() {
    let world = World::imported();
    world.aws.set_permissions("alice", Permissions::Admin);
    world.home.write_config("# mine\n[profile dev]\nregion=eu-central-1\nmfa_serial = arn:aws:iam::123456789012:mfa/alice\n[profile other]\nmfa_serial = arn:aws:iam::123456789012:mfa/alice-2\n");
    world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
    let ran = remove(&world, "alice").success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: deactivated `arn:aws:iam::123456789012:mfa/alice` for `alice`
    awsmfa: deleted `arn:aws:iam::123456789012:mfa/alice`
    awsmfa: removed `mfa_serial` from [profile dev] of ~/.aws/config
    awsmfa: deleted the secret of `arn:aws:iam::123456789012:mfa/alice`
    warning: `alice` has no MFA device left
    hint: enroll another device: `awsmfa enroll --user alice --profile dev`
    ");
    assert!(serials(&world).is_empty() && !is_stored(&world, "alice"));
    let left = "# mine\n[profile dev]\nregion=eu-central-1\n[profile other]\nmfa_serial = arn:aws:iam::123456789012:mfa/alice-2\n";
    assert_eq!(world.home.read(".aws/config"), left, "only the line that refers to it is gone");
    let sessions = world.home.files().into_keys().filter(|path| path.contains("awsmfa/sessions/")).count();
    assert_eq!(sessions, 0, "its session is gone");
    assert!(world.home.files().keys().any(|path| path.contains("awsmfa/ledgers/")), "the ledger remains");
}

#[test]
fn missing_permission_to_delete_leaves_the_device_unassigned_and_keeps_the_secret() {
    let world = World::imported();
    let ran = remove(&world, "alice").success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: deactivated `arn:aws:iam::123456789012:mfa/alice` for `alice`
    awsmfa: removed `mfa_serial` from [profile dev] of ~/.aws/config
    warning: `arn:aws:iam::123456789012:mfa/alice` was deactivated but not deleted, because `arn:aws:iam::123456789012:user/alice` lacks the permission `iam:DeleteVirtualMFADevice`; it remains in AWS, unassigned
    hint: an administrator can delete it: `aws iam delete-virtual-mfa-device --serial-number arn:aws:iam::123456789012:mfa/alice`
    hint: the secret is kept, because the device can be enabled again; to delete the secret: `awsmfa device remove arn:aws:iam::123456789012:mfa/alice --local`
    warning: `alice` has no MFA device left
    hint: enroll another device: `awsmfa enroll --user alice --profile dev`
    ");
    assert_eq!(world.aws.devices()[0].user, None);
    assert!(is_stored(&world, "alice"));
    // A second run does the same.
    let again = remove(&world, "alice").success();
    assert!(again.err().contains("aws iam delete-virtual-mfa-device --serial-number"), "{}", again.err());
    assert!(is_stored(&world, "alice"));
    world.home.awsmfa(["device", "remove", "alice", "--local", "--yes"]).run().success();
    assert!(!is_stored(&world, "alice"));
}

#[test]
fn lost_responses_are_retried() {
    for action in ["DeactivateMFADevice", "DeleteVirtualMFADevice"] {
        for fault in [Fault::drop_after(), Fault::drop_before(), Fault::throttling()] {
            let (world, _) = two_devices();
            // The first request is denied because MFA is missing.
            world.aws.fault(fault.on(action).after(u32::from(action == "DeactivateMFADevice")));
            remove(&world, "alice-phone").success();
            assert_eq!(serials(&world), [&*world.device.serial], "{action}");
            assert!(!is_stored(&world, "alice-phone"), "{action}");
        }
    }
}

#[test]
fn outage_keeps_the_secret_and_a_second_run_finishes() {
    for action in ["DeactivateMFADevice", "DeleteVirtualMFADevice"] {
        let world = World::imported();
        world.aws.set_permissions("alice", Permissions::Admin);
        let before = u32::from(action == "DeactivateMFADevice");
        world.aws.fault(Fault::drop_after().on(action).after(before).forever());
        let ran = remove(&world, "alice").code(6);
        assert!(
            ran.err().contains("hint: nothing is lost; resume with `awsmfa device remove"),
            "{}",
            ran.err()
        );
        assert!(is_stored(&world, "alice"), "AWS has not confirmed: {action}");
        world.aws.clear_faults();
        remove(&world, "alice").success();
        assert!(serials(&world).is_empty(), "{action}");
        assert!(!is_stored(&world, "alice"), "{action}");
    }
}

#[test]
fn interrupted_removal_is_resumed() {
    let (world, phone) = two_devices();
    world.aws.remove_device(&phone.serial);
    let ran = remove(&world, "alice-phone").success();
    assert_eq!(ran.err(), format!("awsmfa: deleted the secret of `{}`\n", phone.serial));
    assert!(!is_stored(&world, "alice-phone"));
    let ran = remove(&world, &phone.serial).success();
    assert!(ran.err().contains("neither in AWS nor here"), "{}", ran.err());
    let stale = world.aws.add_unassigned_device("stale");
    remove(&world, &stale.serial).success();
    assert!(!serials(&world).contains(&stale.serial));
}

#[test]
fn administrator_removes_another_users_device() {
    let world = World::new();
    world.aws.add_admin("boss");
    let key = world.aws.add_access_key("boss");
    let run = world.home.awsmfa(["device", "remove", &world.device.serial, "--yes"]);
    let ran = run.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: deactivated `arn:aws:iam::123456789012:mfa/alice` for `alice`
    awsmfa: deleted `arn:aws:iam::123456789012:mfa/alice`
    awsmfa: removed `mfa_serial` from [profile dev] of ~/.aws/config
    warning: `alice` has no MFA device left
    hint: enroll another device: `awsmfa enroll --user alice`
    ");
    assert!(serials(&world).is_empty());
}

#[test]
fn hardware_token_is_deactivated_and_a_security_key_gets_a_command() {
    let world = World::imported();
    world.aws.set_permissions("alice", Permissions::Admin);
    world.aws.add_hardware_device("alice", "GAHT12345678");
    let key = world.aws.add_fido_device("alice", "yubi");
    remove(&world, "GAHT12345678").success();
    assert!(world.aws.requests_for("DeleteVirtualMFADevice").is_empty());
    assert!(!serials(&world).contains(&"GAHT12345678".to_owned()));
    let ran = remove(&world, &key.serial).code(2);
    assert!(
        ran.err().contains("aws iam deactivate-mfa-device --user-name NAME --serial-number arn:"),
        "{}",
        ran.err()
    );
}

#[test]
fn removal_needs_confirmation() {
    let world = World::imported();
    for extra in ["--profile=dev", "--local"] {
        let ran = world.home.awsmfa(["device", "remove", "alice", extra]).run().code(2);
        assert!(ran.err().contains("hint: use `--yes` to remove the device without confirmation"));
    }
    assert!(is_stored(&world, "alice"));
    assert_eq!(world.aws.devices()[0].user.as_deref(), Some("alice"));
    let ran = world.home.awsmfa(["device", "remove", "bob", "--yes"]).run().code(3);
    assert!(ran.err().starts_with("error: no secret is stored for `bob`"), "{}", ran.err());
}

#[test]
fn missing_mfa_is_reported_without_a_secret() {
    let world = World::new();
    world.aws.set_permissions("alice", Permissions::Admin);
    let ran = world
        .home
        .awsmfa(["device", "remove", &world.device.serial, "--profile", "dev", "--yes"])
        .run()
        .code(4);
    insta::assert_snapshot!(ran.err(), @"
    error: the user already has an MFA device, so AWS requires a session created with that device (AWS-2023-001)
    hint: use a session that was created with MFA, or ask an administrator
    ");
    assert_eq!(serials(&world).len(), 1);
}

#[test]
fn local_sends_nothing_to_aws() {
    let world = World::imported();
    world.aws.clear_requests();
    let config = world.home.read(".aws/config");
    let ran = world.home.awsmfa(["device", "remove", "alice", "--local", "--yes"]).run().success();
    insta::assert_snapshot!(ran.err(), @"awsmfa: deleted the secret of `arn:aws:iam::123456789012:mfa/alice`");
    assert!(world.aws.requests().is_empty() && !is_stored(&world, "alice"));
    assert_eq!(world.home.read(".aws/config"), config, "a phone may still have the device");
    assert_eq!(world.aws.devices()[0].user.as_deref(), Some("alice"));
}

#[test]
fn credentials_for_another_account_change_nothing() {
    let (world, _) = two_devices();
    let other = fake_aws::FakeAws::builder().account("999999999999").start();
    other.add_admin("boss");
    let key = other.add_access_key("boss");
    world.home.write_credentials(&format!(
        "{}[two]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        world.home.credentials(),
        key.id,
        key.secret
    ));
    let run = world.home.awsmfa(["device", "remove", "alice", "--profile", "two", "--yes"]);
    let ran = run.env("AWS_ENDPOINT_URL", other.endpoint()).run().code(4);
    assert!(ran.err().contains("is in another account"), "{}", ran.err());
    assert!(is_stored(&world, "alice"));
}

#[test]
fn hardware_token_that_was_not_deactivated_is_not_forgotten() {
    let (world, _) = two_devices();
    let import = ["device", "import", "--serial", "GAHT12345678", "--secret-stdin"];
    world.home.awsmfa(import).stdin(&world.device.seed).run().success();
    remove(&world, "GAHT12345678").code(2);
    assert!(is_stored(&world, "GAHT12345678"));
}

#[test]
fn user_given_by_flag_must_have_the_device() {
    let (world, _) = two_devices();
    world.aws.add_user("bob");
    let args = ["device", "remove", "alice", "--user", "bob", "--profile", "dev", "--yes"];
    let ran = world.home.awsmfa(args).run().code(4);
    assert!(ran.err().contains("belongs to `alice`, not to `bob`"), "{}", ran.err());
    assert!(serials(&world).contains(&world.device.serial));
    assert!(is_stored(&world, "alice"));
}

#[test]
fn lines_of_older_tools_are_removed_too() {
    let world = World::imported();
    world.aws.set_permissions("alice", Permissions::Admin);
    let credentials = world.home.credentials();
    let named = format!("{credentials}[dev-long-term]\naws_mfa_device = {}\n", world.device.serial);
    world.home.write_credentials(&named);
    let ran = remove(&world, "alice").success();
    let said = "removed `aws_mfa_device` from [dev-long-term] of ~/.aws/credentials";
    assert!(ran.err().contains(said), "{}", ran.err());
    assert_eq!(world.home.credentials(), format!("{credentials}[dev-long-term]\n"));
}

#[test]
fn arn_of_something_else_is_explained() {
    let world = World::imported();
    let ran = remove(&world, "arn:aws:iam::123456789012:user/alice").code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: `arn:aws:iam::123456789012:user/alice` is the ARN of a user, not of an MFA device
    hint: use the device's ARN, often `arn:aws:iam::123456789012:mfa/alice`: `aws iam list-mfa-devices`
    ");
}

#[test]
fn missing_permission_is_reported_with_the_statement_that_grants_it() {
    let (world, _) = two_devices();
    world.aws.deny("alice", "iam:DeactivateMFADevice");
    let ran = remove(&world, "alice-phone").code(4);
    let statement = r#"{"Effect": "Allow", "Action": "iam:DeactivateMFADevice", "Resource": "arn:aws:iam::123456789012:user/alice"}"#;
    assert!(ran.err().contains(statement), "{}", ran.err());
    assert_eq!(serials(&world).len(), 2);
}

#[test]
fn hardware_token_is_gone_after_a_lost_response() {
    let world = World::imported();
    world.aws.add_admin("boss");
    let boss = world.aws.add_access_key("boss");
    world.aws.add_hardware_device("alice", "GAHT12345678");
    world.aws.deny("boss", "iam:ListMFADevices");
    world.aws.fault(Fault::drop_after().on("DeactivateMFADevice"));
    let ran = world
        .home
        .awsmfa(["device", "remove", "GAHT12345678", "--user", "alice", "--yes"])
        .env("AWS_ACCESS_KEY_ID", boss.id)
        .env("AWS_SECRET_ACCESS_KEY", boss.secret)
        .run()
        .success();
    assert!(ran.err().contains("deactivated `GAHT12345678` for `alice`"), "{}", ran.err());
    assert_eq!(world.aws.devices_of("alice"), std::slice::from_ref(&world.device.serial));
}

#[test]
fn captive_portal_is_not_success() {
    for (portal, action) in [
        (Fault::captive_portal(), "DeactivateMFADevice"),
        (Fault::garbage(), "DeactivateMFADevice"),
        (Fault::captive_portal(), "DeleteVirtualMFADevice"),
    ] {
        let (world, _) = two_devices();
        world.aws.fault(portal.on(action).times(10));
        let ran = remove(&world, "alice-phone").code(6);
        assert!(ran.err().contains("something other than AWS answered"), "{}", ran.err());
        assert!(ran.err().contains("resume with `awsmfa device remove"), "{}", ran.err());
        assert!(is_stored(&world, "alice-phone") && serials(&world).len() == 2, "{action}");
        world.aws.clear_faults();
        remove(&world, "alice-phone").success();
        assert!(!is_stored(&world, "alice-phone") && serials(&world).len() == 1, "{action}");
    }
}

#[test]
fn credentials_are_those_that_device_list_uses() {
    // `[dev]` has the keys and refers to the device; nothing else determines the credentials.
    let world = World::new();
    world.home.import(&world.device.serial, &world.device.seed);
    let listed = world.home.awsmfa(["device", "list"]).run().success();
    assert!(listed.out().contains("alice") && listed.err().is_empty(), "{}{}", listed.out(), listed.err());
    world.home.awsmfa(["device", "remove", "alice", "--yes"]).run().success();
    assert_eq!(world.aws.devices_of("alice"), [""; 0]);
}
