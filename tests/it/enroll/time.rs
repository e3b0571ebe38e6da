//! Propagation and wrong clocks, on a simulated clock.

use std::time::Duration;

use awsmfa::testing::commands::enroll::EnrollArgs;
use awsmfa::testing::commands::login::LoginArgs;
use awsmfa::testing::error::CommandResult;
use chrono::DateTime;
use clap::{Args, Parser};
use fake_aws::FakeAws;

use super::{Setup, USER};
use crate::support::in_process::InProcess;

/// A command's arguments, parsed as in the program.
#[derive(Parser)]
struct Line<A: Args> {
    #[command(flatten)]
    args: A,
}

impl InProcess {
    pub(super) fn enroll(&self, args: &[&str]) -> CommandResult {
        let line = Line::<EnrollArgs>::parse_from([&["enroll"], args].concat());
        awsmfa::testing::commands::enroll::run(&self.ctx, &line.args)
    }

    fn login(&self, args: &[&str]) -> CommandResult {
        let line = Line::<LoginArgs>::parse_from([&["login"], args].concat());
        awsmfa::testing::commands::login::run(&self.ctx, &line.args)
    }
}

impl Setup {
    /// A context with this home, on a computer with a clock that is off by this much.
    pub(super) fn in_process(&self, off_seconds: i64) -> InProcess {
        InProcess::on(&self.aws, &self.home, off_seconds)
    }

    fn lagging(seconds: u64) -> Self {
        let setup = Self::with(FakeAws::builder().lag(Duration::from_secs(seconds)));
        setup.aws.clock().freeze(DateTime::from_timestamp(1_800_000_005, 0).unwrap());
        setup
    }
}

#[test]
fn lag_of_eighteen_seconds_uses_at_most_three_codes() {
    for (lag, codes, seconds) in [(0, 1, 0), (8, 2, 8), (12, 3, 18), (14, 3, 18), (17, 3, 18)] {
        let setup = Setup::lagging(lag);
        let began = setup.aws.clock().now();
        setup.in_process(0).enroll(&["--profile", "demo"]).unwrap();
        assert_eq!((setup.aws.clock().now() - began).num_seconds(), seconds, "lag {lag}");
        assert_eq!(setup.count("GetSessionToken"), codes, "lag {lag}");
        assert_eq!(setup.aws.devices_of(USER).len(), 1);
    }
}

#[test]
fn login_works_immediately_after_a_lag() {
    let setup = Setup::lagging(12);
    let computer = setup.in_process(0);
    computer.enroll(&["--profile", "demo"]).unwrap();
    assert!(computer.err.text().contains("waiting 8s for AWS to recognize the new device"));
    assert_eq!(setup.count("GetSessionToken"), 3);
    let enrolled = setup.aws.clock().now();
    computer.login(&["--profile", "demo"]).unwrap();
    assert_eq!(setup.count("GetSessionToken"), 3, "the session that verified the device is reused");
    let waited = setup.aws.clock().now() - enrolled;
    assert_eq!(waited.num_seconds(), 0, "login waits");
    assert!(setup.home.credential("demo", "aws_session_token").is_some());
}

#[test]
fn login_right_after_an_administrators_enrollment_waits() {
    let setup = Setup::lagging(12);
    setup.in_process(0).enroll(&["--profile", "admin", "--user", USER]).unwrap();
    assert_eq!(setup.count("GetSessionToken"), 0);
    let began = setup.aws.clock().now();
    setup.in_process(0).enroll(&["--profile", "demo"]).unwrap();
    assert_eq!((setup.aws.clock().now() - began).num_seconds(), 18);
}

#[test]
fn longer_lag_is_reported_and_resumed() {
    let setup = Setup::lagging(60);
    let error = setup.in_process(0).enroll(&["--profile", "demo"]).unwrap_err();
    assert!(error.message.contains("does not recognize"), "{error}");
    assert!(error.hints.iter().any(|hint| hint.contains("--resume")), "{:?}", error.hints);
    setup.aws.clock().advance(Duration::from_secs(60));
    setup.in_process(0).enroll(&["--resume"]).unwrap();
    assert_eq!((setup.count("CreateVirtualMFADevice"), setup.count("EnableMFADevice")), (1, 1));
    assert!(setup.journals().is_empty());
}

#[test]
fn wrong_clock_does_not_affect_the_device() {
    for off in [-3000, -600, -40, 40, 600, 3000] {
        let setup = Setup::lagging(0);
        setup.in_process(off).enroll(&["--profile", "demo"]).unwrap();
        let devices = setup.aws.devices();
        assert_eq!(devices[0].drift, 0, "a clock off by {off} s");
        assert_eq!(setup.count("EnableMFADevice"), 1, "a clock off by {off} s");
    }
}

#[test]
fn clock_that_is_hours_off_is_an_error() {
    let setup = Setup::lagging(0);
    let error = setup.in_process(7200).enroll(&["--profile", "demo"]).unwrap_err();
    assert!(error.message.contains("clock"), "{error}");
    assert_eq!(setup.aws.requests().len(), 1, "the request is not signed again for AWS's time");
    assert_eq!(setup.aws.devices(), []);
}

#[test]
fn rejected_codes_point_to_the_clock() {
    let setup = Setup::lagging(0);
    let refusal = fake_aws::Fault::error(
        403,
        "InvalidAuthenticationCode",
        "Authentication code for device is not valid.",
    );
    setup.aws.fault(refusal.on("EnableMFADevice").forever());
    let error = setup.in_process(0).enroll(&["--profile", "demo"]).unwrap_err();
    assert_eq!(error.kind as u8, 4);
    assert!(error.hints.iter().any(|hint| hint.contains("clock")), "{:?}", error.hints);
}

#[test]
fn request_is_not_signed_again_for_the_same_time() {
    let setup = Setup::lagging(0);
    let skewed = fake_aws::Fault::error(403, "RequestTimeTooSkewed", "The request time is too skewed.");
    setup.aws.fault(skewed.on("CreateVirtualMFADevice").forever());
    setup.in_process(0).enroll(&["--profile", "demo"]).unwrap_err();
    assert_eq!(setup.count("CreateVirtualMFADevice"), 1);
}
