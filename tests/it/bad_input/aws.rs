//! Requests that AWS rejects because of their keys, device, code or time.

use fake_aws::KeyStatus;

use super::{Cause, assert_rejected, assert_rejected_for, fail, login_and_sdk, sdk_for};
use crate::support::World;

/// Only AWS judges a code, and `doctor` uses none.
const CODE: Cause = Cause::Invisible("doctor uses no code");

#[test]
fn wrong_secret_key_is_rejected() {
    let world = World::imported();
    let credentials = world.home.credentials().replace(&world.key.secret, &"x".repeat(40));
    world.home.write_credentials(&credentials);
    let err = login_and_sdk(&world.home, "dev", 4);
    insta::assert_snapshot!(err.replace(&world.key.id, "[KEY]"), @"
    error: the secret access key does not belong to access key `[KEY]`
    hint: enter both keys again: `aws configure --profile dev`
    ");
}

#[test]
fn inactive_key_is_rejected() {
    let world = World::imported();
    world.aws.set_key_status(&world.key.id, KeyStatus::Inactive);
    let err = login_and_sdk(&world.home, "dev", 4);
    insta::assert_snapshot!(err.replace(&world.key.id, "[KEY]"), @"
    error: access key `[KEY]` does not exist in AWS, or is inactive or deleted
    hint: check which keys are active: IAM console, Users, Security credentials
    hint: enter both keys again: `aws configure --profile dev`
    ");
}

#[test]
fn unknown_key_is_rejected() {
    let world = World::imported();
    let credentials = world.home.credentials().replace(&world.key.id, "AKIAIOSFODNN7EXAMPLE");
    world.home.write_credentials(&credentials);
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 4), @"
    error: access key `AKIAIOSFODNN7EXAMPLE` does not exist in AWS, or is inactive or deleted
    hint: check which keys are active: IAM console, Users, Security credentials
    hint: enter both keys again: `aws configure --profile dev`
    ");
}

#[test]
fn inactive_key_is_rejected_before_the_serial_is_known() {
    let world = World::new();
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    world.aws.set_key_status(&world.key.id, KeyStatus::Inactive);
    let err = login_and_sdk(&world.home, "dev", 4);
    insta::assert_snapshot!(err.replace(&world.key.id, "[KEY]"), @"
    error: access key `[KEY]` does not exist in AWS, or is inactive or deleted
    hint: check which keys are active: IAM console, Users, Security credentials
    hint: enter both keys again: `aws configure --profile dev`
    ");
}

#[test]
fn device_of_another_user_is_rejected() {
    let world = World::new();
    world.aws.add_user("bob");
    let device = world.aws.add_device("bob", "bob");
    let import = ["device", "import", "--serial", &device.serial, "--secret-stdin"];
    world.home.awsmfa(import).stdin(&device.seed).run().success();
    world.home.write_config(&format!("[profile dev]\nmfa_serial = {}\n", device.serial));
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 4), @"
    error: AWS could not validate the code of `arn:aws:iam::123456789012:mfa/bob`
    hint: check that the device belongs to the user who owns these keys: `aws iam list-mfa-devices --profile dev`
    hint: or wait 3 minutes: the device may be new, or there were too many attempts with it
    ");
}

#[test]
fn device_that_is_not_enabled_is_rejected() {
    let world = World::imported();
    world.aws.remove_device(&world.device.serial);
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 4), @"
    error: AWS could not validate the code of `arn:aws:iam::123456789012:mfa/alice`
    hint: check that the device belongs to the user who owns these keys: `aws iam list-mfa-devices --profile dev`
    hint: or wait 3 minutes: the device may be new, or there were too many attempts with it
    ");
}

#[test]
fn wrong_device_secret_fails_an_sdk_after_two_codes() {
    let world = World::with_the_wrong_secret();
    let err = sdk_for(&world.home, "dev", 4, CODE);
    let err = regex::Regex::new(r"in \d+ s").unwrap().replace(&err, "in [S] s").into_owned();
    insta::assert_snapshot!(err, @"awsmfa: AWS rejected codes for `arn:aws:iam::123456789012:mfa/alice` that were never used on this computer; hint: the device may be in use on another computer: try again in [S] s; hint: if the stored secret belongs to another device: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice`");
    let codes = world.aws.codes_sent(&world.device.serial);
    assert_eq!(codes.len(), 2, "the second code might have been accepted");
}

#[test]
fn wrong_typed_code_is_rejected() {
    let world = World::new();
    let run = world.home.awsmfa(["login", "--profile", "dev", "--code", "000000"]);
    insta::assert_snapshot!(assert_rejected(&world.home, run, 4), @"
    error: AWS rejected the code for `arn:aws:iam::123456789012:mfa/alice`: it is wrong, too old or already used
    hint: enter the code that the device shows now; AWS accepts each code only once
    ");
    assert_eq!(world.aws.codes_sent(&world.device.serial).len(), 1);
    let run = world.home.awsmfa(["login", "-p", "dev", "--code", "12345"]);
    let ran = fail(&world.home, run, 2, Cause::Visible);
    assert!(ran.err().contains("a code has six digits"), "{}", ran.err());
}

#[test]
fn device_with_too_many_attempts_is_not_tried_again() {
    let world = World::with_the_wrong_secret();
    for code in ["000000", "111111", "222222", "333333", "444444", "555555"] {
        assert_rejected_for(
            &world.home,
            world.home.awsmfa(["login", "--profile", "dev", "--code", code]),
            4,
            CODE,
        );
    }
    let err = sdk_for(&world.home, "dev", 4, CODE);
    let err = regex::Regex::new(r"in \d+ s").unwrap().replace(&err, "in [S] s").into_owned();
    insta::assert_snapshot!(err, @"awsmfa: too many attempts with this device (6 in 3 minutes); more would lock it out for a while; hint: try again in [S] s");
    assert_eq!(world.aws.codes_sent(&world.device.serial).len(), 6);
}

#[test]
fn clock_twenty_minutes_off_works() {
    for offset in [1200, -1200] {
        let world = World::imported();
        world.aws.clock().set_offset(offset);
        let ran = world.home.awsmfa(["login", "--profile", "dev"]).run().success();
        insta::allow_duplicates! { insta::assert_snapshot!(ran.err(), @"
        awsmfa: moved the long-term keys from [dev] to [dev-long-term]
        awsmfa: wrote a session for `dev` to [dev] in ~/.aws/credentials, valid until [TIME] ([LEFT])
        ") }
        let world = World::imported();
        world.aws.clock().set_offset(offset);
        let ran = world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
        assert_eq!(ran.err(), "");
    }
}

#[test]
fn clock_a_day_off_is_an_error() {
    let world = World::imported();
    world.aws.clock().set_offset(88_000);
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 4), @"
    error: this computer's clock is 1d behind AWS, so session expiry cannot be tracked
    hint: set this computer's clock: `sudo timedatectl set-ntp true`
    ");
    let world = World::imported();
    world.aws.clock().set_offset(-88_000);
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 4), @"
    error: this computer's clock is 1d ahead of AWS, so session expiry cannot be tracked
    hint: set this computer's clock: `sudo timedatectl set-ntp true`
    ");
}

#[test]
fn clock_a_day_off_is_an_error_before_the_serial_is_known() {
    let world = World::new();
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    world.aws.clock().set_offset(86_400);
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 4), @"
    error: this computer's clock is wrong: Signature expired: [TIME] is now earlier than [TIME] ([TIME] - 15 min.)
    hint: set this computer's clock: `sudo timedatectl set-ntp true`
    ");
}
