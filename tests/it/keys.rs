//! `keys store` and `keys restore`: long-term keys leave the AWS files and come back.

mod kills;

use fake_aws::FakeAws;

use crate::support::{Home, World, words};

/// The entry of an access key in the file store.
fn entry(id: &str) -> String {
    format!(".local/share/awsmfa/store/{id}.age")
}

/// Fails unless the file store alone has the world's key.
#[track_caller]
fn check_stored(world: &World) {
    let text = world.home.open_entry(format!("{}.age", world.key.id));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&json["AccessKeyId"], &json["SecretAccessKey"]),
        (&world.key.id.as_str().into(), &world.key.secret.as_str().into())
    );
    for (name, bytes) in world.home.files() {
        let found = bytes.windows(world.key.secret.len()).any(|part| part == world.key.secret.as_bytes());
        assert!(!found, "{name} has the secret");
    }
}

#[test]
fn stored_keys_get_sessions_and_leave_no_plaintext() {
    let world = World::imported();
    let before = world.home.credentials();
    let ran = world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    insta::assert_snapshot!(ran.err().replace(&world.key.id, "[KEY]"), @"
    awsmfa: moved access key `[KEY]` of `dev` from [dev] to the file store
    hint: awsmfa login --profile dev
    ");
    assert_eq!(ran.out(), "");
    insta::assert_snapshot!(world.home.credentials().replace(&world.key.id, "[KEY]"), @"
    [dev]
    # awsmfa stores the access key of this profile ([KEY]); restore it: awsmfa keys restore --profile dev
    ");
    check_stored(&world);
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert!(world.home.credential("dev", "aws_session_token").is_some());
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
    let ran = world.home.awsmfa(["logout", "-p", "dev", "--restore"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: removed the session from [dev]
    awsmfa: the long-term keys of `dev` are in a store and stay there
    hint: put the keys back into the file: `awsmfa keys restore --profile dev`
    ");
    let ran = world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().success();
    insta::assert_snapshot!(ran.err().replace(&world.key.id, "[KEY]"), @"awsmfa: moved access key `[KEY]` of `dev` from the file store back to [dev]");
    assert_eq!(world.home.credentials(), before);
    assert!(!world.home.join(&entry(&world.key.id)).exists());
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
}

#[test]
fn stored_keys_come_back_to_where_they_were_before_the_first_login() {
    let world = World::imported();
    let before = world.home.credentials();
    for line in ["login dev", "keys store dev", "logout dev --restore"] {
        world.home.awsmfa(words(line)).run().success();
    }
    insta::assert_snapshot!(world.home.credentials().replace(&world.key.id, "[KEY]"), @"
    [dev]
    # awsmfa stores the access key of this profile ([KEY]); restore it: awsmfa keys restore --profile dev
    ");
    world.home.awsmfa(words("login dev")).run().success();
    world.home.awsmfa(words("logout dev")).run().success();
    let ran = world.home.awsmfa(words("keys restore dev")).run().success();
    insta::assert_snapshot!(ran.err().replace(&world.key.id, "[KEY]"), @"awsmfa: moved access key `[KEY]` of `dev` from the file store back to [dev]");
    assert_eq!(world.home.credentials(), before);
}

#[test]
fn both_commands_can_be_repeated() {
    let world = World::imported();
    for _ in 0..2 {
        world.home.awsmfa(["keys", "store", "dev"]).run().success();
        check_stored(&world);
    }
    for _ in 0..2 {
        world.home.awsmfa(["keys", "restore", "dev"]).run().success();
        assert_eq!(world.home.credential("dev", "aws_access_key_id").as_ref(), Some(&world.key.id));
    }
}

#[test]
fn cached_session_needs_no_unlocking() {
    let world = World::imported();
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    // Not the ready answer, but the session cache.
    world.home.write_config(&format!("{}# touched\n", world.home.read(".aws/config")));
    let locked =
        world.home.awsmfa(["credential-process", "-p", "dev"]).env("AWSMFA_PASSPHRASE_FILE", "/nowhere");
    assert!(locked.run().success().out().contains("ASIA"));
}

#[test]
fn locked_store_is_reported_with_its_own_hint() {
    let world = World::imported();
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    let before = world.home.files();
    for line in ["login -p dev --serial GAHT12345678 --code 123456", "keys restore -p dev"] {
        let ran = world.home.awsmfa(words(line)).env_remove("AWSMFA_PASSPHRASE_FILE").run().code(5);
        insta::allow_duplicates! { insta::assert_snapshot!(ran.err(), @"
        error: the file store is locked: cannot prompt (`AWSMFA_NO_INPUT` is set)
        hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
        ") }
    }
    assert_eq!(world.home.credentials().as_bytes(), before[".aws/credentials"]);
}

#[test]
fn keys_are_not_moved_into_a_store_that_cannot_be_read() {
    let world = World::imported();
    let before = world.home.credentials();
    world.home.awsmfa(["keys", "store", "-p", "dev"]).env_remove("AWSMFA_PASSPHRASE_FILE").run().code(5);
    assert_eq!(world.home.credentials(), before);
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
}

#[test]
fn profiles_that_use_the_stored_keys_go_on_working() {
    let world = World::imported();
    world.aws.add_role("deploy", fake_aws::RoleSpec::default());
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!(
        "{config}[profile role]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = dev-long-term\n\
         [profile other]\nsource_profile = dev\n"
    ));
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    assert!(world.home.credential("dev", "aws_session_token").is_some());
    for profile in ["role", "other", "dev-long-term", "dev"] {
        world.home.awsmfa(["credential-process", "-p", profile]).run().success();
    }
    world.home.awsmfa(["keys", "restore", "-p", "role"]).run().success();
    assert_eq!(world.home.credential("dev-long-term", "aws_access_key_id").as_ref(), Some(&world.key.id));
    assert!(world.home.credential("dev", "aws_session_token").is_some());
}

#[test]
fn keys_do_not_come_back_where_they_would_hide_the_credential_process() {
    let world = World::imported();
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    let config = world.home.read(".aws/config");
    world
        .home
        .write_config(&format!("{config}credential_process = awsmfa credential-process --profile dev\n"));
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().success();
    assert_eq!(world.home.credential("dev", "aws_access_key_id"), None);
    assert_eq!(world.home.credential("dev-long-term", "aws_access_key_id").as_ref(), Some(&world.key.id));
    assert!(!world.home.credentials().contains('#'), "{}", world.home.credentials());
}

#[test]
fn keys_in_the_config_file_are_moved_and_come_back() {
    let world = World::imported();
    world.home.write_credentials("");
    let config = format!(
        "[profile dev]\naws_access_key_id = {}\naws_secret_access_key = {}\nmfa_serial = {}\n",
        world.key.id, world.key.secret, world.device.serial
    );
    world.home.write_config(&config);
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    check_stored(&world);
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    world.home.awsmfa(["logout", "-p", "dev"]).run().success();
    world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().success();
    assert_eq!(world.home.read(".aws/config"), config);
    assert_eq!(world.home.credentials(), "");
}

#[test]
fn same_key_in_another_profile_is_pointed_out() {
    let world = World::imported();
    world.home.write_credentials(&format!(
        "{}[other]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        world.home.credentials(),
        world.key.id,
        world.key.secret
    ));
    let ran = world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    insta::assert_snapshot!(ran.err().replace(&world.key.id, "[KEY]"), @"
    awsmfa: moved access key `[KEY]` of `dev` from [dev] to the file store
    hint: awsmfa login --profile dev
    warning: profile `other` still has access key `[KEY]` in a file
    hint: awsmfa keys store --profile other
    ");
    world.home.awsmfa(["keys", "store", "-p", "other"]).run().success();
    check_stored(&world);
    // The entry stays while one of them needs it.
    world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().success();
    assert!(world.home.join(&entry(&world.key.id)).exists());
    world.home.awsmfa(["keys", "restore", "-p", "other"]).run().success();
    assert!(!world.home.join(&entry(&world.key.id)).exists());
}

#[test]
fn stored_key_is_not_replaced_by_another_one_unasked() {
    let world = World::imported();
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    let new = world.aws.add_access_key("alice");
    let configured =
        format!("[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n", new.id, new.secret);
    world.home.write_credentials(&configured);
    let ran = world.home.awsmfa(["keys", "store", "-p", "dev"]).run().code(2);
    insta::assert_snapshot!(ran.err().replace(&world.key.id, "[OLD]").replace(&new.id, "[NEW]"), @"
    error: the file store has another access key of profile `dev`: `[OLD]`, not `[NEW]`
    hint: replace `[OLD]` and lose its secret: `awsmfa keys store --profile dev --yes`
    ");
    let ran = world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: ~/.aws/credentials: section [dev] already holds long-term keys
    hint: replace the stored keys with those in the file: `awsmfa keys store --profile dev --yes`
    ");
    assert_eq!(world.home.credentials(), configured);
    world.home.awsmfa(["keys", "store", "-p", "dev", "--yes"]).run().success();
    assert!(world.home.join(&entry(&new.id)).exists() && !world.home.join(&entry(&world.key.id)).exists());
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
}

#[test]
fn lost_entry_is_reported_and_can_be_replaced() {
    let world = World::imported();
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    std::fs::remove_file(world.home.join(&entry(&world.key.id))).unwrap();
    let ran = world.home.awsmfa(["login", "-p", "dev"]).run().code(5);
    insta::assert_snapshot!(ran.err().replace(&world.key.id, "[KEY]"), @"
    error: the secret of access key `[KEY]` is missing from the file store
    hint: enter the access key of the IAM user again: `aws configure --profile dev-long-term`
    hint: then move the keys into the store: `awsmfa keys store --profile dev`
    ");
    world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().code(5);
    let (id, secret) = (&world.key.id, &world.key.secret);
    world.home.write_credentials(&format!(
        "[dev-long-term]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    ));
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    check_stored(&world);
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
}

#[test]
fn profiles_without_keys_in_a_file_are_refused() {
    let aws = FakeAws::start();
    let home = Home::new(&aws);
    home.write_config("[profile empty]\nregion = x\n[profile program]\ncredential_process = cat keys.json\n");
    let ran = |line: &str| home.awsmfa(words(line)).run().code(3).err();
    insta::assert_snapshot!(ran("keys store -p empty"), @"
    error: no long-term keys for profile `empty` (looked in [empty-long-term], [empty], `credential_process`, `source_profile`)
    hint: enter the access key of an IAM user: `aws configure --profile empty`
    ");
    insta::assert_snapshot!(ran("keys store -p program"), @"
    error: `credential_process` prints the long-term keys of profile `program`; awsmfa cannot change them there
    hint: write the keys to a file first: `aws configure --profile program-long-term`
    ");
    insta::assert_snapshot!(ran("keys restore -p empty"), @"
    error: no long-term keys for profile `empty` (looked in [empty-long-term], [empty], `credential_process`, `source_profile`)
    hint: enter the access key of an IAM user: `aws configure --profile empty`
    ");
    insta::assert_snapshot!(ran("keys restore -p program"), @"
    error: `credential_process` prints the long-term keys of profile `program`; awsmfa cannot change them there
    hint: write the keys to a file first: `aws configure --profile program-long-term`
    ");
    insta::assert_snapshot!(ran("keys store -p nobody"), @"
    error: no profile `nobody` in ~/.aws/config or ~/.aws/credentials
    hint: create the profile: `aws configure --profile nobody`
    hint: or list existing profiles: `aws configure list-profiles`
    ");
}

#[test]
fn keys_in_the_environment_are_refused() {
    let World { aws: _aws, home, .. } = World::with_keys_in_environment();
    for command in ["store", "restore"] {
        let ran = home.awsmfa(["keys", command]).run().code(3);
        insta::allow_duplicates! { insta::assert_snapshot!(ran.err(), @"
        error: the long-term keys are in the environment, not in a profile, so awsmfa cannot change them
        hint: write the keys to a profile first: `aws configure`
        ") }
    }
}

#[test]
fn unreadable_registry_is_reported_instead_of_missing_keys() {
    let world = World::imported();
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    let registry = ".local/share/awsmfa/devices.json";
    world.home.write(registry, "{");
    let said = world.home.awsmfa(["login", "-p", "dev"]).run().code(3).err();
    assert!(said.contains("devices.json` is damaged"), "{said}");
}

#[test]
fn read_only_file_is_found_before_anything_is_stored() {
    let world = World::imported();
    world.home.chmod(".aws/credentials", 0o400);
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().code(3);
    assert!(!world.home.join(&entry(&world.key.id)).exists());
}
