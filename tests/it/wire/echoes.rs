//! If a server quotes the request, its secrets are not shown or logged.

use fake_aws::Fault;

use crate::support::World;

#[test]
fn code_in_an_error_message_is_redacted() {
    let world = World::imported();
    world.aws.fault(Fault::echo().forever());
    for command in ["login", "credential-process"] {
        let ran = world.home.awsmfa([command, "--profile", "dev", "-v"]).run().code(4);
        assert!(ran.err().contains("TokenCode=[redacted]"), "{}", ran.err());
        for code in world.aws.codes_sent(&world.device.serial) {
            assert!(!ran.err().contains(&code), "{}", ran.err());
        }
    }
}

#[test]
fn session_token_in_an_error_message_is_redacted() {
    let world = World::imported();
    let printed = world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success().json();
    let text = |key: &str| printed[key].as_str().unwrap().to_owned();
    world.aws.fault(Fault::echo().forever());
    let run = world.home.awsmfa(["device", "list", "-v"]);
    let run = run.env("AWS_ACCESS_KEY_ID", text("AccessKeyId"));
    let run = run.env("AWS_SECRET_ACCESS_KEY", text("SecretAccessKey"));
    let ran = run.env("AWS_SESSION_TOKEN", text("SessionToken")).run();
    assert!(ran.err().contains("cannot read [redacted]"), "{}", ran.err());
    assert!(!ran.err().contains(&text("SessionToken")[..12]), "{}", ran.err());
}

#[test]
fn both_codes_of_an_enrollment_are_redacted() {
    let world = World::new();
    world.aws.add_user("bob");
    let key = world.aws.add_access_key("bob");
    world.home.write_credentials(&format!(
        "[bob]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.id, key.secret
    ));
    world.aws.fault(Fault::echo().on("EnableMFADevice").forever());
    let ran = world.home.awsmfa(["enroll", "--profile", "bob", "--no-qr", "-v"]).run();
    assert!(ran.err().contains("AuthenticationCode1=[redacted]"), "{}", ran.err());
    let sent = world.aws.requests_for("EnableMFADevice");
    let codes = sent.iter().flat_map(|r| ["AuthenticationCode1", "AuthenticationCode2"].map(|p| r.param(p)));
    for code in codes.flatten() {
        assert!(!ran.err().contains(code), "{}", ran.err());
    }
}
