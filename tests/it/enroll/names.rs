//! Invalid device names, and names that are already taken.

use super::{Setup, USER};

#[test]
fn names_are_checked_before_aws_is_asked() {
    let setup = Setup::new();
    for (flag, value) in [
        ("--device-name", "a b"),
        ("--device-name", ""),
        ("--path", "eng"),
        ("--path", "/eng"),
        ("--user", "a/b"),
        ("--tag", "novalue"),
    ] {
        setup.home.awsmfa(["enroll", "--profile", "demo", flag, value]).run().code(2);
    }
    let ran = setup.home.awsmfa(["enroll", "--profile", "demo", "--device-name", "a:b"]).run();
    insta::assert_snapshot!(ran.code(2).err(), @"
    error: invalid value 'a:b' for '--device-name <NAME>': a device's name consists of up to 226 letters, digits and `_+=,.@-`; not `a:b`

    For more information, try '--help'.
    ");
    assert_eq!(setup.aws.requests().len(), 0);
    let long = format!("/{}/", "p".repeat(230));
    setup.home.awsmfa(["enroll", "--profile", "demo", "--path", &long]).run().code(2);
    setup.home.awsmfa(["enroll", "--profile", "demo", "--path", "/a*b/"]).run().code(2);
    assert_eq!(setup.count("CreateVirtualMFADevice"), 0);
}

#[test]
fn stale_device_is_reported_and_the_next_name_used() {
    let setup = Setup::new();
    let stale = setup.aws.add_unassigned_device(USER);
    let ran = setup.by_user().success();
    insta::assert_snapshot!(ran.err(), @"
    warning: `arn:aws:iam::123456789012:mfa/aws_mfa_demo` already exists, is assigned to no one, and its secret is not stored here; trying `aws_mfa_demo-2`
    hint: an administrator can delete it: `aws iam delete-virtual-mfa-device --serial-number arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo-2` and saved its secret in the file store
    awsmfa: enabled `arn:aws:iam::123456789012:mfa/aws_mfa_demo-2` for `aws_mfa_demo`
    awsmfa: verified: AWS issued a session for one of the device's codes
    awsmfa: set `mfa_serial` of profile `demo` to `arn:aws:iam::123456789012:mfa/aws_mfa_demo-2`
    awsmfa: `aws_mfa_demo` now has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo-2`
    hint: this is the only copy of the secret; back it up to a phone: `awsmfa device export arn:aws:iam::123456789012:mfa/aws_mfa_demo-2 --qr`
    hint: awsmfa setup --profile demo
    ");
    assert_eq!(setup.aws.devices_of(USER), [setup.serial("aws_mfa_demo-2")]);
    assert!(setup.aws.devices().iter().any(|device| device.serial == stale.serial));
    let ran = setup.by_user().success();
    assert!(ran.err().contains(&stale.serial), "still in the way: {}", ran.err());
    assert_eq!(setup.aws.devices_of(USER), [setup.serial("aws_mfa_demo-2")], "no third device");
    setup.check_device("aws_mfa_demo-2");
}

#[test]
fn stale_device_is_replaced_with_replace() {
    let setup = Setup::new();
    setup.aws.add_unassigned_device(USER);
    let ran = setup.home.awsmfa(["enroll", "--profile", "demo", "--replace"]).run();
    insta::assert_snapshot!(ran.code(4).err(), @r#"
    error: `arn:aws:iam::123456789012:user/aws_mfa_demo` has no permission for `iam:DeleteVirtualMFADevice` on `arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    hint: an administrator can allow it with this policy statement: {"Effect": "Allow", "Action": "iam:DeleteVirtualMFADevice", "Resource": "arn:aws:iam::123456789012:mfa/aws_mfa_demo"}
    hint: a policy also explicitly denies it; if that is because MFA is missing, add the action to its `NotAction`
    hint: or keep the device and use another name: leave out `--replace`
    "#);
    let args = ["enroll", "--user", USER, "--profile", "admin", "--replace"];
    let ran = setup.home.awsmfa(args).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: deleted `arn:aws:iam::123456789012:mfa/aws_mfa_demo`, an unassigned device without a stored secret
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo` and saved its secret in the file store
    awsmfa: enabled `arn:aws:iam::123456789012:mfa/aws_mfa_demo` for `aws_mfa_demo`
    awsmfa: verified: AWS lists `arn:aws:iam::123456789012:mfa/aws_mfa_demo` for `aws_mfa_demo`
    awsmfa: `aws_mfa_demo` now has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    hint: this is the only copy of the secret; back it up to a phone: `awsmfa device export arn:aws:iam::123456789012:mfa/aws_mfa_demo --qr`
    hint: set the device in the profile that has the user's keys: `aws configure set mfa_serial arn:aws:iam::123456789012:mfa/aws_mfa_demo --profile NAME`
    ");
    setup.check_one(USER);
}

#[test]
fn taken_name_is_detected_at_create_without_permission_to_list() {
    let setup = Setup::new();
    setup.aws.deny(USER, "iam:ListVirtualMFADevices");
    setup.aws.add_unassigned_device(USER);
    let ran = setup.by_user().success();
    assert!(
        ran.err().contains("if it is unassigned, an administrator can delete it: `aws iam"),
        "{}",
        ran.err()
    );
    setup.check_device("aws_mfa_demo-2");
}

#[test]
fn replace_never_deletes_an_assigned_device() {
    let setup = Setup::new();
    setup.aws.deny("boss", "iam:ListVirtualMFADevices");
    setup.aws.add_device("boss", USER);
    let args = ["enroll", "--user", USER, "--profile", "admin", "--replace"];
    let ran = setup.home.awsmfa(args).run();
    insta::assert_snapshot!(ran.code(4).err(), @"
    error: `arn:aws:iam::123456789012:mfa/aws_mfa_demo` is assigned to a user, so it was not replaced
    hint: choose another name: `--device-name NAME`
    ");
    assert_eq!(setup.aws.devices_of("boss"), [setup.serial(USER)]);
}

#[test]
fn device_of_another_user_is_left_alone() {
    let setup = Setup::new();
    setup.aws.add_device("boss", USER);
    let args = ["enroll", "--profile", "demo", "--device-name", USER];
    let ran = setup.home.awsmfa(args).run();
    insta::assert_snapshot!(ran.code(4).err(), @"
    error: the name is taken: `arn:aws:iam::123456789012:mfa/aws_mfa_demo` belongs to `boss`
    hint: choose another name: `--device-name NAME`
    ");
    setup.by_user().success();
    setup.check_device("aws_mfa_demo-2");
}

#[test]
fn unfinished_device_of_another_user_is_left_alone() {
    for (listed, replace) in [(true, false), (false, false), (true, true), (false, true)] {
        let setup = Setup::new();
        setup.aws.add_user("bob");
        if !listed {
            setup.aws.deny("boss", "iam:ListVirtualMFADevices");
        }
        setup.aws.fault(fake_aws::Fault::drop_before().on("EnableMFADevice").forever());
        let bobs = ["enroll", "--user", "bob", "--profile", "admin", "--device-name", USER];
        setup.home.awsmfa(bobs).run().code(6);
        setup.aws.clear_faults();
        let ran = setup.home.awsmfa(["enroll", "--user", USER, "--profile", "admin", "--device-name", USER]);
        let said = ran.run().code(4).err();
        assert!(said.contains("belongs to `bob`"), "{said}");
        let last = if replace { "--replace" } else { "--yes" };
        setup.home.awsmfa(["enroll", "--user", USER, "--profile", "admin", last]).run().success();
        assert_eq!(setup.aws.devices_of(USER), [setup.serial("aws_mfa_demo-2")]);
        setup.home.awsmfa(["enroll", "--resume"]).run().success();
        assert_eq!(setup.aws.devices_of("bob"), [setup.serial(USER)]);
    }
}

#[test]
fn user_with_eight_devices_gets_no_other() {
    let setup = Setup::new();
    for n in 0..8 {
        setup.aws.add_device(USER, &format!("d{n}"));
    }
    let ran = setup.by_admin();
    insta::assert_snapshot!(ran.code(4).err(), @"
    error: `aws_mfa_demo` already has 8 MFA devices, the maximum
    hint: find a device to remove: `aws iam list-mfa-devices --user-name aws_mfa_demo --profile admin`
    ");
    assert_eq!(setup.count("CreateVirtualMFADevice"), 0);
}

#[test]
fn small_pages_are_read_to_the_end() {
    let setup = Setup::with(fake_aws::FakeAws::builder().page_size(2));
    for n in 0..5 {
        setup.aws.add_unassigned_device(&format!("other{n}"));
    }
    setup.aws.add_unassigned_device(USER);
    setup.by_admin().success();
    setup.check_device("aws_mfa_demo-2");
}

#[test]
fn unknown_user_and_unknown_profile_are_reported() {
    let setup = Setup::new();
    let ran = setup.home.awsmfa(["enroll", "--user", "nobody", "--profile", "admin"]).run();
    insta::assert_snapshot!(ran.code(3).err(), @"
    error: account 123456789012 has no user `nobody`
    hint: create the user as well: `awsmfa enroll --user nobody --profile admin --create-user`
    hint: or list the users: `aws iam list-users --profile admin`
    ");
    let args = ["enroll", "--user", USER, "--profile", "admin", "--for-profile", "dmo"];
    insta::assert_snapshot!(setup.home.awsmfa(args).run().code(3).err(), @"
    error: no profile `dmo` in ~/.aws/config or ~/.aws/credentials
    hint: did you mean `--for-profile demo`?
    ");
    let args = ["enroll", "--user", USER, "--profile", "admin", "--for-profile", "admin"];
    insta::assert_snapshot!(setup.home.awsmfa(args).run().code(3).err(), @"
    error: profile `admin` has the keys of `arn:aws:iam::123456789012:user/boss`, not of `aws_mfa_demo`
    hint: choose a profile with the user's keys: `--for-profile NAME`
    ");
    let ran = setup.home.awsmfa(["enroll", "--resume"]).run();
    insta::assert_snapshot!(ran.code(2).err(), @"
    error: there is no enrollment to resume
    hint: awsmfa enroll
    ");
    assert_eq!(setup.aws.devices(), []);
}

#[test]
fn tags_are_sent_only_on_request() {
    let setup = Setup::new();
    let tagged = ["enroll", "--profile", "demo", "--tag", "team=blue"];
    let ran = setup.home.awsmfa(tagged).run();
    assert!(ran.code(4).err().contains("iam:CreateVirtualMFADevice"), "the policy does not allow tags");
    let tagged = ["enroll", "--user", USER, "--profile", "admin", "--tag", "team=blue"];
    setup.home.awsmfa(tagged).run().success();
    assert_eq!(setup.aws.devices()[0].tags, [("team".to_owned(), "blue".to_owned())]);
    setup.check_one(USER);
}

#[test]
fn serial_in_the_credentials_file_is_corrected() {
    let setup = Setup::new();
    let credentials = setup.home.credentials();
    let old = setup.serial("old");
    setup.home.write_credentials(&credentials.replace("[admin]", &format!("mfa_serial = {old}\n[admin]")));
    setup.by_user().success();
    let serial = setup.serial(USER);
    assert_eq!(setup.home.credential("demo", "mfa_serial"), Some(serial.clone()));
    setup.home.awsmfa(["login", "--profile", "demo"]).run().success();
}
