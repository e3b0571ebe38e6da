//! Devices and secrets that go while they are being enrolled.

use fake_aws::Fault;

use super::{Bench, USER};

/// An enrolment that ended before the device was verified.
fn enabled(args: &[&str]) -> Bench {
    let bench = Bench::new();
    let busy = || Fault::error(400, "ValidationError", "no").forever();
    bench.aws.fault(busy().on("GetSessionToken"));
    bench.aws.fault(busy().on("ListMFADevices").after(1));
    let error = bench.in_process(0).enroll(args);
    assert!(error.is_err());
    bench.aws.clear_faults();
    assert!(bench.home.read(&bench.journals()[0]).contains("\"enabled\""));
    bench
}

#[test]
fn device_removed_after_it_was_enabled_is_created_again() {
    for args in [&["--profile", "demo"][..], &["--profile", "admin", "--user", USER]] {
        let bench = enabled(args);
        bench.aws.remove_device(&bench.serial(USER));
        let computer = bench.in_process(0);
        computer.enroll(args).unwrap();
        assert!(computer.err.text().contains("no longer belongs to"), "{}", computer.err.text());
        assert_eq!(bench.aws.devices_of(USER), [bench.serial(USER)]);
        assert!(bench.journals().is_empty());
    }
}

#[test]
fn device_with_a_lost_secret_is_passed_over() {
    let bench = enabled(&["--profile", "admin", "--user", USER]);
    let serial = bench.serial(USER);
    let forget = ["device", "remove", "--local", "--yes", &serial];
    bench.home.awsmfa(forget).run().success();
    let yes = ["enroll", "--profile", "admin", "--user", USER, "--yes"];
    bench.home.awsmfa(yes).run().success();
    assert_eq!(bench.aws.devices_of(USER), [serial, bench.serial("aws_mfa_demo-2")]);
    assert!(bench.journals().is_empty());
}

#[test]
fn journal_is_removed_with_its_device() {
    let bench = enabled(&["--profile", "demo"]);
    let ctx = bench.in_process(0).ctx;
    awsmfa::testing::enrollment::forget_journal_of(&ctx, &bench.serial("other").parse().unwrap()).unwrap();
    assert_eq!(bench.journals().len(), 1);
    awsmfa::testing::enrollment::forget_journal_of(&ctx, &bench.serial(USER).parse().unwrap()).unwrap();
    assert!(bench.journals().is_empty());
}
