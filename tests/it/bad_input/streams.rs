//! Paths that are not regular files: a FIFO without a writer and an endless device are errors in bounded time and memory;
//! `<(…)` works.

use std::path::PathBuf;

use super::{Cause, fail, login_and_sdk_as, sdk};
use crate::support::{Home, Run, World};

/// Variables that contain a path.
const VARIABLES: [&str; 4] =
    ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWSMFA_PASSPHRASE_FILE", "AWS_CA_BUNDLE"];

fn fifo(home: &Home, name: &str) -> PathBuf {
    let path = home.join(name);
    let created = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(created.success());
    path
}

/// The messages with each variable set to this path, normalized.
fn messages(path: &str, normalize: fn(String) -> String) -> String {
    let mut messages = String::new();
    for variable in VARIABLES {
        let mut world = World::imported();
        world.home.set(variable, path);
        messages += &format!("{variable}:\n");
        let code = if variable == "AWSMFA_PASSPHRASE_FILE" { 5 } else { 3 };
        messages += &login_and_sdk_as(&world.home, "dev", code, normalize);
        assert!(world.aws.requests().is_empty(), "a code was used");
    }
    messages
}

#[test]
#[cfg(target_os = "linux")]
fn endless_device_is_an_error() {
    // On a busy machine, the time limit may be reached first, in either program.
    let messages = messages("/dev/zero", |text| {
        let late = "the content did not arrive within 5 s";
        let limit = if text.contains("AWSMFA_PASSPHRASE_FILE") { "64 KiB" } else { "16 MiB" };
        text.replace(late, &format!("it is larger than {limit}"))
    });
    insta::assert_snapshot!(messages, @"
    AWS_CONFIG_FILE:
    error: cannot read /dev/zero: it is larger than 16 MiB
    hint: ls -l /dev/zero
    AWS_SHARED_CREDENTIALS_FILE:
    error: cannot read /dev/zero: it is larger than 16 MiB
    hint: ls -l /dev/zero
    AWSMFA_PASSPHRASE_FILE:
    error: the file store is locked: AWSMFA_PASSPHRASE_FILE `/dev/zero`: it is larger than 64 KiB
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    AWS_CA_BUNDLE:
    error: cannot read the CA bundle `/dev/zero`: it is larger than 16 MiB
    hint: set `AWS_CA_BUNDLE` or the profile's `ca_bundle` to a file of PEM certificates
    ");
}

#[test]
fn fifo_without_a_writer_is_an_error() {
    let home = World::new().home;
    let path = fifo(&home, "silent");
    let messages = messages(path.to_str().unwrap(), |text| text).replace(path.to_str().unwrap(), "FIFO");
    insta::assert_snapshot!(messages, @"
    AWS_CONFIG_FILE:
    error: cannot read FIFO: the content did not arrive within 5 s
    hint: ls -l FIFO
    AWS_SHARED_CREDENTIALS_FILE:
    error: cannot read FIFO: the content did not arrive within 5 s
    hint: ls -l FIFO
    AWSMFA_PASSPHRASE_FILE:
    error: the file store is locked: AWSMFA_PASSPHRASE_FILE `FIFO`: the content did not arrive within 5 s
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    AWS_CA_BUNDLE:
    error: cannot read the CA bundle `FIFO`: the content did not arrive within 5 s
    hint: set `AWS_CA_BUNDLE` or the profile's `ca_bundle` to a file of PEM certificates
    ");
}

#[test]
fn dev_null_is_an_empty_file() {
    let mut world = World::imported();
    world.home.set("AWS_CONFIG_FILE", "/dev/null");
    let serial = world.device.serial.clone();
    world.home.awsmfa(["login", "--profile", "dev", "--serial", &serial]).run().success();
    world.home.set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let said = sdk(&world.home, "dev", 3);
    assert!(said.starts_with("awsmfa: no profile `dev` in /dev/null or /dev/null; hint: "), "{said}");
}

#[test]
fn process_substitution_works() {
    let world = World::imported();
    let bash = std::process::Command::new("bash").arg("--version").output();
    if !bash.is_ok_and(|bash| bash.status.success()) {
        return crate::support::skipped("bash");
    }
    let script = "AWS_CONFIG_FILE=<(cat .aws/config) AWS_SHARED_CREDENTIALS_FILE=<(cat .aws/credentials) \
        AWSMFA_PASSPHRASE_FILE=<(sleep 1; cat passphrase) exec \"$0\" \"$@\"";
    let run = |command: Run| command.under("bash", &["-c", script]);
    let session = run(world.home.awsmfa(["credential-process", "--profile", "dev"])).run().success().json();
    assert!(session["SessionToken"].is_string());
    run(world.home.awsmfa(["code", "--profile", "dev"])).run().success();
    let import = ["device", "import", "--profile", "dev", "--secret-stdin", "--label", "phone"];
    run(world.home.awsmfa(import)).stdin(&world.device.seed).run().success();
    // A session cannot be written to a FIFO.
    let login = run(world.home.awsmfa(["login", "--profile", "dev"]));
    let login = fail(&world.home, login, 3, Cause::Visible);
    assert!(login.err().contains(": it is a FIFO, not a regular file"), "{}", login.err());
}

#[test]
fn content_of_a_fifo_can_be_read_again() {
    let world = World::new();
    let import = ["device", "import", "--serial", &world.device.serial, "--secret-stdin"];
    world.home.awsmfa(import).stdin(&world.device.seed).run().success();
    let path = fifo(&world.home, "config");
    let writer = std::thread::spawn({
        let (path, config) = (path.clone(), world.home.read(".aws/config"));
        move || std::fs::write(path, config)
    });
    // The file is read for the list of profiles and again for each profile. Without it, AWS would be asked for the device.
    world.home.awsmfa(["login", "--all"]).env("AWS_CONFIG_FILE", &path).run().success();
    writer.join().unwrap().unwrap();
    assert_eq!(world.aws.requests_for("ListMFADevices").len(), 0);
}
