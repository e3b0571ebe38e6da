//! Changes that AWS may have made, and changes that it shows only later.

use std::time::Duration;

use chrono::DateTime;
use fake_aws::{Builder, FakeAws, Fault};

use super::{Setup, USER};

/// Time passes only while the program waits.
fn frozen(builder: Builder) -> Setup {
    let setup = Setup::with(builder);
    setup.aws.clock().freeze(DateTime::from_timestamp(1_800_000_005, 0).unwrap());
    setup
}

#[track_caller]
fn check_one(setup: &Setup) {
    assert_eq!(setup.aws.devices_of(USER), [setup.serial(USER)]);
    assert_eq!(setup.aws.devices().len(), 1, "no orphan");
    assert!(setup.journals().is_empty(), "{:?}", setup.journals());
}

#[test]
fn lost_enable_is_sent_again_without_permission_to_list() {
    let setup = frozen(FakeAws::builder());
    setup.aws.deny(USER, "iam:ListMFADevices");
    setup.aws.fault(Fault::drop_before().on("EnableMFADevice"));
    setup.in_process(0).enroll(&["--profile", "demo"]).unwrap();
    assert_eq!((setup.count("EnableMFADevice"), setup.count("GetSessionToken")), (2, 1));
    check_one(&setup);
}

#[test]
fn outdated_lists_are_waited_for() {
    for fault in [Fault::drop_after(), Fault::service_failure().processed()] {
        let setup = frozen(FakeAws::builder().list_lag(Duration::from_secs(6)));
        setup.aws.fault(fault.on("EnableMFADevice"));
        let computer = setup.in_process(0);
        computer.enroll(&["--profile", "admin", "--user", USER]).unwrap();
        assert!(computer.err.text().contains("for AWS to list the device"), "{}", computer.err.text());
        check_one(&setup);
    }
}

#[test]
fn unlisted_device_is_not_attributed_to_another_user() {
    let setup = frozen(FakeAws::builder().list_lag(Duration::from_secs(600)));
    setup.aws.fault(Fault::drop_after().on("EnableMFADevice"));
    let error = setup.in_process(0).enroll(&["--profile", "admin", "--user", USER]).unwrap_err();
    assert_eq!(
        error.message,
        "AWS says that `arn:aws:iam::123456789012:mfa/aws_mfa_demo` is already enabled, but does not list it for `aws_mfa_demo`"
    );
    assert!(error.hints.iter().any(|hint| hint.contains("enroll --resume")), "{:?}", error.hints);
    setup.aws.clock().advance(Duration::from_secs(600));
    setup.in_process(0).enroll(&["--profile", "admin", "--user", USER]).unwrap();
    check_one(&setup);
}

#[test]
fn new_device_is_waited_for() {
    let setup = frozen(FakeAws::builder().creation_lag(Duration::from_secs(6)));
    let computer = setup.in_process(0);
    computer.enroll(&["--profile", "demo"]).unwrap();
    let said = computer.err.text();
    assert!(said.contains("waiting 4s for AWS to recognize the new device"), "{said}");
    assert!(!said.contains("deleted in the meantime"), "{said}");
    assert_eq!(setup.count("CreateVirtualMFADevice"), 1);
    check_one(&setup);
}

#[test]
fn device_that_aws_never_recognizes_is_reported() {
    let setup = frozen(FakeAws::builder().creation_lag(Duration::from_secs(600)));
    let error = setup.in_process(0).enroll(&["--profile", "demo"]).unwrap_err();
    assert_eq!(error.message, "AWS has no device `arn:aws:iam::123456789012:mfa/aws_mfa_demo`");
    setup.aws.clock().advance(Duration::from_secs(600));
    setup.in_process(0).enroll(&["--profile", "demo"]).unwrap();
    check_one(&setup);
}

#[test]
fn enrollment_of_a_removed_device_starts_over_without_permission_to_list() {
    let setup = frozen(FakeAws::builder());
    setup.aws.deny(USER, "iam:ListMFADevices");
    setup.aws.fault(Fault::unavailable().on("GetSessionToken").times(10));
    setup.in_process(0).enroll(&["--profile", "demo"]).unwrap_err();
    setup.aws.clear_faults();
    setup.aws.remove_device(&setup.serial(USER));
    setup.aws.clock().advance(Duration::from_secs(600));
    let computer = setup.in_process(0);
    computer.enroll(&["--profile", "demo"]).unwrap();
    assert!(computer.err.text().contains("AWS rejects codes from"), "{}", computer.err.text());
    check_one(&setup);
}

#[test]
fn device_recreated_elsewhere_is_detected() {
    let setup = frozen(FakeAws::builder());
    setup.in_process(0).enroll(&["--profile", "demo"]).unwrap();
    setup.aws.remove_device(&setup.serial(USER));
    setup.aws.add_device(USER, USER);
    // The cached session does not prove anything.
    let computer = setup.in_process(0);
    computer.enroll(&["--profile", "demo"]).unwrap();
    assert!(!computer.err.text().contains("verified"), "{}", computer.err.text());
    setup.aws.clock().advance(Duration::from_secs(86_400));
    let error = setup.in_process(0).enroll(&["--profile", "demo"]).unwrap_err();
    insta::assert_snapshot!(format!("{}\n{}", error.message, error.hints.join("\n")), @"
    AWS rejected the codes of `arn:aws:iam::123456789012:mfa/aws_mfa_demo`: the stored secret does not belong to this device
    check this computer's clock; it shows 2027-01-16T08:00:05Z
    if you have its secret key, import it: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    or enroll another device: `awsmfa enroll --user aws_mfa_demo --profile ADMIN --for-profile demo --device-name NAME`
    ");
    assert!(setup.journals().is_empty(), "{:?}", setup.journals());
}

#[test]
fn session_without_mfa_is_not_an_unknown_key() {
    let setup = Setup::new();
    let session = setup.aws.add_session(USER, false);
    let ran = setup
        .home
        .awsmfa(["enroll"])
        .env("AWS_ACCESS_KEY_ID", session.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", session.secret_access_key)
        .env("AWS_SESSION_TOKEN", session.session_token)
        .run();
    insta::assert_snapshot!(ran.code(4).err(), @"
    error: IAM rejected these temporary credentials, probably because they were created without MFA
    hint: get a session with MFA: `awsmfa login`
    hint: or choose a profile with long-term keys: `--profile NAME`
    ");
}
