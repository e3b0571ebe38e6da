//! Rotations that are resumed after somebody changed keys by hand, while AWS lists keys late, or with other options.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::{AccessKey, Fault, KeyStatus};
use serde_json::Value;

use super::faults::{check_usable, journal};
use super::{BOTH, Kept, check_rotated, key_in_use, rotate, world};
use crate::support::World;
use crate::support::kills::{self, Aws};

const ROTATE: [&str; 4] = ["keys", "rotate", "-p", "dev"];

#[track_caller]
fn kill_at(world: &World, action: &str, number: usize, aws: Aws) {
    assert!(kills::killed_at(&world.aws, &world.home, &ROTATE, (action, number), aws));
}

/// Writes another key of the user to `[dev]`, as `aws configure` does.
fn configure(world: &World, key: &AccessKey) {
    let AccessKey { id, secret, .. } = key;
    world
        .home
        .write_credentials(&format!("[dev]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"));
}

#[test]
fn key_that_a_person_wrote_to_the_profile_is_never_deleted_as_lost() {
    let world = world(Kept::InFile);
    kill_at(&world, "CreateAccessKey", 0, Aws::HadNotActed);
    let theirs = world.aws.add_access_key("alice");
    configure(&world, &theirs);
    world.aws.delete_access_key(&world.key.id);
    // AWS takes hours to record a use.
    world.aws.fault(Fault::error(403, "AccessDenied", "no").on("GetAccessKeyLastUsed").forever());
    rotate(&world).success();
    let deleted = world.aws.requests_for("DeleteAccessKey");
    let created = world.aws.requests_for("CreateAccessKey").len();
    assert_eq!((deleted.len(), created), (1, 2));
    check_rotated(&world);
}

#[test]
fn rotation_replaces_the_key_that_the_profile_has_now() {
    for kept in BOTH {
        // The new key is saved, but the profile never got it.
        let world = world(kept);
        kill_at(&world, "GetCallerIdentity", 1, Aws::HadNotActed);
        if kept == Kept::InStore {
            world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().success();
        }
        world.aws.delete_access_key(&world.key.id);
        configure(&world, &world.aws.add_access_key("alice"));
        rotate(&world).success();
        check_rotated(&world);
    }
}

#[test]
fn new_key_leaves_no_copy_in_a_store_that_the_profile_no_longer_uses() {
    let world = world(Kept::InStore);
    kill_at(&world, "GetCallerIdentity", 1, Aws::HadNotActed);
    world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().success();
    rotate(&world).success();
    check_rotated(&world);
    // With `--keep-old`, too.
    let world = super::world(Kept::InStore);
    kill_at(&world, "GetCallerIdentity", 1, Aws::HadNotActed);
    world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().success();
    world.home.awsmfa(["keys", "rotate", "-p", "dev", "--keep-old"]).run().success();
    world.aws.delete_access_key(&world.key.id);
    check_rotated(&world);
}

#[test]
fn new_key_that_a_person_put_in_place_is_used() {
    let world = world(Kept::InFile);
    kill_at(&world, "GetCallerIdentity", 1, Aws::HadNotActed);
    let saved = world.home.read(&journal(&world).replace(".json", ".key"));
    let saved: Value = serde_json::from_str(&saved).unwrap();
    let text = |name: &str| saved[name].as_str().unwrap().to_owned();
    let id = text("AccessKeyId");
    let credentials = world.home.credentials();
    let credentials = credentials.replace(&world.key.id, &id);
    world.home.write_credentials(&credentials.replace(&world.key.secret, &text("SecretAccessKey")));
    rotate(&world).success();
    check_rotated(&world);
    assert_eq!(key_in_use(&world), id);
}

#[test]
fn replaced_new_key_that_was_deleted_does_not_block_a_new_rotation() {
    let world = world(Kept::InFile);
    kill_at(&world, "DeleteAccessKey", 0, Aws::HadActed);
    let new = key_in_use(&world);
    let theirs = world.aws.add_access_key("alice");
    configure(&world, &theirs);
    let said = rotate(&world).code(3).err();
    assert!(
        said.contains(&format!("write access key `{new}` to the profile again, or delete it in AWS")),
        "{said}"
    );
    world.aws.delete_access_key(&new);
    let said = rotate(&world).success().err();
    assert!(!said.contains("resuming"), "{said}");
    assert!(said.contains(&format!("instead of `{}`", theirs.id)), "{said}");
    check_rotated(&world);
}

#[test]
fn rotation_of_a_renamed_profile_is_resumed() {
    for (action, number) in [("CreateAccessKey", 0), ("GetCallerIdentity", 1), ("UpdateAccessKey", 0)] {
        let world = world(Kept::InFile);
        kill_at(&world, action, number, Aws::HadActed);
        for file in [".aws/credentials", ".aws/config"] {
            let text = world.home.read(file);
            world
                .home
                .write(file, &text.replace("[dev]", "[work]").replace("[profile dev]", "[profile work]"));
        }
        world.home.awsmfa(["keys", "rotate", "-p", "work"]).run().success();
        let keys = world.aws.access_keys("alice");
        assert_eq!(keys.len(), 1);
        assert_eq!(world.home.credential("work", "aws_access_key_id"), Some(keys[0].0.clone()));
    }
}

#[test]
fn resumed_rotation_keeps_the_old_key_if_the_first_run_was_to() {
    let world = world(Kept::InFile);
    let keep = ["keys", "rotate", "-p", "dev", "--keep-old"];
    assert!(kills::killed_at(&world.aws, &world.home, &keep, ("UpdateAccessKey", 0), Aws::HadNotActed));
    let found = world.home.awsmfa(["doctor", "-p", "dev"]).run();
    let all = format!("{}{}", found.out(), found.err());
    assert!(all.contains("`awsmfa keys rotate --profile dev --keep-old`"), "{all}");
    let said = rotate(&world).success().err();
    assert!(said.contains("hint: delete the inactive key when nothing needs it: "), "{said}");
    assert_eq!(world.aws.access_keys("alice")[0], (world.key.id.clone(), KeyStatus::Inactive));
}

#[test]
fn refused_request_for_a_key_leaves_nothing_unfinished() {
    let world = world(Kept::InFile);
    world.aws.deny("alice", "iam:CreateAccessKey");
    let said = rotate(&world).code(4).err();
    assert!(!said.contains("resume"), "{said}");
    let found = world.home.awsmfa(["doctor", "-p", "dev"]).run();
    assert!(!format!("{}{}", found.out(), found.err()).contains("unfinished"), "{}", found.out());
}

#[test]
fn new_key_works_before_aws_lists_it() {
    for kept in BOTH {
        let world = world(kept);
        world.aws.set_list_lag(Duration::from_secs(3600));
        rotate(&world).success();
        assert_eq!(world.aws.requests_for("CreateAccessKey").len(), 1);
        check_rotated(&world);
    }
}

#[test]
fn lost_key_that_aws_lists_late_is_deleted() {
    let world = world(Kept::InFile);
    world.aws.set_list_lag(Duration::from_secs(4));
    kill_at(&world, "CreateAccessKey", 0, Aws::HadActed);
    let said = rotate(&world).success().err();
    assert!(said.contains("AWS to list the new access key"), "{said}");
    check_rotated(&world);
}

#[test]
fn lost_key_of_an_earlier_request_is_deleted() {
    let world = world(Kept::InFile);
    kill_at(&world, "CreateAccessKey", 0, Aws::HadActed);
    // Another run requested a key a minute later, and was killed as well.
    let path = journal(&world);
    let mut json: Value = serde_json::from_str(&world.home.read(&path)).unwrap();
    let requested: DateTime<Utc> = json["requested"].as_str().unwrap().parse().unwrap();
    json["doubtful"] = serde_json::json!([requested]);
    json["requested"] = serde_json::json!(requested + TimeDelta::minutes(1));
    world.home.write(&path, &json.to_string());
    check_usable(&world);
    rotate(&world).success();
    check_rotated(&world);
}
