//! `serve -- COMMAND`: the command's environment, signals and status.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fake_aws::{Fault, Gate};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{World, until, words};

/// Prints the variables of the command, without those that say nothing.
const PRINT: &str = "env | grep -E '^(AWS_|AWSMFA_(PROFILE|SESSION))' | grep -v ENDPOINT_URL | sort";

#[test]
fn command_gets_the_server_and_no_other_credentials() {
    let world = World::imported();
    for args in [&["serve", "-p", "dev"][..], &["exec", "--serve", "dev"], &["exec", "-p", "dev", "--serve"]]
    {
        check_variables(&world, args);
    }
}

fn check_variables(world: &World, args: &[&str]) {
    let run = world.home.awsmfa(args.iter().chain(&["--", "sh", "-c", PRINT]));
    let run = run
        .env("AWS_PROFILE", "other")
        .env("AWS_SESSION_TOKEN", "old")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "/x");
    let ran = run.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/y").run().success();
    let lines = regex::Regex::new("[0-9a-f]{64}").unwrap().replace_all(&ran.out(), "[TOKEN]").into_owned();
    let lines = regex::Regex::new(r":\d+/").unwrap().replace_all(&lines, ":[PORT]/").into_owned();
    insta::allow_duplicates! {
    insta::assert_snapshot!(lines, @"
    AWSMFA_PROFILE=dev
    AWSMFA_SESSION=http://127.0.0.1:[PORT]/dev
    AWS_CONTAINER_AUTHORIZATION_TOKEN=[TOKEN]
    AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:[PORT]/dev
    AWS_DEFAULT_REGION=eu-central-1
    AWS_REGION=eu-central-1
    ");
    }
    assert_eq!(ran.err(), "");
}

#[test]
fn credentials_of_default_that_sdks_use_instead_of_the_server_are_reported() {
    let world = World::imported();
    let serve = |args: &[&str]| world.home.awsmfa(args.iter().chain(&["--", "true"])).run().success().err();
    world.home.write_config(&format!(
        "[default]\nmfa_serial = {serial}\ncredential_process = awsmfa credential-process --profile dev\n\
         [profile dev]\nmfa_serial = {serial}\n",
        serial = world.device.serial
    ));
    assert_eq!(serve(&["serve", "-p", "dev"]), "", "the same session");
    let keys = world.home.credentials();
    world.home.write_credentials(&format!("{keys}{}", keys.replace("[dev]", "[default]")));
    insta::assert_snapshot!(serve(&["serve", "-p", "dev"]), @"
    warning: profile `default` has credentials of its own, and SDKs use them instead of the server
    hint: rename the section [default], or set variables that take precedence: `awsmfa exec --profile dev`
    ");
    insta::assert_snapshot!(serve(&["exec", "--serve", "--duration", "1h"]), @"
    warning: profile `default` has credentials of its own, and SDKs use them instead of the server
    hint: awsmfa setup --profile default
    ");
}

#[test]
fn command_is_served_while_it_runs() {
    let world = World::imported();
    let script = "exec python3 -c '\
        import json, os, urllib.request as u\n\
        r = u.Request(os.environ[\"AWS_CONTAINER_CREDENTIALS_FULL_URI\"], headers={\"Authorization\": os.environ[\"AWS_CONTAINER_AUTHORIZATION_TOKEN\"]})\n\
        print(json.load(u.urlopen(r))[\"AccessKeyId\"][:4])'";
    let ran = world.home.awsmfa(["serve", "-p", "dev", "--", "sh", "-c", script]).run().success();
    assert_eq!(ran.out(), "ASIA\n");
}

#[test]
fn session_that_cannot_be_renewed_is_announced() {
    let world = World::new();
    world
        .home
        .awsmfa(["login", "-p", "dev", "--code", &world.aws.code_now(&world.device.serial)])
        .run()
        .success();
    let ran = world.home.awsmfa(["serve", "-p", "dev", "--", "true"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    warning: the session for `dev` cannot be renewed after [TIME]: no secret is stored for `arn:aws:iam::123456789012:mfa/alice`
    hint: awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice --profile dev
    ");
}

#[test]
fn status_and_streams_are_those_of_the_command() {
    let world = World::imported();
    let ran = world.home.awsmfa(["serve", "-p", "dev", "--", "sh", "-c", "cat; echo err >&2; exit 42"]);
    let ran = ran.stdin("in").run().code(42);
    assert_eq!((ran.out(), ran.err()), ("in".to_owned(), "err\n".to_owned()));
    for signal in [Signal::TERM, Signal::KILL, Signal::INT] {
        let script = format!("kill -{} $$", signal.as_raw());
        let mut run = world.home.awsmfa(["serve", "-p", "dev", "--", "sh", "-c", &script]).into_command();
        assert_eq!(run.stdin(Stdio::null()).status().unwrap().signal(), Some(signal.as_raw()));
    }
}

#[test]
fn command_that_cannot_run_has_the_status_of_a_shell() {
    let world = World::imported();
    world.home.write("script", "#!/bin/sh\n");
    world.home.chmod("script", 0o644);
    let run = |command: &str| {
        world.home.awsmfa(["serve", "-p", "dev", "--", command]).env("SHELL", "/bin/zsh").run()
    };
    insta::assert_snapshot!(run("no-such-command").code(127).err(), @"
    error: command not found: `no-such-command`
    hint: check the name and PATH; run an alias or a function in your shell: `awsmfa serve --profile dev -- zsh -ic no-such-command`
    ");
    let options =
        words("serve -p dev --port 7777 --duration 1h --policy arn:aws:iam::aws:policy/P -- no-such-command");
    let ran = world.home.awsmfa(options).env("SHELL", "/bin/zsh").run().code(127);
    assert!(
        ran.err().contains("`awsmfa serve --profile dev --port 7777 --duration 3600s --policy arn:aws:iam::aws:policy/P -- zsh -ic no-such-command`"),
        "{}",
        ran.err()
    );
    insta::assert_snapshot!(run("./script").code(126).err(), @"
    error: cannot run `./script`: Permission denied (os error [N])
    hint: make it executable: `chmod +x ./script`
    ");
    insta::assert_snapshot!(run("/").code(126).err(), @"error: cannot run `/`: it is a folder");
    run("").code(127);
}

#[test]
fn signals_are_passed_on_to_the_command() {
    let world = World::imported();
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::HUP, "HUP"),
        (Signal::INT, "INT"),
        (Signal::USR1, "USR1"),
        (Signal::QUIT, "QUIT"),
    ] {
        let script = format!(
            "trap 'echo got {name}; exit 7' {name}; touch ready; for i in $(seq 600); do sleep 0.1; done"
        );
        let _ = std::fs::remove_file(world.home.join("ready"));
        let mut command = world.home.awsmfa(["serve", "-p", "dev", "--", "sh", "-c", &script]).into_command();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        until(|| world.home.join("ready").exists());
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{name}: {}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("got {name}\n"));
    }
}

#[test]
fn renewal_does_not_delay_the_end() {
    let world = World::imported();
    // Renewed after three seconds.
    world.aws.set_session_lifetime(Some(4));
    let gate = Gate::new();
    world.aws.fault(Fault::held(&gate).on("GetSessionToken").after(1));
    let wait = "while [ ! -e go ]; do sleep 0.05; done; exit 9";
    let mut command = world.home.awsmfa(["serve", "-p", "dev", "--", "sh", "-c", wait]).into_command();
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(|| world.aws.requests_for("GetSessionToken").len() == 2);
    world.home.write("go", "");
    let start = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    // AWS would have 15 seconds for its response.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    gate.open();
}

#[test]
fn server_without_a_command_ends_silently_by_the_signal() {
    let world = World::imported();
    let mut server = super::Server::start(&world.home, &["-p", "dev"]);
    kill_process(Pid::from_child(server.child()), Signal::INT).unwrap();
    assert_eq!(server.child().wait().unwrap().signal(), Some(2));
}
