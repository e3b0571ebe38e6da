//! Roles that are assumed with something else than long-term keys in a file: keys in the environment, SSO, another program's
//! session, a session in the credentials file, a container.

use fake_aws::{RoleSpec, SessionKeys};

use crate::support::{Ran, World, words};

/// A profile `admin` whose role is assumed with what `source` describes; other profiles may follow.
fn world(source: &str) -> World {
    let world = World::imported();
    with_role(&world, RoleSpec::default(), source);
    world
}

fn with_role(world: &World, spec: RoleSpec, source: &str) {
    let role = world.aws.add_role("admin", spec);
    world.home.write_config(&format!("[profile admin]\nrole_arn = {}\n{source}\n", role.arn));
}

fn credentials(world: &World) -> crate::support::Run {
    world.home.awsmfa(["credential-process", "-p", "admin"])
}

fn requests(world: &World) -> [usize; 2] {
    ["GetSessionToken", "AssumeRole"].map(|action| world.aws.requests_for(action).len())
}

/// The next answer comes from the session cache.
fn forget_answers(world: &World) {
    std::fs::remove_dir_all(world.home.join(".cache/awsmfa/answers")).unwrap();
}

#[track_caller]
fn assert_session(ran: Ran) {
    assert!(ran.success().json()["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
}

fn section(name: &str, keys: &SessionKeys) -> String {
    format!(
        "[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        keys.access_key_id, keys.secret_access_key, keys.session_token
    )
}

#[test]
fn long_term_keys_in_the_environment_sign_in_with_mfa() {
    let world = World::imported();
    let role = RoleSpec { require_mfa: true, ..RoleSpec::default() };
    with_role(
        &world,
        role,
        &format!("credential_source = Environment\nmfa_serial = {}", world.device.serial),
    );
    world.home.write_credentials("");
    assert_session(credentials(&world).keys(&world.key).run());
    assert_eq!(requests(&world), [1, 1]);
    assert_session(credentials(&world).keys(&world.key).run());
    assert_eq!(requests(&world), [1, 1], "cached");
    // Another user's keys are not answered with the first one's session.
    world.aws.add_user("bob");
    let other = world.aws.add_access_key("bob");
    credentials(&world).keys(&other).run().code(4);
    insta::assert_snapshot!(credentials(&world).run().code(3).err(), @"awsmfa: profile `admin` has `credential_source = Environment`, but `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are not set; hint: set both variables, or replace `credential_source` with the `source_profile` that has the keys");
}

#[test]
fn session_in_the_environment_needs_no_code() {
    let world = World::imported();
    let role = RoleSpec { require_mfa: true, ..RoleSpec::default() };
    with_role(&world, role, "credential_source = Environment");
    let session = world.aws.add_session("alice", true);
    let with = |session: &SessionKeys| {
        credentials(&world)
            .env("AWS_ACCESS_KEY_ID", &session.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &session.secret_access_key)
            .env("AWS_SESSION_TOKEN", &session.session_token)
    };
    assert_session(with(&session).run());
    assert_session(with(&session).run());
    assert_eq!(requests(&world), [0, 1]);
    let without_mfa = world.aws.add_session("alice", false);
    insta::assert_snapshot!(with(&without_mfa).run().code(4).err(), @"awsmfa: AWS does not let `arn:aws:iam::123456789012:user/alice` assume `arn:aws:iam::123456789012:role/admin` (with temporary credentials, without an external ID): explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/SelfManageMFA; hint: change this policy, or meet its conditions; hint: if the role requires MFA: assume it with an IAM user's access key, to which MFA can be added");
}

#[test]
#[cfg(unix)]
fn session_of_an_outer_exec_is_not_a_base() {
    let world = world("credential_source = Environment");
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}[profile dev]\nmfa_serial = {}\n", world.device.serial));
    let awsmfa = env!("CARGO_BIN_EXE_awsmfa");
    let nested = ["exec", "-p", "dev", "--", awsmfa, "exec", "-p", "admin", "--", "true"];
    insta::assert_snapshot!(world.home.awsmfa(nested).run().code(3).err(), @"
    error: profile `admin` has `credential_source = Environment`, but the environment has only the session that awsmfa put there for `dev`
    hint: replace `credential_source` in profile `admin` with `source_profile = dev`
    ");
}

#[test]
fn key_of_a_session_without_its_token_is_an_error() {
    let world = world("credential_source = Environment");
    let ran = world.home.awsmfa(["login", "admin"]);
    let ran = ran.env("AWS_ACCESS_KEY_ID", "ASIAX").env("AWS_SECRET_ACCESS_KEY", "s").run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: AWS_SESSION_TOKEN: the session token of temporary access key `ASIAX` is missing
    hint: copy all three parts of the session again
    ");
    world.home.write_credentials("[dev]\naws_access_key_id = ASIAX\naws_secret_access_key = s\n");
    for command in ["login", "keys rotate", "keys store"] {
        let ran = world.home.awsmfa(words(command).chain(["-p", "dev"])).run().code(3);
        insta::allow_duplicates! { insta::assert_snapshot!(ran.err(), @"
        error: aws_access_key_id (~/.aws/credentials:2): the session token of temporary access key `ASIAX` is missing
        hint: enter both keys again: `aws configure --profile dev`
        ") };
    }
}

#[test]
fn two_sources_are_an_error() {
    let world = world("credential_source = Environment\nsource_profile = dev");
    insta::assert_snapshot!(world.home.awsmfa(["login", "admin"]).run().code(3).err(), @"
    error: profile `admin` has both `source_profile` and `credential_source` (~/.aws/config:3)
    hint: remove one of the two settings
    ");
}

#[test]
fn unknown_credential_source_is_an_error() {
    let world = world("credential_source = Envrionment");
    insta::assert_snapshot!(world.home.awsmfa(["login", "admin"]).run().code(3).err(), @"
    error: profile `admin` has an unknown `credential_source`: `Envrionment`
    hint: use `Environment`, `Ec2InstanceMetadata` or `EcsContainer`
    ");
}

/// A profile `sso` that is signed in to Identity Center as role `Developer`.
fn sso() -> World {
    let mut world = world(
        "source_profile = sso\n[profile sso]\nsso_start_url = https://example.awsapps.com/start\n\
         sso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = Developer",
    );
    world.aws.add_role("Developer", RoleSpec::default());
    world.aws.set_portal_token("portal-token");
    world.home.set("AWS_REGION", "us-east-1");
    sign_in(&world);
    world
}

fn sign_in(world: &World) {
    // botocore names the file after the SHA-1 of the start URL.
    let file = ".aws/sso/cache/e8be5486177c5b5392bd9aa76563515b29358e6e.json";
    world.home.write(
        file,
        r#"{"accessToken": "portal-token", "expiresAt": "2099-01-01T00:00:00Z", "region": "us-east-1",
            "startUrl": "https://example.awsapps.com/start"}"#,
    );
}

#[test]
fn role_is_assumed_with_sso_credentials() {
    let world = sso();
    assert_session(credentials(&world).run());
    assert_session(credentials(&world).run());
    assert_eq!(requests(&world), [0, 1], "one role session, and no code");
    let ran = world.home.awsmfa(["login", "admin", "--duration", "4h", "-v"]).run().success();
    assert!(ran.err().contains("is assumed for 1h, the maximum in a role chain"), "{}", ran.err());
    let login = world.home.awsmfa(["login", "admin", "--code", "123456"]).run().code(2);
    insta::assert_snapshot!(login.err(), @"
    error: the role is assumed with temporary credentials of `sso`, to which AWS cannot add MFA
    hint: omit `--serial` and `--code`
    ");
    world.home.awsmfa(["logout", "admin"]).run().success();
    assert_session(credentials(&world).run());
    assert_eq!(requests(&world)[1], 3, "logout removed the session from the cache");
}

#[test]
fn role_session_of_one_sso_role_does_not_serve_another() {
    let world = sso();
    assert_session(credentials(&world).run());
    let config = world.home.read(".aws/config");
    world.home.write_config(&config.replace("sso_role_name = Developer", "sso_role_name = Nobody"));
    credentials(&world).run().code(3);
    assert_eq!(requests(&world), [0, 1]);
}

#[test]
fn expired_sso_sign_in_names_its_profile() {
    let world = sso();
    world.aws.set_portal_token("another-token");
    insta::assert_snapshot!(world.home.awsmfa(["login", "admin"]).run().code(3).err(), @"
    error: cannot load the credentials of profile `sso`: UnauthorizedException: Session token not found or invalid
    hint: sign in again: `aws sso login --profile sso`
    ");
    std::fs::remove_dir_all(world.home.join(".aws/sso")).unwrap();
    let err = world.home.awsmfa(["login", "admin"]).run().code(3).err();
    assert!(err.ends_with("hint: sign in again: `aws sso login --profile sso`\n"), "{err}");
}

#[test]
fn valid_session_outlasts_the_sso_sign_in() {
    let world = sso();
    world.aws.set_session_lifetime(Some(600));
    assert_session(credentials(&world).run());
    world.aws.set_portal_token("another-token");
    // As if AWS had issued the session long ago: it should be renewed.
    let sessions = world.home.join(".cache/awsmfa/sessions");
    let file = std::fs::read_dir(sessions).unwrap().next().unwrap().unwrap().path();
    let cached: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let issued = cached["session"]["issued"].as_str().unwrap();
    let old = std::fs::read_to_string(&file).unwrap().replace(issued, "2020-01-01T00:00:00Z");
    std::fs::write(&file, old).unwrap();
    forget_answers(&world);
    let ran = credentials(&world).run();
    let err = ran.err();
    assert_session(ran);
    assert!(err.contains("cannot load the credentials of profile `sso`"), "{err}");
    assert!(err.contains("using the previous session, valid until"), "{err}");
}

#[test]
fn role_that_requires_mfa_is_denied_to_sso() {
    let world = sso();
    let role = RoleSpec { require_mfa: true, ..RoleSpec::default() };
    world.aws.add_role("admin", role);
    insta::assert_snapshot!(world.home.awsmfa(["login", "admin"]).run().code(4).err(), @"
    error: AWS does not let `arn:aws:sts::123456789012:assumed-role/Developer/alice@example.com` assume `arn:aws:iam::123456789012:role/admin` (with temporary credentials, without an external ID)
    hint: check that the role exists and that its trust policy allows this: `aws iam get-role --role-name admin`
    hint: if the trust policy requires an external ID: `aws configure set external_id ID --profile admin`
    hint: if the role requires MFA: assume it with an IAM user's access key, to which MFA can be added
    ");
}

#[test]
fn sso_profile_itself_needs_no_awsmfa() {
    let world = sso();
    let err = world.home.awsmfa(["login", "sso"]).run().code(3).err();
    assert!(err.contains("SSO profiles do not need awsmfa"), "{err}");
}

#[test]
#[cfg(unix)]
fn role_is_assumed_with_a_session_that_a_program_prints() {
    let world = world("source_profile = tool\n[profile tool]\ncredential_process = /bin/sh tool.sh");
    let print = |keys: &SessionKeys| {
        let json = format!(
            r#"{{"Version": 1, "AccessKeyId": "{}", "SecretAccessKey": "{}", "SessionToken": "{}"}}"#,
            keys.access_key_id, keys.secret_access_key, keys.session_token
        );
        world.home.write("tool.sh", &format!("cat <<'END'\n{json}\nEND\n"));
    };
    print(&world.aws.add_session("alice", true));
    assert_session(credentials(&world).run());
    print(&world.aws.add_session("alice", true));
    forget_answers(&world);
    assert_session(credentials(&world).run());
    assert_eq!(
        requests(&world),
        [0, 1],
        "a new session of the same program does not need a new role session"
    );
    // The program's own profile has no role.
    let err = world.home.awsmfa(["login", "tool"]).run().code(3).err();
    assert!(err.contains("printed a session instead of long-term keys"), "{err}");
}

#[test]
fn role_is_assumed_with_a_session_in_the_credentials_file() {
    let world = world("source_profile = other");
    let session = world.aws.add_session("alice", true);
    world.home.write_credentials(&section("other", &session));
    assert_session(credentials(&world).run());
    assert_eq!(requests(&world), [0, 1]);
    let mut expired = session;
    expired.session_token.replace_range(..8, "xxxxxxxx");
    expired.access_key_id = "ASIAAAAAAAAAAAAAAAAA".to_owned();
    world.home.write_credentials(&section("other", &expired));
    insta::assert_snapshot!(world.home.awsmfa(["login", "admin"]).run().code(4).err(), @"
    error: the credentials of profile `other` have expired or are invalid
    hint: write a new session to profile `other`, or give it long-term keys
    ");
}

#[test]
fn role_is_assumed_with_the_credentials_of_a_container() {
    let mut world = world("credential_source = EcsContainer");
    world.aws.add_role("task", RoleSpec::default());
    world.aws.set_portal_token("container-token");
    let url = format!("{}/container/task", world.aws.endpoint());
    world.home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    world.home.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token");
    assert_session(credentials(&world).run());
    assert_eq!(requests(&world), [0, 1]);
    world.home.unset("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    world.home.awsmfa(["logout", "admin"]).run().success();
    insta::assert_snapshot!(world.home.awsmfa(["login", "admin"]).run().code(3).err(), @"
    error: cannot load the credentials of profile `admin`: no credentials found
    hint: check that awsmfa runs where `EcsContainer` is available
    ");
}
