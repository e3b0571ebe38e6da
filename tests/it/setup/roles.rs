//! Profiles with a role: their source profile is connected with awsmfa.

use fake_aws::RoleSpec;

use super::{both, connect, lines, plain, setup, undo};
use crate::support::World;

/// A world with role profile `app`, which has these lines, and the lines of `dev`.
fn with_role(app: &str, dev: &str) -> World {
    let world = World::imported();
    let spec = RoleSpec { require_mfa: true, max_session_duration: 7200, ..RoleSpec::default() };
    let role = world.aws.add_role("deploy", spec);
    let serial = &world.device.serial;
    let config =
        format!("[profile app]\nrole_arn = {}\nsource_profile = dev\n{app}\n[profile dev]\n{dev}", role.arn);
    world.home.write_config(&config.replace("SERIAL", serial));
    world
}

#[test]
fn source_profile_is_connected_and_the_role_does_not_prompt() {
    let world = with_role("mfa_serial = SERIAL\n", "mfa_serial = SERIAL\nregion = eu-west-1\n");
    let before = both(&world.home);
    let ran = setup(&world.home, &["-p", "app", "--yes"]).success();
    assert!(ran.err().contains("app: arn:aws:sts::123456789012:assumed-role/deploy/"), "{}", ran.err());
    insta::assert_snapshot!(plain(&world, &world.home.read(".aws/config")), @"
    [profile app]
    role_arn = arn:aws:iam::123456789012:role/deploy
    source_profile = dev

    [profile dev]
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    region = eu-west-1
    credential_process = /bin/awsmfa credential-process --profile dev
    ");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "one session for the user and the role");
    let again = setup(&world.home, &["-p", "app", "-p", "dev", "--yes"]).success();
    assert!(again.err().starts_with("awsmfa: nothing to change"), "{}", again.err());
    undo(&world);
    assert_eq!(both(&world.home), before);
    // The source profile's setup covers its roles.
    connect(&world);
    assert_eq!(world.home.read(".aws/config").matches("mfa_serial").count(), 1);
}

#[test]
fn serial_of_the_role_moves_to_the_source_profile() {
    let world = with_role("mfa_serial = SERIAL\n", "region = eu-west-1\n");
    std::fs::remove_dir_all(world.home.join(".local/share/awsmfa")).unwrap();
    let world = World { home: world.home, ..world };
    world.home.import(&world.device.serial, &world.device.seed);
    setup(&world.home, &["-p", "app", "--yes"]).success();
    insta::assert_snapshot!(plain(&world, &world.home.read(".aws/config")), @"
    [profile app]
    role_arn = arn:aws:iam::123456789012:role/deploy
    source_profile = dev

    [profile dev]
    region = eu-west-1
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    credential_process = /bin/awsmfa credential-process --profile dev
    ");
}

#[test]
fn session_profile_gets_the_region() {
    let world = with_role("region = eu-west-1\n", "mfa_serial = SERIAL\n");
    setup(&world.home, &["-p", "app", "--mode", "login", "--yes"]).success();
    world.home.awsmfa(["login", "-p", "app"]).run().success();
    insta::assert_snapshot!(plain(&world, &world.home.read(".aws/config")), @"
    [profile app]
    role_arn = arn:aws:iam::123456789012:role/deploy
    source_profile = dev
    region = eu-west-1

    [profile dev]
    mfa_serial = arn:aws:iam::123456789012:mfa/alice

    [profile app-session]
    region = eu-west-1
    ");
    assert!(world.home.credential("dev", "aws_session_token").is_some());
    assert!(world.home.credential("app-session", "aws_session_token").is_some());
}

#[test]
fn role_for_more_than_an_hour_is_refused_and_another_one_is_warned_about() {
    let world = with_role("duration_seconds = 7200\n", "mfa_serial = SERIAL\n");
    let before = both(&world.home);
    let refused = setup(&world.home, &["-p", "app", "--yes"]).code(3);
    insta::assert_snapshot!(plain(&world, &refused.err()), @"
    error: tools cannot use `duration_seconds` of profile `app`: AWS limits a role that is assumed with a session to 1 hour
    hint: aws configure set duration_seconds 3600 --profile app
    hint: or keep the duration and use profile `app-mfa` instead: `aws configure set credential_process '/bin/awsmfa credential-process --profile app' --profile app-mfa`
    ");
    assert_eq!(both(&world.home), before);
    let ran = connect(&world);
    let said = lines(&ran, |line| line.contains("duration"));
    insta::assert_snapshot!(plain(&world, &said), @"
    warning: `duration_seconds` of `app` is too long: AWS limits a role that is assumed with a session to 1 hour
    hint: aws configure set duration_seconds 3600 --profile app
    hint: or keep the duration and use profile `app-mfa` instead: `aws configure set credential_process '/bin/awsmfa credential-process --profile app' --profile app-mfa`
    ");
    // What that profile would run.
    world.home.awsmfa(["credential-process", "--profile", "app"]).run().success();
    let assumed = world.aws.requests_for("AssumeRole");
    assert_eq!(assumed.last().unwrap().param("DurationSeconds"), Some("7200"));
}

#[test]
fn role_with_the_long_term_section_as_its_source_is_refused() {
    let world = with_role("mfa_serial = SERIAL\n", "region = eu-west-1\n");
    let config =
        world.home.read(".aws/config").replace("source_profile = dev", "source_profile = dev-long-term");
    world.home.write_config(&config);
    world.home.write_credentials(&world.home.credentials().replace("[dev]", "[dev-long-term]"));
    let before = both(&world.home);
    insta::assert_snapshot!(setup(&world.home, &["-p", "app", "--yes"]).code(3).err(), @"
    error: `source_profile` of profile `app` is `dev-long-term`, which holds the long-term keys of profile `dev`
    hint: use `dev` as the source: `aws configure set source_profile dev --profile app`, then run `awsmfa setup --profile app --yes`
    ");
    assert_eq!(both(&world.home), before);
    world.home.write_config(&config.replace("dev-long-term", "dev"));
    setup(&world.home, &["-p", "app", "--yes"]).success();
}

#[test]
fn role_beside_its_own_keys_is_refused() {
    let world = World::imported();
    let role = world.aws.add_role("deploy", RoleSpec::default());
    let config = format!("{}role_arn = {}\nsource_profile = dev\n", world.home.read(".aws/config"), role.arn);
    world.home.write_config(&config);
    let before = both(&world.home);
    let said = setup(&world.home, &["-p", "dev", "--yes"]).code(3).err();
    insta::assert_snapshot!(said, @"
    error: profile `dev` has both a role and the access key that assumes it
    hint: enter the access key in its own profile: `aws configure --profile dev-user`
    hint: then use it for the role: `aws configure set source_profile dev-user --profile dev`, and remove the access key from `dev`
    ");
    assert_eq!(both(&world.home), before);
}

#[test]
fn role_that_cannot_be_assumed_changes_nothing() {
    let world = with_role("external_id = xx\n", "mfa_serial = SERIAL\n");
    let config = world.home.read(".aws/config").replace("role/deploy", "role/missing");
    world.home.write_config(&config);
    let before = both(&world.home);
    let said = setup(&world.home, &["-p", "app", "--yes"]).code(4).err();
    assert!(said.contains("role/missing"), "{said}");
    assert_eq!(both(&world.home), before);
}
