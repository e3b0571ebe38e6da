//! Lost responses and failures of AWS at every request.

use fake_aws::Fault;

use super::{Kept, check_rotated, rotate, world};
use crate::support::World;
use crate::support::kills::{self, Aws};

const ACTIONS: [&str; 6] = [
    "GetCallerIdentity",
    "ListAccessKeys",
    "CreateAccessKey",
    "GetAccessKeyLastUsed",
    "UpdateAccessKey",
    "DeleteAccessKey",
];

/// Whatever happened, a key that is in place here works.
#[track_caller]
pub(super) fn check_usable(world: &World) {
    let id = super::key_in_use(world);
    let keys = world.aws.access_keys("alice");
    assert!(keys.contains(&(id.clone(), fake_aws::KeyStatus::Active)), "{id} in {keys:?}");
}

fn every_request_with(kept: Kept, actions: &[&str], fault: fn() -> Fault) {
    for action in actions {
        for number in 0..3 {
            let world = world(kept);
            world.aws.fault(fault().on(action).after(number));
            let ran = rotate(&world);
            check_usable(&world);
            world.aws.clear_faults();
            if ran.exit_code() != Some(0) {
                assert!(ran.err().contains("hint: "), "{action} {number}: {}", ran.err());
                rotate(&world).success();
            }
            check_rotated(&world);
        }
    }
}

#[test]
fn every_response_can_be_lost_with_keys_in_the_file() {
    every_request_with(Kept::InFile, &ACTIONS, Fault::drop_after);
}

#[test]
fn every_response_can_be_lost_with_keys_in_the_store() {
    every_request_with(
        Kept::InStore,
        &["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"],
        Fault::drop_after,
    );
}

#[test]
fn rotation_continues_after_an_outage_at_any_request() {
    for action in ACTIONS {
        let world = world(Kept::InFile);
        world.aws.fault(Fault::error(403, "AccessDenied", "no").on(action).forever());
        let ran = rotate(&world);
        check_usable(&world);
        world.aws.clear_faults();
        if ran.exit_code() != Some(0) {
            rotate(&world).success();
        }
        check_rotated(&world);
    }
}

#[test]
fn key_that_somebody_else_creates_at_the_same_time_is_not_deleted() {
    let world = world(Kept::InFile);
    world.aws.fault(Fault::drop_before().on("CreateAccessKey").forever());
    rotate(&world).code(6);
    world.aws.clear_faults();
    let theirs = world.aws.add_access_key("alice");
    // Its owner uses it.
    let keys =
        format!("[theirs]\naws_access_key_id = {}\naws_secret_access_key = {}\n", theirs.id, theirs.secret);
    let before = world.home.credentials();
    world.home.write_credentials(&format!("{before}{keys}"));
    world.home.awsmfa(["login", "-p", "theirs", "--serial", &world.device.serial]).run().success();
    world.home.write_credentials(&before);
    rotate(&world).code(4);
    assert_eq!(world.aws.access_keys("alice").len(), 2);
    check_usable(&world);
}

#[test]
fn saved_key_of_a_lost_journal_is_used() {
    let world = world(Kept::InFile);
    // Killed while it waits for AWS to accept the new key.
    let at = ("GetCallerIdentity", 1);
    assert!(kills::killed_at(
        &world.aws,
        &world.home,
        &["keys", "rotate", "-p", "dev"],
        at,
        Aws::HadNotActed
    ));
    let journal = journal(&world);
    world.home.write(&journal, "{");
    rotate(&world).success();
    assert_eq!(world.aws.requests_for("CreateAccessKey").len(), 1);
    check_rotated(&world);
}

pub(super) fn journal(world: &World) -> String {
    let is_journal = |name: &String| name.contains("rotations/") && name.ends_with(".json");
    world.home.files().into_keys().find(is_journal).unwrap()
}

#[test]
fn key_created_long_after_the_request_is_not_deleted() {
    let world = world(Kept::InFile);
    world.aws.fault(Fault::drop_before().on("CreateAccessKey").forever());
    rotate(&world).code(6);
    world.aws.clear_faults();
    let journal = journal(&world);
    let text = world.home.read(&journal);
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["requested"] = "2020-01-01T00:00:00Z".into();
    json["doubtful"] = serde_json::json!([]);
    std::fs::write(world.home.join(&journal), json.to_string()).unwrap();
    world.aws.add_access_key("alice");
    rotate(&world).code(4);
    assert_eq!(world.aws.access_keys("alice").len(), 2);
}
