//! `keys rotate`: a new access key takes the place of the old one, whatever happens on the way.

mod faults;
mod kills;
mod resume;

use fake_aws::{FakeAws, Fault, KeyStatus, Permissions};

use crate::support::{Home, Ran, World, words};

/// A world in which the old access key is in `[dev]` or in the file store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    InFile,
    InStore,
}

const BOTH: [Kept; 2] = [Kept::InFile, Kept::InStore];

fn world(kept: Kept) -> World {
    let world = World::imported();
    world.aws.set_permissions("alice", Permissions::Admin);
    if kept == Kept::InStore {
        world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    }
    world
}

fn rotate(world: &World) -> Ran {
    world.home.awsmfa(["keys", "rotate", "-p", "dev"]).run()
}

/// The ID of the key that awsmfa uses for `dev`, from the file or from the store.
fn key_in_use(world: &World) -> String {
    let registry = world.home.read(".local/share/awsmfa/devices.json");
    let registry: serde_json::Value = serde_json::from_str(&registry).unwrap();
    match registry["stored_keys"].as_array().and_then(|keys| keys.first()) {
        Some(key) => {
            let id = key["access_key_id"].as_str().unwrap();
            let entry: serde_json::Value =
                serde_json::from_str(&world.home.open_entry(format!("{id}.age"))).unwrap();
            assert_eq!(entry["AccessKeyId"], id);
            id.to_owned()
        }
        None => ["dev-long-term", "dev"]
            .iter()
            .filter(|section| world.home.credential(section, "aws_session_token").is_none())
            .find_map(|section| world.home.credential(section, "aws_access_key_id"))
            .unwrap(),
    }
}

/// Fails unless the user has exactly one key, active and new, which is in use here and gets a session, and nothing is left
/// behind.
#[track_caller]
fn check_rotated(world: &World) {
    let keys = world.aws.access_keys("alice");
    let [(id, KeyStatus::Active)] = keys.as_slice() else { panic!("{keys:?}") };
    assert_ne!(*id, world.key.id);
    assert_eq!(key_in_use(world), *id);
    world.home.awsmfa(["login", "-p", "dev", "--force"]).run().success();
    for (name, bytes) in world.home.files() {
        assert!(!name.contains("rotations/") || name.ends_with(".lock"), "{name} was left behind");
        let old = |part: &[u8]| part == world.key.secret.as_bytes();
        assert!(!bytes.windows(world.key.secret.len()).any(old), "{name} has the old secret");
    }
    let is_stored = world.home.read(".local/share/awsmfa/devices.json").contains(id);
    let entries = std::fs::read_dir(world.home.join(".local/share/awsmfa/store")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let copies: Vec<String> = names.filter(|name| name.starts_with("AKIA")).collect();
    let expected = if is_stored { vec![format!("{id}.age")] } else { Vec::new() };
    assert_eq!(copies, expected, "copies in the store");
}

/// What was said, without the IDs and the folder of the journals.
fn said(world: &World, ran: &Ran) -> String {
    let mut text = ran.err().replace(&world.key.id, "[OLD]");
    for (id, _) in world.aws.access_keys("alice") {
        text = text.replace(&id, "[NEW]");
    }
    text
}

#[test]
fn new_key_takes_the_place_of_the_old_one() {
    for kept in BOTH {
        let world = world(kept);
        let before = world.home.credentials();
        let ran = rotate(&world).success();
        match kept {
            Kept::InFile => insta::assert_snapshot!(said(&world, &ran), @"
            awsmfa: created access key `[NEW]` for `alice`
            awsmfa: wrote access key `[NEW]` to [dev] in ~/.aws/credentials
            awsmfa: deactivated access key `[OLD]`
            awsmfa: deleted access key `[OLD]`
            awsmfa: `alice` now has access key `[NEW]` instead of `[OLD]`
            "),
            Kept::InStore => insta::assert_snapshot!(said(&world, &ran), @"
            awsmfa: created access key `[NEW]` for `alice`
            awsmfa: saved access key `[NEW]` of `dev` in the file store
            awsmfa: deactivated access key `[OLD]`
            awsmfa: deleted access key `[OLD]`
            awsmfa: `alice` now has access key `[NEW]` instead of `[OLD]`
            "),
        }
        assert_eq!(ran.out(), "");
        let mut now = world.home.credentials();
        if kept == Kept::InStore {
            // The comment names the key that is stored now.
            now = now.replace(&key_in_use(&world), &world.key.id);
        } else {
            now = now.replace(&world.home.credential("dev", "aws_access_key_id").unwrap(), &world.key.id);
            now = now
                .replace(&world.home.credential("dev", "aws_secret_access_key").unwrap(), &world.key.secret);
        }
        assert_eq!(now, before);
        check_rotated(&world);
        let log = world.aws.requests();
        let actions: Vec<&str> = log.iter().map(|request| request.action.as_str()).collect();
        let position = |action| actions.iter().position(|other| *other == action).unwrap();
        assert!(position("CreateAccessKey") < position("UpdateAccessKey"));
        assert!(position("UpdateAccessKey") < position("DeleteAccessKey"));
    }
}

#[test]
fn every_profile_with_the_key_gets_the_new_one() {
    let world = world(Kept::InFile);
    let (id, secret) = (&world.key.id, &world.key.secret);
    let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    world.home.write_credentials(&format!(
        "[dev-long-term]\n{keys}# mine\n[copy]\n{keys}[other]\naws_access_key_id = X\n"
    ));
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}[profile third]\n{keys}"));
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    world.home.awsmfa(["keys", "store", "-p", "copy"]).run().success();
    rotate(&world).success();
    let new = world.aws.access_keys("alice")[0].0.clone();
    assert_eq!(world.home.credential("dev-long-term", "aws_access_key_id"), Some(new.clone()));
    assert!(world.home.read(".aws/config").contains(&new) && !world.home.read(".aws/config").contains(id));
    assert!(world.home.open_entry(format!("{new}.age")).contains(&new));
    assert!(world.home.credentials().contains("# mine\n"));
    for profile in ["dev", "copy", "third"] {
        world.home.awsmfa(["credential-process", "-p", profile]).env("AWSMFA_DURATION", "1h").run().success();
    }
}

#[test]
fn sessions_of_the_old_key_are_forgotten() {
    let world = world(Kept::InFile);
    let config = world.home.read(".aws/config");
    world
        .home
        .write_config(&format!("{config}credential_process = awsmfa credential-process --profile dev\n"));
    world.home.write_credentials(&world.home.credentials().replace("[dev]", "[dev-long-term]"));
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    rotate(&world).success();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "the cached session was enough");
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
}

#[test]
fn device_remembered_for_the_old_key_is_remembered_for_the_new_one() {
    let world = world(Kept::InFile);
    let role = world.aws.add_role("admin", fake_aws::RoleSpec::default());
    std::fs::remove_file(world.home.join(".local/share/awsmfa/devices.json")).unwrap();
    world.home.import(&world.device.serial, &world.device.seed);
    // A profile with a role cannot hold an `mfa_serial`, so the registry remembers the device.
    world.home.write_config(&format!("[profile dev]\nrole_arn = {}\nsource_profile = dev\n", role.arn));
    for _ in 0..2 {
        world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
        assert_eq!(world.aws.requests_for("ListMFADevices").len(), 1);
        rotate(&world).success();
    }
}

#[test]
fn new_key_is_waited_for() {
    for kept in BOTH {
        let world = world(kept);
        world.aws.set_creation_lag(std::time::Duration::from_secs(2));
        let ran = rotate(&world).success();
        let said = ran.err();
        // Until AWS accepts the new key, the old one stays in place.
        let waited = said.find("waiting 1s for AWS to recognize the new access key");
        let placed = said.find("wrote access key").or(said.find("saved access key"));
        assert!(waited.is_some() && waited < placed, "{said}");
        check_rotated(&world);
    }
}

#[test]
fn old_key_can_be_kept() {
    let world = world(Kept::InFile);
    let ran = world.home.awsmfa(["keys", "rotate", "-p", "dev", "--keep-old"]).run().success();
    insta::assert_snapshot!(said(&world, &ran).lines().last().unwrap(), @"hint: delete the inactive key when nothing needs it: `awsmfa exec --profile dev -- aws iam delete-access-key --user-name alice --access-key-id [OLD]`");
    let keys = world.aws.access_keys("alice");
    assert_eq!(keys[0], (world.key.id.clone(), KeyStatus::Inactive));
    assert_eq!((keys[1].1, &keys[1].0), (KeyStatus::Active, &key_in_use(&world)));
    // The next rotation finds an inactive key in the way.
    let ran = rotate(&world).code(4);
    insta::assert_snapshot!(ran.err().replace(&world.key.id, "[OLD]"), @"
    error: `alice` already has two access keys, the maximum; `[OLD]` is inactive
    hint: delete the inactive key and continue: `awsmfa keys rotate --profile dev --yes`
    ");
    world.home.awsmfa(["keys", "rotate", "-p", "dev", "--yes"]).run().success();
    check_rotated(&world);
}

#[test]
fn second_active_key_is_named_and_left_alone() {
    let world = world(Kept::InFile);
    let other = world.aws.add_access_key("alice");
    let before = world.home.credentials();
    let ran = rotate(&world).code(4);
    insta::assert_snapshot!(ran.err().replace(&other.id, "[OTHER]").replace(&world.key.id, "[OLD]"), @"
    error: `alice` already has two access keys, the maximum; `[OTHER]` was never used
    hint: delete the other key if nothing uses it: `awsmfa exec --profile dev -- aws iam delete-access-key --user-name alice --access-key-id [OTHER]`
    ");
    world.home.write_credentials(&format!(
        "{before}[two]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        other.id, other.secret
    ));
    let ran = world.home.awsmfa(["keys", "rotate", "-p", "dev", "--yes"]).run().code(4);
    insta::assert_snapshot!(ran.err().replace(&other.id, "[OTHER]").replace(&world.key.id, "[OLD]"), @"
    error: `alice` already has two access keys, the maximum; `[OTHER]` was never used, and profile `two` has it
    hint: use one key for both profiles, and delete `[OTHER]` in AWS
    ");
    assert_eq!(world.aws.access_keys("alice").len(), 2);
    assert_eq!(world.aws.requests_for("CreateAccessKey").len(), 0);
    assert!(world.home.credentials().starts_with(&before));
}

#[test]
fn missing_permissions_are_named() {
    for action in ["CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"] {
        let world = world(Kept::InFile);
        world.aws.deny("alice", &format!("iam:{action}"));
        let said = rotate(&world).code(4).err();
        assert!(said.contains(&format!("\"Action\": \"iam:{action}\"")), "{said}");
        assert!(said.contains("`awsmfa policy`"), "{said}");
        assert!(
            world
                .aws
                .access_keys("alice")
                .iter()
                .any(|(id, status)| { *id == key_in_use(&world) && *status == KeyStatus::Active })
        );
        world.home.awsmfa(["login", "-p", "dev", "--force"]).run().success();
        world.aws.permit("alice", &format!("iam:{action}"));
        rotate(&world).success();
        check_rotated(&world);
    }
    let world = world(Kept::InFile);
    world.aws.deny("alice", "iam:GetAccessKeyLastUsed");
    rotate(&world).success();
    check_rotated(&world);
}

#[test]
fn users_who_manage_only_their_mfa_learn_what_is_missing() {
    let world = World::imported();
    let ran = rotate(&world).code(4);
    insta::assert_snapshot!(said(&world, &ran), @r#"
    error: `arn:aws:iam::123456789012:user/alice` has no permission for `iam:ListAccessKeys` on `arn:aws:iam::123456789012:user/alice`
    hint: an administrator can allow it with this policy statement: {"Effect": "Allow", "Action": "iam:ListAccessKeys", "Resource": "arn:aws:iam::123456789012:user/alice"}
    hint: or attach the policy that this command prints: `awsmfa policy`
    "#);
}

#[test]
fn keys_that_awsmfa_cannot_replace_are_refused() {
    let aws = FakeAws::start();
    aws.add_root();
    let root = aws.add_access_key("root");
    let home = Home::new(&aws);
    home.write_config("[profile program]\ncredential_process = cat keys.json\n[profile none]\nregion = x\n");
    home.write_credentials(&format!(
        "[root]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        root.id, root.secret
    ));
    insta::assert_snapshot!(home.awsmfa(words("keys rotate -p program")).run().code(3).err(), @"
    error: `credential_process` prints the long-term keys of profile `program`; awsmfa cannot change them there
    hint: write the keys to a file first: `aws configure --profile program-long-term`
    ");
    insta::assert_snapshot!(home.awsmfa(words("keys rotate -p none")).run().code(3).err(), @"
    error: no long-term keys for profile `none` (looked in [none-long-term], [none], `credential_process`, `source_profile`)
    hint: enter the access key of an IAM user: `aws configure --profile none`
    ");
    insta::assert_snapshot!(home.awsmfa(words("keys rotate -p root")).run().code(4).err(), @"
    error: this is an access key of the root user, which should have none
    hint: delete the root user's access keys in the console: https://console.aws.amazon.com/iam/home#/security_credentials
    hint: then create an IAM user, and use the user's access key
    ");
    let World { aws: _aws, home, .. } = World::with_keys_in_environment();
    insta::assert_snapshot!(home.awsmfa(words("keys rotate")).run().code(3).err(), @"
    error: the long-term keys are in the environment, not in a profile, so awsmfa cannot change them
    hint: write the keys to a profile first: `aws configure`
    ");
}

#[test]
fn user_without_a_device_gets_no_new_key() {
    let world = World::new();
    let said = rotate(&world).code(3).err();
    assert!(said.contains("no secret") || said.contains("hint:"), "{said}");
    assert_eq!(world.aws.access_keys("alice").len(), 1);
}

#[test]
fn places_that_cannot_be_written_are_found_before_a_key_is_created() {
    let world = world(Kept::InFile);
    world.home.chmod(".aws/credentials", 0o400);
    rotate(&world).code(3);
    world.home.chmod(".aws/credentials", 0o600);
    let journals = ".local/state/awsmfa/rotations";
    std::fs::remove_dir_all(world.home.join(journals)).unwrap();
    world.home.write(journals, "a file in the way");
    rotate(&world).code(1);
    assert_eq!(world.aws.requests_for("CreateAccessKey").len(), 0);
    std::fs::remove_file(world.home.join(journals)).unwrap();
    rotate(&world).success();
    check_rotated(&world);
}

#[test]
fn locked_store_is_found_before_a_key_is_created() {
    let world = world(Kept::InStore);
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    let locked = world.home.awsmfa(["keys", "rotate", "-p", "dev"]).env_remove("AWSMFA_PASSPHRASE_FILE");
    insta::assert_snapshot!(locked.run().code(5).err(), @"
    error: the file store is locked: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    assert_eq!(world.aws.requests_for("CreateAccessKey").len(), 0);
    assert_eq!(key_in_use(&world), world.key.id);
}

#[test]
fn secrets_of_the_new_key_stay_out_of_messages() {
    let world = world(Kept::InFile);
    let ran = world.home.awsmfa(["keys", "rotate", "-p", "dev", "-v"]).run().success();
    let secret = world.home.credential("dev", "aws_secret_access_key").unwrap();
    assert_ne!(secret, world.key.secret);
    assert!(!ran.err().contains(&secret) && !ran.err().contains(&world.key.secret));
}

#[test]
fn outage_before_the_key_changes_nothing() {
    let world = world(Kept::InFile);
    world.aws.fault(Fault::drop_before().on("CreateAccessKey").forever());
    let ran = rotate(&world).code(6);
    assert!(
        ran.err().contains("nothing is lost; resume with `awsmfa keys rotate --profile dev`"),
        "{}",
        ran.err()
    );
    assert_eq!(key_in_use(&world), world.key.id);
    world.aws.clear_faults();
    rotate(&world).success();
    check_rotated(&world);
}
