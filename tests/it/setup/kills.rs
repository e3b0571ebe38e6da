//! SIGKILL at each system call that could leave something half-done.

#![cfg(target_os = "linux")]

use super::{both, setup};
use crate::support::World;
use crate::support::kills::killed_at_call;

/// `setup` and `setup --undo` are killed at each system call in turn that writes, renames or removes something. Then the
/// profile still works, and either command finishes the work. This takes minutes and needs strace; tests/real/kills.sh
/// runs it.
#[test]
#[ignore = "needs strace and minutes: tests/real/kills.sh"]
#[allow(clippy::print_stdout, reason = "run by hand, for minutes")]
fn setup_survives_a_kill_at_every_system_call() {
    let mut killed = 0;
    let world = World::imported();
    let before = both(&world.home);
    setup(&world.home, &["-p", "dev", "--yes"]).success();
    let after = both(&world.home);
    let (connect, undo) = (&["-p", "dev", "--yes"][..], &["--undo", "--yes"][..]);
    for (victim, start) in [(connect, &before), (undo, &after)] {
        for call in ["rename,renameat,renameat2", "fsync", "unlink,unlinkat", "write"] {
            for number in 1.. {
                let mut all_done = true;
                for finish in [connect, undo] {
                    reset(&world, &before, &after, start);
                    if !killed_at_call(&world.home, &[&["setup"], victim].concat(), call, number) {
                        continue;
                    }
                    (all_done, killed) = (false, killed + 1);
                    let place = format!("{victim:?} was killed entering {call} {number}, then {finish:?}");
                    let (config, credentials) = both(&world.home);
                    let sdk_has_keys =
                        config.contains("credential_process") || credentials.contains("[dev]\n");
                    assert!(sdk_has_keys, "{place}: {config}{credentials}");
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
