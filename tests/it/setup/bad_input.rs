//! What cannot be set up is refused before anything changes.

use super::both;
use crate::bad_input::{Cause, fail};
use crate::support::World;

/// Runs `setup` on these files and returns what it says; nothing may change.
#[track_caller]
fn refused(world: &World, args: &[&str], code: i32) -> String {
    let before = both(&world.home);
    let run = world.home.awsmfa([&["setup"], args, &["--yes"]].concat());
    let ran = fail(&world.home, run, code, Cause::Visible);
    assert_eq!(both(&world.home), before);
    assert!(!world.home.files().keys().any(|name| name.contains("/setups/")));
    ran.err()
}

#[test]
fn unknown_profile() {
    let world = World::imported();
    insta::assert_snapshot!(refused(&world, &["-p", "dve"], 3), @"
    error: no profile `dve` in ~/.aws/config or ~/.aws/credentials
    hint: did you mean `--profile dev`?
    ");
    insta::assert_snapshot!(refused(&world, &["-p", "dev", "-p", "elsewhere"], 3), @"
    error: no profile `elsewhere` in ~/.aws/config or ~/.aws/credentials
    hint: create the profile: `aws configure --profile elsewhere`
    hint: or list existing profiles: `aws configure list-profiles`
    ");
}

#[test]
fn no_device() {
    let world = World::imported();
    world.aws.add_user("bob");
    let key = world.aws.add_access_key("bob");
    let bob = format!("[bob]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    world.home.write_credentials(&bob);
    insta::assert_snapshot!(refused(&world, &["-p", "bob"], 3), @"
    error: profile `bob` has no `mfa_serial`, and its user has no MFA device
    hint: awsmfa enroll --profile bob
    ");
}

#[test]
fn no_stored_secret() {
    let world = World::new();
    insta::assert_snapshot!(refused(&world, &["-p", "dev"], 3), @"
    error: no secret is stored for `arn:aws:iam::123456789012:mfa/alice`, so tools would need a person to type codes
    hint: store the secret: `awsmfa device import --profile dev`
    hint: or type codes at each login: `awsmfa setup --profile dev --yes --mode login`
    ");
    let err = refused(&world, &["-p", "dev", "--store-keys", "--dry-run"], 3);
    let again = "`awsmfa setup --profile dev --store-keys --dry-run --yes --mode login`";
    assert!(err.contains(again), "{err}");
}

#[test]
fn wrong_secret() {
    let world = World::with_the_wrong_secret();
    world.freeze();
    let said = refused(&world, &["-p", "dev"], 4);
    assert!(said.contains("error: "), "{said}");
}

#[test]
fn long_term_section() {
    let world = World::imported();
    world.home.write_credentials(&world.home.credentials().replace("[dev]", "[dev-long-term]"));
    insta::assert_snapshot!(refused(&world, &["-p", "dev-long-term"], 3), @"
    error: profile `dev-long-term` holds the long-term keys of profile `dev`
    hint: awsmfa setup --yes --profile dev
    ");
}

#[test]
fn other_ways_to_sign_in() {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    world
        .home
        .write_config("[profile dev]\nsso_session = corp\n[sso-session corp]\nsso_region = us-east-1\n");
    let credentials = world.home.credentials();
    world.home.write_credentials("");
    insta::assert_snapshot!(refused(&world, &["-p", "dev"], 3), @"
    error: no long-term keys for profile `dev`: it signs in through IAM Identity Center (SSO) (looked in [dev-long-term], [dev], `credential_process`, `source_profile`)
    hint: SSO profiles do not need awsmfa: `aws sso login --profile dev`
    ");
    // Beside keys.
    world.home.write_credentials(&credentials);
    world.home.write_config(&format!("{config}sso_account_id = 123456789012\nsso_role_name = r\n"));
    insta::assert_snapshot!(refused(&world, &["-p", "dev"], 3), @"
    error: the AWS CLI, boto3, Terraform, the Rust SDK and the Java SDK sign in to profile `dev` through SSO (~/.aws/config:5) instead of using awsmfa's session
    hint: write the session to another profile: `awsmfa login --profile dev --output-profile dev-mfa`
    ");
    world.home.write_config(&format!("{config}web_identity_token_file = /x\n"));
    let said = refused(&world, &["-p", "dev"], 3);
    assert!(said.contains("through a web identity token"), "{said}");
}

#[test]
fn circular_source_profiles() {
    let world = World::imported();
    world.home.write_config("[profile a]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = b\n[profile b]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = a\n");
    insta::assert_snapshot!(refused(&world, &["-p", "a"], 3), @"
    error: circular `source_profile`: a → b → a
    hint: give one of these profiles long-term keys instead of `source_profile`
    ");
}

#[test]
fn different_keys_in_the_long_term_section() {
    let world = World::imported();
    let other = "[dev-long-term]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\n";
    world.home.write_credentials(&(world.home.credentials() + other));
    insta::assert_snapshot!(refused(&world, &["-p", "dev"], 3), @"
    error: ~/.aws/credentials: sections [dev] and [dev-long-term] contain different long-term keys
    hint: remove the outdated access key from [dev] or [dev-long-term]
    ");
}

#[test]
fn files_that_cannot_be_edited() {
    let world = World::imported();
    let (config, credentials) = both(&world.home);
    world.home.write_config(&format!("{config}[profile x]\na = 1\n[profile x]\n"));
    insta::assert_snapshot!(refused(&world, &["-p", "dev"], 3), @"
    error: ~/.aws/config cannot be edited safely: section [profile x] appears twice, on lines 4 and 6
    hint: merge the duplicates by hand; the AWS CLI cannot read the file as it is
    ");
    world.home.write_config(&config);
    world.home.chmod(".aws/credentials", 0o400);
    let said = refused(&world, &["-p", "dev"], 3);
    assert!(said.contains("~/.aws/credentials cannot be replaced"), "{said}");
    world.home.chmod(".aws/credentials", 0o600);
    world.home.write_credentials(&format!("\u{feff}{credentials}"));
    refused(&world, &["-p", "dev"], 3);
}

#[test]
fn no_terminal_to_confirm_on() {
    let world = World::imported();
    let before = both(&world.home);
    let ran = fail(&world.home, world.home.awsmfa(["setup", "-p", "dev"]), 2, Cause::Visible);
    assert!(ran.err().ends_with("error: cannot prompt (`AWSMFA_NO_INPUT` is set)\nhint: use `--yes` to make the changes without confirmation\n"), "{}", ran.err());
    assert_eq!(both(&world.home), before);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 0);
    let both_modes = ["setup", "-p", "dev", "--mode", "login", "--undo"];
    fail(&world.home, world.home.awsmfa(both_modes), 2, Cause::Visible);
}
