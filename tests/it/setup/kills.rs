//! SIGKILL at each system call that could leave something half-done.

use super::{both, setup};
use crate::support::World;

/// `setup` and `setup --undo` are killed at each system call in turn that writes, renames or removes something. Then the
/// profile still works, and either command finishes the work. This takes minutes and needs strace; tests/real/setup-kills.sh
/// runs it.
#[test]
#[ignore = "needs strace and minutes: tests/real/setup-kills.sh"]
#[cfg(target_os = "linux")]
#[allow(clippy::print_stdout, reason = "run by hand, for minutes")]
fn setup_survives_a_kill_at_every_system_call() {
    let mut killed = 0;
    let world = World::imported();
    let before = both(&world.home);
    setup(&world.home, &["-p", "dev", "--yes"]).success();
    let after = both(&world.home);
    let (connect, undo) = (&["-p", "dev", "--yes"][..], &["--undo", "--yes"][..]);
    for (victim, start) in [(connect, &before), (undo, &after)] {
        for call in ["rename,renameat,renameat2", "fsync", "unlink,unlinkat", "write", "openat"] {
            for number in 1.. {
                let mut all_done = true;
                for finish in [connect, undo] {
                    reset(&world, &before, &after, start);
                    if !is_killed(&world, victim, call, number) {
                        continue;
                    }
                    (all_done, killed) = (false, killed + 1);
                    let place = format!("{victim:?} was killed entering {call} {number}, then {finish:?}");
                    let works = world.home.awsmfa(["credential-process", "-p", "dev"]).run();
                    assert_eq!(works.exit_code(), Some(0), "{place}: {}", works.err());
                    let ran = setup(&world.home, finish);
                    // There may be nothing left to undo.
                    assert!(ran.exit_code() == Some(0) || finish == undo, "{place}: {}", ran.err());
                    assert_eq!(&both(&world.home), if finish == undo { &before } else { &after }, "{place}");
                    println!("{place}: fine");
                }
                if all_done {
                    break;
                }
            }
        }
    }
    assert!(killed > 40, "only {killed} calls were found");
}

/// Puts the files and the records into the state from which the killed command starts.
fn reset(world: &World, before: &(String, String), after: &(String, String), start: &(String, String)) {
    let records = world.home.join(".local/state/awsmfa/setups");
    let _ = std::fs::remove_dir_all(&records);
    world.home.write_config(&before.0);
    world.home.write_credentials(&before.1);
    if start == after {
        setup(&world.home, &["-p", "dev", "--yes"]).success();
    }
}

/// Whether the command made this many calls of this name, at the last of which it was killed.
#[cfg(target_os = "linux")]
fn is_killed(world: &World, args: &[&str], call: &str, number: usize) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    const KILLED: i32 = 9;
    let run = world.home.awsmfa([&["setup"], args].concat()).into_command();
    let mut strace = std::process::Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=KILL:when={number}")]);
    strace.arg(run.get_program()).args(run.get_args()).current_dir(world.home.path());
    strace.env_clear().envs(world.home.vars());
    let output = strace.output().unwrap();
    // strace exits like the program, or with its own error if it has no permission to trace.
    match (output.status.signal(), output.status.success()) {
        (Some(KILLED), _) => true,
        (None, true) => false,
        _ => panic!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}
