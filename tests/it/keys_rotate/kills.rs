//! SIGKILL while a rotation waits for each response in turn, before and after AWS acts on the request.

use super::faults::check_usable;
use super::{Kept, check_rotated, rotate, world};
use crate::support::kills::{self, BOTH};

const ROTATE: [&str; 4] = ["keys", "rotate", "-p", "dev"];

const CHANGES: [&str; 3] = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"];

fn killed_at_every_request(kept: Kept, actions: &[&str]) {
    let mut killed = 0;
    for action in actions {
        for aws in BOTH {
            for number in 0.. {
                let world = world(kept);
                if !kills::killed_at(&world.aws, &world.home, &ROTATE, (action, number), aws) {
                    break;
                }
                killed += 1;
                check_usable(&world);
                rotate(&world).success();
                check_rotated(&world);
            }
        }
    }
    assert!(killed >= 2 * actions.len(), "{killed}");
}

#[test]
fn same_command_resumes_a_killed_run_with_keys_in_the_file() {
    killed_at_every_request(Kept::InFile, &CHANGES);
    killed_at_every_request(Kept::InFile, &["GetCallerIdentity", "ListAccessKeys"]);
}

#[test]
fn same_command_resumes_a_killed_run_with_keys_in_the_store() {
    killed_at_every_request(Kept::InStore, &CHANGES);
}

/// The program is killed at each system call in turn that transfers data to AWS, or renames or removes a file. This takes
/// minutes and needs strace; tests/real/kills.sh runs it.
#[test]
#[ignore = "needs strace and minutes: tests/real/kills.sh"]
#[cfg(target_os = "linux")]
#[allow(clippy::print_stdout, reason = "run by hand, for minutes")]
fn rotation_survives_a_kill_at_every_system_call() {
    let mut killed = 0;
    for call in ["rename,renameat,renameat2", "unlink,unlinkat", "writev", "recvfrom"] {
        for number in 1.. {
            let world = world(Kept::InFile);
            if !kills::killed_at_call(&world.home, &ROTATE, call, number) {
                break;
            }
            killed += 1;
            check_usable(&world);
            rotate(&world).success();
            check_rotated(&world);
            println!("killed entering {call} {number}");
        }
    }
    assert!(killed > 30, "only {killed} calls were found");
}
