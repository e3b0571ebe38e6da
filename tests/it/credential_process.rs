//! `credential-process`: what SDKs get, how often AWS is asked, and what the fast path touches.

use std::process::{Output, Stdio};

use awsmfa::testing::session::{Asker, SessionError};
use fake_aws::{Fault, Gate};

use crate::support::sessions::{LOGIN, SDK};
use crate::support::{NO_ARGS, World, until};

#[test]
fn output_is_credential_process_json() {
    let world = World::imported();
    let ran = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    let json = ran.json();
    assert_eq!(json["Version"], 1);
    assert!(json["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(json["AccountId"], "123456789012");
    let expiration = json["Expiration"].as_str().unwrap();
    assert!(chrono::NaiveDateTime::parse_from_str(expiration, "%Y-%m-%dT%H:%M:%SZ").is_ok(), "{expiration}");
    assert!(ran.out().ends_with("}\n") && ran.out().lines().count() == 1);
    assert_eq!(ran.err(), "");
}

/// A world where a program prints the long-term keys and leaves a mark each time. Every process that wants a session runs it,
/// right before it waits for its turn.
fn with_marks() -> World {
    let world = World::imported();
    let keys = serde_json::json!({
        "Version": 1, "AccessKeyId": world.key.id, "SecretAccessKey": world.key.secret,
    });
    let marks = world.home.join("marks");
    world.home.write("keys.sh", &format!("echo mark >>{}\ncat <<'END'\n{keys}\nEND\n", marks.display()));
    world.home.write_credentials("");
    let serial = &world.device.serial;
    let script = world.home.join("keys.sh");
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {serial}\ncredential_process = /bin/sh {}\n",
        script.display()
    ));
    world
}

/// Starts `count` `credential-process` processes and holds the session's lock until all of them wait for it, so that the time
/// that a busy machine takes to start them does not count.
fn all_at_once(world: &World, count: usize) -> Vec<Output> {
    let turn = SDK.lock(&world.in_process(0).ctx);
    let mut running: Vec<_> = (0..count)
        .map(|_| {
            let mut command = world.home.awsmfa(["credential-process", "--profile", "dev"]).into_command();
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    until(|| {
        for child in &mut running {
            assert!(child.try_wait().unwrap().is_none(), "it did not wait for its turn");
        }
        world.home.read("marks").lines().count() == 1 + count
    });
    drop(turn);
    running.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

#[test]
#[cfg(unix)]
fn fifty_processes_with_a_cold_cache_make_one_request() {
    let world = with_marks();
    let mut answers = Vec::new();
    for output in all_at_once(&world, 50) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        answers.push(output.stdout);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all got the same session");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
#[cfg(unix)]
fn unwritable_cache_costs_no_extra_request() {
    let world = with_marks();
    world.home.write(".cache", "a file in the way");
    let mut answers = Vec::new();
    for output in all_at_once(&world, 10) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        answers.push(output.stdout);
    }
    answers.dedup();
    assert_eq!((answers.len(), world.aws.requests_for("GetSessionToken").len()), (1, 1));
    let kept = || -> Vec<String> {
        let names = world.home.files().into_keys();
        names.filter(|name| name.starts_with(".local/state/awsmfa/sessions/")).collect()
    };
    let [session] = &kept()[..] else { panic!("{:?}", kept()) };
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(world.home.join(session)).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    world.home.awsmfa(["logout", "--profile", "dev"]).run().success();
    assert_eq!(kept(), [""; 0], "logging out removes it");
}

#[test]
fn ready_answer_needs_neither_aws_nor_store() {
    let world = World::imported();
    let first = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().out();
    // Everything that the ordinary path needs is gone.
    std::fs::remove_dir_all(world.home.join(".local")).unwrap();
    std::fs::remove_dir_all(world.home.join(".cache/awsmfa/sessions")).unwrap();
    for args in [["credential-process", "-p", "dev"], ["credential-process", "--profile", "dev"]] {
        assert_eq!(world.home.awsmfa(args).run().success().out(), first);
    }
    assert_eq!(world.home.awsmfa(["credential-process", "--profile=dev"]).run().success().out(), first);
    assert_eq!(
        world.home.awsmfa(["credential-process"]).env("AWS_PROFILE", "dev").run().success().out(),
        first
    );
}

#[test]
fn any_change_invalidates_the_ready_answer() {
    let world = World::imported();
    let run = || world.home.awsmfa(["credential-process", "-p", "dev"]);
    run().run().success();
    let answer = world.home.join(".cache/awsmfa/answers/profile-dev");
    let is_fast = |run: crate::support::Run| {
        // The ordinary path needs these, and fails before it asks AWS.
        let folders = [".cache/awsmfa/sessions", ".local/share/awsmfa"].map(|folder| world.home.join(folder));
        for folder in &folders {
            std::fs::rename(folder, folder.with_extension("away")).unwrap();
        }
        let fast = run.run().out().contains("AccessKeyId");
        for folder in &folders {
            std::fs::rename(folder.with_extension("away"), folder).unwrap();
        }
        fast
    };
    assert!(is_fast(run()));
    assert!(!is_fast(run().env("AWS_REGION", "us-west-2")), "another region");
    run().run().success();
    assert!(!is_fast(run().env("AWSMFA_DURATION", "1h")), "another duration");
    run().run().success();
    world.home.write_config(&format!("{}\n", world.home.read(".aws/config")));
    assert!(!is_fast(run()), "the config file changed");
    run().run().success();
    world.home.chmod(".cache/awsmfa/answers/profile-dev", 0o644);
    assert!(!is_fast(run()), "others can read the answer");
    run().run().success();
    let whole = std::fs::read(&answer).unwrap();
    std::fs::write(&answer, &whole[..whole.len() - 2]).unwrap();
    assert!(!is_fast(run()), "the answer is cut short");
}

#[test]
fn changed_keys_reach_the_next_answer() {
    let world = World::imported();
    let first = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().json();
    let key = world.aws.add_access_key("alice");
    world.home.write_credentials(&format!(
        "[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.id, key.secret
    ));
    let second = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().json();
    assert_ne!(first["AccessKeyId"], second["AccessKeyId"]);
}

#[test]
fn logout_removes_the_ready_answer() {
    let world = World::imported();
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    world.home.awsmfa(["logout", "-p", "dev"]).run().success();
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
}

#[test]
fn forced_login_reaches_the_next_answer() {
    let world = World::imported();
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\ncredential_process = awsmfa credential-process --profile dev\n",
        world.device.serial
    ));
    let ask = || world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().out();
    let first = ask();
    assert_eq!(ask(), first);
    world.home.awsmfa(["login", "-p", "dev", "--force"]).run().success();
    assert_ne!(ask(), first);
}

#[test]
fn process_loop_ends() {
    let world = World::imported();
    let ours = env!("CARGO_BIN_EXE_awsmfa");
    world.home.write_credentials("");
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {0}\ncredential_process = env {ours} credential-process -p dev\n\
         [profile a]\nmfa_serial = {0}\ncredential_process = env {ours} credential-process -p b\n\
         [profile b]\nmfa_serial = {0}\ncredential_process = env {ours} credential-process -p a\n",
        world.device.serial
    ));
    for profile in ["dev", "a"] {
        // An SDK sees only the error of the first program.
        let ran = world.home.awsmfa(["credential-process", "-p", profile]).run().code(3);
        assert!(ran.err().contains("failed (exit status: 3); hint: run the command"), "{}", ran.err());
        assert_eq!(ran.err().lines().count(), 1);
        // A person at a terminal sees the loop.
        let line = format!("{ours} credential-process -p {profile}; echo exit=$?");
        let like = world.home.awsmfa(NO_ARGS).into_command();
        #[cfg(unix)]
        if let Some(mut screen) = crate::support::screen::Screen::run(&line, &like) {
            screen.sees("calls awsmfa in a loop").sees("exit=3");
            screen.ended();
        }
    }
}

#[test]
fn sdk_does_not_wait_for_a_login_at_its_prompt() {
    let world = World::imported();
    world.freeze();
    LOGIN.get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(std::time::Duration::from_secs(12 * 3600 - 600));
    let ctx = world.in_process(0).ctx;
    let _held = SDK.lock(&ctx);
    let found = SDK.get(&ctx).unwrap();
    assert!(!found.is_new, "the older session is used");
    world.aws.clock().advance(std::time::Duration::from_secs(600));
    let error = SDK.try_get(&ctx).unwrap_err();
    assert!(matches!(error, SessionError::Busy), "{error}");
}

#[test]
#[cfg(unix)]
fn waiting_processes_learn_of_an_outage_at_once() {
    let world = with_marks();
    // A gate that stays closed.
    world.aws.fault(Fault::held(&Gate::new()).forever());
    for output in all_at_once(&world, 6) {
        assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "one code was spent, not six");
}

/// How long an SDK waits for its error, with AWS behaving like this and `used` current codes used before: the time slept, and
/// the deadline of each request that AWS does not answer. fake-aws's clock is also awsmfa's, so a busy machine does not matter.
fn seconds_until_error(used: usize, fault: Fault, is_answered: bool) -> u64 {
    let world = World::imported();
    world.freeze();
    let ctx = world.in_process(0).ctx;
    for _ in 0..used {
        LOGIN.forced().get(&ctx).unwrap();
    }
    world.aws.fault(fault.forever());
    let (before, sent) = (world.aws.clock().now(), world.aws.requests().len());
    SDK.forced().get(&ctx).unwrap_err();
    let slept = (world.aws.clock().now() - before).num_seconds().unsigned_abs();
    let requests = (world.aws.requests().len() - sent) as u64;
    assert!(requests > 0);
    slept + if is_answered { 0 } else { requests * Asker::Sdk.deadline().as_secs() }
}

#[test]
fn sdk_gets_its_error_within_five_seconds() {
    let faults = [
        Fault::throttling(),
        Fault::unavailable(),
        Fault::drop_before(),
        Fault::drop_after(),
        Fault::error(403, "AccessDenied", "no"),
        Fault::error(403, "InvalidClientTokenId", "no"),
    ];
    // Three codes are valid at a time. An SDK does not wait for another one.
    for used in 0..3 {
        for fault in &faults {
            let seconds = seconds_until_error(used, fault.clone(), true);
            assert!(seconds <= 5, "{used} codes used, {fault:?}: {seconds} s");
        }
        let seconds = seconds_until_error(used, Fault::held(&Gate::new()), false);
        assert!(seconds <= 5, "{used} codes used, without an answer: {seconds} s");
    }
}

#[test]
fn closed_pipe_is_not_an_error() {
    let world = World::imported();
    for _ in 0..2 {
        let mut command = world.home.awsmfa(["credential-process", "-p", "dev"]).into_command();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
