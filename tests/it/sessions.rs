//! Codes and steps: what is sent to STS, how often, and what happens when AWS says no or nothing. Minutes pass at once:
//! this process and fake-aws share a clock.

use awsmfa::testing::aws::AwsErrorKind;
use awsmfa::testing::session::SessionError;
use fake_aws::{CodeModel, FakeAws, Fault};

use crate::support::World;
use crate::support::sessions::LOGIN;

#[test]
fn five_forced_logins_in_a_row_are_never_refused() {
    let world = World::frozen();
    for _ in 0..5 {
        assert!(LOGIN.forced().get(&world.in_process(0).ctx).unwrap().is_new);
    }
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 5);
    assert_eq!(world.rejected("GetSessionToken"), 0);
    world.assert_no_code_sent_twice();
}

#[test]
fn five_forced_logins_in_a_row_pass_a_strict_server_too() {
    let world = World::frozen_with(FakeAws::builder().model(CodeModel::Strict).start());
    for _ in 0..5 {
        assert!(LOGIN.forced().get(&world.in_process(0).ctx).unwrap().is_new);
    }
    // One older step was tried and refused; from then on it is known to be used.
    assert!(world.rejected("GetSessionToken") <= 1, "{}", world.rejected("GetSessionToken"));
    assert!(world.aws.requests_for("GetSessionToken").len() <= 6);
    world.assert_no_code_sent_twice();
}

#[test]
fn twenty_forced_logins_never_exhaust_the_budget_of_aws() {
    for model in [CodeModel::Observed, CodeModel::Strict] {
        let world = World::frozen_with(FakeAws::builder().model(model).start());
        for _ in 0..20 {
            LOGIN.forced().get(&world.in_process(0).ctx).unwrap();
        }
        let answers = world.aws.requests_for("GetSessionToken");
        assert!(answers.len() < 30);
        world.assert_no_code_sent_twice();
    }
}

#[test]
fn a_clock_that_is_twenty_minutes_off_is_corrected_once() {
    for off in [1200, -1200] {
        let world = World::frozen();
        LOGIN.forced().get(&world.in_process(off).ctx).unwrap();
        let skewed = world.aws.requests_for("GetSessionToken");
        assert_eq!(skewed.len(), 2, "{off}");
        assert_eq!(skewed[0].error_code(), Some("SignatureDoesNotMatch"));
        // The next process knows.
        LOGIN.forced().get(&world.in_process(off).ctx).unwrap();
        assert_eq!(world.aws.requests_for("GetSessionToken").len(), 3, "{off}");
        // And so does the one after the clock was set.
        LOGIN.forced().get(&world.in_process(0).ctx).unwrap();
        assert_eq!(LOGIN.forced().get(&world.in_process(0).ctx).unwrap().offset.num_seconds(), 0);
        world.assert_no_code_sent_twice();
    }
}

#[test]
fn a_clock_that_is_seventy_seconds_off_makes_codes_for_aws() {
    // Too little for the signature to be refused, too much for a strict server's codes.
    let world = World::frozen_with(FakeAws::builder().model(CodeModel::Strict).start());
    LOGIN.forced().get(&world.in_process(-70).ctx).unwrap();
    let before = world.rejected("GetSessionToken");
    LOGIN.forced().get(&world.in_process(-70).ctx).unwrap();
    assert!(world.rejected("GetSessionToken") - before <= 1);
    world.assert_no_code_sent_twice();
}

#[test]
fn a_clock_that_is_a_day_off_is_the_persons_to_set() {
    for off in [86_400, -86_400] {
        let world = World::frozen();
        for _ in 0..2 {
            let error = LOGIN.forced().get(&world.in_process(off).ctx).unwrap_err();
            assert_eq!(error.kind as u8, 4);
            assert!(error.message.contains("clock is 1d"), "{}", error.message);
        }
        LOGIN.forced().get(&world.in_process(0).ctx).unwrap();
    }
}

#[test]
fn a_lost_answer_costs_a_step_and_nothing_else() {
    let world = World::frozen();
    world.aws.fault(Fault::drop_after().on("GetSessionToken"));
    LOGIN.get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.codes_sent().len(), 2);
    world.assert_no_code_sent_twice();
}

#[test]
fn a_request_that_never_left_costs_nothing() {
    let mut world = World::frozen();
    let endpoint = world.aws.endpoint();
    world.home.set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let error = LOGIN.get(&world.in_process(0).ctx).unwrap_err();
    assert_eq!(error.kind as u8, 6);
    world.home.set("AWS_ENDPOINT_URL", &endpoint);
    LOGIN.get(&world.in_process(0).ctx).unwrap();
    let current = world.code(0);
    assert_eq!(world.codes_sent(), [current], "the current step was still free");
}

#[test]
fn a_step_that_another_machine_used_is_passed_over() {
    let world = World::frozen();
    world.aws.consume(&world.device.serial, world.aws.clock().step());
    LOGIN.get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.rejected("GetSessionToken"), 1);
    world.assert_no_code_sent_twice();
}

#[test]
fn a_proof_of_the_secret_gives_up_after_three_codes_and_no_wait() {
    let world = World::with_the_wrong_secret();
    world.freeze();
    let before = world.aws.clock().now();
    let error = LOGIN.verify(&world.in_process(0).ctx).unwrap_err();
    assert!(matches!(error, SessionError::Aws(error) if error.kind == AwsErrorKind::InvalidCode));
    assert_eq!(world.aws.clock().now(), before);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 3);
    world.assert_no_code_sent_twice();
}

#[test]
fn what_aws_cannot_validate_is_not_tried_again() {
    let world = World::frozen();
    world.aws.spend_budget(&world.device.serial, 9);
    let error = LOGIN.get(&world.in_process(0).ctx).unwrap_err();
    assert!(error.message.contains("could not validate"), "{}", error.message);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn throttling_and_failures_are_tried_again_with_other_steps() {
    let world = World::frozen();
    world.aws.fault(Fault::throttling().on("GetSessionToken"));
    world.aws.fault(Fault::unavailable().on("GetSessionToken"));
    LOGIN.get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 3);
    world.assert_no_code_sent_twice();
}

#[test]
fn a_code_shown_to_a_person_is_not_sent() {
    let world = World::imported();
    let shown = world.home.awsmfa(["code", "-p", "dev"]).run().success().out();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert!(!world.codes_sent().contains(&shown.trim().to_owned()));
}
