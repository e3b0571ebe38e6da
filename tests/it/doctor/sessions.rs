//! Sessions in the credentials file.

use super::{add_config, add_credentials, assert_fixed, found, good, noted};

const SESSION: &str = "aws_access_key_id = ASIAX\naws_secret_access_key = s\naws_session_token = t";

#[test]
fn expired_session_is_found_and_removed() {
    let world = good();
    let long_term = world.home.credentials().replace("[dev]", "[dev-long-term]");
    world.home.write_credentials(&format!(
        "{long_term}\n[dev]\n{SESSION}\nx_security_token_expires = 2026-01-01T00:00:00Z\n"
    ));
    insta::assert_snapshot!(found(&world.home), @"
    warning: the session in [dev] expired at [TIME] (~/.aws/credentials:6)
      fix: get a new session: `awsmfa login --profile dev`
      fix: or let tools renew sessions by themselves: `awsmfa setup --profile dev`
    ");
    assert_fixed(&world.home);
    assert_eq!(world.home.credentials(), long_term, "the long-term keys stay");
}

#[test]
fn sessions_of_other_tools_are_found() {
    let world = good();
    for name in ["aws-mfa", "saml", "autoawsume-x", "123456789012-alice"] {
        add_config(&world, &format!("[profile {name}]\nregion = eu-west-1"));
    }
    add_credentials(
        &world,
        &format!("[aws-mfa]\n{SESSION}\nassumed_role = False\nexpiration = 2026-01-01 00:00:00"),
    );
    add_credentials(
        &world,
        &format!("[saml]\n{SESSION}\nx_principal_arn = arn\nx_security_token_expires = 2199-01-01T00:00:00Z"),
    );
    add_credentials(&world, &format!("[autoawsume-x]\n{SESSION}\nautoawsume = true"));
    add_credentials(&world, &format!("[123456789012-alice]\n{SESSION}"));
    insta::assert_snapshot!(found(&world.home), @"
    warning: [aws-mfa] holds a session written by aws-mfa (it has `assumed_role`), which expired at [TIME] (~/.aws/credentials:5)
      fix: remove section [aws-mfa] if you no longer use that tool

    note: [123456789012-alice] holds a session without an expiration, as `aws configure mfa-login` writes it; awsmfa does not renew it (~/.aws/credentials:22)
      fix: remove section [123456789012-alice] once its session has expired
    note: [autoawsume-x] holds a session written by awsume (it has `autoawsume`) (~/.aws/credentials:17)
      fix: remove section [autoawsume-x] if you no longer use that tool
    note: [saml] holds a session written by saml2aws (it has `x_principal_arn`) (~/.aws/credentials:11)
      fix: remove section [saml] if you no longer use that tool
    ");
    let world = good();
    let long_term = world.home.credentials().replace("[dev]", "[dev-long-term]");
    world
        .home
        .write_credentials(&format!("{long_term}\n[dev]\n{SESSION}\nexpiration = 2199-01-01 00:00:00\n"));
    insta::assert_snapshot!(found(&world.home), @"
    warning: [dev] holds a session written by another tool (it has `expiration`) (~/.aws/credentials:6)
      fix: connect the profile with awsmfa: `awsmfa setup --profile dev`
      fix: or overwrite the session: `awsmfa login --profile dev --force`
    ");
}

#[test]
fn stale_legacy_token_is_found_and_removed() {
    let world = good();
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    noted(&world.home);
    let credentials = world.home.credentials();
    world.home.write_credentials(
        &credentials.replace("aws_session_token", "aws_security_token = stale\naws_session_token"),
    );
    insta::assert_snapshot!(found(&world.home), @r"
    warning: `aws_security_token` of profile `dev` differs from `aws_session_token`; the AWS CLI and boto3 use the older key (~/.aws/credentials:4)
      fix: remove the line: `perl -i -ne 'print unless $. == 4 && /^\s*aws_security_token/i' ~/.aws/credentials`
    ");
    assert_fixed(&world.home);
    assert_eq!(world.home.credentials(), credentials);
}
