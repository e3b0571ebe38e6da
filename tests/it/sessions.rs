//! Codes and steps: what is sent to STS, how often, and what happens when AWS says no or nothing. Minutes pass at once:
//! this process and fake-aws share a clock.

use std::collections::BTreeSet;

use awsmfa::testing::aws::AwsErrorKind;
use awsmfa::testing::context::Context;
use awsmfa::testing::error::CommandError;
use awsmfa::testing::session::{self, Ensured, Options, SessionError, Wishes};
use fake_aws::{CodeModel, FakeAws, Fault};

use crate::support::World;

/// A session for `dev`, as `login` gets it.
pub fn ensure(ctx: &Context, force: bool) -> Result<Ensured, CommandError> {
    let wishes = Wishes { profile: Some("dev".to_owned()), ..Wishes::default() };
    let prepared = session::prepare(ctx, &wishes)?;
    let options = Options { force, unattended: false, code: None, seed: None, precheck: &|| Ok(()) };
    Ok(session::ensure(ctx, &prepared.aws, &prepared.plan, &options)?)
}

/// A world whose clock stands still.
fn frozen(aws: FakeAws) -> World {
    let world = World::with(aws);
    world.import();
    world.freeze();
    world
}

fn refused(world: &World) -> usize {
    world.aws.requests_for("GetSessionToken").iter().filter(|r| r.error_code().is_some()).count()
}

fn assert_no_step_sent_twice(world: &World) {
    let codes = world.aws.codes_sent(&world.device.serial);
    let distinct: BTreeSet<_> = codes.iter().collect();
    assert_eq!(codes.len(), distinct.len(), "{codes:?}");
}

#[test]
fn five_forced_logins_in_a_row_are_never_refused() {
    let world = frozen(FakeAws::start());
    for _ in 0..5 {
        assert!(ensure(&world.in_process(0).ctx, true).unwrap().made);
    }
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 5);
    assert_eq!(refused(&world), 0);
    assert_no_step_sent_twice(&world);
}

#[test]
fn five_forced_logins_in_a_row_pass_a_strict_server_too() {
    let world = frozen(FakeAws::builder().model(CodeModel::Strict).start());
    for _ in 0..5 {
        assert!(ensure(&world.in_process(0).ctx, true).unwrap().made);
    }
    // One older step was tried and refused; from then on it is known to be used.
    assert!(refused(&world) <= 1, "{}", refused(&world));
    assert!(world.aws.requests_for("GetSessionToken").len() <= 6);
    assert_no_step_sent_twice(&world);
}

#[test]
fn twenty_forced_logins_never_exhaust_the_budget_of_aws() {
    for model in [CodeModel::Observed, CodeModel::Strict] {
        let world = frozen(FakeAws::builder().model(model).start());
        for _ in 0..20 {
            ensure(&world.in_process(0).ctx, true).unwrap();
        }
        let answers = world.aws.requests_for("GetSessionToken");
        assert!(answers.len() < 30);
        assert_no_step_sent_twice(&world);
    }
}

#[test]
fn a_clock_that_is_twenty_minutes_off_is_corrected_once() {
    for off in [1200, -1200] {
        let world = frozen(FakeAws::start());
        ensure(&world.in_process(off).ctx, true).unwrap();
        let skewed = world.aws.requests_for("GetSessionToken");
        assert_eq!(skewed.len(), 2, "{off}");
        assert_eq!(skewed[0].error_code(), Some("SignatureDoesNotMatch"));
        // The next process knows.
        ensure(&world.in_process(off).ctx, true).unwrap();
        assert_eq!(world.aws.requests_for("GetSessionToken").len(), 3, "{off}");
        // And so does the one after the clock was set.
        ensure(&world.in_process(0).ctx, true).unwrap();
        assert_eq!(ensure(&world.in_process(0).ctx, true).unwrap().offset.num_seconds(), 0);
        assert_no_step_sent_twice(&world);
    }
}

#[test]
fn a_clock_that_is_seventy_seconds_off_makes_codes_for_aws() {
    // Too little for the signature to be refused, too much for a strict server's codes.
    let world = frozen(FakeAws::builder().model(CodeModel::Strict).start());
    ensure(&world.in_process(-70).ctx, true).unwrap();
    let before = refused(&world);
    ensure(&world.in_process(-70).ctx, true).unwrap();
    assert!(refused(&world) - before <= 1);
    assert_no_step_sent_twice(&world);
}

#[test]
fn a_clock_that_is_a_day_off_is_the_persons_to_set() {
    for off in [86_400, -86_400] {
        let world = frozen(FakeAws::start());
        for _ in 0..2 {
            let error = ensure(&world.in_process(off).ctx, true).unwrap_err();
            assert_eq!(error.kind as u8, 4);
            assert!(error.message.contains("clock is 1d"), "{}", error.message);
        }
        ensure(&world.in_process(0).ctx, true).unwrap();
    }
}

#[test]
fn a_lost_answer_costs_a_step_and_nothing_else() {
    let world = frozen(FakeAws::start());
    world.aws.fault(Fault::drop_after().on("GetSessionToken"));
    ensure(&world.in_process(0).ctx, false).unwrap();
    assert_eq!(world.aws.codes_sent(&world.device.serial).len(), 2);
    assert_no_step_sent_twice(&world);
}

#[test]
fn a_request_that_never_left_costs_nothing() {
    let mut world = frozen(FakeAws::start());
    let endpoint = world.aws.endpoint();
    world.home.set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let error = ensure(&world.in_process(0).ctx, false).unwrap_err();
    assert_eq!(error.kind as u8, 6);
    world.home.set("AWS_ENDPOINT_URL", &endpoint);
    ensure(&world.in_process(0).ctx, false).unwrap();
    let current = world.aws.code_now(&world.device.serial);
    assert_eq!(world.aws.codes_sent(&world.device.serial), [current], "the current step was still free");
}

#[test]
fn a_step_that_another_machine_used_is_passed_over() {
    let world = frozen(FakeAws::start());
    world.aws.consume(&world.device.serial, world.aws.clock().step());
    ensure(&world.in_process(0).ctx, false).unwrap();
    assert_eq!(refused(&world), 1);
    assert_no_step_sent_twice(&world);
}

#[test]
fn a_proof_of_the_secret_gives_up_after_three_codes_and_no_wait() {
    let world = World::new();
    let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    world
        .home
        .awsmfa(["device", "import", "-p", "dev", "--secret-stdin", "--no-verify"])
        .stdin(seed)
        .run()
        .success();
    world.freeze();
    let before = world.aws.clock().now();
    let ctx = world.in_process(0).ctx;
    let wishes = Wishes { profile: Some("dev".to_owned()), ..Wishes::default() };
    let prepared = session::prepare(&ctx, &wishes).unwrap();
    let options = Options { force: false, unattended: false, code: None, seed: None, precheck: &|| Ok(()) };
    let error = session::prove(&ctx, &prepared.aws, &prepared.plan, &options).unwrap_err();
    assert!(matches!(error, SessionError::Aws(error) if error.kind == AwsErrorKind::InvalidCode));
    assert_eq!(world.aws.clock().now(), before);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 3);
    assert_no_step_sent_twice(&world);
}

#[test]
fn what_aws_cannot_validate_is_not_tried_again() {
    let world = frozen(FakeAws::start());
    world.aws.spend_budget(&world.device.serial, 9);
    let error = ensure(&world.in_process(0).ctx, false).unwrap_err();
    assert!(error.message.contains("could not validate"), "{}", error.message);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn throttling_and_failures_are_tried_again_with_other_steps() {
    let world = frozen(FakeAws::start());
    world.aws.fault(Fault::throttling().on("GetSessionToken"));
    world.aws.fault(Fault::unavailable().on("GetSessionToken"));
    ensure(&world.in_process(0).ctx, false).unwrap();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 3);
    assert_no_step_sent_twice(&world);
}

#[test]
fn a_code_shown_to_a_person_is_not_sent() {
    let world = World::imported();
    let shown = world.home.awsmfa(["code", "-p", "dev"]).run().success().out();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert!(!world.aws.codes_sent(&world.device.serial).contains(&shown.trim().to_owned()));
}
