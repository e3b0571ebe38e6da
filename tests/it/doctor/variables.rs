//! Environment variables.

use super::{good, noted, printed};

#[test]
fn variables_that_win_or_are_left_over_are_found() {
    let mut world = good();
    let home = &mut world.home;
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIAX"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "t"),
        ("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z"),
        ("AWS_PROFILE", "dve"),
        ("AWS_DEFAULT_PROFILE", "dev"),
        ("AWS_ENDPOINT_URL", "http://localhost:4566"),
        ("AWSMFA_UNLOCK_FOR", "5minuets"),
        ("AWSMFA_STORE", "vault"),
        ("AWSMFA_DURATION", "5"),
    ] {
        home.set(name, value);
    }
    insta::assert_snapshot!(super::found(home), @"
    error: AWS_PROFILE is `dve`, a profile that does not exist
      fix: export AWS_PROFILE=dev
    error: the session in the environment expired at [TIME] (AWS_ACCESS_KEY_ID)
      fix: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CREDENTIAL_EXPIRATION
    error: AWSMFA_UNLOCK_FOR: `5minuets` is not a duration
      fix: use a duration such as `8h`, or `0`
    error: AWSMFA_STORE: `vault` is not a store; use `keyring` or `file`
      fix: AWSMFA_STORE=file
    error: AWSMFA_DURATION: a session lasts 15 minutes to 36 hours (900 to 129600 seconds), not `5`
      fix: export AWSMFA_DURATION=12h

    warning: AWS_DEFAULT_PROFILE is `dev`, but AWS_PROFILE is `dve`; boto3 and AWS CLI v1 use the former, other tools the latter
      fix: unset AWS_DEFAULT_PROFILE
    warning: AWS_ACCESS_KEY_ID is set in the environment; without `--profile`, the AWS CLI, boto3, Terraform, the Rust SDK and the Java SDK use it instead of `dev`
      fix: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN

    note: AWS_ENDPOINT_URL sends requests to `http://localhost:4566` instead of AWS
      fix: use AWS: `unset AWS_ENDPOINT_URL`
    ");
}

#[test]
fn keys_in_the_environment_are_found() {
    let world = good();
    let run = || world.home.awsmfa(["doctor", "--offline"]);
    insta::assert_snapshot!(printed(&world.home, run().keys(&world.key), 1), @"
    warning: AWS_ACCESS_KEY_ID is set in the environment; without `--profile`, the AWS CLI and all SDKs use it instead of `dev`
      fix: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    ");
    insta::assert_snapshot!(printed(&world.home, run().env("AWS_ACCESS_KEY_ID", "AKIAX"), 1), @"
    error: only AWS_ACCESS_KEY_ID is set in the environment; without `--profile`, the AWS CLI and boto3 fail instead of using `dev`
      fix: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    ");
    insta::assert_snapshot!(printed(&world.home, run().env("AWS_SESSION_TOKEN", "t"), 1), @"
    warning: AWS_SESSION_TOKEN is set without an access key
      fix: unset AWS_SESSION_TOKEN
    ");
    noted(&world.home);
}

#[test]
#[cfg(unix)]
fn passphrase_file_that_others_can_read_is_found_and_made_private() {
    let world = good();
    world.home.chmod("passphrase", 0o640);
    insta::assert_snapshot!(super::found(&world.home), @"
    warning: `~/passphrase` is accessible to other users
      fix: make the file private: `chmod 600 ~/passphrase`
    ");
    super::assert_fixed(&world.home);
}

#[test]
fn missing_files_and_mistyped_regions_are_found() {
    let mut world = good();
    world.home.set("AWS_REGION", "eu-west");
    world.home.set("AWS_DEFAULT_REGION", "eu-wst-1");
    let missing = world.home.join("nowhere").display().to_string();
    world.home.set("AWS_SHARED_CREDENTIALS_FILE", &missing);
    let said = super::found(&world.home);
    for part in [
        "warning: AWS_REGION is `eu-west`, which is not a known AWS region\n  fix: export AWS_REGION=eu-west-1\n",
        "warning: AWS_SHARED_CREDENTIALS_FILE is `~/nowhere`, which does not exist\n  fix: unset AWS_SHARED_CREDENTIALS_FILE\n",
        "note: AWS_DEFAULT_REGION is `eu-wst-1`, which is not a known AWS region\n  fix: export AWS_DEFAULT_REGION=eu-west-1\n",
    ] {
        assert!(said.contains(part), "{said}");
    }
}
