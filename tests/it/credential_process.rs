//! `credential-process`: what SDKs get, how often AWS is asked, and what the fast path touches.

use std::process::{Output, Stdio};

use awsmfa::testing::session::SessionError;
use fake_aws::{Fault, Gate};

use crate::support::sessions::{LOGIN, SDK};
use crate::support::{NO_ARGS, World, until};

#[test]
fn the_answer_is_what_sdks_read() {
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

/// A world in which the long-term keys come from a program, which makes a mark each time: whoever asks for a session
/// comes by there, right before it waits for its turn.
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

/// Starts so many `credential-process` and keeps them from their turn until all have come: how long a busy machine takes
/// to start them does not count against the seconds that an SDK is kept waiting.
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
fn fifty_at_once_on_a_cold_cache_make_one_request() {
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
fn a_cache_that_cannot_be_written_costs_no_request_more() {
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
fn a_ready_answer_needs_neither_aws_nor_store() {
    let world = World::imported();
    let first = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().out();
    // Whatever the ordinary path would need is gone.
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
fn anything_that_changed_takes_the_ordinary_path() {
    let world = World::imported();
    let run = || world.home.awsmfa(["credential-process", "-p", "dev"]);
    run().run().success();
    let answer = world.home.join(".cache/awsmfa/answers/profile-dev");
    let is_fast = |run: crate::support::Run| {
        // The ordinary path would need one of these, and fail before it asks AWS for anything.
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
fn a_change_of_keys_reaches_the_next_answer() {
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
fn logout_forgets_the_answer() {
    let world = World::imported();
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    world.home.awsmfa(["logout", "-p", "dev"]).run().success();
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
}

#[test]
fn a_forced_login_reaches_the_next_answer() {
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
fn a_circle_of_processes_ends() {
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
        // An SDK hears of the first program alone.
        let ran = world.home.awsmfa(["credential-process", "-p", profile]).run().code(3);
        assert!(ran.err().contains("failed (exit status: 3); hint: run the command"), "{}", ran.err());
        assert_eq!(ran.err().lines().count(), 1);
        // A person at a terminal hears of the circle.
        let line = format!("{ours} credential-process -p {profile}; echo exit=$?");
        let like = world.home.awsmfa(NO_ARGS).into_command();
        #[cfg(unix)]
        if let Some(mut screen) = crate::support::screen::Screen::run(&line, &like) {
            screen.sees("leads back to itself").sees("exit=3");
            screen.ended();
        }
    }
}

#[test]
fn an_sdk_is_not_kept_waiting_for_a_login_at_its_prompt() {
    let world = World::imported();
    world.freeze();
    LOGIN.get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(std::time::Duration::from_secs(12 * 3600 - 600));
    let ctx = world.in_process(0).ctx;
    let _held = SDK.lock(&ctx);
    let found = SDK.get(&ctx).unwrap();
    assert!(!found.is_new, "the older session serves");
    world.aws.clock().advance(std::time::Duration::from_secs(600));
    let error = SDK.try_get(&ctx).unwrap_err();
    assert!(matches!(error, SessionError::Busy), "{error}");
}

#[test]
#[cfg(unix)]
fn those_who_wait_learn_of_an_outage_at_once() {
    let world = with_marks();
    // A gate that nobody opens.
    world.aws.fault(Fault::held(&Gate::new()).forever());
    for output in all_at_once(&world, 6) {
        assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "one code was spent, not six");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let world = World::imported();
    for _ in 0..2 {
        let mut command = world.home.awsmfa(["credential-process", "-p", "dev"]).into_command();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
