//! `credential-process`: what SDKs get, how often AWS is asked, and what the fast path touches.

use std::process::Stdio;

use awsmfa::session::{self, Options, SessionError, Wishes};
use fake_aws::Fault;

use crate::support::World;

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

#[test]
fn fifty_at_once_on_a_cold_cache_make_one_request() {
    let world = World::imported();
    let running: Vec<_> = (0..50)
        .map(|_| {
            let mut command = world.home.awsmfa(["credential-process", "--profile", "dev"]).into_command();
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut answers = Vec::new();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        answers.push(output.stdout);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all got the same session");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
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
         [profile a]\nmfa_serial = {0}\ncredential_process = {ours} credential-process -p b\n\
         [profile b]\nmfa_serial = {0}\ncredential_process = {ours} credential-process -p a\n",
        world.device.serial
    ));
    for profile in ["dev", "a"] {
        let ran = world.home.awsmfa(["credential-process", "-p", profile]).run().code(3);
        assert!(ran.err().contains("leads back to itself"), "{}", ran.err());
    }
}

#[test]
fn an_sdk_is_not_kept_waiting_for_a_login_at_its_prompt() {
    let world = World::imported();
    world.freeze();
    crate::sessions::ensure(&world.in_process(0).ctx, false).unwrap();
    world.aws.clock().advance(std::time::Duration::from_secs(12 * 3600 - 600));
    let ctx = world.in_process(0).ctx;
    let wishes = Wishes { profile: Some("dev".to_owned()), unattended: true, ..Wishes::default() };
    let prepared = session::prepare(&ctx, &wishes).unwrap();
    let _held = ctx.cache().unwrap().lock(&prepared.plan.key()).unwrap();
    let options = Options { force: false, unattended: true, code: None, precheck: &|| Ok(()) };
    let found = session::ensure(&ctx, &prepared.aws, &prepared.plan, &options).unwrap();
    assert!(!found.made, "the older session serves");
    world.aws.clock().advance(std::time::Duration::from_secs(600));
    let error = session::ensure(&ctx, &prepared.aws, &prepared.plan, &options).unwrap_err();
    assert!(matches!(error, SessionError::Busy), "{error}");
}

#[test]
fn those_who_wait_learn_of_an_outage_at_once() {
    let world = World::imported();
    world.aws.fault(Fault::delay(std::time::Duration::from_secs(60)).forever());
    let start = std::time::SystemTime::now();
    let running: Vec<_> = (0..6)
        .map(|_| {
            let mut command = world.home.awsmfa(["credential-process", "--profile", "dev"]).into_command();
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in running {
        assert_eq!(child.wait().unwrap().code(), Some(6));
    }
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "one code was spent, not six");
    assert!(start.elapsed().unwrap().as_secs() < 30, "they did not wait in turn");
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
