//! A session that is due for renewal but cannot be renewed: what is used in the meantime, and which process asks AWS.

use std::time::Duration;

use crate::support::World;
use crate::support::sessions::{LOGIN, SDK};

/// A world ten minutes before its session expires. The session was created with a code from elsewhere.
fn near_the_end(mfa_process: &str) -> World {
    let world = World::new();
    world.freeze();
    world.home.write_config(&format!("[profile dev]\nmfa_serial = {}\n{mfa_process}", world.device.serial));
    LOGIN.code(&world.code(0)).get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(Duration::from_secs(12 * 3600 - 600));
    world
}

#[test]
fn unexpired_session_is_used_if_there_is_no_code() {
    for (mfa_process, why) in [
        ("", "awsmfa cannot prompt for a code; using the previous session, valid until"),
        ("mfa_process = echo no\n", "did not print a six-digit code; using the previous session, valid"),
    ] {
        let world = near_the_end(mfa_process);
        let inside = world.in_process(0);
        assert!(!SDK.get(&inside.ctx).unwrap().is_new);
        assert!(inside.err.text().contains(why), "{}", inside.err.text());
        world.aws.clock().advance(Duration::from_secs(600));
        let error = SDK.get(&inside.ctx).unwrap_err();
        assert_eq!(error.kind as u8, 3, "an expired session is not used");
    }
}

#[test]
fn outage_note_is_not_renewed_by_its_reader() {
    let world = World::imported();
    world.freeze();
    let ctx = world.in_process(0).ctx;
    let lock = || SDK.lock(&ctx);
    let note = format!("outage {}", ctx.clock.now().timestamp_millis() + 1);
    lock().leave_note(&note).unwrap();
    let error = SDK.get(&ctx).unwrap_err();
    assert_eq!(error.kind as u8, 6);
    assert!(world.aws.requests().is_empty());
    assert_eq!(lock().note().unwrap(), note, "the note is unchanged");
    // A later process asks AWS, which is back.
    world.aws.clock().advance(Duration::from_millis(2));
    assert!(SDK.get(&ctx).unwrap().is_new);
    assert_eq!(lock().note().unwrap(), "");
}

#[test]
fn request_rejected_before_the_code_costs_no_code_and_no_wait() {
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
fn given_code_is_not_held_until_it_expires() {
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
    assert!(error.message.contains("(6 in 3 minutes)"), "{error}");
    assert!(error.hints.iter().any(|hint| hint.starts_with("try again in ")), "{:?}", error.hints);
    assert_eq!(world.aws.clock().now(), before);
}
