//! `device resync`: two consecutive codes for AWS's time.

use std::time::Duration;

use fake_aws::{Fault, Gate, RequestOutcome};

use crate::support::in_process::{InProcess, in_words};
use crate::support::{OTHER_SECRET, World, until};

/// The two codes of the last ResyncMFADevice.
fn pair(world: &World) -> (String, String) {
    let request = world.aws.requests_for("ResyncMFADevice").pop().unwrap();
    let code = |name| request.param(name).unwrap().to_owned();
    (code("AuthenticationCode1"), code("AuthenticationCode2"))
}

#[test]
fn previous_and_current_code_are_sent() {
    let world = World::frozen();
    let inside = world.in_process(0);
    resync(&inside.ctx).unwrap();
    insta::assert_snapshot!(inside.err.text().lines().last().unwrap(), @"awsmfa: resynchronized `arn:aws:iam::123456789012:mfa/alice` with AWS");
    assert_eq!(inside.out.text(), "");
    let request = world.aws.requests_for("ResyncMFADevice").pop().unwrap();
    let step = world.aws.clock().step();
    let code = |step| world.aws.code(&world.device.serial, step);
    assert_eq!(pair(&world), (code(step - 1), code(step)));
    assert_eq!(request.param("UserName"), Some("alice"));
    // The codes do not count as used: a session is possible at once.
    crate::support::sessions::LOGIN.get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.aws.codes_sent(&world.device.serial), [code(step)]);
}

#[test]
fn codes_follow_the_clock_of_aws() {
    let world = World::frozen();
    let inside = world.in_process(-600);
    resync(&inside.ctx).unwrap();
    let step = world.aws.clock().step();
    let code = |step| world.aws.code(&world.device.serial, step);
    assert_eq!(pair(&world), (code(step - 1), code(step)));
    let err = inside.err.text();
    assert!(err.contains("warning: this computer's clock is 600 s behind AWS's"), "{err}");
    let serial = world.device.serial.parse().unwrap();
    assert_eq!(inside.ctx.ledgers().offset(&serial).unwrap().num_seconds(), 600, "remembered");
    assert_eq!(world.aws.devices()[0].drift, 0);
}

#[test]
fn resync_waits_for_codes_newer_than_the_last_pair() {
    let world = World::frozen();
    resync(&world.in_process(0).ctx).unwrap();
    let first = pair(&world);
    let began = world.aws.clock().now();
    let inside = world.in_process(0);
    resync(&inside.ctx).unwrap();
    let err = inside.err.text();
    assert!(
        err.contains("awsmfa: waiting 55s for codes that are newer than the last pair AWS accepted"),
        "{err}"
    );
    assert_eq!((world.aws.clock().now() - began).num_seconds(), 55);
    assert_eq!(world.aws.requests_for("ResyncMFADevice").len(), 2, "no request was wasted");
    assert!(first.0 != pair(&world).0 && first.1 != pair(&world).0);
    assert_eq!(world.aws.devices()[0].drift, 0);
    // It waits no longer than needed.
    world.aws.clock().advance(Duration::from_secs(60));
    let began = world.aws.clock().now();
    resync(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.aws.clock().now(), began);
}

#[test]
fn resync_waits_right_after_enroll() {
    let aws = fake_aws::FakeAws::start();
    aws.add_user("alice");
    aws.add_admin("boss");
    let key = aws.add_access_key("boss");
    let mut home = crate::support::Home::new(&aws);
    home.set_keys(&key);
    home.awsmfa(["enroll", "--user", "alice", "--no-qr"]).run().success();
    // The clock runs, so the pair is for now or for a moment ago.
    let now = aws.clock().now();
    aws.clock().freeze(now);
    let inside = InProcess::on(&aws, &home, 0);
    resync(&inside.ctx).unwrap();
    assert!(inside.err.text().contains("for codes that are newer"), "{}", inside.err.text());
    assert_eq!(aws.requests_for("ResyncMFADevice").len(), 1);
}

#[test]
fn rejected_pair_is_reported() {
    let world = World::frozen();
    world.home.import(&world.device.serial, OTHER_SECRET);
    let error = resync(&world.in_process(0).ctx).unwrap_err();
    insta::assert_snapshot!(in_words(&error), @"
    error: AWS rejected two codes of `arn:aws:iam::123456789012:mfa/alice`
    hint: the stored secret may belong to another device, or the device may have been re-created
    hint: or another computer resynchronized the device less than a minute ago, and AWS accepts only newer codes; try again in a minute
    ");
    assert_eq!(error.kind as u8, 4);
    assert_eq!(world.aws.requests_for("ResyncMFADevice").len(), 1, "the same pair is not sent again");
}

#[test]
fn codes_rejected_for_the_time_are_sent_again_once() {
    let world = World::frozen();
    let own_clock = fake_aws::Clock::new();
    own_clock.freeze(world.aws.clock().now());
    let gate = Gate::new();
    world.aws.fault(Fault::held(&gate).on("ResyncMFADevice"));
    world.aws.fault(
        Fault::error(403, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
            .on("ResyncMFADevice"),
    );
    let inside = InProcess::with_clock(&world.home, own_clock.into());
    std::thread::scope(|scope| {
        // AWS's clock jumps after the first request; the response of the rejection has the right time.
        scope.spawn(|| {
            let held = RequestOutcome::Held { processed: false };
            until(|| world.aws.requests_for("ResyncMFADevice").iter().any(|request| request.outcome == held));
            world.aws.clock().advance(Duration::from_secs(300));
            gate.open();
        });
        resync(&inside.ctx).unwrap();
    });
    let err = inside.err.text();
    assert!(err.contains("warning: this computer's clock is 300 s behind AWS's"), "{err}");
    assert_eq!(world.aws.requests_for("ResyncMFADevice").len(), 2);
    assert_eq!(world.aws.devices()[0].drift, 0);
}

#[test]
fn device_that_is_not_enabled_is_reported() {
    let world = World::imported();
    world.aws.remove_device(&world.device.serial);
    let ran = world.home.awsmfa(["device", "resync", "alice"]).run().code(4);
    insta::assert_snapshot!(ran.err(), @"
    error: `arn:aws:iam::123456789012:mfa/alice` is not enabled
    hint: see which user has the device: `awsmfa device list`
    ");
    let ran = world.home.awsmfa(["device", "resync", "bob"]).run().code(3);
    assert!(ran.err().starts_with("error: no secret is stored for `bob`"), "{}", ran.err());
}

#[test]
fn administrator_resynchronizes_another_users_device() {
    let world = World::imported();
    world.aws.add_admin("boss");
    let key = world.aws.add_access_key("boss");
    let run = |args: [&str; 5]| {
        let run = world.home.awsmfa(args).env("AWS_ACCESS_KEY_ID", &key.id);
        run.env("AWS_SECRET_ACCESS_KEY", &key.secret).env("AWS_PROFILE", "dev").run()
    };
    // Keys in the environment win over AWS_PROFILE, as in every SDK.
    run(["device", "resync", "alice", "--user", "alice"]).success();
    assert_eq!(world.aws.requests_for("ResyncMFADevice")[0].access_key_id, Some(key.id.clone()));
}

fn resync(ctx: &awsmfa::testing::context::Context) -> awsmfa::testing::error::CommandResult {
    crate::support::in_process::device(ctx, &["resync", "alice"])
}

#[test]
fn throttling_is_retried_and_a_missing_permission_is_reported() {
    let world = World::frozen();
    world.aws.fault(Fault::throttling().on("ResyncMFADevice").times(2));
    let computer = world.in_process(0);
    resync(&computer.ctx).unwrap();
    assert!(computer.err.text().contains("throttled by AWS; retrying in 2s"));
    world.aws.deny("alice", "iam:ResyncMFADevice");
    let error = resync(&computer.ctx).unwrap_err();
    assert!(error.hints[0].contains(r#""Action": "iam:ResyncMFADevice""#), "{:?}", error.hints);
}

#[test]
fn captive_portal_is_not_success() {
    let world = World::frozen();
    world.aws.fault(Fault::captive_portal().on("ResyncMFADevice"));
    let error = resync(&world.in_process(0).ctx).unwrap_err();
    assert!(error.message.contains("something other than AWS answered"), "{error}");
}
