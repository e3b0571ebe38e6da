//! Programs that profiles run, awsmfa among them.

use crate::support::{NO_ARGS, World};

#[test]
fn credential_process_that_runs_awsmfa_can_open_the_store() {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    let ours = env!("CARGO_BIN_EXE_awsmfa");
    world.home.write_config(&format!(
        "{config}\n[profile app]\ncredential_process = {ours} credential-process --profile dev\n"
    ));
    let ran = world.home.awsmfa(["device", "list", "--profile", "app", "--json"]).run().success();
    assert!(ran.out().contains(world.device.serial.as_str()), "{}", ran.out());
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

/// A program that prints a code, writes to stderr and leaves a child behind that keeps both streams open.
const UNTIDY: &str = "sh -c 'sleep 300 & echo hunter2 >&2; echo CODE'";

/// A world with this `mfa_process`.
#[cfg(unix)]
fn untidy() -> World {
    let world = World::new();
    let config = world.home.read(".aws/config");
    let program = UNTIDY.replace("CODE", &world.aws.code_now(&world.device.serial));
    world.home.write_config(&format!("{config}mfa_process = {program}\n"));
    world
}

#[test]
#[cfg(unix)]
fn stderr_and_children_of_a_program_do_not_reach_an_sdk() {
    let world = untidy();
    let (sender, receiver) = std::sync::mpsc::channel();
    let run = world.home.awsmfa(["credential-process", "--profile", "dev"]);
    std::thread::spawn(move || sender.send(run.run()));
    // Both pipes are closed long before the child exits.
    let ran = receiver.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(ran.err(), "");
    assert_eq!(ran.success().json()["Version"], 1);
}

#[test]
#[cfg(unix)]
fn stderr_of_a_program_is_shown_on_a_terminal() {
    let world = untidy();
    let line = format!("{} login --profile dev; echo exit=$?", env!("CARGO_BIN_EXE_awsmfa"));
    let like = world.home.awsmfa(NO_ARGS).into_command();
    let Some(mut screen) = crate::support::screen::Screen::run(&line, &like) else { return };
    screen.sees("hunter2").sees("exit=0");
    screen.ended();
}

/// A core dump of awsmfa would hold the secrets that it works with.
#[test]
#[cfg(unix)]
fn only_the_programs_that_awsmfa_starts_may_leave_a_core_dump() {
    const LIMIT: &str = "ulimit -S -c 64 && exec \"$@\"";
    let world = World::new();
    let config = world.home.read(".aws/config");
    let code = world.aws.code_now(&world.device.serial);
    world.home.write_config(&format!("{config}mfa_process = {}\n", world.home.join("code").display()));
    world.home.write_program("code", &format!("#!/bin/sh\nulimit -c >limit\necho {code}\n"));
    let run = |line: &[&str]| world.home.awsmfa(line).under("sh", &["-c", LIMIT, "sh"]).run();
    let login = run(&["login", "--profile", "dev"]);
    if login.err().contains("ulimit") {
        return crate::support::skipped("a limit for core dumps that can be raised");
    }
    login.success();
    assert_eq!(world.home.read("limit"), "64\n");
    for command in ["exec", "serve"] {
        let ran = run(&[command, "--profile", "dev", "--", "sh", "-c", "ulimit -c"]);
        assert_eq!(ran.success().out(), "64\n", "{command}");
    }
    // The server has the cached session, so it has started no program yet.
    #[cfg(target_os = "linux")]
    {
        use std::io::{BufRead, BufReader};
        let server = world.home.awsmfa(["serve", "--profile", "dev"]).under("sh", &["-c", LIMIT, "sh"]);
        let mut server = server.into_command().stdout(std::process::Stdio::piped()).spawn().unwrap();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
        let limit = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
        assert_eq!(limit.and_then(|limit| limit.split_whitespace().next()), Some("0"), "{limits}");
    }
}
