//! Endless responses are rejected in bounded memory and time.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use fake_aws::{Endless, Fault};

use crate::support::World;

/// Far more than a run needs, and far less than an endless response would use within the deadline.
const MEMORY_LIMIT_KIB: u64 = 150 * 1024;

/// A busy machine may take longer than the deadline of 3 s.
const TIME_LIMIT: Duration = Duration::from_secs(40);

/// The peak memory use of a process until it exits, in KiB; 0 if the system does not report it.
fn peak_memory(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    peak
}

#[test]
fn endless_response_is_an_error_in_bounded_memory_and_time() {
    for endless in [Endless::Body, Endless::Chunks, Endless::Headers, Endless::Drip] {
        let world = World::imported();
        world.aws.fault(Fault::endless(endless).forever());
        let mut command = world.home.awsmfa(["credential-process", "--profile", "dev"]).into_command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let peak = peak_memory(&mut child);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(began.elapsed() < TIME_LIMIT, "{endless:?}");
        assert!(peak < MEMORY_LIMIT_KIB, "{endless:?}: {peak} KiB");
        assert_eq!(output.status.code(), Some(6), "{endless:?}: {err}");
        assert!(output.stdout.is_empty() && err.lines().count() == 1, "{endless:?}: {err}");
    }
}

#[test]
fn oversized_response_is_not_from_aws() {
    let world = World::imported();
    world.aws.fault(Fault::endless(Endless::Chunks).forever());
    let ran = world.home.awsmfa(["login", "--profile", "dev"]).run().code(6);
    insta::assert_snapshot!(ran.err(), @"
    error: something other than AWS answered for `[AWS]` (the response is larger than 1 MiB)
    hint: sign in to the network first: a captive portal or proxy may be answering
    ");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn credential_chain_of_the_sdk_is_bounded() {
    let mut world = World::new();
    world.home.write_credentials("");
    world.home.write_config("");
    world.home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/credentials", world.aws.endpoint()));
    for endless in [Endless::Body, Endless::Chunks] {
        world.aws.fault(Fault::endless(endless).forever());
        let mut command = world.home.awsmfa(["enroll", "--user", "bob", "--no-qr"]).into_command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        assert!(peak_memory(&mut child) < MEMORY_LIMIT_KIB, "{endless:?}");
        assert!(began.elapsed() < TIME_LIMIT * 2, "{endless:?}");
        let err = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(err.contains("the response is larger than 1 MiB"), "{endless:?}: {err}");
        world.aws.clear_faults();
    }
    assert!(!world.aws.requests().is_empty());
}

#[test]
fn other_commands_are_bounded() {
    let world = World::new();
    world.aws.fault(Fault::endless(Endless::Body).forever());
    let mut command = world.home.awsmfa(["device", "list", "--profile", "dev"]).into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    assert!(peak_memory(&mut child) < MEMORY_LIMIT_KIB);
}
