//! Nothing is left beside the user's files: the next write removes what a killed one left.

use std::fs;

use crate::support::World;

/// The files in `~/.aws` except for `config` and `credentials`.
fn beside(world: &World) -> Vec<String> {
    let names = fs::read_dir(world.home.join(".aws")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name != "config" && name != "credentials").collect()
}

/// A world in which a login was killed right before it replaced the credentials file.
#[cfg(target_os = "linux")]
fn killed_login() -> World {
    let world = World::imported();
    let (trace, inject) = ("trace=renameat2".to_owned(), "inject=renameat2:signal=KILL:when=1".to_owned());
    let strace = ["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let login = world.home.awsmfa(["login", "--profile", "dev"]).under("strace", &strace);
    let ended = login.into_command().stderr(std::process::Stdio::null()).status().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&ended);
    assert_eq!(signal, Some(9), "no login was killed while it was writing the credentials: {ended}");
    world
}

#[cfg(target_os = "linux")]
fn can_trace() -> bool {
    let traced = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    traced.is_ok_and(|traced| traced.status.success())
}

/// Sends a signal to a login that has written the session to a temp file and is waiting for the disk.
#[cfg(target_os = "linux")]
fn login_ended_by(signal: rustix::process::Signal) -> World {
    let world = World::imported();
    let slow = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=60s"];
    // The session comes from the cache, so the credentials file is the first file to be written.
    let before = world.home.credentials();
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    world.home.write_credentials(&before);
    let login = world.home.awsmfa(["login", "--profile", "dev"]).under("strace", &slow);
    let mut strace = login.into_command().stderr(std::process::Stdio::null()).spawn().unwrap();
    crate::support::until(|| {
        beside(&world).iter().any(|name| world.home.read(&format!(".aws/{name}")).contains("token"))
    });
    let id = strace.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let login = children.trim().parse().ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(login, signal).unwrap();
    crate::support::until(|| beside(&world).is_empty());
    // Otherwise it would wait until the delay has passed.
    strace.kill().unwrap();
    strace.wait().unwrap();
    crate::support::until(|| rustix::process::test_kill_process(login).is_err());
    world
}

#[test]
#[cfg(target_os = "linux")]
fn signal_during_a_write_leaves_no_file_with_keys() {
    if !can_trace() {
        return crate::support::skipped("strace that may trace");
    }
    use rustix::process::Signal;
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let world = login_ended_by(signal);
        assert_eq!(beside(&world), [""; 0], "{signal:?}");
        assert!(!world.home.credentials().contains("token"), "{signal:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn next_login_removes_what_a_killed_one_left() {
    if !can_trace() {
        return crate::support::skipped("strace that may trace");
    }
    let killed = killed_login();
    let [left] = &beside(&killed)[..] else { panic!("{:?}", beside(&killed)) };
    assert!(killed.home.read(&format!(".aws/{left}")).contains("aws_session_token"));
    assert!(!killed.home.credentials().contains("aws_session_token"));
    killed.home.awsmfa(["login", "--profile", "dev"]).run().success();
    assert_eq!(beside(&killed), [""; 0]);
}

#[test]
fn only_leftovers_of_awsmfa_are_removed() {
    let world = World::imported();
    let left = |file: &str| format!(".awsmfa-{}-a1B2c3", awsmfa::testing::files::digest(file.as_bytes()));
    let names = [left("credentials"), left("config"), left("other"), ".awsmfa-backup".to_owned()];
    let write = || {
        for name in &names {
            world.home.write(&format!(".aws/{name}"), "[dev]\n");
            world.home.chmod(&format!(".aws/{name}"), 0o600);
        }
    };
    for command in ["login", "logout"] {
        write();
        world.home.awsmfa([command, "--profile", "dev"]).run().success();
        let mut kept = beside(&world);
        kept.sort_unstable();
        // The config file has its own lock.
        let mut expected = names[1..].to_vec();
        expected.sort_unstable();
        assert_eq!(kept, expected, "{command}");
    }
}
