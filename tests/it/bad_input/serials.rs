//! Serials that are no device's, and none at all.

use super::{login_and_sdk, refused};
use crate::support::World;

const USER: &str = "arn:aws:iam::123456789012:user/eng/alice";
const FIDO: &str = "arn:aws:iam::123456789012:u2f/user/alice/key-ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn configured(serial: &str) -> World {
    let world = World::imported();
    world.home.write_config(&format!("[profile dev]\nregion = eu-central-1\nmfa_serial = {serial}\n"));
    world
}

#[test]
fn a_user_in_place_of_a_device() {
    let world = configured(USER);
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: mfa_serial (~/.aws/config:3): `arn:aws:iam::123456789012:user/eng/alice` is the ARN of a user, not of an MFA device
    hint: use the device's ARN, often `arn:aws:iam::123456789012:mfa/alice`: `aws iam list-mfa-devices`
    ");
    let err = refused(&world.home, world.home.awsmfa(["login", "-p", "dev", "--serial", USER]), 2);
    insta::assert_snapshot!(err, @"
    error: `arn:aws:iam::123456789012:user/eng/alice` is the ARN of a user, not of an MFA device
    hint: use the device's ARN, often `arn:aws:iam::123456789012:mfa/alice`: `aws iam list-mfa-devices`
    ");
    let import = ["device", "import", "--serial", USER, "--secret-stdin"];
    refused(&world.home, world.home.awsmfa(import).stdin(&world.device.seed), 2);
    assert!(world.aws.requests().is_empty());
}

#[test]
fn a_security_key_in_place_of_a_device() {
    let world = configured(FIDO);
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: mfa_serial (~/.aws/config:3): `arn:aws:iam::123456789012:u2f/user/alice/key-ABCDEFGHIJKLMNOPQRSTUVWXYZ` is a security key or passkey; AWS STS accepts codes only from virtual devices and hardware tokens
    hint: add a virtual MFA device to the user and use its ARN
    ");
    refused(&world.home, world.home.awsmfa(["login", "-p", "dev", "--serial", FIDO]), 2);
}

#[test]
fn nonsense_in_place_of_a_serial() {
    let world = configured("alice's phone");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: mfa_serial (~/.aws/config:3): `alice's phone` is not an MFA device serial
    hint: use a serial such as `arn:aws:iam::123456789012:mfa/alice`, or `GAHT12345678` for a hardware token
    ");
    let err = refused(&world.home, world.home.awsmfa(["login", "-p", "dev", "--serial", "phone"]), 2);
    insta::assert_snapshot!(err, @"
    error: `phone` is not an MFA device serial
    hint: use a serial such as `arn:aws:iam::123456789012:mfa/alice`, or `GAHT12345678` for a hardware token
    ");
    let err = refused(&world.home, world.home.awsmfa(["code", "arn:aws:iam::1:mfa/x"]), 2);
    insta::assert_snapshot!(err, @"
    error: `arn:aws:iam::1:mfa/x` is not an MFA device serial
    hint: use a serial such as `arn:aws:iam::123456789012:mfa/alice`, or `GAHT12345678` for a hardware token
    ");
    let err = refused(&world.home, world.home.awsmfa(["code", "phone"]), 3);
    insta::assert_snapshot!(err, @"
    error: no secret is stored for `phone`
    hint: list the devices: `awsmfa device list`
    ");
}

/// A profile without a serial, whose user has no device that anyone imported.
fn without_serial() -> World {
    let world = World::new();
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    world.aws.remove_device(&world.device.serial);
    world
}

#[test]
fn no_serial_and_no_device() {
    let world = without_serial();
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: profile `dev` has no `mfa_serial`, and its user has no MFA device
    hint: awsmfa enroll --profile dev
    ");
}

#[test]
fn no_serial_and_only_a_security_key() {
    let world = without_serial();
    world.aws.add_fido_device("alice", "key");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: profile `dev` has no `mfa_serial`, and its user has only security keys, which do not generate codes
    hint: add a virtual MFA device in the IAM console, then `awsmfa device import`
    ");
}

#[test]
fn no_serial_and_no_permission_to_ask() {
    let world = without_serial();
    world.aws.deny("alice", "iam:ListMFADevices");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: profile `dev` has no `mfa_serial`, and AWS refused ListMFADevices: AccessDenied: User: arn:aws:iam::123456789012:user/alice is not authorized to perform: iam:ListMFADevices on resource: arn:aws:iam::123456789012:user/alice with an explicit deny in an identity-based policy
    hint: set the device: `aws configure set mfa_serial arn:aws:iam::ACCOUNT:mfa/NAME --profile dev`
    ");
}

#[test]
fn no_serial_and_several_devices() {
    let world = without_serial();
    world.aws.add_device("alice", "alice");
    world.aws.add_device("alice", "alice-2");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: the user has several MFA devices: `arn:aws:iam::123456789012:mfa/alice`, `arn:aws:iam::123456789012:mfa/alice-2`
    hint: choose a device: `aws configure set mfa_serial arn:aws:iam::123456789012:mfa/alice --profile dev`
    ");
}

#[test]
fn no_secret_and_nobody_to_ask() {
    let world = World::new();
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: no secret is stored for `arn:aws:iam::123456789012:mfa/alice`, and awsmfa cannot prompt for a code
    hint: awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice
    hint: or pass a code: `awsmfa login --profile dev --code CODE`
    ");
}

#[test]
fn an_mfa_process_that_prints_no_code() {
    let world = World::new();
    super::with_config(&world, "mfa_process = echo hello");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: `mfa_process` did not print a six-digit code
    hint: run the command by hand to see what it prints
    hint: or pass a code: `awsmfa login --profile dev --code CODE`
    ");
    world.home.write_config(&world.home.read(".aws/config").replace("echo hello", "no-such-program"));
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: `mfa_process` failed: cannot start `no-such-program`: No such file or directory (os error [N])
    hint: run the command by hand to see what it prints
    hint: or pass a code: `awsmfa login --profile dev --code CODE`
    ");
}
