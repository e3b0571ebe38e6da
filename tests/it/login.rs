//! `login` and `logout`: sessions in the credentials file.

use fake_aws::{FakeAws, Fault};

use crate::support::{Home, World};

#[test]
fn session_replaces_the_long_term_keys_in_the_profile() {
    let world = World::imported();
    let ran = world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: moved the long-term keys from [dev] to [dev-long-term]
    awsmfa: wrote a session for `dev` to [dev] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    ");
    assert_eq!(ran.out(), "");
    let credential = |section, key| world.home.credential(section, key);
    assert!(credential("dev", "aws_access_key_id").unwrap().starts_with("ASIA"));
    assert!(credential("dev", "aws_session_token").is_some());
    assert!(credential("dev", "x_security_token_expires").unwrap().ends_with('Z'));
    assert_eq!(credential("dev-long-term", "aws_access_key_id").as_ref(), Some(&world.key.id));
    assert_eq!(credential("dev-long-term", "aws_secret_access_key").as_ref(), Some(&world.key.secret));
    assert_eq!(credential("dev-long-term", "aws_session_token"), None);
}

#[test]
fn second_login_reuses_the_session() {
    let world = World::imported();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    let before = world.home.credentials();
    let ran = world.home.awsmfa(["login", "-p", "dev"]).run().success();
    insta::assert_snapshot!(ran.err(), @"awsmfa: the session for `dev` in [dev] of ~/.aws/credentials is still valid until [TIME] ([LEFT])");
    assert_eq!(world.home.credentials(), before);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn logout_restores_every_byte() {
    let world = World::imported();
    let before = world.home.credentials();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    let ran = world.home.awsmfa(["logout", "-p", "dev", "--restore"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: removed the session from [dev]
    awsmfa: moved the long-term keys from [dev-long-term] back to [dev]
    ");
    assert_eq!(world.home.credentials(), before);
    // The cache is empty as well: the next login asks AWS.
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
}

#[test]
fn logout_without_restore_keeps_the_keys_aside() {
    let world = World::imported();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    world.home.awsmfa(["logout", "--all"]).run().success();
    assert_eq!(world.home.credential("dev", "aws_session_token"), None);
    assert_eq!(world.home.credential("dev-long-term", "aws_access_key_id").as_ref(), Some(&world.key.id));
    // They are used again.
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert!(world.home.credential("dev", "aws_session_token").is_some());
}

#[test]
fn session_can_be_written_to_another_profile() {
    let world = World::imported();
    let before = world.home.credentials();
    let ran = world.home.awsmfa(["login", "-p", "dev", "--output-profile", "dev-mfa"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: wrote a session for `dev` to [dev-mfa] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    hint: use the session with `--profile dev-mfa`
    ");
    assert!(world.home.credentials().starts_with(&before));
    assert!(world.home.credential("dev-mfa", "aws_session_token").is_some());
}

#[test]
fn duration_comes_from_flag_then_variable_then_profile() {
    let world = World::imported();
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\nduration_seconds = 7200\n",
        world.device.serial
    ));
    let asked = |world: &World| {
        world.aws.requests_for("GetSessionToken").last().unwrap().param("DurationSeconds").unwrap().to_owned()
    };
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert_eq!(asked(&world), "7200");
    world.home.awsmfa(["login", "-p", "dev"]).env("AWSMFA_DURATION", "1h30m").run().success();
    assert_eq!(asked(&world), "5400");
    world
        .home
        .awsmfa(["login", "-p", "dev", "--duration", "1h"])
        .env("AWSMFA_DURATION", "2h")
        .run()
        .success();
    assert_eq!(asked(&world), "3600");
}

#[test]
fn unknown_device_is_looked_up_once_and_saved() {
    let world = World::new();
    world.home.write_config("# mine\n[profile dev]\nregion = eu-central-1\n");
    let import = world.home.awsmfa(["device", "import", "-p", "dev", "--secret-stdin"]);
    let ran = import.stdin(&world.device.seed).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: saved `mfa_serial = arn:aws:iam::123456789012:mfa/alice` for profile `dev` in ~/.aws/config
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; AWS accepts its codes
    hint: awsmfa setup --profile dev
    ");
    insta::assert_snapshot!(world.home.read(".aws/config"), @"
    # mine
    [profile dev]
    region = eu-central-1
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    ");
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert_eq!(world.aws.requests_for("ListMFADevices").len(), 1);
}

#[test]
fn keys_in_the_environment_are_used_if_nothing_is_configured() {
    let World { aws: _aws, home, .. } = World::with_keys_in_environment();
    let ran = home.awsmfa(["login"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: wrote a session for `default` to [default] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    warning: AWS_ACCESS_KEY_ID is set in the environment; without `--profile`, the AWS CLI and all SDKs use it instead of `default`
    hint: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    ");
    assert!(home.credential("default", "aws_session_token").is_some());
    // The session in [default] does not prevent the next login.
    home.awsmfa(["login", "--force"]).run().success();
}

#[test]
fn key_written_over_a_session_is_not_lost() {
    let world = World::imported();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    // As `aws configure --profile dev` does: the session's token stays.
    let new = world.aws.add_access_key("alice");
    let session = world.home.credential("dev", "aws_access_key_id").unwrap();
    let secret = world.home.credential("dev", "aws_secret_access_key").unwrap();
    world.home.write_credentials(
        &world.home.credentials().replace(&session, &new.id).replace(&secret, &new.secret),
    );
    let before = world.home.credentials();
    for args in [["login", "-p", "dev"], ["logout", "-p", "dev"]] {
        world.home.awsmfa(args).run();
        assert_eq!(world.home.credentials(), before, "{args:?}");
    }
    world.home.awsmfa(["login", "-p", "dev", "--force"]).run().code(3);
    assert_eq!(world.home.credentials(), before);
}

#[test]
fn session_that_cannot_be_cached_is_still_written() {
    let world = World::imported();
    world.home.write(".cache", "a file in the way");
    world.home.write(".local/state/awsmfa/sessions", "another");
    let ran = world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert!(ran.err().contains("warning: cannot cache the session"), "{}", ran.err());
    assert!(world.home.credential("dev", "aws_session_token").is_some());
}

#[test]
fn output_profile_must_work_in_every_sdk() {
    let world = World::imported();
    let before = world.home.credentials();
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!(
        "{config}[profile adm]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = dev\n"
    ));
    world.home.awsmfa(["login", "-p", "dev", "--output-profile", "a b"]).run().code(2);
    world.home.awsmfa(["login", "-p", "dev", "--output-profile", "adm"]).run().code(3);
    assert_eq!(world.home.credentials(), before);
}

#[test]
fn keys_in_the_config_file_stay_usable() {
    let world = World::imported();
    world.home.write_credentials("");
    world.home.write_config(&format!(
        "[profile dev]\naws_access_key_id = {}\naws_secret_access_key = {}\nmfa_serial = {}\n",
        world.key.id, world.key.secret, world.device.serial
    ));
    let before = world.home.read(".aws/config");
    for _ in 0..2 {
        world.home.awsmfa(["login", "-p", "dev", "--force"]).run().success();
        assert!(world.home.credential("dev", "aws_session_token").is_some());
    }
    assert_eq!(world.home.read(".aws/config"), before);
}

#[test]
fn keys_from_another_program_are_used() {
    let world = World::imported();
    let answer = serde_json::json!({
        "Version": 1, "AccessKeyId": world.key.id, "SecretAccessKey": world.key.secret
    });
    world.home.write("keys.json", &answer.to_string());
    world.home.write_credentials("");
    let command = format!("cat {}", world.home.join("keys.json").display());
    world.home.write_config(&format!(
        "[profile dev-long-term]\ncredential_process = {command}\nmfa_serial = {}\n",
        world.device.serial
    ));
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert!(world.home.credential("dev", "aws_session_token").is_some());
}

#[test]
fn unneeded_code_is_not_sent() {
    let world = World::new();
    let code = world.aws.code_now(&world.device.serial);
    world.home.awsmfa(["login", "-p", "dev", "--code", &code]).run().success();
    let ran = world.home.awsmfa(["login", "-p", "dev", "--code", &code]).run().success();
    assert!(ran.err().contains("the code was not used: a valid session is cached"), "{}", ran.err());
    assert_eq!(world.aws.codes_sent(&world.device.serial), [code]);
}

#[test]
fn profile_served_by_credential_process_is_not_written() {
    let world = World::imported();
    let before = world.home.credentials().replace("[dev]", "[dev-long-term]");
    world.home.write_credentials(&before);
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\ncredential_process = awsmfa credential-process --profile dev\n",
        world.device.serial
    ));
    let ran = world.home.awsmfa(["login", "-p", "dev"]).run().success();
    insta::assert_snapshot!(ran.err(), @"awsmfa: got a session for `dev`, valid until [TIME] ([LEFT]); nothing was written, because its `credential_process` serves it");
    assert_eq!(world.home.credentials(), before);
    assert!(world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().out().contains("ASIA"));
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn eight_logins_at_once_keep_all_keys_and_sessions() {
    let aws = FakeAws::start();
    let home = Home::new(&aws);
    let (mut credentials, mut config, mut users) = (String::new(), String::new(), Vec::new());
    for i in 0..8 {
        let name = format!("user{i}");
        aws.add_user(&name);
        let (key, device) = (aws.add_access_key(&name), aws.add_device(&name, &name));
        credentials +=
            &format!("# {i}\n[p{i}]\naws_access_key_id={}\naws_secret_access_key={}\n\n", key.id, key.secret);
        config += &format!("[profile p{i}]\nmfa_serial = {}\n", device.serial);
        let import = home.awsmfa(["device", "import", "--serial", &device.serial, "--secret-stdin"]);
        import.stdin(&device.seed).run().success();
        users.push(key);
    }
    home.write_credentials(&credentials);
    home.write_config(&config);
    let logins: Vec<_> = (0..8)
        .map(|i| home.awsmfa(["login", "-q", "-p", &format!("p{i}")]).into_command().spawn().unwrap())
        .collect();
    for mut login in logins {
        assert!(login.wait().unwrap().success());
    }
    for (i, key) in users.iter().enumerate() {
        assert!(home.credential(&format!("p{i}"), "aws_session_token").is_some(), "session {i}");
        let long_term = format!("p{i}-long-term");
        assert_eq!(home.credential(&long_term, "aws_access_key_id").as_ref(), Some(&key.id));
        assert_eq!(home.credential(&long_term, "aws_secret_access_key").as_ref(), Some(&key.secret));
        assert!(home.credentials().contains(&format!("# {i}\n")));
    }
}

#[test]
fn login_all_covers_every_profile_with_a_device() {
    let world = World::imported();
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\n[profile plain]\nregion = eu-west-1\n",
        world.device.serial
    ));
    world.home.awsmfa(["login", "--all"]).run().success();
    assert!(world.home.credential("dev", "aws_session_token").is_some());
    assert!(world.home.credential("plain", "aws_session_token").is_none());
}

#[test]
fn failed_profile_does_not_stop_login_all() {
    let world = World::imported();
    let serial = &world.device.serial;
    world.home.write_config(&format!(
        "[profile bad]\nmfa_serial = {serial}\n[profile broken]\nmfa_serial\n[profile dev]\nmfa_serial = {serial}\n"
    ));
    let bad = "[bad]\naws_access_key_id = AKIABAD\naws_secret_access_key = s\n";
    world.home.write_credentials(&format!("{bad}{}", world.home.credentials()));
    let err = world.home.awsmfa(["login", "--all", "-v"]).run().code(4).err();
    assert!(err.contains("error: profile `bad`: ") && err.contains("skipping `broken`: "), "{err}");
    assert!(err.trim_end().ends_with("error: some profiles could not be logged in"), "{err}");
    assert!(world.home.credential("dev", "aws_session_token").is_some());
    assert!(world.home.credentials().starts_with(bad));
}

#[test]
fn read_only_file_fails_before_aws_is_asked() {
    let world = World::imported();
    world.home.chmod(".aws/credentials", 0o400);
    world.home.awsmfa(["login", "-p", "dev"]).run().code(3);
    assert!(world.aws.requests().is_empty());
}

#[test]
fn unexpired_session_bridges_an_outage() {
    let world = World::imported();
    world.freeze();
    crate::support::sessions::LOGIN.get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(std::time::Duration::from_secs(12 * 3600 - 600));
    world.aws.fault(Fault::unavailable().forever());
    let later = world.in_process(0);
    let ensured = crate::support::sessions::LOGIN.get(&later.ctx).unwrap();
    assert!(!ensured.is_new);
    assert!(later.err.text().contains("using the previous session"), "{}", later.err.text());
    world.aws.clock().advance(std::time::Duration::from_secs(601));
    assert!(crate::support::sessions::LOGIN.get(&world.in_process(0).ctx).is_err());
}

#[test]
fn long_term_section_gets_no_session() {
    let world = World::imported();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    let before = world.home.credentials();
    let ran = world.home.awsmfa(["login", "-p", "dev-long-term", "--force"]).run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: ~/.aws/credentials: section [dev-long-term] holds the long-term keys of profile `dev`
    hint: awsmfa login --profile dev
    ");
    assert_eq!(world.home.credentials(), before);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "no code was spent");
    // Both names work if nothing is written to the section.
    world.home.awsmfa(["login", "-p", "dev-long-term", "--output-profile", "dev-2"]).run().success();
    world.home.awsmfa(["credential-process", "-p", "dev-long-term"]).run().success();
}
