//! `serve`: credentials for programs on this computer, over HTTP on loopback.

#[cfg(unix)]
mod command;
mod renewal;
mod requests;
mod server;
#[cfg(unix)]
mod terminal;

use crate::support::World;
use server::Server;

#[test]
fn server_prints_the_variables_and_serves_the_session() {
    let world = World::imported();
    let server = Server::start(&world.home, &["-p", "dev"]);
    insta::assert_snapshot!(server.lines(), @"
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CREDENTIAL_EXPIRATION AWS_SECURITY_TOKEN AWS_ACCESS_KEY AWS_SECRET_KEY AWS_PROFILE AWS_DEFAULT_PROFILE AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_CREDENTIAL_FILE AWS_ACCOUNT_ID AWS_VAULT AWSUME_PROFILE AWSU_PROFILE AWS_SSO_PROFILE AWS_SESSION_EXPIRATION AWSUME_EXPIRATION
    export AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:[PORT]/dev
    export AWS_CONTAINER_AUTHORIZATION_TOKEN=[TOKEN]
    export AWS_REGION=eu-central-1
    export AWS_DEFAULT_REGION=eu-central-1
    export AWSMFA_PROFILE=dev
    export AWSMFA_SESSION=http://127.0.0.1:[PORT]/dev
    export AWSMFA_REGION=eu-central-1
    ");
    let (status, body) = server.get("/dev").json();
    assert_eq!(status, 200);
    let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["AccessKeyId", "AccountId", "Expiration", "SecretAccessKey", "Token"]);
    assert!(body["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(server.get("/").json().1, body, "the default");
    // It is the cached session, which everyone gets.
    let process = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().json();
    assert_eq!((&process["AccessKeyId"], &process["SessionToken"]), (&body["AccessKeyId"], &body["Token"]));
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn several_profiles_are_served_at_their_own_paths() {
    let world = World::imported();
    let role = world.aws.add_role("admin", fake_aws::RoleSpec::default());
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\n[profile \"a b/\u{fc}\"]\nrole_arn = {}\nsource_profile = dev\n",
        world.device.serial, role.arn
    ));
    let server = Server::start(&world.home, &["-p", "dev", "-p", "a b/\u{fc}", "-p", "dev"]);
    insta::assert_snapshot!(server.err(), @"
    awsmfa: serving `dev` at http://127.0.0.1:[PORT]/dev
    awsmfa: serving `a b/ü` at http://127.0.0.1:[PORT]/a%20b%2F%C3%BC
    hint: run these commands in another shell; stop the server with Ctrl-C
    ");
    let id = |path: &str| server.get(path).json().1["AccessKeyId"].as_str().unwrap().to_owned();
    assert_ne!(id("/dev"), id("/a%20b%2F%C3%BC"));
    assert_eq!(id("/"), id("/dev"));
    assert_eq!(server.get("/admin").json().0, 404);
    assert_eq!(world.codes_sent().len(), 1, "one code for both");
}

#[test]
fn server_that_cannot_get_a_session_does_not_start() {
    let world = World::imported();
    let serve = |args: &[&str]| world.home.awsmfa(["serve"].iter().chain(args)).run();
    insta::assert_snapshot!(serve(&["-p", "prod"]).code(3).err(), @"
    error: no profile `prod` in ~/.aws/config or ~/.aws/credentials
    hint: create the profile: `aws configure --profile prod`
    hint: or list existing profiles: `aws configure list-profiles`
    ");
    insta::assert_snapshot!(serve(&["-p", "dev", "-p", "prod", "--", "true"]).code(3).err(), @"
    error: no profile `prod` in ~/.aws/config or ~/.aws/credentials
    hint: create the profile: `aws configure --profile prod`
    hint: or list existing profiles: `aws configure list-profiles`
    ");
    let ran = serve(&["--duration", "1h", "--", "sh", "-c", "exit 3"]).code(3);
    assert!(
        ran.err().contains("hint: awsmfa serve --duration 1h --profile dev -- sh -c 'exit 3'\n"),
        "{}",
        ran.err()
    );
    // SDKs ask for `/..` at `/`, where they would get the session of `dev`.
    insta::assert_snapshot!(serve(&["-p", "dev", "-p", "..", "--", "true"]).code(2).err(), @"
    error: profile `..` cannot be served after another profile
    hint: make it the first `--profile`, or rename it
    ");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = serve(&["-p", "dev", "--port", &port]).code(1);
    insta::assert_snapshot!(ran.err(), @"
    error: cannot listen on [AWS]: another program is using this port
    hint: leave out `--port` to use a free port
    ");
    assert_eq!(ran.out(), "");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 0, "no code was used");
    for port in ["65536", "http"] {
        assert!(serve(&["-p", "dev", "--port", port]).code(2).err().contains("--port"), "{port}");
    }
}
