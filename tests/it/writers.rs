//! Which files awsmfa replaces, and how it copes with programs that write the AWS files at the same time.
//! `src/aws_files/door/tests.rs` tests each moment at which another program can write.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use fake_aws::{Fault, Gate, RequestOutcome};

use crate::support::sessions::LOGIN;
use crate::support::{Ran, Run, World, skipped, until};

/// A login that waits for AWS's response, and the gate that releases it.
fn login_waiting_for_aws(world: &World) -> (Child, Gate) {
    let gate = Gate::new();
    world.aws.fault(Fault::held(&gate).on("GetSessionToken").processed());
    let mut login = world.home.awsmfa(["login", "--profile", "dev"]).into_command();
    let login = login.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let held = RequestOutcome::Held { processed: true };
    until(|| world.aws.requests_for("GetSessionToken").iter().any(|request| request.outcome == held));
    (login, gate)
}

fn ended(login: Child) -> (Option<i32>, String) {
    let output = login.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn login_waits_for_a_program_that_truncated_the_file() {
    let world = World::imported();
    let before = world.home.credentials();
    let (login, gate) = login_waiting_for_aws(&world);
    world.home.write(".aws/credentials", "");
    gate.open();
    // The login has its session, while the program that truncated the file is slow.
    until(|| world.home.files().keys().any(|file| file.starts_with(".cache/awsmfa/sessions/")));
    world.home.write(".aws/credentials", &format!("{before}[other]\naws_access_key_id = AKIAOTHER\n"));
    let (code, said) = ended(login);
    assert_eq!(code, Some(0), "{said}");
    assert!(world.home.credential("dev", "aws_session_token").is_some());
    assert_eq!(world.home.credential("dev-long-term", "aws_access_key_id"), Some(world.key.id.clone()));
    assert_eq!(world.home.credential("other", "aws_access_key_id").as_deref(), Some("AKIAOTHER"));
}

#[test]
fn login_does_not_write_a_file_that_lost_its_keys() {
    let world = World::imported();
    let (login, gate) = login_waiting_for_aws(&world);
    world.home.write(".aws/credentials", "");
    gate.open();
    let (code, said) = ended(login);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("was in ") && said.contains(" a moment ago and has disappeared\nhint: "), "{said}");
    assert_eq!(world.home.credentials(), "");
}

#[test]
fn login_that_waited_for_another_process_checks_the_file_again_before_it_uses_a_code() {
    let world = World::imported();
    let held = LOGIN.lock(&world.in_process(0).ctx);
    let mut login = world.home.awsmfa(["login", "--profile", "dev"]).into_command();
    let mut login = login.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(login.stderr.take().unwrap());
    let mut said = String::new();
    err.read_line(&mut said).unwrap();
    assert!(said.contains("waiting for another awsmfa process"), "{said}");
    let keys = world.home.credentials().replace("[dev]", "[dev-long-term]");
    let session = "[dev]\naws_access_key_id = ASIAX\naws_secret_access_key = x\naws_session_token = x\nexpiration = 2030-01-01 00:00:00\n";
    world.home.write_credentials(&format!("{keys}\n{session}"));
    drop(held);
    err.read_to_string(&mut said).unwrap();
    assert_eq!(login.wait().unwrap().code(), Some(3), "{said}");
    assert!(world.codes_sent().is_empty(), "{said}");
}

#[test]
fn file_that_breaks_during_a_login_does_not_undo_it() {
    let world = World::imported();
    let (login, gate) = login_waiting_for_aws(&world);
    std::fs::remove_file(world.home.join(".aws/config")).unwrap();
    std::fs::create_dir(world.home.join(".aws/config")).unwrap();
    gate.open();
    let (code, said) = ended(login);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("wrote a session for `dev` to [dev]"), "{said}");
}

/// Every command that reads or writes the AWS files, with its arguments and input.
fn commands(world: &World) -> Vec<Run> {
    let serial = world.device.serial.to_string();
    let run = |args: &[&str]| world.home.awsmfa(args);
    let keys = |run: Run| {
        run.env("AWS_ACCESS_KEY_ID", &world.key.id).env("AWS_SECRET_ACCESS_KEY", &world.key.secret)
    };
    vec![
        keys(run(&["login", "--serial", &serial])),
        keys(run(&["login"])),
        keys(run(&["login", "--all"])),
        keys(run(&["logout"])),
        keys(run(&["logout", "--all", "--restore"])),
        keys(run(&["credential-process"])),
        run(&["code", &serial]),
        keys(run(&["enroll"])),
        keys(run(&["enroll", "--for-profile", "dev", "--device-name", "second"])),
        keys(run(&["enroll", "--user", "bob", "--create-user", "--access-key"])),
        keys(run(&["device", "list"])),
        run(&["device", "import", "--serial", &serial, "--secret-stdin", "--yes"]).stdin(&world.device.seed),
        keys(run(&["device", "remove", &serial, "--yes"])),
    ]
}

/// Runs in a new mount namespace after `setup`, which prints `ready`; `after` prints the result.
fn in_namespace(run: Run, setup: &str, after: &str) -> Option<Ran> {
    let script = format!("{setup}\necho ready\n\"$0\" \"$@\"\ncode=$?\n{after}\nexit $code");
    let ran = run.under("unshare", &["--mount", "/bin/sh", "-c", &script]).run();
    if ran.out().starts_with("ready\n") {
        return Some(ran);
    }
    skipped(&format!("right to mount: {}", ran.err()));
    None
}

#[test]
#[cfg(target_os = "linux")]
fn devices_are_never_replaced_by_files() {
    let world = World::imported();
    for run in commands(&world) {
        let run = run.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        let setup = "set -e; mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; set +e";
        let after = "printf '%s ' $(stat -c '%F' /dev/null) $(ls -A /dev)";
        let Some(ran) = in_namespace(run, setup, after) else { return };
        assert!(ran.out().ends_with("character special file null "), "{}\n{}", ran.out(), ran.err());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn login_into_a_device_fails_before_a_code_is_used() {
    let world = World::imported();
    let link = world.home.join(".aws/null");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    let login = world.home.awsmfa(["login", "--serial", world.device.serial.as_str()]);
    let ran = login
        .env("AWS_SHARED_CREDENTIALS_FILE", &link)
        .env("AWS_ACCESS_KEY_ID", &world.key.id)
        .env("AWS_SECRET_ACCESS_KEY", &world.key.secret)
        .run()
        .code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: ~/.aws/null cannot be replaced: it is a device, not a regular file
    hint: set `AWS_CONFIG_FILE` or `AWS_SHARED_CREDENTIALS_FILE` to a file
    ");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 0);
}

/// Mounted as by `docker run -v FILE:FILE`.
#[test]
#[cfg(target_os = "linux")]
fn bind_mounted_credentials_fail_before_a_code_is_used() {
    let world = World::imported();
    let before = world.home.credentials();
    let setup = "set -e; cp -p .aws/credentials mounted; mount --bind mounted .aws/credentials; set +e";
    let login = world.home.awsmfa(["login", "--profile", "dev"]);
    let Some(ran) = in_namespace(login, setup, "cmp mounted .aws/credentials") else { return };
    insta::assert_snapshot!(ran.code(3).err(), @"
    error: ~/.aws/credentials cannot be replaced: it is a mount point
    hint: mount its folder instead of the file, as in `docker run -v ~/.aws:/root/.aws`
    ");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 0);
    assert_eq!(world.home.credentials(), before);
    // The serial cannot be remembered, but the session is printed.
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    let setup = "set -e; cp -p .aws/config mounted; mount --bind mounted .aws/config; set +e";
    let run = world.home.awsmfa(["credential-process", "--profile", "dev"]);
    let Some(ran) = in_namespace(run, setup, "cmp mounted .aws/config") else { return };
    assert_eq!(ran.code(0).err(), "");
}

#[test]
#[cfg(target_os = "linux")]
fn immutable_credentials_fail_before_a_code_is_used() {
    let world = World::imported();
    let chattr = |flag: &str| {
        let mut chattr = std::process::Command::new("chattr");
        chattr.arg(flag).arg(world.home.join(".aws/credentials"));
        chattr.status().is_ok_and(|status| status.success())
    };
    if !chattr("+i") {
        return skipped("right to mark a file immutable");
    }
    let ran = world.home.awsmfa(["login", "--profile", "dev"]).run();
    assert!(chattr("-i"));
    insta::assert_snapshot!(ran.code(3).err(), @"
    error: ~/.aws/credentials cannot be replaced: it is marked immutable or append-only
    hint: sudo chattr -i -a ~/.aws/credentials
    ");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 0);
}
