//! `status`: what is known about sessions without asking anybody.

use std::time::Duration;

use awsmfa::testing::commands::status::{StatusArgs, run};
use clap::Parser;

use crate::support::sessions::{LOGIN, SDK};
use crate::support::{Home, World, words};

/// What `awsmfa status` with these arguments prints on this world's clock.
fn status(world: &World, line: &str) -> String {
    status_at(world, 0, line)
}

/// The same on a computer with a clock that is `off_seconds` ahead.
fn status_at(world: &World, off_seconds: i64, line: &str) -> String {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: StatusArgs,
    }
    let inside = world.in_process(off_seconds);
    run(&inside.ctx, &Line::parse_from(words(&format!("status {line}"))).args).unwrap();
    inside.out.text()
}

/// `awsmfa login` on this world's clock.
fn login(world: &World, line: &str) {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: awsmfa::testing::commands::login::LoginArgs,
    }
    let line = Line::parse_from(words(&format!("login {line}")));
    awsmfa::testing::commands::login::run(&world.in_process(0).ctx, &line.args).unwrap();
}

fn serve_dev(world: &World) {
    world.home.write_credentials(&world.home.credentials().replace("[dev]", "[dev-long-term]"));
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\ncredential_process = awsmfa credential-process -p dev\n\
         [profile adm]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = dev\n\
         [profile plain]\nregion = eu-west-1\n",
        world.device.serial
    ));
}

#[test]
fn profiles_with_a_device_are_listed_with_their_sessions() {
    let world = World::frozen();
    serve_dev(&world);
    insta::assert_snapshot!(status(&world, ""), @"
    PROFILE  SESSION  UNTIL  KIND  VIA                 DEVICE  SECRET
    adm      -        -      role  -                   alice   file
    dev      -        -      user  credential-process  alice   file
    ");
    SDK.get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(Duration::from_secs(421));
    insta::assert_snapshot!(status(&world, ""), @"
    PROFILE  SESSION  UNTIL                 KIND  VIA                 DEVICE  SECRET
    adm      -        -                     role  -                   alice   file
    dev      11h 52m  2027-01-15T20:00:05Z  user  credential-process  alice   file
    ");
    world.aws.clock().advance(Duration::from_secs(12 * 3600));
    insta::assert_snapshot!(status(&world, ""), @"
    PROFILE  SESSION  UNTIL                 KIND  VIA                 DEVICE  SECRET
    adm      -        -                     role  -                   alice   file
    dev      expired  2027-01-15T20:00:05Z  user  credential-process  alice   file
    ");
}

#[test]
fn session_in_the_credentials_file_counts() {
    let world = World::imported();
    world.home.awsmfa(["login", "dev"]).run().success();
    world.home.awsmfa(["login", "dev", "--output-profile", "dev-mfa"]).run().success();
    let listed = world.home.awsmfa(["status", "--json"]).run().success().json();
    let expires = world.home.credential("dev", "x_security_token_expires").unwrap();
    let row = |profile: &str, via: &str| {
        serde_json::json!({
            "profile": profile, "kind": "user", "via": via, "state": "valid", "expires": expires, "role": null,
            "device": world.device.serial, "store": "file", "clock_offset_seconds": 0, "notes": []
        })
    };
    assert_eq!(listed, serde_json::json!([row("dev", "login"), row("dev-mfa", "login")]));
    // Only the cache has it now.
    world.home.awsmfa(["logout", "dev", "--restore"]).run().success();
    SDK.get(&world.in_process(0).ctx).unwrap();
    let listed = world.home.awsmfa(["status", "-p", "dev", "--json"]).run().success().json();
    assert_eq!(listed[0]["via"], serde_json::Value::Null);
    assert_eq!(listed[0]["notes"], serde_json::json!(["only in awsmfa's cache"]));
}

#[test]
fn status_asks_nobody() {
    let world = World::new();
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\nmfa_process = touch ran\n\
         [profile printed-long-term]\ncredential_process = touch ran\nmfa_serial = {}\n\
         [profile served]\ncredential_process = awsmfa credential-process -p printed\n",
        world.device.serial, world.device.serial
    ));
    let lock = LOGIN.lock(&world.in_process(0).ctx);
    insta::assert_snapshot!(status(&world, ""), @"
    PROFILE  SESSION  UNTIL  KIND  VIA                 DEVICE  SECRET  NOTES
    dev      -        -      user  -                   alice   -       codes come from `mfa_process`
    printed  -        -      user  -                   alice   -       the device's secret is not stored here
    served   -        -      user  credential-process  alice   -       the device's secret is not stored here
    ");
    drop(lock);
    assert!(!world.home.join("ran").exists());
    assert!(world.aws.requests().is_empty());
}

#[test]
fn session_of_a_role_is_written_to_another_section() {
    let world = World::frozen();
    world.aws.add_role("admin", fake_aws::RoleSpec::default());
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!(
        "{config}[profile adm]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = dev\n"
    ));
    login(&world, "adm");
    world.aws.clock().advance(Duration::from_secs(30));
    insta::assert_snapshot!(status(&world, "adm"), @"
    PROFILE  SESSION  UNTIL                 KIND  VIA    DEVICE  SECRET  NOTES
    adm      59m      2027-01-15T09:00:05Z  role  login  alice   file    written to profile `adm-session`
    ");
    insta::assert_snapshot!(status(&world, ""), @"
    PROFILE  SESSION  UNTIL                 KIND  VIA    DEVICE  SECRET  NOTES
    adm      59m      2027-01-15T09:00:05Z  role  login  alice   file    written to profile `adm-session`
    dev      11h 59m  2027-01-15T20:00:05Z  user  -      alice   file    only in awsmfa's cache
    ");
}

#[test]
fn narrowed_session_is_told_apart() {
    let world = World::frozen();
    world.aws.add_role("admin", fake_aws::RoleSpec::default());
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!(
        "{config}[profile adm]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = dev\n"
    ));
    let policy = "--policy arn:aws:iam::aws:policy/ReadOnlyAccess";
    login(&world, &format!("adm {policy} --output-profile read"));
    login(&world, "adm --output-profile all");
    login(&world, &format!("adm {policy}"));
    world.aws.clock().advance(Duration::from_secs(30));
    insta::assert_snapshot!(status(&world, ""), @"
    PROFILE  SESSION  UNTIL                 KIND  VIA    DEVICE  SECRET  NOTES
    adm      59m      2027-01-15T09:00:05Z  role  login  alice   file    narrowed by `--policy`; written to profile `adm-session`
    all      59m      2027-01-15T09:00:05Z  role  login  alice   file    -
    dev      11h 59m  2027-01-15T20:00:05Z  user  -      alice   file    only in awsmfa's cache
    read     59m      2027-01-15T09:00:05Z  role  login  alice   file    narrowed by `--policy`
    ");
    login(&world, "adm");
    let row = status(&world, "adm");
    assert!(row.contains("written to profile") && !row.contains("narrowed"), "{row}");
}

#[test]
fn newer_session_in_the_cache_counts_if_the_one_in_the_file_has_expired() {
    let world = World::frozen();
    login(&world, "dev");
    world.aws.clock().advance(Duration::from_secs(12 * 3600));
    insta::assert_snapshot!(status(&world, "dev"), @"
    PROFILE  SESSION  UNTIL                 KIND  VIA    DEVICE  SECRET
    dev      expired  2027-01-15T20:00:05Z  user  login  alice   file
    ");
    SDK.get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(Duration::from_secs(30));
    insta::assert_snapshot!(status(&world, "dev"), @"
    PROFILE  SESSION  UNTIL                 KIND  VIA    DEVICE  SECRET  NOTES
    dev      11h 59m  2027-01-16T08:00:05Z  user  login  alice   file    the session in the credentials file has expired; the cached one is newer
    ");
}

#[test]
fn session_of_another_tool_is_shown() {
    let world = World::frozen();
    let session = "aws_access_key_id = ASIAX\naws_secret_access_key = s\naws_session_token = t\n";
    world.home.write_credentials(&format!(
        "[dev]\n{session}expiration = 2026-01-01 10:00:00\n[other]\n{session}\n[dev-long-term]\n\
         aws_access_key_id = AKIAX\naws_secret_access_key = s\n"
    ));
    insta::assert_snapshot!(status(&world, ""), @"
    PROFILE  SESSION  UNTIL  KIND  VIA    DEVICE  SECRET  NOTES
    dev      unknown  -      user  login  alice   file    written by another tool (it has `expiration`)
    other    unknown  -      -     login  -       -       -
    ");
}

#[test]
fn wrong_clock_is_a_note() {
    let world = World::frozen();
    serve_dev(&world);
    SDK.get(&world.in_process(-1200).ctx).unwrap();
    world.aws.clock().advance(Duration::from_secs(30));
    insta::assert_snapshot!(status_at(&world, -1200, "dev"), @"
    PROFILE  SESSION  UNTIL                 KIND  VIA                 DEVICE  SECRET  NOTES
    dev      11h 59m  2027-01-15T20:00:05Z  user  credential-process  alice   file    this computer's clock is 20m behind AWS
    ");
    let listed: serde_json::Value = serde_json::from_str(&status_at(&world, -1200, "dev --json")).unwrap();
    assert_eq!(listed[0]["clock_offset_seconds"], 1200);
}

#[test]
fn profiles_without_devices_are_listed_if_there_are_no_others() {
    let world = World::new();
    world.home.write_config("[profile dev]\nregion = eu-west-1\n[profile other]\nregion = eu-west-1\n");
    insta::assert_snapshot!(status(&world, ""), @"
    PROFILE  SESSION  UNTIL  KIND  VIA  DEVICE  SECRET  NOTES
    dev      -        -      user  -    -       -       no MFA device
    other    -        -      -     -    -       -       no MFA device
    ");
    let home = Home::new(&world.aws);
    let ran = home.awsmfa(["status"]).run().success();
    assert_eq!(ran.out(), "");
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: there are no AWS profiles
    hint: create a profile with your access key: `aws configure`
    ");
    assert_eq!(home.awsmfa(["status", "--json"]).run().success().out(), "[]\n");
}

#[test]
fn broken_profile_does_not_hide_the_others() {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!(
        "{config}[profile a]\nmfa_serial = {}\nsource_profile = nowhere\nrole_arn = arn:aws:iam::123456789012:role/x\n\
         [profile b]\nmfa_serial = nonsense\naws_access_key_id = AKIAX\naws_secret_access_key = s\n",
        world.device.serial
    ));
    let out = world.home.awsmfa(["status"]).run().success().out();
    insta::assert_snapshot!(out.replace(world.home.path().to_str().unwrap(), "~"), @"
    PROFILE  SESSION  UNTIL  KIND  VIA  DEVICE  SECRET  NOTES
    a        -        -      -     -    alice   file    profile `a` has `source_profile = nowhere`, which does not exist (~/.aws/config:6)
    b        -        -      -     -    -       -       mfa_serial (~/.aws/config:9): `nonsense` is not an MFA device serial
    dev      -        -      user  -    alice   file    -
    ");
    insta::assert_snapshot!(world.home.awsmfa(["status", "-p", "a"]).run().code(3).err(), @"
    error: profile `a` has `source_profile = nowhere`, which does not exist (~/.aws/config:6)
    hint: aws configure set source_profile NAME --profile a
    ");
    insta::assert_snapshot!(world.home.awsmfa(["status", "-p", "dve"]).run().code(3).err(), @"
    error: no profile `dve` in ~/.aws/config or ~/.aws/credentials
    hint: did you mean `--profile dev`?
    ");
}

#[test]
fn unreadable_files_are_errors() {
    let world = World::imported();
    world.home.write(".local/share/awsmfa/devices.json", "{");
    insta::assert_snapshot!(world.home.awsmfa(["status"]).run().code(3).err(), @"
    error: `~/.local/share/awsmfa/devices.json` is damaged: EOF while parsing an object at line 1 column 1
    hint: rebuild the registry from what the stores hold: `awsmfa store rebuild`
    ");
    std::fs::remove_file(world.home.join(".aws/config")).unwrap();
    std::fs::create_dir(world.home.join(".aws/config")).unwrap();
    insta::assert_snapshot!(world.home.awsmfa(["status"]).run().code(3).err(), @"
    error: ~/.aws/config is a folder
    hint: set `AWS_CONFIG_FILE` or `AWS_SHARED_CREDENTIALS_FILE` to a file
    ");
}

#[test]
fn thousand_profiles_are_listed_at_once() {
    let world = World::imported();
    let mut config = String::new();
    for i in 0..1000 {
        config += &format!(
            "[profile p{i}]\nrole_arn = arn:aws:iam::123456789012:role/r{i}\nsource_profile = dev\nregion = eu-west-1\n"
        );
    }
    world.home.write_config(&format!("{config}[profile dev]\nmfa_serial = {}\n", world.device.serial));
    let ran = world.home.awsmfa(["status"]).run().success();
    assert_eq!(ran.out().lines().count(), 1002);
}
