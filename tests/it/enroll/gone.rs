//! Devices and secrets that disappear during their enrollment.

use fake_aws::Fault;

use super::{Setup, USER};

/// An enrollment that failed before the device was verified.
fn enabled(args: &[&str]) -> Setup {
    let setup = Setup::new();
    let busy = || Fault::error(400, "ValidationError", "no").forever();
    setup.aws.fault(busy().on("GetSessionToken"));
    setup.aws.fault(busy().on("ListMFADevices").after(1));
    let error = setup.in_process(0).enroll(args);
    assert!(error.is_err());
    setup.aws.clear_faults();
    assert!(setup.home.read(&setup.journals()[0]).contains("\"enabled\""));
    setup
}

#[test]
fn device_removed_after_it_was_enabled_is_created_again() {
    for args in [&["--profile", "demo"][..], &["--profile", "admin", "--user", USER]] {
        let setup = enabled(args);
        setup.aws.remove_device(&setup.serial(USER));
        let computer = setup.in_process(0);
        computer.enroll(args).unwrap();
        assert!(computer.err.text().contains("no longer belongs to"), "{}", computer.err.text());
        assert_eq!(setup.aws.devices_of(USER), [setup.serial(USER)]);
        assert!(setup.journals().is_empty());
    }
}

#[test]
fn device_with_a_lost_secret_is_passed_over() {
    let setup = enabled(&["--profile", "admin", "--user", USER]);
    let serial = setup.serial(USER);
    let forget = ["device", "remove", "--local", "--yes", &serial];
    setup.home.awsmfa(forget).run().success();
    let yes = ["enroll", "--profile", "admin", "--user", USER, "--yes"];
    setup.home.awsmfa(yes).run().success();
    assert_eq!(setup.aws.devices_of(USER), [serial, setup.serial("aws_mfa_demo-2")]);
    assert!(setup.journals().is_empty());
}

#[test]
fn journal_is_removed_with_its_device() {
    let setup = enabled(&["--profile", "demo"]);
    let ctx = setup.in_process(0).ctx;
    awsmfa::testing::enrollment::forget_journal_of(&ctx, &setup.serial("other").parse().unwrap()).unwrap();
    assert_eq!(setup.journals().len(), 1);
    awsmfa::testing::enrollment::forget_journal_of(&ctx, &setup.serial(USER).parse().unwrap()).unwrap();
    assert!(setup.journals().is_empty());
}
