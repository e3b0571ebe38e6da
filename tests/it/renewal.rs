//! When a session is due for renewal and cannot be renewed: what serves meanwhile, and who asks AWS.

use std::time::Duration;

use crate::support::World;
use crate::support::sessions::{LOGIN, SDK};

/// Ten minutes before the end of a session that was made with a code from elsewhere.
fn near_the_end(mfa_process: &str) -> World {
    let world = World::new();
    world.freeze();
    world.home.write_config(&format!("[profile dev]\nmfa_serial = {}\n{mfa_process}", world.device.serial));
    LOGIN.code(&world.code(0)).get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(Duration::from_secs(12 * 3600 - 600));
    world
}

#[test]
fn a_session_that_has_not_ended_serves_while_no_code_can_be_had() {
    for (mfa_process, why) in [
        ("", "nobody can be asked for a code; the session from before still serves until"),
        (
            "mfa_process = echo no\n",
            "did not print a code of six digits; the session from before still serves",
        ),
    ] {
        let world = near_the_end(mfa_process);
        let inside = world.in_process(0);
        assert!(!SDK.get(&inside.ctx).unwrap().is_new);
        assert!(inside.err.text().contains(why), "{}", inside.err.text());
        world.aws.clock().advance(Duration::from_secs(600));
        let error = SDK.get(&inside.ctx).unwrap_err();
        assert_eq!(error.kind as u8, 3, "and not when it has ended");
    }
}

#[test]
fn who_was_told_of_an_outage_does_not_pass_it_on() {
    let world = World::imported();
    world.freeze();
    let ctx = world.in_process(0).ctx;
    let lock = || SDK.lock(&ctx);
    let note = format!("outage {}", ctx.clock.now().timestamp_millis() + 1);
    lock().leave_note(&note).unwrap();
    let error = SDK.get(&ctx).unwrap_err();
    assert_eq!(error.kind as u8, 6);
    assert!(world.aws.requests().is_empty());
    assert_eq!(lock().note().unwrap(), note, "the outage is as old as it was");
    // Who comes later finds out, and AWS is back.
    world.aws.clock().advance(Duration::from_millis(2));
    assert!(SDK.get(&ctx).unwrap().is_new);
    assert_eq!(lock().note().unwrap(), "");
}

#[test]
fn what_aws_refuses_unread_costs_no_code_and_no_wait() {
    for refusal in ["wrong secret key", "clock"] {
        let world = World::imported();
        world.freeze();
        let off = if refusal == "clock" { 86_400 } else { 0 };
        if refusal == "wrong secret key" {
            let credentials = world.home.credentials().replace(&world.key.secret, &"x".repeat(40));
            world.home.write_credentials(&credentials);
        }
        let before = world.aws.clock().now();
        for _ in 0..8 {
            let error = SDK.get(&world.in_process(off).ctx).unwrap_err();
            assert!(!error.message.contains("3 minutes"), "{refusal}: {error}");
        }
        assert_eq!(world.aws.clock().now(), before, "{refusal}: nothing was waited for");
    }
}

#[test]
fn a_code_that_was_given_is_not_kept_until_it_is_dead() {
    let world = World::new();
    world.freeze();
    world.aws.fault(fake_aws::Fault::throttling().on("GetSessionToken").times(6));
    let ctx = world.in_process(0).ctx;
    let next = std::cell::Cell::new(0);
    let login = || {
        let code = world.code(next.replace(next.get() + 1));
        LOGIN.forced().code(&code).get(&ctx).unwrap_err()
    };
    (0..6).for_each(|_| drop(login()));
    let before = world.aws.clock().now();
    let error = login();
    assert!(error.message.contains("6 times in 3 minutes"), "{error}");
    assert!(error.hints.iter().any(|hint| hint.starts_with("try again in ")), "{:?}", error.hints);
    assert_eq!(world.aws.clock().now(), before);
}
