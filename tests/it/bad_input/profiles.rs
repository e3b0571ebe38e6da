//! Profiles that are missing, have no keys, or have invalid settings.

use super::{Cause, assert_rejected, assert_rejected_for, fail, login, login_and_sdk, with_config};
use crate::support::{Home, World};
use fake_aws::FakeAws;

const OPTION: Cause = Cause::Invisible("only `--output-profile` leads to the section");

#[test]
fn unknown_profile_is_an_error() {
    let world = World::imported();
    let err = login_and_sdk(&world.home, "dve", 3);
    insta::assert_snapshot!(err, @"
    error: no profile `dve` in ~/.aws/config or ~/.aws/credentials
    hint: did you mean `--profile dev`?
    ");
    let err = login_and_sdk(&world.home, "production", 3);
    insta::assert_snapshot!(err, @"
    error: no profile `production` in ~/.aws/config or ~/.aws/credentials
    hint: create the profile: `aws configure --profile production`
    hint: or list existing profiles: `aws configure list-profiles`
    ");
    assert!(world.aws.requests().is_empty());
}

#[test]
fn missing_default_profile_is_an_error() {
    let home = Home::new(&FakeAws::start());
    let err = login_and_sdk(&home, "default", 3);
    insta::assert_snapshot!(err, @"
    error: no profile `default` in ~/.aws/config or ~/.aws/credentials
    hint: create the profile: `aws configure --profile default`
    hint: or list existing profiles: `aws configure list-profiles`
    ");
    let err = assert_rejected(&home, home.awsmfa(["device", "import", "--secret-stdin"]).stdin("x"), 3);
    insta::assert_snapshot!(err, @"
    error: no profile `default` in ~/.aws/config or ~/.aws/credentials
    hint: create the profile: `aws configure --profile default`
    hint: or list existing profiles: `aws configure list-profiles`
    ");
    let enroll = || home.awsmfa(["enroll"]).env("AWS_EC2_METADATA_DISABLED", "true");
    insta::assert_snapshot!(assert_rejected(&home, enroll(), 3), @"
    error: no profile `default` in ~/.aws/config or ~/.aws/credentials
    hint: create the profile: `aws configure --profile default`
    hint: or list existing profiles: `aws configure list-profiles`
    ");
    // Here the SDK has a place to look, so the error is why it found nothing there.
    let err = assert_rejected(&home, enroll().env("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"), 3);
    assert!(!err.contains("no profile"), "{err}");
    let err = assert_rejected(&home, home.awsmfa(["code"]), 3);
    insta::assert_snapshot!(err, @"
    error: no device is stored here
    hint: enroll a device: `awsmfa enroll`, or import an existing one: `awsmfa device import --profile NAME`
    ");
}

#[test]
fn missing_source_profile_is_an_error() {
    let world = World::imported();
    with_config(&world, "[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = dve");
    let err = login_and_sdk(&world.home, "admin", 3);
    insta::assert_snapshot!(err, @"
    error: profile `admin` has `source_profile = dve`, which does not exist (~/.aws/config:6)
    hint: aws configure set source_profile dev --profile admin
    ");
    with_config(
        &world,
        "[profile other]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = nothing-like-it",
    );
    let err = login_and_sdk(&world.home, "other", 3);
    insta::assert_snapshot!(err, @"
    error: profile `other` has `source_profile = nothing-like-it`, which does not exist (~/.aws/config:9)
    hint: aws configure set source_profile NAME --profile other
    ");
}

#[test]
fn circular_source_profiles_are_an_error() {
    let world = World::imported();
    let role = "role_arn = arn:aws:iam::123456789012:role/x";
    with_config(
        &world,
        &format!("[profile a]\n{role}\nsource_profile = b\n[profile b]\n{role}\nsource_profile = a"),
    );
    let err = login_and_sdk(&world.home, "a", 3);
    insta::assert_snapshot!(err, @"
    error: circular `source_profile`: a → b → a
    hint: give one of these profiles long-term keys instead of `source_profile`
    ");
}

#[test]
fn role_without_a_source_profile_is_an_error() {
    let world = World::imported();
    with_config(&world, "[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/x");
    let err = login_and_sdk(&world.home, "admin", 3);
    insta::assert_snapshot!(err, @"
    error: profile `admin` has a `role_arn` but no `source_profile` (~/.aws/config:5)
    hint: aws configure set source_profile NAME --profile admin
    ");
}

#[test]
fn profile_without_keys_is_an_error() {
    let world = World::imported();
    with_config(&world, "[profile bare]\nregion = eu-west-1");
    let err = login_and_sdk(&world.home, "bare", 3);
    insta::assert_snapshot!(err, @"
    error: no long-term keys for profile `bare` (looked in [bare-long-term], [bare], `credential_process`, `source_profile`)
    hint: enter the access key of an IAM user: `aws configure --profile bare`
    ");
    assert!(world.aws.requests().is_empty());
}

#[test]
fn error_says_what_a_profile_has_instead_of_long_term_keys() {
    let world = World::imported();
    with_config(
        &world,
        "[profile sso]\nsso_session = corp\n[profile ours]\ncredential_process = awsmfa credential-process -p ours\n[profile dev-mfa]\ncredential_process = awsmfa credential-process -p dev",
    );
    let err = login_and_sdk(&world.home, "sso", 3);
    insta::assert_snapshot!(err, @"
    error: no long-term keys for profile `sso`: it signs in through IAM Identity Center (SSO) (looked in [sso-long-term], [sso], `credential_process`, `source_profile`)
    hint: SSO profiles do not need awsmfa: `aws sso login --profile sso`
    ");
    let err = login_and_sdk(&world.home, "ours", 3);
    insta::assert_snapshot!(err, @"
    error: no long-term keys for profile `ours`: its `credential_process` is awsmfa itself (looked in [ours-long-term], [ours], `credential_process`, `source_profile`)
    hint: enter the access key of an IAM user: `aws configure --profile ours-long-term`
    ");
    let err = login(&world.home, "dev-mfa", 3);
    insta::assert_snapshot!(err, @"
    error: no long-term keys for profile `dev-mfa`: its `credential_process` gets the session of profile `dev` from awsmfa (looked in [dev-mfa-long-term], [dev-mfa], `credential_process`, `source_profile`)
    hint: use `--profile dev`
    ");
    world.home.write_credentials(
        "[dev]\naws_access_key_id = ASIAX\naws_secret_access_key = x\naws_session_token = t\n",
    );
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: no long-term keys for profile `dev`: it holds a session but no long-term keys (looked in [dev-long-term], [dev], `credential_process`, `source_profile`)
    hint: enter the access key of an IAM user: `aws configure --profile dev-long-term`
    ");
}

#[test]
fn incomplete_access_key_is_an_error() {
    let world = World::imported();
    world.home.write_credentials("[dev]\naws_access_key_id = AKIAX\n");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: profile `dev` has an incomplete access key: `aws_secret_access_key` is missing (~/.aws/credentials:2)
    hint: aws configure --profile dev
    ");
}

#[test]
fn different_long_term_keys_for_one_profile_are_an_error() {
    let world = World::imported();
    let credentials = world.home.credentials();
    world.home.write_credentials(&format!(
        "{credentials}[dev-long-term]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\n"
    ));
    let err = login(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: ~/.aws/credentials: sections [dev] and [dev-long-term] contain different long-term keys
    hint: remove the outdated access key from [dev] or [dev-long-term]
    ");
    assert!(world.aws.requests().is_empty(), "a code was used");
}

#[test]
fn session_of_another_tool_is_not_overwritten() {
    let world = World::imported();
    let long_term = world.home.credentials().replace("[dev]", "[dev-long-term]");
    let theirs = "[dev]\naws_access_key_id = ASIATHEIRS\naws_secret_access_key = s\naws_session_token = t\n";
    world.home.write_credentials(&format!("{long_term}\n{theirs}expiration = 2026-01-01 10:00:00\n"));
    let err = login(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: ~/.aws/credentials: section [dev] holds a session written by another tool (it has `expiration`)
    hint: overwrite it: `awsmfa login --profile dev --force`
    hint: or write the session to another profile: `awsmfa login --profile dev --output-profile dev-mfa`
    ");
    assert!(world.aws.requests().is_empty(), "a code was used");
    let elsewhere = ["login", "--profile", "dev", "--output-profile", "dev"];
    assert_rejected(&world.home, world.home.awsmfa(elsewhere), 3);
    // Both hints work.
    world.home.awsmfa(["login", "--profile", "dev", "--output-profile", "dev-mfa"]).run().success();
    assert_eq!(world.home.credential("dev", "aws_access_key_id").as_deref(), Some("ASIATHEIRS"));
    world.home.awsmfa(["login", "--profile", "dev", "--force"]).run().success();
    assert_ne!(world.home.credential("dev", "aws_access_key_id").as_deref(), Some("ASIATHEIRS"));
    assert_eq!(world.home.credential("dev", "expiration"), None);
}

#[test]
fn session_of_another_tool_in_the_output_profile_is_not_overwritten() {
    let world = World::imported();
    let credentials = world.home.credentials();
    let theirs = "[ops]\naws_access_key_id = ASIAT\naws_secret_access_key = s\naws_session_token = t\n";
    world.home.write_credentials(&format!("{credentials}{theirs}x_principal_arn = arn\n"));
    let run = world.home.awsmfa(["login", "--profile", "dev", "--output-profile", "ops"]);
    let err = assert_rejected_for(&world.home, run, 3, OPTION);
    insta::assert_snapshot!(err, @"
    error: ~/.aws/credentials: section [ops] holds a session written by another tool (it has `x_principal_arn`)
    hint: overwrite it: `awsmfa login --profile dev --output-profile ops --force`
    hint: or write the session to another profile: `awsmfa login --profile dev --output-profile dev-mfa`
    ");
}

#[test]
fn long_term_keys_of_the_output_profile_are_not_overwritten() {
    let world = World::imported();
    let credentials = world.home.credentials();
    world.home.write_credentials(&format!(
        "{credentials}[ops]\naws_access_key_id = AKIAOPS\naws_secret_access_key = s\n"
    ));
    let run = world.home.awsmfa(["login", "--profile", "dev", "--output-profile", "ops"]);
    let err = assert_rejected_for(&world.home, run, 3, OPTION);
    insta::assert_snapshot!(err, @"
    error: profile `ops` has its own long-term keys, which a session would overwrite
    hint: choose an unused name for `--output-profile`
    ");
}

#[test]
fn invalid_durations_are_rejected() {
    let world = World::imported();
    for (given, why) in [
        ("14m", "a session lasts 15 minutes to 36 hours (900 to 129600 seconds), not `14m`"),
        ("129601", "a session lasts 15 minutes to 36 hours (900 to 129600 seconds), not `129601`"),
        ("0", "a session lasts 15 minutes to 36 hours (900 to 129600 seconds), not `0`"),
        ("soon", "`soon` is not a duration"),
    ] {
        // clap rejects the command line, in its own format.
        let run = world.home.awsmfa(["login", "-p", "dev", "--duration", given]);
        let ran = fail(&world.home, run, 2, Cause::Visible);
        assert!(ran.err().starts_with("error: ") && ran.err().contains(why), "{}", ran.err());
        assert!(ran.err().contains("try '--help'"), "{}", ran.err());
    }
    let run = world.home.awsmfa(["login", "-p", "dev"]).env("AWSMFA_DURATION", "5");
    let err = assert_rejected(&world.home, run, 3);
    insta::assert_snapshot!(err, @"
    error: AWSMFA_DURATION: a session lasts 15 minutes to 36 hours (900 to 129600 seconds), not `5`
    hint: export AWSMFA_DURATION=12h
    ");
    with_config(&world, "duration_seconds = 600");
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @"
    error: duration_seconds (~/.aws/config:4): a session lasts 15 minutes to 36 hours (900 to 129600 seconds), not `600`
    hint: set a number of seconds, such as `duration_seconds = 43200`, or remove the line
    ");
    let world = World::imported();
    with_config(
        &world,
        "[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = dev\nduration_seconds = long",
    );
    let err = login_and_sdk(&world.home, "admin", 3);
    insta::assert_snapshot!(err, @"
    error: duration_seconds (~/.aws/config:7): `long` is not a duration
    hint: set a number of seconds, such as `duration_seconds = 43200`, or remove the line
    ");
    assert!(world.aws.requests().is_empty(), "a code was used");
}

#[test]
fn invalid_command_line_is_one_line_for_an_sdk() {
    let world = World::new();
    for args in [["credential-process", "--profil", "dev"], ["credential-process", "dev", "more"]] {
        let ran = fail(&world.home, world.home.awsmfa(args), 2, Cause::Visible);
        assert_eq!(ran.err().lines().count(), 1, "{}", ran.err());
    }
    let run = world.home.awsmfa(["credential-process", "--profil", "dev"]);
    let ran = fail(&world.home, run, 2, Cause::Visible);
    insta::assert_snapshot!(ran.err(), @"awsmfa: unexpected argument '--profil' found; tip: a similar argument exists: '--profile'; hint: see `awsmfa credential-process --help`");
}

#[test]
fn keys_in_a_misnamed_section_are_an_error() {
    let world = World::imported();
    with_config(&world, "[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = dev");
    world.home.write_credentials(&world.home.credentials().replace("[dev]", "[profile dev]"));
    let err = login_and_sdk(&world.home, "dev", 3);
    insta::assert_snapshot!(err, @r"
    error: no long-term keys for profile `dev`: the AWS SDKs do not read section [profile dev] as a profile (~/.aws/credentials:1)
    hint: rename the section to [dev]: `perl -pi -e 's/^\[.*?\]/[dev]/ if $. == 1' ~/.aws/credentials`
    ");
    for command in [
        "login -p admin",
        "exec -p dev -- true",
        "env -p admin",
        "serve -p dev -- true",
        "setup -p dev --yes",
        "setup -p admin --dry-run",
        "console -p admin",
        "keys rotate -p dev",
        "keys store -p dev",
        "enroll -p dev",
    ] {
        let ran = world.home.awsmfa(crate::support::words(command)).env("AWS_EC2_METADATA_DISABLED", "true");
        assert_eq!(assert_rejected(&world.home, ran, 3), err, "{command}");
    }
    // Without a section in the config file, there is no such profile.
    world.home.write_config(&world.home.read(".aws/config").replace("[profile dev]", "[profile other]"));
    insta::assert_snapshot!(login(&world.home, "admin", 3), @r"
    error: the AWS SDKs do not read section [profile dev] as a profile (~/.aws/credentials:1)
    hint: rename the section to [dev]: `perl -pi -e 's/^\[.*?\]/[dev]/ if $. == 1' ~/.aws/credentials`
    ");
}
