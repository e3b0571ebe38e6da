//! One device on several computers. They share AWS's verification budget, and notice each other only by rejected codes.

use std::sync::Arc;
use std::time::Duration;

use awsmfa::testing::error::CommandError;
use awsmfa::testing::session::Obtained;
use chrono::{DateTime, Utc};
use fake_aws::FakeAws;

use crate::support::conductor::Conductor;
use crate::support::in_process::{InProcess, in_words};
use crate::support::sessions::{LOGIN, SDK};
use crate::support::{Home, World};

/// Home folders that have only the device's secret in common.
fn homes(world: &World, count: usize) -> Vec<Home> {
    let home = |_| {
        let home = Home::new(&world.aws);
        home.write_credentials(&world.home.credentials());
        home.write_config(&world.home.read(".aws/config"));
        home.import_for("dev", &world.device.seed);
        home
    };
    (0..count).map(home).collect()
}

/// A computer's result, its messages, and when it finished.
struct Outcome {
    got: Result<Obtained, CommandError>,
    said: String,
    at: DateTime<Utc>,
}

/// All computers request a session at this second of a three-minute window.
fn all_at_once(aws: &FakeAws, homes: &[Home], second: i64) -> Vec<Outcome> {
    aws.clock().freeze(window_start() + chrono::TimeDelta::seconds(second));
    let conductor = Conductor::new(aws.clock(), homes.len());
    let run = |home: &Home, conductor: Arc<Conductor>| {
        let computer = InProcess::with_shared(home, conductor.clone());
        let got = LOGIN.forced().get(&computer.ctx);
        let at = conductor_now(&conductor);
        conductor.done();
        Outcome { got, said: computer.err.text(), at }
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = homes
            .iter()
            .map(|home| {
                let conductor = conductor.clone();
                scope.spawn(move || run(home, conductor))
            })
            .collect();
        started.into_iter().map(|computer| computer.join().unwrap()).collect()
    })
}

fn conductor_now(conductor: &Conductor) -> DateTime<Utc> {
    awsmfa::testing::clock::Clock::now(conductor)
}

fn window_start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// For each code sent to AWS, how many were sent in the three minutes from then on.
fn codes_in_three_minutes(aws: &FakeAws) -> Vec<usize> {
    let times: Vec<_> = aws.requests_for("GetSessionToken").iter().map(|request| request.time).collect();
    let near = |start: &DateTime<Utc>| {
        times.iter().filter(|time| (0..180).contains(&(**time - *start).num_seconds())).count()
    };
    times.iter().map(near).collect()
}

#[test]
#[allow(clippy::print_stderr, reason = "the count is what the test is about")]
fn eight_computers_logging_in_at_once_all_get_a_session() {
    // Early in a window, late, and right before its end.
    for second in [5, 100, 177] {
        let world = World::new();
        let homes = homes(&world, 8);
        let outcomes = all_at_once(&world.aws, &homes, second);
        let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.got.as_ref().err()).collect();
        assert!(failed.is_empty(), "{failed:?}");
        let counts = codes_in_three_minutes(&world.aws);
        eprintln!("codes in the three minutes from each on: {counts:?}");
        assert!(counts.iter().all(|count| *count <= 9), "{counts:?}");
        let told = outcomes.iter().filter(|outcome| outcome.said.contains("is in use on another computer"));
        assert_eq!(told.count(), 7, "all except the first were told");
        let last = outcomes.iter().map(|outcome| outcome.at).max().unwrap();
        let minutes = (last - window_start()).num_minutes();
        assert!(minutes <= 25, "the last one finished after {minutes} min");
    }
}

#[test]
fn collision_messages_name_the_device_and_the_wait() {
    let world = World::frozen();
    world.aws.consume(&world.device.serial, world.aws.clock().step());
    let computer = world.in_process(0);
    LOGIN.forced().get(&computer.ctx).unwrap();
    let said = computer.err.text();
    let said: Vec<_> = said.lines().filter(|line| line.contains("use on another")).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    insta::assert_snapshot!(said[0], @"warning: AWS rejected a code that was never used on this computer: `arn:aws:iam::123456789012:mfa/alice` is in use on another computer, or the stored secret belongs to another device");
    let wait = regex::Regex::new(r"waiting (\d+m )?\d+s").unwrap().replace(said[1], "waiting [LONG]");
    insta::assert_snapshot!(wait, @"awsmfa: waiting [LONG] for `arn:aws:iam::123456789012:mfa/alice`, which is in use on another computer");
}

#[test]
fn spent_budget_of_a_working_device_is_waited_out() {
    let world = World::frozen();
    LOGIN.forced().get(&world.in_process(0).ctx).unwrap();
    world.aws.spend_budget(&world.device.serial, 9);
    let computer = world.in_process(0);
    LOGIN.forced().get(&computer.ctx).unwrap();
    let said = computer.err.text();
    assert!(said.contains("warning: AWS has stopped validating codes from this device for now"), "{said}");
    // The next window has room.
    assert_eq!(codes_in_three_minutes(&world.aws), [2, 2, 1]);
}

#[test]
fn deleted_device_is_not_waited_for_long() {
    let world = World::frozen();
    LOGIN.forced().get(&world.in_process(0).ctx).unwrap();
    world.aws.remove_device(&world.device.serial);
    let began = world.aws.clock().now();
    let error = LOGIN.forced().get(&world.in_process(0).ctx).unwrap_err();
    assert!(error.message.contains("could not validate"), "{error}");
    assert_eq!(world.aws.clock().now(), began, "AWS was asked for the user's devices");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
    // Without that permission, one wait is necessary.
    let world = World::frozen();
    LOGIN.forced().get(&world.in_process(0).ctx).unwrap();
    world.aws.remove_device(&world.device.serial);
    world.aws.deny("alice", "iam:ListMFADevices");
    let began = world.aws.clock().now();
    let error = LOGIN.forced().get(&world.in_process(0).ctx).unwrap_err();
    assert!(error.message.contains("could not validate"), "{error}");
    assert!((world.aws.clock().now() - began).num_minutes() < 6);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 3);
}

#[test]
fn sdk_gets_a_second_chance_and_then_an_error_at_once() {
    let world = World::frozen();
    let step = world.aws.clock().step();
    world.aws.consume(&world.device.serial, step);
    SDK.forced().get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(Duration::from_secs(600));
    let step = world.aws.clock().step();
    (step - 1..=step + 1).for_each(|step| world.aws.consume(&world.device.serial, step));
    let began = world.aws.clock().now();
    let error = SDK.forced().get(&world.in_process(0).ctx).unwrap_err();
    insta::assert_snapshot!(in_words(&error), @"
    error: `arn:aws:iam::123456789012:mfa/alice` is in use on another computer, which used the codes that AWS accepts
    hint: try again in 116 s
    ");
    assert_eq!(world.aws.clock().now(), began, "nothing was waited for");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 4);
    // In the same window, AWS is not asked again.
    SDK.forced().get(&world.in_process(0).ctx).unwrap_err();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 4);
    world.aws.clock().advance(Duration::from_secs(180));
    SDK.forced().get(&world.in_process(0).ctx).unwrap();
}

#[test]
fn wrong_secret_fails_in_the_end() {
    let world = World::with_the_wrong_secret();
    world.freeze();
    let computer = world.in_process(0);
    let began = world.aws.clock().now();
    let error = LOGIN.forced().get(&computer.ctx).unwrap_err();
    let error = regex::Regex::new(r"in \d+ s").unwrap().replace(&in_words(&error), "in [N] s").into_owned();
    insta::assert_snapshot!(error, @"
    error: AWS rejected codes for `arn:aws:iam::123456789012:mfa/alice` that were never used on this computer
    hint: the device may be in use on another computer: try again in [N] s
    hint: if the stored secret belongs to another device: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice`
    ");
    assert!(computer.err.text().contains("or the stored secret belongs to another device"));
    let counts = codes_in_three_minutes(&world.aws);
    assert!(counts.iter().all(|count| *count == 1), "{counts:?}");
    // Three turns come at most 342 s after the try before, and two, which may be skipped once, 522 s.
    assert!((world.aws.clock().now() - began).num_seconds() <= 3 * 342 + 2 * 522 + 60);
}
