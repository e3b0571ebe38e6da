//! A device that replaces one of the same name: for a while, STS judges its codes by the secret of the old device.

use std::time::Duration;

use chrono::DateTime;
use fake_aws::FakeAws;

use super::{Bench, USER};
use crate::support::in_process::device;

/// A user whose device was enabled long ago and deleted just now, on a server where STS learns of that late.
fn deleted_just_now(lag: u64) -> Bench {
    let bench = Bench::with(FakeAws::builder().lag(Duration::from_secs(lag)));
    bench.aws.clock().freeze(DateTime::from_timestamp(1_800_000_005, 0).unwrap());
    bench.in_process(0).enroll(&["--profile", "demo"]).unwrap();
    bench.aws.clock().advance(Duration::from_secs(600));
    device(&bench.in_process(0).ctx, &["remove", USER, "--profile", "admin", "--yes"]).unwrap();
    assert!(bench.aws.devices().is_empty());
    bench.aws.clear_requests();
    bench
}

#[test]
fn recreated_device_is_verified_when_sts_knows_it() {
    for lag in [8, 12, 14] {
        let bench = deleted_just_now(lag);
        let computer = bench.in_process(0);
        let enrolled = computer.enroll(&["--profile", "demo"]);
        assert!(enrolled.is_ok(), "lag {lag}: {enrolled:?}\n{}", computer.err.text());
        assert_eq!(bench.aws.devices_of(USER), [bench.serial(USER)]);
        assert!(bench.count("GetSessionToken") <= 4, "lag {lag}: {}", bench.count("GetSessionToken"));
        assert!(bench.journals().is_empty());
    }
}

#[test]
fn enrollment_works_if_sts_rejects_the_codes_of_the_pair() {
    let bench = Bench::new();
    bench.aws.set_consume_pairs(true);
    bench.in_process(0).enroll(&["--profile", "demo"]).unwrap();
    assert_eq!(bench.aws.devices_of(USER), [bench.serial(USER)]);
    assert!(bench.journals().is_empty());
}
