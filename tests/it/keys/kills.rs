//! SIGKILL while the keys move: they are always in one of the two places, and the same command finishes.

use super::check_stored;
use crate::support::World;
use crate::support::kills;

/// The calls that change files.
const CALLS: [&str; 2] = ["rename,renameat,renameat2", "unlink,unlinkat"];

/// The program is killed at each system call in turn that renames or removes a file. Needs strace; tests/real/kills.sh runs
/// it.
#[test]
#[ignore = "needs strace: tests/real/kills.sh"]
#[cfg(target_os = "linux")]
fn moving_keys_survives_a_kill_at_every_system_call() {
    let (mut killed, store, restore) = (0, ["keys", "store", "dev"], ["keys", "restore", "dev"]);
    for call in CALLS {
        for number in 1.. {
            let world = World::imported();
            if !kills::killed_at_call(&world.home, &store, call, number) {
                break;
            }
            killed += 1;
            world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
            world.home.awsmfa(store).run().success();
            check_stored(&world);
        }
        for number in 1.. {
            let world = World::imported();
            let before = world.home.credentials();
            world.home.awsmfa(store).run().success();
            if !kills::killed_at_call(&world.home, &restore, call, number) {
                break;
            }
            killed += 1;
            world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
            world.home.awsmfa(restore).run().success();
            assert_eq!(world.home.credentials(), before);
            assert!(!world.home.join(&super::entry(&world.key.id)).exists());
        }
    }
    assert!(killed > 5, "only {killed} calls were found");
}
