//! Setups in which some SDKs do not get awsmfa's session, and what awsmfa says about them.

use std::path::Path;

use crate::support::{Ran, World};

const OURS: &str = "credential_process = awsmfa credential-process --profile dev\n";

/// A world with these additional lines in `[profile dev]`.
fn world(lines: &str) -> World {
    let world = World::imported();
    let serial = &world.device.serial;
    world.home.write_config(&format!("[profile dev]\nmfa_serial = {serial}\n{lines}"));
    world
}

fn login(world: &World) -> Ran {
    world.home.awsmfa(["login", "-p", "dev"]).run().success()
}

/// Moves the keys of `[dev]` to `[dev-long-term]`.
fn keys_aside(world: &World) {
    world.home.write_credentials(&world.home.credentials().replace("[dev]", "[dev-long-term]"));
}

/// Runs a hint as if it were pasted into a shell.
#[track_caller]
fn paste(world: &World, command: &str) {
    let folder = Path::new(env!("CARGO_BIN_EXE_awsmfa")).parent().unwrap().to_str().unwrap();
    let path = format!("{folder}:/usr/local/bin:/usr/bin:/bin");
    let command = command.replace("~", world.home.path().to_str().unwrap());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &command]).env_clear().envs(world.home.vars()).env("PATH", path);
    assert!(shell.status().unwrap().success(), "{command}");
}

/// Runs the commands in all hints: the part in backquotes after a colon, or the whole hint.
#[track_caller]
fn follow(world: &World, ran: &Ran) {
    let text = ran.err();
    let hints = text.lines().filter_map(|line| line.strip_prefix("hint: "));
    let commands =
        hints.map(|hint| hint.split_once(": `").map_or(hint, |(_, rest)| rest.trim_end_matches('`')));
    let commands: Vec<&str> =
        commands.filter(|c| c.starts_with("perl ") || c.starts_with("awsmfa ")).collect();
    assert!(!commands.is_empty(), "{text}");
    commands.iter().for_each(|command| paste(world, command));
}

#[test]
fn credential_process_serves_the_session() {
    let world = world(OURS);
    keys_aside(&world);
    insta::assert_snapshot!(login(&world).err(), @"awsmfa: got a session for `dev`, valid until [TIME] ([LEFT]); nothing was written, because its `credential_process` serves it");
}

#[test]
fn access_key_next_to_credential_process_is_reported_and_the_hint_moves_it() {
    let world = world(OURS);
    insta::assert_snapshot!(login(&world).err(), @"
    awsmfa: got a session for `dev`, valid until [TIME] ([LEFT]); saved only in awsmfa's cache
    warning: the AWS CLI, boto3, the JavaScript SDK and Terraform use the access key of profile `dev` (~/.aws/credentials:2) instead of awsmfa's session
    hint: awsmfa setup --profile dev
    ");
    world.home.awsmfa(["setup", "--profile", "dev", "--yes"]).run().success();
    assert_eq!(world.home.credential("dev-long-term", "aws_access_key_id").as_ref(), Some(&world.key.id));
    assert!(!login(&world).err().contains("warning"), "{}", login(&world).err());
}

#[test]
fn access_key_in_the_config_file_hides_the_session_from_some_sdks() {
    let world = world("");
    let (id, secret) = (&world.key.id, &world.key.secret);
    let config = world.home.read(".aws/config");
    world
        .home
        .write_config(&format!("{config}{OURS}aws_access_key_id = {id}\naws_secret_access_key = {secret}\n"));
    world.home.write_credentials("");
    insta::assert_snapshot!(login(&world).err(), @"
    awsmfa: got a session for `dev`, valid until [TIME] ([LEFT]); saved only in awsmfa's cache
    warning: the JavaScript SDK and Terraform use the access key of profile `dev` (~/.aws/config:4) instead of awsmfa's session
    hint: awsmfa setup --profile dev
    ");
}

#[test]
fn session_that_login_wrote_earlier_is_removed() {
    let world = world("");
    login(&world);
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}{OURS}"));
    insta::assert_snapshot!(login(&world).err(), @"
    awsmfa: removed the session of an earlier login from [dev], because it would hide the `credential_process`
    awsmfa: the session for `dev` is still valid until [TIME] ([LEFT]); nothing was written, because its `credential_process` serves it
    ");
    assert_eq!(world.home.credential("dev", "aws_session_token"), None);
    assert_eq!(world.home.credential("dev-long-term", "aws_access_key_id").as_ref(), Some(&world.key.id));
    assert!(!login(&world).err().contains("removed"));
}

#[test]
fn session_of_another_tool_next_to_credential_process_is_reported() {
    for marker in ["", "expiration = 2020-01-01 00:00:00\n"] {
        let world = world(OURS);
        keys_aside(&world);
        let session = format!(
            "[dev]\naws_access_key_id = ASIAOLD\naws_secret_access_key = s\naws_session_token = t\n{marker}"
        );
        world.home.write_credentials(&format!("{}{session}", world.home.credentials()));
        let ran = login(&world);
        match marker {
            "" => {
                insta::assert_snapshot!(ran.err(), @"
                awsmfa: got a session for `dev`, valid until [TIME] ([LEFT]); saved only in awsmfa's cache
                warning: the AWS CLI, boto3, the JavaScript SDK and Terraform use the old session of profile `dev` (~/.aws/credentials:5) instead of awsmfa's session
                hint: awsmfa logout --profile dev
                ");
                follow(&world, &ran);
                assert!(!login(&world).err().contains("warning"));
            }
            _ => insta::assert_snapshot!(ran.err(), @"
            awsmfa: got a session for `dev`, valid until [TIME] ([LEFT]); saved only in awsmfa's cache
            warning: the AWS CLI, boto3, the JavaScript SDK and Terraform use the old session of profile `dev` (~/.aws/credentials:5) instead of awsmfa's session
            hint: awsmfa setup --profile dev
            "),
        }
    }
}

#[test]
fn role_next_to_credential_process_is_reported() {
    for source in ["", "source_profile = base\n"] {
        let world = world(&format!("{OURS}role_arn = arn:aws:iam::123456789012:role/deploy\n{source}"));
        world
            .aws
            .add_role("deploy", fake_aws::RoleSpec { require_mfa: true, ..fake_aws::RoleSpec::default() });
        let keys = world.home.credentials();
        world.home.write_credentials(
            &keys.replace("[dev]", if source.is_empty() { "[dev-long-term]" } else { "[base]" }),
        );
        let ran = login(&world);
        follow(&world, &ran);
        assert!(!world.home.read(".aws/config").contains("credential_process"));
        match source {
            "" => insta::assert_snapshot!(ran.err(), @r"
            awsmfa: got a session for `dev`, valid until [TIME] ([LEFT]); saved only in awsmfa's cache
            warning: profile `dev` has a `role_arn`, so its `credential_process` is ignored by the AWS CLI, boto3, Terraform and the Rust SDK
            hint: move `credential_process` to its own profile: `aws configure set credential_process 'awsmfa credential-process --profile dev' --profile dev-mfa`
            hint: remove the old `credential_process`: `perl -i -ne 'print unless $. == 3 && /^\s*credential_process/i' ~/.aws/config`
            hint: use the session with `--profile dev-mfa`
            "),
            _ => insta::assert_snapshot!(ran.err(), @r"
            awsmfa: got a session for `dev`, valid until [TIME] ([LEFT]); saved only in awsmfa's cache
            warning: profile `dev` has a `role_arn`, so its `credential_process` is ignored by the AWS CLI and all SDKs
            hint: move `credential_process` to its own profile: `aws configure set credential_process 'awsmfa credential-process --profile dev' --profile dev-mfa`
            hint: remove the old `credential_process`: `perl -i -ne 'print unless $. == 3 && /^\s*credential_process/i' ~/.aws/config`
            hint: use the session with `--profile dev-mfa`
            "),
        }
    }
}

#[test]
fn command_without_a_profile_is_reported_and_the_hint_adds_it() {
    let world = world("credential_process = /usr/bin/awsmfa credential-process\n");
    keys_aside(&world);
    insta::assert_snapshot!(login(&world).err(), @"
    awsmfa: got a session for `dev`, valid until [TIME] ([LEFT]); saved only in awsmfa's cache
    warning: `credential_process` of profile `dev` does not specify a profile, so it serves the one in AWS_PROFILE, or `default`
    hint: aws configure set credential_process '/usr/bin/awsmfa credential-process --profile dev' --profile dev
    ");
    let config = world.home.read(".aws/config").replace("[profile dev]", "[default]");
    world.home.write_config(&config);
    world.home.write_credentials(&world.home.credentials().replace("[dev-", "[default-"));
    let ran = world.home.awsmfa(["login"]).run().success();
    assert!(!ran.err().contains("warning"), "the default profile needs no name: {}", ran.err());
}

#[test]
fn keys_in_the_environment_are_reported() {
    let world = world("");
    let run = || {
        world
            .home
            .awsmfa(["login", "-p", "dev"])
            .env("AWS_ACCESS_KEY_ID", "AKIAENV")
            .env("AWS_SECRET_ACCESS_KEY", "s")
    };
    insta::assert_snapshot!(run().run().success().err(), @"
    awsmfa: moved the long-term keys from [dev] to [dev-long-term]
    awsmfa: wrote a session for `dev` to [dev] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    warning: AWS_ACCESS_KEY_ID is set in the environment; without `--profile`, the AWS CLI and all SDKs use it instead of `dev`
    hint: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    ");
    let ran = run().env("AWS_PROFILE", "dev").run().success();
    assert!(!ran.err().contains("JavaScript"), "it prefers AWS_PROFILE: {}", ran.err());
    let half = world.home.awsmfa(["login", "-p", "dev"]).env("AWS_ACCESS_KEY_ID", "AKIAENV");
    insta::assert_snapshot!(half.run().success().err(), @"
    awsmfa: the session for `dev` in [dev] of ~/.aws/credentials is still valid until [TIME] ([LEFT])
    warning: only AWS_ACCESS_KEY_ID is set in the environment; without `--profile`, the AWS CLI and boto3 fail instead of using `dev`
    hint: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    ");
    let web = world
        .home
        .awsmfa(["login", "-p", "dev"])
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")
        .env("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    insta::assert_snapshot!(web.run().success().err(), @"
    awsmfa: the session for `dev` in [dev] of ~/.aws/credentials is still valid until [TIME] ([LEFT])
    warning: AWS_WEB_IDENTITY_TOKEN_FILE is set in the environment; without `--profile`, the AWS CLI, boto3, Terraform and the Java SDK use it instead of `dev`
    hint: unset AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN
    ");
}

#[test]
fn keys_in_the_environment_are_reported_once_for_all_profiles() {
    let world = world("");
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}{}", config.replace("profile dev", "profile two")));
    let keys = world.home.credentials();
    world.home.write_credentials(&format!("{keys}{}", keys.replace("[dev]", "[two]")));
    let run = world
        .home
        .awsmfa(["login", "--all"])
        .env("AWS_ACCESS_KEY_ID", "AKIAENV")
        .env("AWS_SECRET_ACCESS_KEY", "s");
    let ran = run.run().success();
    assert_eq!(ran.err().matches("warning").count(), 1, "{}", ran.err());
}

#[test]
fn mfa_serial_of_a_role_is_reported_and_the_hint_removes_it() {
    let world = world("");
    let role = world
        .aws
        .add_role("deploy", fake_aws::RoleSpec { require_mfa: true, ..fake_aws::RoleSpec::default() });
    let serial = &world.device.serial;
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!(
        "{config}\n[profile app]\nrole_arn = {}\nsource_profile = dev\nMFA_Serial = {serial}\n",
        role.arn
    ));
    let login = || world.home.awsmfa(["login", "-p", "app"]).run().success();
    let ran = login();
    insta::assert_snapshot!(ran.err(), @r#"
    awsmfa: wrote a session for `app` to [app-session] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    hint: use the session with `--profile app-session`
    warning: `mfa_serial` in role profile `app` (~/.aws/config:7) makes the AWS CLI prompt for a code; Terraform and the JavaScript SDK fail
    hint: remove the line; awsmfa knows the device without it: `perl -i -ne 'print unless $. == 7 && /^\s*mfa_serial/i' ~/.aws/config`
    "#);
    follow(&world, &ran);
    assert_eq!(
        world.home.read(".aws/config").to_lowercase().matches("mfa_serial").count(),
        1,
        "{}",
        world.home.read(".aws/config")
    );
    assert!(!login().err().contains("warning"));
}

#[test]
fn sso_next_to_the_written_session_is_reported() {
    let world = world("sso_account_id = 123456789012\nsso_role_name = x\n");
    insta::assert_snapshot!(login(&world).err(), @"
    awsmfa: moved the long-term keys from [dev] to [dev-long-term]
    awsmfa: wrote a session for `dev` to [dev] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    warning: the AWS CLI, boto3, the Rust SDK and the Java SDK sign in to profile `dev` through SSO (~/.aws/config:4) instead of using awsmfa's session
    hint: write the session to another profile: `awsmfa login --profile dev --output-profile dev-mfa`
    ");
}

#[test]
fn warning_about_one_sdk_is_singular() {
    let world = world("credential_source = Environment\n");
    insta::assert_snapshot!(login(&world).err(), @"
    awsmfa: moved the long-term keys from [dev] to [dev-long-term]
    awsmfa: wrote a session for `dev` to [dev] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    warning: the Rust SDK signs in to profile `dev` through `credential_source` (~/.aws/config:3) instead of using awsmfa's session
    hint: write the session to another profile: `awsmfa login --profile dev --output-profile dev-mfa`
    ");
}

#[test]
fn verbose_credential_process_shows_what_each_sdk_would_use() {
    let world = world(OURS);
    let ran = world.home.awsmfa(["-v", "credential-process", "-p", "dev"]).run().success();
    let err = ran.err();
    let shown: Vec<&str> =
        err.lines().filter(|line| line.contains("would use") || line.contains("warning")).collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    awsmfa: with `--profile dev`, the AWS CLI and boto3 would use the access key of `dev` (~/.aws/credentials:2)
    awsmfa: with `--profile dev`, the JavaScript SDK would use the access key of `dev` (~/.aws/credentials:2)
    awsmfa: with `--profile dev`, Terraform would use the access key of `dev` (~/.aws/credentials:2)
    awsmfa: with `--profile dev`, the Rust SDK would use awsmfa's session for `dev`
    awsmfa: with `--profile dev`, the Java SDK would use awsmfa's session for `dev`
    warning: the AWS CLI, boto3, the JavaScript SDK and Terraform use the access key of profile `dev` (~/.aws/credentials:2) instead of awsmfa's session
    ");
    assert!(
        !world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().err().contains("warning")
    );
}

#[test]
fn file_that_the_aws_cli_rejects_is_reported() {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    for (text, problem) in [
        (format!("\u{feff}{config}"), "line 1: the file starts with a UTF-8 byte order mark"),
        (format!("{config}[profile a]\nk = 1\nk = 2\n"), "`k` appears twice in section [profile a]"),
        (format!("{config}[profile a]\n[profile a]\n"), "section [profile a] appears twice"),
    ] {
        world.home.write_config(&text);
        let said = world.home.awsmfa(["login", "--profile", "dev"]).run().success().err();
        let warning = format!("warning: the AWS CLI and boto3 cannot read ~/.aws/config: {problem}");
        assert!(said.contains(&warning) && said.contains("\nhint: "), "{said}");
    }
    world.home.write_config(&config);
    let said = world.home.awsmfa(["login", "--profile", "dev"]).run().success().err();
    assert!(!said.contains("warning"), "{said}");
}
