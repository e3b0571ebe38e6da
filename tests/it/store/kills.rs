//! SIGKILL at each system call that changes a file: every secret is always in a store, and the same command finishes.

use super::{ENTRY, REGISTRY, world_with_key};
use crate::support::World;
use crate::support::desktop::Desktop;
use crate::support::kills::killed_at_call;

/// The calls that write, make durable, rename or remove.
const CALLS: [&str; 4] = ["write", "fsync,fdatasync", "rename,renameat,renameat2", "unlink,unlinkat"];

/// Fails unless awsmfa finds the device's secret and the stored key.
#[track_caller]
fn check(world: &World) {
    world.home.awsmfa(["code", "--pair", &world.device.serial]).run().success();
    let status = world.home.awsmfa(["store", "status", "--json"]).run().success().json();
    for secret in status["secrets"].as_array().unwrap() {
        assert_ne!(secret["state"], "missing", "{status}");
    }
}

/// Kills `args` at every call in turn, in the world that `prepare` prepares. After each kill `survives` checks the world.
fn kill_everywhere(args: &[&str], prepare: impl Fn() -> World, survives: impl Fn(&World)) {
    let mut killed = 0;
    for call in CALLS {
        for number in 1.. {
            let world = prepare();
            if !killed_at_call(&world.home, args, call, number) {
                break;
            }
            killed += 1;
            survives(&world);
        }
    }
    assert!(killed > 3, "only {killed} calls were found");
}

fn world() -> World {
    let mut world = world_with_key();
    for (name, passphrase) in [("new", "battery staple\n"), ("backup", "tr0ub4dor&3\n")] {
        world.home.write(name, passphrase);
        world.home.chmod(name, 0o600);
    }
    let path = |name: &str| world.home.join(name).to_str().unwrap().to_owned();
    let (new, backup) = (path("new"), path("backup"));
    world.home.set("AWSMFA_NEW_PASSPHRASE_FILE", &new);
    world.home.set("AWSMFA_BACKUP_PASSPHRASE_FILE", &backup);
    world
}

/// `store move` in both directions, with a real keyring.
#[test]
#[ignore = "needs strace and minutes: tests/real/kills.sh"]
fn moving_secrets_survives_a_kill_at_every_system_call() {
    let mut world = world();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    let mut killed = 0;
    for (to, from) in [("keyring", "file"), ("file", "keyring")] {
        for call in CALLS {
            for number in 1.. {
                world.home.awsmfa(["store", "move", "--to", from]).run().success();
                let there = killed_at_call(&world.home, &["store", "move", "--to", to], call, number);
                check(&world);
                world.home.awsmfa(["store", "move", "--to", to]).run().success();
                check(&world);
                let status = world.home.awsmfa(["store", "status", "--json"]).run().success().json();
                let secrets = status["secrets"].as_array().unwrap();
                assert!(secrets.iter().all(|secret| secret["store"] == to), "an old copy was left: {status}");
                if !there {
                    break;
                }
                killed += 1;
            }
        }
    }
    assert!(killed > 5, "only {killed} calls were found");
}

#[test]
#[ignore = "needs strace and minutes: tests/real/kills.sh"]
fn new_passphrase_survives_a_kill_at_every_system_call() {
    kill_everywhere(&["store", "passwd"], world, |world| {
        // One of the two opens the store.
        let code = || world.home.awsmfa(["code", "--pair"]);
        if code().run().exit_code() != Some(0) {
            code().env("AWSMFA_PASSPHRASE_FILE", world.home.join("new")).run().success();
            return;
        }
        world.home.awsmfa(["store", "passwd"]).run().success();
        code().env("AWSMFA_PASSPHRASE_FILE", world.home.join("new")).run().success();
    });
}

#[test]
#[ignore = "needs strace and minutes: tests/real/kills.sh"]
fn backup_survives_a_kill_at_every_system_call() {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let args = ["store", "backup", "b.age", "--recipient", &recipient, "--yes"];
    let prepare = || {
        let world = world();
        world.home.write("b.age", "an older backup");
        world
    };
    kill_everywhere(&args, prepare, |world| {
        check(world);
        let bytes = std::fs::read(world.home.join("b.age")).unwrap();
        if bytes != b"an older backup" {
            let content = String::from_utf8(age::decrypt(&identity, &bytes).expect("half a backup")).unwrap();
            for secret in [&world.device.seed, &world.key.secret] {
                assert!(content.contains(secret), "a backup without a secret");
            }
        }
        world.home.awsmfa(args).run().success();
    });
}

/// What is restored replaces another secret, so that there is something to lose.
#[test]
#[ignore = "needs strace and minutes: tests/real/kills.sh"]
fn restoring_survives_a_kill_at_every_system_call() {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let restore = ["store", "restore", "b.age", "--identity", "key", "--force"];
    let prepare = || {
        let world = world();
        let key = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
        world.home.write("key", &key);
        world.home.awsmfa(["store", "backup", "b.age", "--recipient", &recipient]).run().success();
        world.home.import(&world.device.serial, crate::support::OTHER_SECRET);
        std::fs::remove_file(world.home.join(&format!(".local/share/awsmfa/store/{}.age", world.key.id)))
            .unwrap();
        world
    };
    kill_everywhere(&restore, prepare, |world| {
        let uri = world.home.open_entry(ENTRY.rsplit('/').next().unwrap());
        let is_one = uri.contains(&world.device.seed) || uri.contains(crate::support::OTHER_SECRET);
        assert!(is_one, "neither the old nor the new secret");
        world.home.awsmfa(restore).run().success();
        assert!(world.home.open_entry(ENTRY.rsplit('/').next().unwrap()).contains(&world.device.seed));
        check(world);
    });
}

/// A damaged registry is replaced; its copy stays beside it, and so does the copy of an earlier damage.
#[test]
#[ignore = "needs strace and minutes: tests/real/kills.sh"]
fn rebuilding_survives_a_kill_at_every_system_call() {
    const REBUILD: [&str; 2] = ["store", "rebuild"];
    let world = world();
    let copy = |number: &str| world.home.join(&format!("{REGISTRY}.bad{number}"));
    let damaged = world.home.read(REGISTRY).replace("\"stored_keys\"", "stored_keys");
    let damage = || {
        world.home.write(REGISTRY, &damaged);
        let copies = world.home.files().into_keys().filter(|name| name.contains("devices.json.bad"));
        copies.for_each(|name| std::fs::remove_file(world.home.join(&name)).unwrap());
        world.home.write(&format!("{REGISTRY}.bad"), "an older copy");
    };
    damage();
    world.home.awsmfa(REBUILD).run().success();
    let rebuilt = world.home.read(REGISTRY);
    assert!(rebuilt.contains(&world.key.id) && rebuilt.contains(&world.device.serial), "{rebuilt}");
    let mut killed = 0;
    for call in CALLS {
        for number in 1.. {
            damage();
            let there = killed_at_call(&world.home, &REBUILD, call, number);
            let found = world.home.read(REGISTRY);
            assert!(found == damaged || found == rebuilt, "{call} {number}: {found}");
            assert_eq!(std::fs::read(copy("")).unwrap(), b"an older copy");
            if found == rebuilt {
                assert_eq!(std::fs::read_to_string(copy("-2")).unwrap(), damaged, "{call} {number}");
            }
            world.home.awsmfa(REBUILD).run().success();
            assert_eq!(world.home.read(REGISTRY), rebuilt);
            check(&world);
            if !there {
                break;
            }
            killed += 1;
        }
    }
    assert!(killed > 3, "only {killed} calls were found");
}
