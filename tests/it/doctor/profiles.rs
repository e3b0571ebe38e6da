//! Profiles that do not work.

use super::{add_config, add_credentials, found, good, noted};

const ROLE: &str = "role_arn = arn:aws:iam::123456789012:role/x";

#[test]
fn broken_chains_are_found() {
    let world = good();
    add_config(&world, &format!("[profile a]\n{ROLE}\nsource_profile = b\nregion = eu-west-1"));
    add_config(&world, &format!("[profile b]\n{ROLE}\nsource_profile = a\nregion = eu-west-1"));
    add_config(&world, &format!("[profile lost]\n{ROLE}\nsource_profile = dve\nregion = eu-west-1"));
    add_config(&world, &format!("[profile alone]\n{ROLE}\nregion = eu-west-1"));
    insta::assert_snapshot!(found(&world.home), @"
    error: circular `source_profile`: a → b → a (~/.aws/config:7)
      fix: give one of these profiles long-term keys instead of `source_profile`
    error: profile `alone` has a `role_arn` but no `source_profile` (~/.aws/config:18)
      fix: aws configure set source_profile NAME --profile alone
    error: profile `lost` has `source_profile = dve`, which does not exist (~/.aws/config:15)
      fix: aws configure set source_profile dev --profile lost
    ");
}

#[test]
fn serials_that_are_no_device_are_found() {
    let world = good();
    let profile = |name: &str, serial: &str| {
        add_config(&world, &format!("[profile {name}]\nregion = eu-west-1\nmfa_serial = {serial}"));
        add_credentials(&world, &format!("[{name}]\naws_access_key_id = AKIAX\naws_secret_access_key = s"));
    };
    profile("user", "arn:aws:iam::123456789012:user/bob");
    profile("fido", "arn:aws:iam::123456789012:u2f/user/bob/key-ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    profile("typo", "arn:aws:iam::1234:mfa/bob");
    insta::assert_snapshot!(found(&world.home), @"
    error: mfa_serial (~/.aws/config:10): `arn:aws:iam::123456789012:u2f/user/bob/key-ABCDEFGHIJKLMNOPQRSTUVWXYZ` is a security key or passkey; AWS STS accepts codes only from virtual devices and hardware tokens
      fix: add a virtual MFA device to the user and use its ARN
    error: mfa_serial (~/.aws/config:13): `arn:aws:iam::1234:mfa/bob` is not an MFA device serial
      fix: use a serial such as `arn:aws:iam::123456789012:mfa/alice`, or `GAHT12345678` for a hardware token
    error: mfa_serial (~/.aws/config:7): `arn:aws:iam::123456789012:user/bob` is the ARN of a user, not of an MFA device
      fix: use the device's ARN, often `arn:aws:iam::123456789012:mfa/bob`: `aws iam list-mfa-devices`
    ");
}

#[test]
fn missing_region_is_found() {
    let mut world = good();
    add_config(
        &world,
        &format!("[default]\nregion = us-west-2\n[profile web]\n{ROLE}\nsource_profile = dev"),
    );
    add_credentials(&world, "[bare]\naws_access_key_id = AKIAX\naws_secret_access_key = s");
    insta::assert_snapshot!(found(&world.home), @"
    warning: profile `bare` has no region, which most commands need (~/.aws/config)
      fix: aws configure set region us-west-2 --profile bare
    warning: profile `web` has no region, which most commands need (~/.aws/config)
      fix: aws configure set region eu-central-1 --profile web
    ");
    world.home.set("AWS_REGION", "eu-west-1");
    noted(&world.home);
}

#[test]
fn profiles_without_keys_or_secret_are_found() {
    let world = good();
    add_config(
        &world,
        "[profile nokeys]\nregion = eu-west-1\nmfa_serial = arn:aws:iam::123456789012:mfa/bob",
    );
    add_credentials(&world, "[half]\naws_access_key_id = AKIAX\nregion = eu-west-1");
    insta::assert_snapshot!(found(&world.home), @"
    error: profile `half` has an incomplete access key: `aws_secret_access_key` is missing (~/.aws/credentials:5)
      fix: aws configure --profile half
    error: no long-term keys for profile `nokeys` (looked in [nokeys-long-term], [nokeys], `credential_process`, `source_profile`)
      fix: enter the access key of an IAM user: `aws configure --profile nokeys`
    ");
    let world = good();
    add_config(&world, "[profile phone]\nregion = eu-west-1\nmfa_serial = arn:aws:iam::123456789012:mfa/bob");
    add_credentials(&world, "[phone]\naws_access_key_id = AKIAX\naws_secret_access_key = s");
    insta::assert_snapshot!(noted(&world.home), @"
    note: the secret of `arn:aws:iam::123456789012:mfa/bob` is not stored here, so each login to `phone` prompts for a code (~/.aws/config:7)
      fix: store the secret: `awsmfa device import --profile phone`
    no problems found in 2 profiles and 1 device
    ");
}

#[test]
fn hidden_sessions_are_found() {
    let world = good();
    add_config(&world, "credential_process = /bin/awsmfa credential-process --profile dev");
    add_config(
        &world,
        &format!(
            "[profile admin]\n{ROLE}\nsource_profile = dev\nregion = eu-west-1\nmfa_serial = {}",
            world.device.serial
        ),
    );
    insta::assert_snapshot!(found(&world.home), @r"
    error: `credential_process` of profile `dev` runs `/bin/awsmfa`, which does not exist or is not executable (~/.aws/config:5)
      fix: aws configure set credential_process '/usr/bin/awsmfa credential-process --profile dev' --profile dev

    warning: `mfa_serial` in role profile `admin` (~/.aws/config:10) makes the AWS CLI prompt for a code; Terraform and the JavaScript SDK fail
      fix: remove the line; awsmfa knows the device without it: `perl -i -ne 'print unless $. == 10 && /^\s*mfa_serial/i' ~/.aws/config`
    warning: the AWS CLI, boto3, the JavaScript SDK and Terraform use the access key of profile `dev` (~/.aws/credentials:2) instead of awsmfa's session
      fix: awsmfa setup --profile dev
    ");
}

#[test]
fn programs_that_cannot_run_are_found() {
    let mut world = good();
    world.home.write("bin/aws-vault", "");
    world.home.chmod("bin/aws-vault", 0o755);
    world.home.set("PATH", world.home.join("bin").to_str().unwrap());
    let profile = |name: &str, command: &str| {
        add_config(&world, &format!("[profile {name}]\nregion = eu-west-1\ncredential_process = {command}"));
    };
    profile("home", "~/bin/print-keys --json");
    profile("pipe", "cat keys.json | head -1");
    add_config(&world, "mfa_process = pass otp \"$(cat name)\"");
    profile("path", "/nowhere/awsmfa credential-process --profile dev");
    profile("quote", "'open");
    profile("short", "no-such-program");
    profile("vault", "aws-vault export --format=json vault");
    insta::assert_snapshot!(found(&world.home), @"
    error: `credential_process` of profile `home` runs `~/bin/print-keys`, which the AWS CLI and boto3 do not expand (~/.aws/config:7)
      fix: aws configure set credential_process '~/bin/print-keys --json' --profile home
    error: `credential_process` of profile `path` runs `/nowhere/awsmfa`, which does not exist or is not executable (~/.aws/config:14)
      fix: aws configure set credential_process '/usr/bin/awsmfa credential-process --profile dev' --profile path
    error: `credential_process` of profile `pipe` contains `|`, which needs a shell, and the AWS CLI and boto3 use none (~/.aws/config:10)
      fix: put the command line in a script, and set `credential_process` to the script's path
    error: `mfa_process` of profile `pipe` contains `$(`, which needs a shell, and awsmfa uses none (~/.aws/config:11)
      fix: put the command line in a script, and set `mfa_process` to the script's path
    error: `credential_process` of profile `quote` has a quote that is not closed (~/.aws/config:17)
      fix: close the quote
    error: `credential_process` of profile `short` runs `no-such-program`, which is not in PATH (~/.aws/config:20)
      fix: install the program, or write its absolute path

    note: `credential_process` of profile `vault` runs `aws-vault`, not awsmfa (~/.aws/config:23)
      fix: use awsmfa instead: `awsmfa setup --profile vault`
    ");
}

#[test]
fn command_for_a_missing_profile_is_found() {
    let world = good();
    world.home.write("bin/awsmfa", "");
    world.home.chmod("bin/awsmfa", 0o755);
    let program = world.home.join("bin/awsmfa");
    add_config(
        &world,
        &format!(
            "[profile tools]\nregion = eu-west-1\ncredential_process = {} credential-process -p deb",
            program.display()
        ),
    );
    insta::assert_snapshot!(found(&world.home), @"
    error: `credential_process` of profile `tools` gets the session of profile `deb`, which does not exist (~/.aws/config:7)
      fix: write `dev` instead of `deb`

    warning: `credential_process` of profile `tools` runs another awsmfa, ~/bin/awsmfa, not this one, /usr/bin/awsmfa (~/.aws/config:7)
      fix: aws configure set credential_process '/usr/bin/awsmfa credential-process -p deb' --profile tools
    ");
}

#[test]
fn profiles_that_share_a_section_are_found() {
    let world = good();
    add_config(&world, &format!("[profile web]\n{ROLE}\nsource_profile = dev\nregion = eu-west-1"));
    add_config(
        &world,
        &format!("[profile web-session]\nregion = eu-west-1\nmfa_serial = {}", world.device.serial),
    );
    add_credentials(
        &world,
        &format!(
            "[web-session]\naws_access_key_id = {}\naws_secret_access_key = {}",
            world.key.id, world.key.secret
        ),
    );
    insta::assert_snapshot!(found(&world.home), @"
    warning: profiles `web` and `web-session` both write their session to [web-session]
      fix: write one session to another profile: `awsmfa login --profile web --output-profile web-mfa`
    ");
}

#[test]
fn invalid_settings_are_found() {
    let world = good();
    add_config(&world, "duration_seconds = 5");
    insta::assert_snapshot!(found(&world.home), @"
    error: duration_seconds (~/.aws/config:5): a session lasts 15 minutes to 36 hours (900 to 129600 seconds), not `5`
      fix: set a number of seconds, such as `duration_seconds = 43200`, or remove the line
    ");
}

#[test]
fn command_of_a_missing_awsmfa_is_found_and_fixed() {
    let world = good();
    let long_term = world.home.credentials().replace("[dev]", "[dev-long-term]");
    world.home.write_credentials(&long_term);
    add_config(&world, "credential_process = awsmfa credential-process --profile dev");
    insta::assert_snapshot!(found(&world.home), @"
    error: `credential_process` of profile `dev` runs `awsmfa`, which is not in PATH (~/.aws/config:5)
      fix: aws configure set credential_process '/usr/bin/awsmfa credential-process --profile dev' --profile dev
    ");
    super::assert_fixed(&world.home);
    let config = world.home.read(".aws/config");
    let command = concat!("= ", env!("CARGO_BIN_EXE_awsmfa"), " credential-process --profile dev\n");
    assert!(config.contains(command), "{config}");
}

#[test]
fn command_of_another_awsmfa_is_found() {
    let mut world = good();
    let long_term = world.home.credentials().replace("[dev]", "[dev-long-term]");
    world.home.write_credentials(&long_term);
    world.home.write("bin/awsmfa", "");
    world.home.chmod("bin/awsmfa", 0o755);
    world.home.set("PATH", world.home.join("bin").to_str().unwrap());
    add_config(&world, "credential_process = awsmfa credential-process --profile dev");
    insta::assert_snapshot!(found(&world.home), @"
    warning: `credential_process` of profile `dev` runs another awsmfa, ~/bin/awsmfa, not this one, /usr/bin/awsmfa (~/.aws/config:5)
      fix: aws configure set credential_process '/usr/bin/awsmfa credential-process --profile dev' --profile dev
    ");
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_awsmfa")).parent().unwrap();
    world.home.set("PATH", folder.to_str().unwrap());
    insta::assert_snapshot!(noted(&world.home), @"
    note: `credential_process` of profile `dev` runs `awsmfa` without its path, which programs with another PATH do not find (~/.aws/config:5)
      fix: aws configure set credential_process '/usr/bin/awsmfa credential-process --profile dev' --profile dev
    no problems found in 1 profile and 1 device
    ");
    super::assert_fixed(&world.home);
}

#[test]
fn different_keys_of_a_profile_are_found() {
    let world = good();
    add_credentials(&world, "[dev-long-term]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other");
    insta::assert_snapshot!(found(&world.home), @"
    error: sections [dev] and [dev-long-term] contain different long-term keys (~/.aws/credentials:2)
      fix: remove the outdated access key from [dev] or [dev-long-term]
    ");
}

#[test]
fn settings_that_only_some_tools_read_are_found() {
    let world = good();
    let profile = |name: &str, region: &str, more: &str| {
        add_config(&world, &format!("[profile {name}]\nregion = {region}\n{more}"));
    };
    profile("form", "eu-west", "");
    profile("new", "eu-wst-1", "");
    profile("text", "Europe (Ireland)", "");
    profile("local", "local", "endpoint_url = http://localhost:4566");
    let role = "role_arn = arn:aws:iam::123456789012:role/x\ncredential_source";
    profile("both", "eu-west-1", &format!("{role} = Environment\nsource_profile = dev"));
    profile("where", "eu-west-1", &format!("{role} = Nowhere"));
    insta::assert_snapshot!(found(&world.home), @r"
    error: profile `both` has both `source_profile` and `credential_source` (~/.aws/config:20)
      fix: remove one of the two settings

    warning: `region` of profile `form` is `eu-west`, which is not a known AWS region (~/.aws/config:6)
      fix: aws configure set region eu-west-1 --profile form
    warning: `region` of profile `text` is `Europe (Ireland)`, which is not a known AWS region (~/.aws/config:12)
      fix: aws configure set region REGION --profile text
    warning: profile `where` has an unknown `credential_source`: `Nowhere` (~/.aws/config:25)
      fix: use `Environment`, `Ec2InstanceMetadata` or `EcsContainer`

    note: `region` of profile `new` is `eu-wst-1`, which is not a known AWS region (~/.aws/config:9)
      fix: aws configure set region eu-west-1 --profile new
    ");
}

#[test]
fn sections_that_do_not_exist_are_found() {
    let world = good();
    add_config(&world, "[profile sso]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = 1");
    add_config(&world, "[profile near]\nregion = eu-west-1\nsso_session = crop\nservices = locale");
    insta::assert_snapshot!(found(&world.home), @"
    error: profile `near` has `sso_session = crop`, but there is no section [sso-session crop] (~/.aws/config:11)
      fix: create the section: `aws configure sso-session`
    error: profile `near` has `services = locale`, but there is no section [services locale] (~/.aws/config:12)
      fix: add the section [services locale] to the config file, or remove `services`
    error: profile `sso` has `sso_session = corp`, but there is no section [sso-session corp] (~/.aws/config:7)
      fix: create the section: `aws configure sso-session`
    ");
    add_config(
        &world,
        "[sso-session corp]\nsso_region = eu-west-1\n[services local]\ns3 =\n  endpoint_url = http://x",
    );
    insta::assert_snapshot!(found(&world.home), @"
    error: profile `near` has `sso_session = crop`, but there is no section [sso-session crop] (~/.aws/config:11)
      fix: aws configure set sso_session corp --profile near
    error: profile `near` has `services = locale`, but there is no section [services locale] (~/.aws/config:12)
      fix: aws configure set services local --profile near
    ");
}

#[test]
fn keys_in_a_misnamed_section_are_found() {
    let world = good();
    world.home.write_credentials(&world.home.credentials().replace("[dev]", "[profile dev]"));
    insta::assert_snapshot!(found(&world.home), @r"
    error: no long-term keys for profile `dev`: the AWS SDKs do not read section [profile dev] as a profile (~/.aws/credentials:1)
      fix: rename the section to [dev]: `perl -pi -e 's/^\[.*?\]/[dev]/ if $. == 1' ~/.aws/credentials`
    ");
}
