//! The messages for each missing permission.

use super::{Setup, USER};

/// Runs the enrollment without one of the administrator's permissions. Returns the messages.
fn without(action: &str, code: i32) -> String {
    let setup = Setup::new();
    setup.aws.deny("boss", action);
    setup.by_admin().code(code).err()
}

#[test]
fn required_permission_is_shown_as_a_policy_statement() {
    insta::assert_snapshot!(without("iam:CreateVirtualMFADevice", 4), @r#"
    error: `arn:aws:iam::123456789012:user/boss` has no permission for `iam:CreateVirtualMFADevice` on `arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    hint: an administrator can allow it with this policy statement: {"Effect": "Allow", "Action": "iam:CreateVirtualMFADevice", "Resource": "arn:aws:iam::123456789012:mfa/aws_mfa_demo"}
    hint: a policy also explicitly denies it; if that is because MFA is missing, add the action to its `NotAction`
    "#);
    insta::assert_snapshot!(without("iam:EnableMFADevice", 4), @r#"
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo` and saved its secret in the file store
    error: `arn:aws:iam::123456789012:user/boss` has no permission for `iam:EnableMFADevice` on `arn:aws:iam::123456789012:user/aws_mfa_demo`
    hint: an administrator can allow it with this policy statement: {"Effect": "Allow", "Action": "iam:EnableMFADevice", "Resource": "arn:aws:iam::123456789012:user/aws_mfa_demo"}
    hint: a policy also explicitly denies it; if that is because MFA is missing, add the action to its `NotAction`
    hint: nothing is lost; resume with `awsmfa enroll --resume --user aws_mfa_demo --profile admin`
    "#);
}

#[test]
fn optional_permissions_are_not_required() {
    for action in ["iam:GetUser", "iam:ListMFADevices", "iam:ListVirtualMFADevices"] {
        let said = without(action, 0);
        assert!(said.contains("has MFA"), "{action}: {said}");
    }
    insta::assert_snapshot!(without("iam:ListMFADevices", 0), @"
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo` and saved its secret in the file store
    awsmfa: enabled `arn:aws:iam::123456789012:mfa/aws_mfa_demo` for `aws_mfa_demo`
    awsmfa: the device is enabled, but not verified: missing permission iam:ListMFADevices
    awsmfa: `aws_mfa_demo` now has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    hint: this is the only copy of the secret; back it up to a phone: `awsmfa device export arn:aws:iam::123456789012:mfa/aws_mfa_demo --qr`
    hint: set the device in the profile that has the user's keys: `aws configure set mfa_serial arn:aws:iam::123456789012:mfa/aws_mfa_demo --profile NAME`
    ");
}

#[test]
fn user_needs_only_create_and_enable() {
    let setup = Setup::new();
    for action in ["iam:GetUser", "iam:ListMFADevices", "iam:ListVirtualMFADevices"] {
        setup.aws.deny(USER, action);
    }
    setup.by_user().success();
    setup.check_one(USER);
}

#[test]
fn permission_granted_later_is_enough() {
    let setup = Setup::new();
    setup.aws.set_permissions(USER, fake_aws::Permissions::None);
    let ran = setup.by_user();
    assert!(ran.code(4).err().contains("iam:CreateVirtualMFADevice"));
    setup.aws.set_permissions(USER, fake_aws::Permissions::SelfManageMfa);
    setup.by_user().success();
    setup.check_one(USER);
}

#[test]
fn unlisted_device_is_detected_at_enable() {
    let setup = Setup::new();
    let phone = setup.aws.add_device(USER, "phone");
    setup.aws.deny(USER, "iam:ListMFADevices");
    let ran = setup.by_user();
    insta::assert_snapshot!(ran.code(4).err(), @"
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo` and saved its secret in the file store
    error: `aws_mfa_demo` already has an MFA device, and AWS lets users change their devices only in a session made with MFA (AWS-2023-001)
    hint: or ask an administrator: `awsmfa enroll --user aws_mfa_demo --profile ADMIN --for-profile demo`
    hint: nothing is lost; resume with `awsmfa enroll --resume --user aws_mfa_demo --profile demo`
    ");
    let import = ["device", "import", "--profile", "demo", "--serial", &phone.serial, "--secret-stdin"];
    setup.home.awsmfa(import).stdin(&phone.seed).run().success();
    setup.home.awsmfa(["enroll", "--resume"]).run().success();
    assert_eq!(setup.count("CreateVirtualMFADevice"), 1);
    assert_eq!(setup.aws.devices_of(USER), [phone.serial, setup.serial(USER)]);
    setup.login(&setup.serial(USER));
}

#[test]
fn user_with_a_path_is_outside_the_usual_policy() {
    let setup = Setup::with_path(fake_aws::FakeAws::builder(), "/eng/");
    let ran = setup.by_user();
    insta::assert_snapshot!(ran.code(4).err(), @r#"
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo` and saved its secret in the file store
    error: `arn:aws:iam::123456789012:user/eng/aws_mfa_demo` has no permission for `iam:EnableMFADevice` on `arn:aws:iam::123456789012:user/eng/aws_mfa_demo`
    hint: an administrator can allow it with this policy statement: {"Effect": "Allow", "Action": "iam:EnableMFADevice", "Resource": "arn:aws:iam::123456789012:user/eng/aws_mfa_demo"}
    hint: nothing is lost; resume with `awsmfa enroll --resume --user aws_mfa_demo --profile demo`
    "#);
    let args = ["enroll", "--user", USER, "--profile", "admin", "--for-profile", "demo"];
    setup.home.awsmfa(args).run().success();
    setup.check_one(USER);
}

#[test]
fn rejected_keys_are_reported() {
    let setup = Setup::new();
    setup.aws.set_key_status(&setup.key.id, fake_aws::KeyStatus::Inactive);
    let said = setup.by_user().code(4).err();
    assert!(said.contains(&format!("access key `{}` does not exist in AWS", setup.key.id)), "{said}");
    assert!(said.contains("`aws configure --profile demo`"), "{said}");
    let ran = setup.home.awsmfa(["device", "list"]).env("AWS_ACCESS_KEY_ID", &setup.key.id);
    let said = ran.env("AWS_SECRET_ACCESS_KEY", &setup.key.secret).run().err();
    assert!(said.contains(&setup.key.id), "{said}");
}
