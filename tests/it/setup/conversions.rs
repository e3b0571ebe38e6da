//! Setups of other tools are converted.

use super::{both, connect, lines, plain, setup, undo};
use crate::support::World;

const SESSION: &str = "aws_access_key_id = ASIAOLD\naws_secret_access_key = s\naws_session_token = t\n";

/// Writes the files with these marks: `KEYS` stands for the lines of the access key, `SERIAL` for the device.
fn world(config: &str, credentials: &str) -> World {
    let world = World::imported();
    let keys = world.home.credentials().replace("[dev]\n", "");
    let fill = |text: &str| {
        text.replace("KEYS\n", &keys).replace("SERIAL", &world.device.serial).replace("SESSION\n", SESSION)
    };
    world.home.write_config(&fill(config));
    world.home.write_credentials(&fill(credentials));
    world
}

/// Sets up `dev` and returns both files and what was said after the diff. Undoing gives every byte back.
fn converted(world: &World) -> String {
    let before = both(&world.home);
    let ran = connect(world);
    let (config, credentials) = both(&world.home);
    let said = lines(&ran, |line| ["awsmfa:", "warning:", "hint:"].iter().any(|head| line.starts_with(head)));
    let again = connect(world);
    assert!(again.err().starts_with("awsmfa: nothing to change"), "{}", again.err());
    undo(world);
    assert_eq!(both(&world.home), before);
    plain(world, &format!("{config}--\n{credentials}--\n{said}"))
}

#[test]
fn aws_mfa() {
    let world = world(
        "[profile dev]\nregion = eu-west-1\n",
        "[dev-long-term]\nKEYS\naws_mfa_device = SERIAL\n\n[dev]\nassumed_role = False\nSESSION\naws_security_token = t\nexpiration = 2020-01-01 00:00:00\n",
    );
    insta::assert_snapshot!(converted(&world), @"
    [profile dev]
    region = eu-west-1
    credential_process = /bin/awsmfa credential-process --profile dev
    --
    [dev-long-term]
    aws_access_key_id = [ID]
    aws_secret_access_key = [SECRET]
    aws_mfa_device = arn:aws:iam::123456789012:mfa/alice
    --
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
}

#[test]
fn aws_mfa_with_a_role() {
    let world = world(
        "",
        "[dev-long-term]\nKEYS\naws_mfa_device = SERIAL\n[dev]\nassumed_role = True\nassumed_role_arn = arn:aws:iam::123456789012:role/deploy\nSESSION\naws_security_token = t\nexpiration = 2020-01-01 00:00:00\n",
    );
    insta::assert_snapshot!(converted(&world), @"
    [profile dev]
    credential_process = /bin/awsmfa credential-process --profile dev
    --
    [dev-long-term]
    aws_access_key_id = [ID]
    aws_secret_access_key = [SECRET]
    aws_mfa_device = arn:aws:iam::123456789012:mfa/alice
    --
    warning: aws-mfa assumed role `arn:aws:iam::123456789012:role/deploy` for `dev`, which now gets the user's own session
    hint: create a profile for the role: `aws configure set role_arn arn:aws:iam::123456789012:role/deploy --profile dev-role` and `aws configure set source_profile dev --profile dev-role`
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
}

#[test]
fn aws_vault_with_the_keys_in_the_file() {
    let world = world(
        "[profile dev]\nmfa_serial = SERIAL\ncredential_process = aws-vault exec dev --json\n",
        "[dev]\nKEYS\n",
    );
    insta::assert_snapshot!(converted(&world), @"
    [profile dev]
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    credential_process = /bin/awsmfa credential-process --profile dev
    --
    [dev-long-term]
    aws_access_key_id = [ID]
    aws_secret_access_key = [SECRET]
    --
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
}

#[test]
fn aws_vault_with_the_keys_in_its_keyring() {
    for command in ["aws-vault exec --json dev", "/opt/bin/aws-vault export --format=json dev"] {
        let world =
            world(&format!("[profile dev]\nmfa_serial = SERIAL\ncredential_process = {command}\n"), "");
        let before = both(&world.home);
        let said = setup(&world.home, &["-p", "dev", "--yes"]).code(3).err();
        insta::allow_duplicates! { insta::assert_snapshot!(said, @"
        error: the long-term keys of profile `dev` are in aws-vault, which prints only sessions
        hint: keep them in aws-vault: `aws configure set credential_process 'aws-vault export --no-session --format=json dev' --profile dev-long-term`, then run `awsmfa setup --profile dev --yes`
        hint: or enter them in the credentials file: `aws configure --profile dev-long-term`; aws-vault shows them with `aws-vault export --no-session dev`
        ") }
        assert_eq!(both(&world.home), before);
    }
}

#[cfg(unix)]
#[test]
fn aws_vault_without_a_credential_process() {
    let world = world("[profile dev]\nmfa_serial = SERIAL\n", "");
    world.home.write_program("bin/aws-vault", "");
    let run = world.home.awsmfa(["setup", "-p", "dev", "--yes"]).env("PATH", world.home.join("bin"));
    insta::assert_snapshot!(run.run().code(3).err(), @"
    error: no long-term keys for profile `dev` (looked in [dev-long-term], [dev], `credential_process`, `source_profile`)
    hint: enter the access key of an IAM user: `aws configure --profile dev`
    hint: or keep them in aws-vault: `aws configure set credential_process 'aws-vault export --no-session --format=json dev' --profile dev-long-term`, then run `awsmfa setup --profile dev --yes`
    ");
}

#[test]
fn program_that_prints_the_keys_goes_on_printing_them() {
    let world = world("[profile dev]\nmfa_serial = SERIAL\ncredential_process = /bin/cat KEYFILE\n", "");
    let json = format!(
        "{{\"Version\": 1, \"AccessKeyId\": \"{}\", \"SecretAccessKey\": \"{}\"}}",
        world.key.id, world.key.secret
    );
    world.home.write("keys.json", &json);
    let file = world.home.join("keys.json");
    let config = world.home.read(".aws/config").replace("KEYFILE", file.to_str().unwrap());
    world.home.write_config(&config);
    world.home.write_credentials("\n");
    insta::assert_snapshot!(converted(&world).replace(world.home.path().to_str().unwrap(), "~"), @"
    [profile dev]
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    credential_process = /bin/awsmfa credential-process --profile dev

    [profile dev-long-term]
    credential_process = /bin/cat ~/keys.json
    --

    --
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
}

#[test]
fn program_that_prints_a_session_is_refused() {
    let world = world(
        "[profile dev]\nmfa_serial = SERIAL\ncredential_process = /bin/echo '{\"Version\": 1, \"AccessKeyId\": \"ASIA\", \"SecretAccessKey\": \"s\", \"SessionToken\": \"t\"}'\n",
        "",
    );
    let before = both(&world.home);
    let said = setup(&world.home, &["-p", "dev", "--yes"]).code(3).err();
    assert!(said.contains("printed a session instead of long-term keys"), "{said}");
    assert_eq!(both(&world.home), before);
}

#[test]
fn awsume() {
    let world = world(
        "[profile dev]\nmfa_serial = SERIAL\nregion = eu-west-1\n",
        "[dev]\nmanager = awsume\nSESSION\nexpiration = 2020-01-01 00:00:00\nautoawsume = true\n[dev-long-term]\nKEYS\n",
    );
    insta::assert_snapshot!(converted(&world), @"
    [profile dev]
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    region = eu-west-1
    credential_process = /bin/awsmfa credential-process --profile dev
    --
    [dev-long-term]
    aws_access_key_id = [ID]
    aws_secret_access_key = [SECRET]
    --
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
}

#[test]
fn mfa_login_of_the_aws_cli() {
    let world = world(
        "[profile dev]\nmfa_serial = SERIAL\nregion = eu-west-1\n",
        "[dev]\nKEYS\n\n[123456789012-alice]\nSESSION\n",
    );
    insta::assert_snapshot!(converted(&world), @"
    [profile dev]
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    region = eu-west-1
    credential_process = /bin/awsmfa credential-process --profile dev

    [profile 123456789012-alice]
    credential_process = /bin/awsmfa credential-process --profile dev
    region = eu-west-1
    --
    [dev-long-term]
    aws_access_key_id = [ID]
    aws_secret_access_key = [SECRET]
    --
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
    // A profile that has only the session does not know the keys.
    let said = setup(&world.home, &["-p", "123456789012-alice", "--yes"]).code(3).err();
    assert!(said.contains("it holds a session but no long-term keys"), "{said}");
    // The alias gets the same session.
    connect(&world);
    let config = world.home.read(".aws/config");
    assert_eq!(config.matches("credential-process --profile dev").count(), 2, "{config}");
}
