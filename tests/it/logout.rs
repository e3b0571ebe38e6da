//! `logout`: which sessions are removed from the file and the cache, and what stays.

use fake_aws::FakeAws;

use crate::support::{Home, World};

const SAML: &str = "[saml]\naws_access_key_id = ASIASAML\naws_secret_access_key = s\naws_session_token = t\n\
    x_principal_arn = arn:aws:sts::1:assumed-role/a/b\nx_security_token_expires = 2030-01-01T00:00:00Z\n";

#[test]
fn session_of_another_tool_does_not_stop_logout_all() {
    let world = World::imported();
    let keys = world.home.credentials();
    world.home.write_credentials(&format!("{SAML}\n{keys}"));
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    let ran = world.home.awsmfa(["logout", "--all"]).run().success();
    insta::assert_snapshot!(ran.err(), @"awsmfa: removed the session from [dev]");
    assert_eq!(world.home.credentials(), format!("{SAML}\n{}", keys.replace("[dev]", "[dev-long-term]")));
}

#[test]
fn uneditable_section_does_not_stop_the_others() {
    let world = World::imported();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    let session = "aws_access_key_id = ASIA\naws_secret_access_key = s\naws_session_token = t\n\
        x_security_token_expires = 2030-01-01T00:00:00Z\n";
    let odd = format!("[ a ]\n{session}[ b ]\n{session}");
    world.home.write_credentials(&format!("{odd}{}", world.home.credentials()));
    let ran = world.home.awsmfa(["logout", "--all", "--restore"]).run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: removed the session from [dev]
    awsmfa: moved the long-term keys from [dev-long-term] back to [dev]
    error: ~/.aws/credentials: line 1: the header of section [a] must be exactly `[a]` to be edited
    hint: correct the section header; a comment after the header needs a space before the `#`
    error: ~/.aws/credentials: line 6: the header of section [b] must be exactly `[b]` to be edited
    hint: correct the section header; a comment after the header needs a space before the `#`
    ");
    assert!(world.home.credentials().starts_with(&odd));
    assert_eq!(world.home.credential("dev", "aws_access_key_id").as_ref(), Some(&world.key.id));
}

#[test]
fn session_from_environment_keys_is_removed() {
    let aws = FakeAws::start();
    aws.add_user("alice");
    let (key, device) = (aws.add_access_key("alice"), aws.add_device("alice", "alice"));
    let home = Home::new(&aws);
    let import = home.awsmfa(["device", "import", "--serial", &device.serial, "--secret-stdin"]);
    import.stdin(&device.seed).run().success();
    let with_keys = |run: crate::support::Run| {
        run.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret)
    };
    let sessions = || home.files().keys().filter(|path| path.contains("awsmfa/sessions/")).count();
    // Found by the session in the file, with or without the keys.
    with_keys(home.awsmfa(["login"])).run().success();
    assert_eq!(sessions(), 1);
    home.awsmfa(["logout"]).run().success();
    assert_eq!(sessions(), 0);
    // Found by the keys: the file has only one of the two sessions.
    with_keys(home.awsmfa(["login"])).run().success();
    with_keys(home.awsmfa(["login", "--duration", "1h"])).run().success();
    assert_eq!(sessions(), 2);
    with_keys(home.awsmfa(["logout"])).run().success();
    assert_eq!(sessions(), 0);
    // The second time there is nothing to do.
    let ran = with_keys(home.awsmfa(["logout"])).run().success();
    insta::assert_snapshot!(ran.err(), @"awsmfa: no session to remove from the credentials file");
}

#[test]
fn session_of_another_profile_stays_cached() {
    let world = World::imported();
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\n[profile other]\nregion = eu-west-1\n",
        world.device.serial
    ));
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    world.home.awsmfa(["logout", "-p", "other"]).env("AWS_ACCESS_KEY_ID", &world.key.id).run().success();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

/// Checks that the session is removed from the file even if something in the cache cannot be removed.
#[track_caller]
fn cleans_the_file_first(args: &[&str], odd: &str) {
    let world = World::imported();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    world.home.write(&format!(".cache/awsmfa/{odd}/file"), "");
    let logout = world.home.awsmfa([&["logout"], args].concat());
    let said = logout.run().code(1).err();
    assert!(said.starts_with("awsmfa: removed the session from [dev]\nerror: "), "{said}");
    assert!(!world.home.credentials().contains("aws_session_token"));
    assert!(world.home.files().keys().all(|path| !path.ends_with(".json") || !path.contains("sessions/")));
}

#[test]
fn broken_cache_does_not_keep_the_session_in_the_file() {
    cleans_the_file_first(&["-p", "dev"], "answers/folder");
    cleans_the_file_first(&["--all"], "answers/folder");
    cleans_the_file_first(&["--all"], "sessions/folder");
}
