//! Renewals ahead of a session's end, on a clock that runs through weeks.

use std::time::Duration;

use awsmfa::testing::choice::Named;
use awsmfa::testing::context::Context;
use awsmfa::testing::serving::Keeper;
use fake_aws::Fault;

use crate::support::World;

fn keeper(ctx: &Context) -> Keeper<'_> {
    Keeper::start(ctx, &[Named::Flag("dev")], None, None).unwrap()
}

/// Waits as the server does, with no one asking, until this much time has passed.
fn run_for(world: &World, keeper: &mut Keeper, time: Duration) {
    let end = world.aws.clock().now() + time;
    while world.aws.clock().now() < end {
        let wait = keeper.wait().max(Duration::from_millis(1));
        world.aws.clock().advance(wait);
        keeper.renew_due();
    }
}

fn served(keeper: &Keeper) -> Option<String> {
    Some(keeper.shelf().get(0)?.expose().clone())
}

#[test]
fn job_has_a_valid_session_for_weeks_without_asking() {
    let world = World::frozen();
    let inside = world.in_process(0);
    let mut keeper = keeper(&inside.ctx);
    let end = world.aws.clock().now() + Duration::from_secs(15 * 86_400);
    while world.aws.clock().now() < end {
        run_for(&world, &mut keeper, Duration::from_secs(600));
        let body: serde_json::Value = serde_json::from_str(&served(&keeper).unwrap()).unwrap();
        let expiration: chrono::DateTime<chrono::Utc> = body["Expiration"].as_str().unwrap().parse().unwrap();
        let left = expiration - world.aws.clock().now();
        assert!(left > chrono::TimeDelta::minutes(13), "{left}");
    }
    let sessions = world.aws.requests_for("GetSessionToken").len();
    assert!((30..=34).contains(&sessions), "{sessions}");
    assert!(!inside.err.text().contains("warning"), "{}", inside.err.text());
}

#[test]
fn session_is_served_while_aws_is_away_and_renewed_when_it_is_back() {
    let world = World::frozen();
    let inside = world.in_process(0);
    let mut keeper = keeper(&inside.ctx);
    let first = served(&keeper).unwrap();
    world.aws.fault(Fault::unavailable().on("GetSessionToken").times(1000));
    run_for(&world, &mut keeper, Duration::from_secs(12 * 3600 - 60));
    assert_eq!(served(&keeper).as_ref(), Some(&first), "still valid");
    let tries = world.aws.requests_for("GetSessionToken").len();
    assert!((4..60).contains(&tries), "{tries}");
    run_for(&world, &mut keeper, Duration::from_secs(3600));
    assert_eq!(served(&keeper), None, "it has expired");
    let error = keeper.ensure(0).unwrap_err();
    assert_eq!(error.kind as u8, 6, "{error}");
    world.aws.clear_faults();
    run_for(&world, &mut keeper, Duration::from_secs(330));
    assert!(served(&keeper).is_some_and(|body| body != first));
    assert!(inside.err.text().contains("renewed the session for `dev`"), "{}", inside.err.text());
}

#[test]
fn reason_is_given_as_soon_as_the_session_expires() {
    let world = World::frozen();
    let inside = world.in_process(0);
    let mut keeper = keeper(&inside.ctx);
    world.aws.fault(Fault::unavailable().on("GetSessionToken").forever());
    let end = world.aws.clock().now() + Duration::from_secs(12 * 3600);
    let renew_at = |keeper: &mut Keeper, time: chrono::DateTime<chrono::Utc>| {
        world.aws.clock().advance((time - world.aws.clock().now()).to_std().unwrap());
        keeper.renew_due();
        world.aws.clock().now() - time
    };
    let took = renew_at(&mut keeper, end - Duration::from_secs(200));
    // The last renewal fails while the session is still valid, and nobody asks before it has expired.
    renew_at(&mut keeper, end - took - Duration::from_secs(2));
    assert!(served(&keeper).is_some());
    world.aws.clock().advance(Duration::from_secs(4));
    let error = keeper.ensure(0).unwrap_err();
    assert!(error.message.contains("GetSessionToken"), "{error}");
}

#[test]
fn failed_renewals_are_bounded_however_often_clients_ask() {
    let world = World::frozen();
    let inside = world.in_process(0);
    let mut keeper = keeper(&inside.ctx);
    world.aws.set_key_status(&world.key.id, fake_aws::KeyStatus::Inactive);
    world.aws.clock().advance(Duration::from_secs(12 * 3600 + 1));
    let before = world.aws.requests().len();
    for _ in 0..100 {
        assert_eq!(keeper.ensure(0).unwrap_err().kind as u8, 4);
    }
    assert!(world.aws.requests().len() - before <= 3, "{}", world.aws.requests().len() - before);
    let warnings = inside.err.text().matches("warning: cannot get a new session for `dev`").count();
    assert_eq!(warnings, 1, "{}", inside.err.text());
    // A later request is a new try.
    world.aws.set_key_status(&world.key.id, fake_aws::KeyStatus::Active);
    world.aws.clock().advance(Duration::from_secs(6));
    keeper.ensure(0).unwrap();
    assert!(served(&keeper).is_some());
}
