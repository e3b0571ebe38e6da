//! `session::peek`: what is known about a session without getting one.

use std::time::Duration;

use awsmfa::testing::context::Context;
use awsmfa::testing::model::session::Session;
use awsmfa::testing::session::{self, Peeked};
use fake_aws::RoleSpec;

use crate::support::World;
use crate::support::sessions::{Ask, LOGIN};

fn look(ctx: &Context, asked: Ask) -> Peeked {
    session::peek(ctx, &asked.request()).unwrap()
}

/// The session of `dev` that is found.
fn found(ctx: &Context) -> Option<Session> {
    look(ctx, LOGIN).session
}

#[test]
fn peek_sends_nothing_and_waits_for_no_lock() {
    let world = World::frozen();
    let ctx = world.in_process(0).ctx;
    let nothing = look(&ctx, LOGIN);
    assert!(nothing.session.is_none() && !nothing.is_fresh(ctx.clock.now()));
    assert_eq!(nothing.serial.unwrap().as_str(), world.device.serial);
    assert_eq!(nothing.region.unwrap().region.as_str(), "eu-central-1");
    assert!(world.aws.requests().is_empty());
    let session = LOGIN.get(&ctx).unwrap().session;
    let requests = world.aws.requests().len();
    let _held = LOGIN.lock(&ctx);
    let found = look(&ctx, LOGIN);
    assert!(found.is_fresh(ctx.clock.now()));
    assert_eq!(found.session, Some(session));
    assert_eq!(world.aws.requests().len(), requests);
}

#[test]
fn peeked_session_is_fresh_exactly_while_login_would_reuse_it() {
    let world = World::frozen();
    let ctx = world.in_process(0).ctx;
    let session = LOGIN.get(&ctx).unwrap().session;
    let is_fresh = || look(&ctx, LOGIN).is_fresh(ctx.clock.now());
    world.aws.clock().advance(Duration::from_secs(12 * 3600 - 15 * 60 - 1));
    assert!(is_fresh() && !LOGIN.get(&ctx).unwrap().is_new);
    world.aws.clock().advance(Duration::from_secs(1));
    assert!(!is_fresh(), "the session is valid, but login replaces it");
    assert_eq!(found(&ctx), Some(session));
    assert!(LOGIN.get(&ctx).unwrap().is_new);
    world.aws.clock().advance(Duration::from_secs(13 * 3600));
    assert!(!is_fresh() && found(&ctx).is_some(), "expired");
}

#[test]
fn peeked_session_is_judged_by_the_time_of_aws() {
    let world = World::frozen();
    let ctx = world.in_process(-1200).ctx;
    LOGIN.get(&ctx).unwrap();
    let found = look(&ctx, LOGIN);
    assert_eq!(found.offset.num_seconds(), 1200);
    assert!(found.is_fresh(ctx.clock.now()), "AWS issued it later than now on this computer");
}

/// Makes a program print an access key for `dev`, for this device, and notes each run in `ran`.
fn print_keys(world: &World, key: &fake_aws::AccessKey, serial: &str, settings: &str) {
    let (id, secret, ran) = (&key.id, &key.secret, world.home.join("ran"));
    let keys = format!(r#"{{"Version":1,"AccessKeyId":"{id}","SecretAccessKey":"{secret}"}}"#);
    world.home.write("keys.sh", &format!("echo run >>{}\necho '{keys}'\n", ran.display()));
    world.home.write_credentials("");
    let script = world.home.join("keys.sh");
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {serial}\n{settings}credential_process = /bin/sh {}\n",
        script.display()
    ));
}

#[test]
#[cfg(unix)]
fn peek_runs_no_program_and_finds_the_newest_session_of_the_device() {
    let world = World::frozen();
    let serial = &world.device.serial;
    let ctx = world.in_process(0).ctx;
    let runs = || world.home.join("ran").exists().then(|| world.home.read("ran").lines().count());
    print_keys(&world, &world.key, serial, "");
    assert_eq!((found(&ctx), runs()), (None, None));
    let first = LOGIN.get(&ctx).unwrap().session;
    assert_eq!((found(&ctx).as_ref(), runs()), (Some(&first), Some(1)), "once, to get the session");
    print_keys(&world, &world.key, serial, "duration_seconds = 3600\n");
    assert_eq!(found(&ctx), None, "a session of another duration");
    print_keys(&world, &world.key, serial, "region = eu-west-3\n");
    assert_eq!(found(&ctx), None, "a session from another region");
    let other = world.aws.add_device("alice", "other");
    print_keys(&world, &world.key, &other.serial, "");
    assert_eq!(found(&ctx), None, "a session of another device");
    world.aws.clock().advance(Duration::from_secs(60));
    print_keys(&world, &world.aws.add_access_key("alice"), serial, "");
    let second = LOGIN.get(&ctx).unwrap().session;
    assert_ne!(first, second);
    assert_eq!(found(&ctx), Some(second), "the session of the key that was printed last");
}

#[test]
#[cfg(unix)]
fn session_of_a_user_is_not_found_for_a_role() {
    let world = World::frozen();
    let role = world.aws.add_role("admin", RoleSpec::default());
    print_keys(&world, &world.key, &world.device.serial, "");
    let config = world.home.read(".aws/config");
    world
        .home
        .write_config(&format!("{config}\n[profile admin]\nrole_arn = {}\nsource_profile = dev\n", role.arn));
    let ctx = world.in_process(0).ctx;
    LOGIN.get(&ctx).unwrap();
    assert_eq!(look(&ctx, LOGIN.profile("admin")).session, None);
    let session = LOGIN.profile("admin").get(&ctx).unwrap().session;
    assert_eq!(look(&ctx, LOGIN.profile("admin")).session, Some(session));
}

#[test]
fn session_of_an_unknown_device_is_found_by_its_key() {
    let world = World::frozen();
    let ctx = world.in_process(0).ctx;
    let session = LOGIN.get(&ctx).unwrap().session;
    std::fs::remove_file(world.home.join(".local/share/awsmfa/devices.json")).unwrap();
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    let ctx = world.in_process(0).ctx;
    let known = look(&ctx, LOGIN);
    assert_eq!((known.serial, known.session), (None, Some(session)));
    let key = world.aws.add_access_key("alice");
    world.home.write_credentials(&format!(
        "[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.id, key.secret
    ));
    assert_eq!(found(&ctx), None, "the session of another key");
}

#[test]
fn cache_that_cannot_be_read_counts_as_empty() {
    let world = World::frozen();
    let ctx = world.in_process(0).ctx;
    LOGIN.get(&ctx).unwrap();
    let folder = world.home.join(".cache/awsmfa/sessions");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "not a folder").unwrap();
    assert_eq!(found(&ctx), None);
}

#[test]
fn peek_does_not_look_up_the_device_in_aws() {
    let world = World::new();
    world.home.write_config("[profile dev]\nregion = eu-west-1\n");
    let found = look(&world.in_process(0).ctx, LOGIN);
    assert_eq!((found.serial, found.session), (None, None));
    assert!(world.aws.requests().is_empty());
}
