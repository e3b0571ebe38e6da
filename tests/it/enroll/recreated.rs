//! A device that replaces one with the same name: for a while, STS compares its codes with the old device's secret.

use std::time::Duration;

use chrono::DateTime;
use fake_aws::FakeAws;

use super::{Setup, USER};
use crate::support::in_process::device;

/// A user with a device that was enabled long ago and deleted a moment ago, on a server where STS lags behind.
fn deleted_just_now(lag: u64) -> Setup {
    let setup = Setup::with(FakeAws::builder().lag(Duration::from_secs(lag)));
    setup.aws.clock().freeze(DateTime::from_timestamp(1_800_000_005, 0).unwrap());
    setup.in_process(0).enroll(&["--profile", "demo"]).unwrap();
    setup.aws.clock().advance(Duration::from_secs(600));
    device(&setup.in_process(0).ctx, &["remove", USER, "--profile", "admin", "--yes"]).unwrap();
    assert!(setup.aws.devices().is_empty());
    setup.aws.clear_requests();
    setup
}

#[test]
fn recreated_device_is_verified_once_sts_knows_it() {
    for lag in [8, 12, 14] {
        let setup = deleted_just_now(lag);
        let computer = setup.in_process(0);
        let enrolled = computer.enroll(&["--profile", "demo"]);
        assert!(enrolled.is_ok(), "lag {lag}: {enrolled:?}\n{}", computer.err.text());
        assert_eq!(setup.aws.devices_of(USER), [setup.serial(USER)]);
        assert!(setup.count("GetSessionToken") <= 4, "lag {lag}: {}", setup.count("GetSessionToken"));
        assert!(setup.journals().is_empty());
    }
}

#[test]
fn enrollment_works_if_sts_rejects_the_codes_of_the_pair() {
    let setup = Setup::new();
    setup.aws.set_consume_pairs(true);
    setup.in_process(0).enroll(&["--profile", "demo"]).unwrap();
    assert_eq!(setup.aws.devices_of(USER), [setup.serial(USER)]);
    assert!(setup.journals().is_empty());
}
