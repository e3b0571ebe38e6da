//! Invalid and missing serials.

use super::{assert_rejected, login_and_sdk};
use crate::support::World;

const USER: &str = "arn:aws:iam::123456789012:user/eng/alice";
const FIDO: &str = "arn:aws:iam::123456789012:u2f/user/alice/key-ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn with_serial(serial: &str) -> World {
    let world = World::imported();
    world.home.write_config(&format!("[profile dev]\nregion = eu-central-1\nmfa_serial = {serial}\n"));
    world
}

#[test]
fn user_arn_as_serial_is_rejected() {
    let world = with_serial(USER);
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: mfa_serial (~/.aws/config:3): `arn:aws:iam::123456789012:user/eng/alice` is the ARN of a user, not of an MFA device
    hint: use the device's ARN, often `arn:aws:iam::123456789012:mfa/alice`: `aws iam list-mfa-devices`
    ");
    let err = assert_rejected(&world.home, world.home.awsmfa(["login", "-p", "dev", "--serial", USER]), 2);
    insta::assert_snapshot!(err, @"
    error: `arn:aws:iam::123456789012:user/eng/alice` is the ARN of a user, not of an MFA device
    hint: use the device's ARN, often `arn:aws:iam::123456789012:mfa/alice`: `aws iam list-mfa-devices`
    ");
    let import = ["device", "import", "--serial", USER, "--secret-stdin"];
    assert_rejected(&world.home, world.home.awsmfa(import).stdin(&world.device.seed), 2);
    assert!(world.aws.requests().is_empty());
}

#[test]
fn security_key_as_serial_is_rejected() {
    let world = with_serial(FIDO);
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: mfa_serial (~/.aws/config:3): `arn:aws:iam::123456789012:u2f/user/alice/key-ABCDEFGHIJKLMNOPQRSTUVWXYZ` is a security key or passkey; AWS STS accepts codes only from virtual devices and hardware tokens
    hint: add a virtual MFA device to the user and use its ARN
    ");
    assert_rejected(&world.home, world.home.awsmfa(["login", "-p", "dev", "--serial", FIDO]), 2);
}

#[test]
fn malformed_serial_is_rejected() {
    let world = with_serial("alice's phone");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: mfa_serial (~/.aws/config:3): `alice's phone` is not an MFA device serial
    hint: use a serial such as `arn:aws:iam::123456789012:mfa/alice`, or `GAHT12345678` for a hardware token
    ");
    let err = assert_rejected(&world.home, world.home.awsmfa(["login", "-p", "dev", "--serial", "phone"]), 2);
    insta::assert_snapshot!(err, @"
    error: `phone` is not an MFA device serial
    hint: use a serial such as `arn:aws:iam::123456789012:mfa/alice`, or `GAHT12345678` for a hardware token
    ");
    let err = assert_rejected(&world.home, world.home.awsmfa(["code", "arn:aws:iam::1:mfa/x"]), 2);
    insta::assert_snapshot!(err, @"
    error: `arn:aws:iam::1:mfa/x` is not an MFA device serial
    hint: use a serial such as `arn:aws:iam::123456789012:mfa/alice`, or `GAHT12345678` for a hardware token
    ");
    let err = assert_rejected(&world.home, world.home.awsmfa(["code", "phone"]), 3);
    insta::assert_snapshot!(err, @"
    error: no secret is stored for `phone`
    hint: list the devices: `awsmfa device list`
    ");
}

/// A profile without a serial, for a user without a device.
fn without_serial() -> World {
    let world = World::new();
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    world.aws.remove_device(&world.device.serial);
    world
}

#[test]
fn missing_serial_of_a_user_without_a_device_is_an_error() {
    let world = without_serial();
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: profile `dev` has no `mfa_serial`, and its user has no MFA device
    hint: awsmfa enroll --profile dev
    ");
}

#[test]
fn missing_serial_of_a_user_with_only_a_security_key_is_an_error() {
    let world = without_serial();
    world.aws.add_fido_device("alice", "key");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: profile `dev` has no `mfa_serial`, and its user has only security keys, which do not generate codes
    hint: add a virtual MFA device in the IAM console, then `awsmfa device import`
    ");
}

#[test]
fn missing_serial_without_permission_to_list_is_an_error() {
    let world = without_serial();
    world.aws.deny("alice", "iam:ListMFADevices");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: profile `dev` has no `mfa_serial`, and AWS refused ListMFADevices: AccessDenied: User: arn:aws:iam::123456789012:user/alice is not authorized to perform: iam:ListMFADevices on resource: arn:aws:iam::123456789012:user/alice with an explicit deny in an identity-based policy
    hint: set the device: `aws configure set mfa_serial arn:aws:iam::ACCOUNT:mfa/NAME --profile dev`
    ");
}

#[test]
fn missing_serial_of_a_user_with_several_devices_is_an_error() {
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
fn missing_secret_without_a_terminal_is_an_error() {
    let world = World::new();
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: no secret is stored for `arn:aws:iam::123456789012:mfa/alice`, and awsmfa cannot prompt for a code
    hint: awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice
    hint: or pass a code: `awsmfa login --profile dev --code CODE`
    ");
}

#[test]
fn mfa_process_without_a_code_is_an_error() {
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
    hint: install the program, or write its absolute path
    hint: or pass a code: `awsmfa login --profile dev --code CODE`
    ");
    world.home.write_program("code", "#!/bin/sh\necho 123456\n");
    let replaced = world.home.read(".aws/config").replace("no-such-program", "~/code");
    world.home.write_config(&replaced);
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: `mfa_process` failed: cannot start `~/code`: No such file or directory (os error [N])
    hint: write the program's absolute path: awsmfa does not expand `~` and variables
    hint: or pass a code: `awsmfa login --profile dev --code CODE`
    ");
    world.home.write_config(&replaced.replace("~/code", "echo 1 | cat"));
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: `mfa_process` failed: `|` needs a shell, and awsmfa runs the command line without one
    hint: put the command line in a script, and set `mfa_process` to the script's path
    hint: or pass a code: `awsmfa login --profile dev --code CODE`
    ");
}
