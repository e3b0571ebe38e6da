//! Settings are validated before a code is used: the error shows where the value is set, and no step counts as used.

use std::fs;

use crate::support::{Home, World};

/// Fails if the ledger has a used step or a try, or if anything was sent to AWS.
#[track_caller]
fn assert_no_code_used(world: &World) {
    assert!(world.aws.requests().is_empty());
    let Ok(ledgers) = fs::read_dir(world.home.join(".local/state/awsmfa/ledgers")) else { return };
    for path in ledgers.map(|entry| entry.unwrap().path()) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let Ok(ledger) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
        for list in ["used", "tries"] {
            let empty = ledger[list].as_array().is_none_or(Vec::is_empty);
            assert!(empty, "{}: {text}", path.display());
        }
    }
}

/// Both `login` and `credential-process` fail with exit code 3 and use no code. Returns the messages of `login`.
#[track_caller]
fn assert_rejected(world: &World) -> String {
    let sdk = world.home.awsmfa(["credential-process", "--profile", "dev"]).run().code(3);
    assert_eq!((sdk.out().as_str(), sdk.err().lines().count()), ("", 1), "{}", sdk.err());
    let ran = world.home.awsmfa(["login", "--profile", "dev"]).run().code(3);
    assert_no_code_used(world);
    ran.err()
}

fn config(world: &World, lines: &str) {
    world.home.write_config(&format!("[profile dev]\nmfa_serial = {}\n{lines}\n", world.device.serial));
}

/// A world that uses AWS's own endpoints.
fn without_endpoint() -> World {
    let mut world = World::imported();
    world.home.unset("AWS_ENDPOINT_URL");
    world
}

#[test]
fn invalid_region_is_rejected_with_its_line() {
    let world = World::imported();
    config(&world, "region = \"us-east-1\"");
    insta::assert_snapshot!(assert_rejected(&world), @r#"
    error: region (~/.aws/config:3): `"us-east-1"` is not an AWS region
    hint: write `region = us-east-1`
    "#);
    let world = without_endpoint();
    config(&world, "region = frankfurt");
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: region (~/.aws/config:3): `frankfurt` is not an AWS region
    hint: write `region = us-east-1`, or another AWS region
    ");
}

#[test]
fn invalid_region_is_rejected_with_its_variable() {
    let mut world = without_endpoint();
    for (variable, value) in [("AWS_REGION", "us-east-1 "), ("AWS_DEFAULT_REGION", "US-EAST-1")] {
        world.home.set(variable, value);
        let err = assert_rejected(&world);
        assert!(err.starts_with(&format!("error: {variable}: `{value}` is not an AWS region\n")), "{err}");
        assert!(err.contains(&format!("hint: set `{variable}=us-east-1`\n")), "{err}");
        world.home.unset(variable);
    }
}

#[test]
fn administrators_settings_are_checked() {
    let world = World::imported();
    config(&world, "region = \"us-east-1\"");
    let err =
        world.home.awsmfa(["enroll", "--profile", "dev", "--user", "bob", "--no-qr"]).run().code(3).err();
    assert!(
        err.starts_with("error: region (~/.aws/config:3): `\"us-east-1\"` is not an AWS region"),
        "{err}"
    );
    assert_no_code_used(&world);
}

#[test]
fn other_servers_may_use_any_region() {
    let world = World::imported();
    config(&world, "region = local");
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
}

#[test]
fn invalid_endpoint_is_rejected_with_its_place() {
    let mut world = World::imported();
    let endpoint = world.aws.endpoint();
    world.home.set("AWS_ENDPOINT_URL", &format!("{endpoint} "));
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: AWS_ENDPOINT_URL: `http://[AWS] ` is not a valid endpoint URL: contains whitespace
    hint: set `AWS_ENDPOINT_URL=http://localhost:4566`
    ");
    world.home.unset("AWS_ENDPOINT_URL");
    world.home.set("AWS_ENDPOINT_URL_STS", "localhost:4566");
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: AWS_ENDPOINT_URL_STS: `localhost:4566` is not a valid endpoint URL: does not start with `http://` or `https://`
    hint: set `AWS_ENDPOINT_URL_STS=http://localhost:4566`
    ");
    world.home.unset("AWS_ENDPOINT_URL_STS");
    config(&world, &format!("services = local\n[services local]\nsts =\n  endpoint_url = {endpoint} # moto"));
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: endpoint_url (~/.aws/config:5): `http://[AWS] # moto` is not a valid endpoint URL: contains whitespace
    hint: write `endpoint_url = http://localhost:4566`
    ");
    config(&world, "endpoint_url = http://user:hunter2@localhost:4566");
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: endpoint_url (~/.aws/config:3): `…@localhost:4566` is not a valid endpoint URL: contains a user name or password
    hint: write `endpoint_url = http://localhost:4566`
    ");
}

#[test]
fn settings_without_a_server_are_rejected() {
    let mut world = World::imported();
    world.home.set("AWS_USE_FIPS_ENDPOINT", "true");
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: no STS endpoint for region `eu-central-1` with these settings: Invalid Configuration: FIPS and custom endpoint are not supported
    hint: check region, endpoint, FIPS and dual-stack settings: `aws configure list`
    ");
}

#[test]
fn invalid_role_is_rejected_with_its_line() {
    let world = World::imported();
    let roles = "role_arn = arn:aws:iam::12345678901:role/admin\nsource_profile = dev";
    config(&world, roles);
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: role_arn (~/.aws/config:3): `arn:aws:iam::12345678901:role/admin` is not a role ARN
    hint: copy the ARN from the IAM console: `role_arn = arn:aws:iam::123456789012:role/NAME`
    ");
    let arn = "role_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = dev";
    config(&world, &format!("{arn}\nrole_session_name = Alice Smith"));
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: role_session_name (~/.aws/config:5): `Alice Smith` is not a valid role session name (2 to 64 letters, digits and `_+=,.@-`)
    hint: write `role_session_name = alice`
    ");
    config(&world, &format!("{arn}\nexternal_id = \"x y\""));
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: external_id (~/.aws/config:5): not a valid external ID (2 to 1224 letters, digits and `_+=,.@:/-`)
    hint: copy the external ID from the role's trust policy
    ");
}

#[test]
fn device_or_role_of_another_partition_is_rejected() {
    let mut world = without_endpoint();
    world.home.set("AWS_REGION", "us-gov-west-1");
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: `arn:aws:iam::123456789012:mfa/alice` belongs to partition `aws`, but region `us-gov-west-1` (AWS_REGION) belongs to `aws-us-gov`
    hint: set `AWS_REGION=us-east-1`
    ");
    world.home.unset("AWS_REGION");
    config(&world, "role_arn = arn:aws-cn:iam::123456789012:role/admin\nsource_profile = dev");
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: `arn:aws-cn:iam::123456789012:role/admin` belongs to partition `aws-cn`, but region `us-east-1` belongs to `aws`
    hint: use an MFA device and roles from the same partition
    ");
}

#[test]
fn keys_with_control_characters_are_rejected_with_their_line() {
    let world = World::imported();
    let (id, secret) = (&world.key.id, &world.key.secret);
    for (id, secret) in [
        (format!("{id}\u{1b}[D"), secret.clone()),
        (id.clone(), format!("{secret}\u{7f}")),
        (format!("{id}é"), secret.clone()),
        (format!("{id}\u{a0}x"), secret.clone()),
    ] {
        world.home.write_credentials(&format!(
            "[dev]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
        ));
        let err = assert_rejected(&world);
        assert!(err.contains("(~/.aws/credentials:"), "{err}");
        assert!(err.contains(" contains ") && err.contains("hint: enter both keys again"), "{err}");
        assert!(!err.contains(&world.key.secret), "{err}");
    }
}

#[test]
fn keys_with_control_characters_are_rejected_with_their_variable() {
    let mut world = World::imported();
    world.home.write_credentials("");
    world.home.write_config("");
    world.home.set("AWS_ACCESS_KEY_ID", &format!("{}\r", world.key.id));
    world.home.set("AWS_SECRET_ACCESS_KEY", &world.key.secret);
    let words = "AWS_ACCESS_KEY_ID: the access key ID contains a control character (U+000D)";
    for command in [["login"].as_slice(), &["enroll", "--no-qr"]] {
        let run = world.home.awsmfa(command);
        let err = run.run().code(3).err();
        assert!(err.contains(words), "{err}");
    }
    // Devices that are stored here are listed anyway.
    let err = world.home.awsmfa(["device", "list"]).run().success().err();
    assert!(err.contains(words), "{err}");
    assert_no_code_used(&world);
    world.home.set("AWS_ACCESS_KEY_ID", &world.key.id);
    world.home.set("AWS_SESSION_TOKEN", "a\nb");
    let err = world.home.awsmfa(["device", "list"]).run().success().err();
    assert!(err.contains("AWS_SESSION_TOKEN: the session token contains a control character"), "{err}");
}

#[test]
fn keys_in_quotes_are_rejected_with_their_place() {
    let world = World::imported();
    world.home.write_credentials(&format!(
        "[dev]\naws_access_key_id = {}\naws_secret_access_key = \"{}\"\n",
        world.key.id, world.key.secret
    ));
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: aws_secret_access_key (~/.aws/credentials:3): the secret access key contains quotation marks (U+0022)
    hint: enter both keys again: `aws configure --profile dev`
    ");
}

#[cfg(unix)]
#[test]
fn keys_with_control_characters_from_a_program_are_rejected() {
    let world = World::imported();
    let json = format!(
        r#"{{"Version":1,"AccessKeyId":"{}\n","SecretAccessKey":"{}"}}"#,
        world.key.id, world.key.secret
    );
    world.home.write("keys.json", &json);
    world.home.write_credentials("");
    let path = world.home.join("keys.json");
    config(&world, &format!("region = eu-central-1\ncredential_process = cat {}", path.display()));
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: `credential_process` of profile `dev` printed invalid keys: the access key ID contains a control character (U+000A)
    hint: run the command by hand to see what it prints
    ");
    // The keys can also be the source of a role without a stored device, as administrators have it.
    world.home.write_config(&format!(
        "[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = base\n\
         [profile base]\ncredential_process = cat {}\n",
        path.display()
    ));
    let err = world.home.awsmfa(["device", "list", "--profile", "admin"]).run().success().err();
    assert!(err.contains("printed invalid keys"), "{err}");
}

#[test]
fn cached_session_with_control_characters_is_ignored() {
    let world = World::imported();
    world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
    let folder = ".cache/awsmfa/sessions";
    for (name, bytes) in world.home.files() {
        if name.starts_with(folder) {
            let text = String::from_utf8(bytes).unwrap();
            world.home.write(&name, &text.replace("\"sessionToken\":\"", "\"sessionToken\":\"\\n"));
            world.home.chmod(&name, 0o600);
        }
    }
    fs::remove_dir_all(world.home.join(".cache/awsmfa/answers")).unwrap();
    let printed = world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success().json();
    assert!(!printed["SessionToken"].as_str().unwrap().contains('\n'));
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
}

#[test]
fn variables_of_the_sdk_do_not_panic() {
    let mut world = World::imported();
    for (variable, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "a\nb"),
        ("_X_AMZN_TRACE_ID", "a\nb\u{7f}é"),
        ("AWS_SDK_UA_APP_ID", "a\nb"),
        ("REQUEST_METHOD", "GET"),
    ] {
        world.home.set(variable, value);
    }
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    let mut world = World::imported();
    world.home.set("AWS_EXECUTION_ENV", "a\nb\u{1b}é");
    insta::assert_snapshot!(assert_rejected(&world), @"
    error: AWS_EXECUTION_ENV: contains a character that is not valid in an HTTP header
    hint: unset `AWS_EXECUTION_ENV`
    ");
}

#[test]
fn login_after_a_rejected_setting_uses_the_first_code() {
    let world = World::imported();
    config(&world, "region = \"us-east-1\"");
    for _ in 0..7 {
        world.home.awsmfa(["login", "--profile", "dev"]).run().code(3);
    }
    config(&world, "region = us-east-1");
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

/// The home folder, with `AWS_DEFAULT_PROFILE` set.
fn with_default_profile(world: &mut World) -> &Home {
    world.home.set("AWS_DEFAULT_PROFILE", "dev");
    &world.home
}

#[test]
fn aws_profile_overrides_aws_default_profile() {
    let mut world = World::imported();
    let home = with_default_profile(&mut world);
    home.awsmfa(["login"]).run().success();
    assert!(home.credential("dev", "aws_session_token").is_some());
    assert!(home.credential("default", "aws_session_token").is_none());
    // The second run uses the fast path.
    for _ in 0..2 {
        home.awsmfa(["credential-process"]).run().success();
    }
    home.awsmfa(["logout"]).run().success();
    assert!(home.credential("dev", "aws_session_token").is_none());
    world.home.set("AWS_PROFILE", "nowhere");
    world.home.awsmfa(["login"]).run().code(3);
}

#[test]
fn variables_and_tilde_are_expanded_in_the_paths_of_the_aws_files() {
    let mut world = World::imported();
    let (config, credentials) = (world.home.read(".aws/config"), world.home.credentials());
    world.home.write("own/config", &config);
    world.home.write("own/credentials", &credentials);
    world.home.chmod("own/credentials", 0o600);
    fs::remove_dir_all(world.home.join(".aws")).unwrap();
    world.home.set("SUB", "own");
    world.home.set("AWS_CONFIG_FILE", "~/$SUB/config");
    world.home.set("AWS_SHARED_CREDENTIALS_FILE", "${HOME}/own/credentials");
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    assert!(world.home.read("own/credentials").contains("aws_session_token"));
    assert!(!world.home.join(".aws").exists());
}
