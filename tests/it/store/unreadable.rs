//! Stores that have lost what opens them, and entries that cannot be read: what is left can be saved, and the way back works.

use crate::support::{Run, World, words};

const STORE: &str = ".local/share/awsmfa/store";
const ALICE: &str = ".local/share/awsmfa/store/arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age";
const BOB: &str = "arn:aws:iam::123456789012:mfa/bob";

/// Something that happens to a store, and what it is.
type Damage = (&'static str, fn(&World));

/// A world with two devices, and a backup of them in `b.age`.
fn world() -> World {
    let mut world = World::imported();
    world.home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    world.home.write("backup-passphrase", "correct horse\n");
    world.home.chmod("backup-passphrase", 0o600);
    let passphrase = world.home.join("backup-passphrase");
    world.home.set("AWSMFA_BACKUP_PASSPHRASE_FILE", passphrase.to_str().unwrap());
    world.home.import(BOB, &world.device.seed);
    awsmfa(&world, "store backup b.age").run().success();
    world
}

fn awsmfa(world: &World, line: &str) -> Run {
    world.home.awsmfa(words(line))
}

/// The commands in the hints of an error that name the store's folder.
fn moves_away(err: &str) -> Vec<String> {
    let commands = err.lines().filter_map(|line| line.split('`').nth(1));
    commands.filter(|command| command.starts_with("mv ")).map(str::to_owned).collect()
}

#[test]
fn lost_identity_is_no_dead_end() {
    let damage: [Damage; 3] = [
        ("missing", |world| std::fs::remove_file(world.home.join(STORE).join("identity.age")).unwrap()),
        ("damaged", |world| world.home.write(&format!("{STORE}/identity.age"), "age-encryption.org/v1\n")),
        ("replaced", |world| {
            let recipient = age::x25519::Identity::generate().to_public();
            world.home.write(&format!("{STORE}/recipient"), &format!("{recipient}\n"));
        }),
    ];
    for (what, damage) in damage {
        let world = world();
        damage(&world);
        let before = world.home.files();
        for line in ["code alice", "store restore b.age", "store passwd", "device resync alice"] {
            let err = awsmfa(&world, line).run().code(5).err();
            assert_eq!(
                moves_away(&err).len(),
                usize::from(line != "store passwd" || what != "replaced"),
                "{what}: {line}: {err}"
            );
        }
        let now = world.home.files();
        let changed = |path: &&String| path.contains("/store/") && now.get(*path) != before.get(*path);
        assert_eq!(before.keys().chain(now.keys()).find(changed), None, "{what}");
        let err = awsmfa(&world, "code alice").run().code(5).err();
        // The hint, pasted.
        let command = moves_away(&err).remove(0).replace("~/", &format!("{}/", world.home.path().display()));
        let moved = std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
        assert!(moved.success(), "{command}");
        let err = awsmfa(&world, "code alice").run().code(5).err();
        assert!(err.contains("awsmfa store restore FILE"), "{err}");
        awsmfa(&world, "store restore b.age").run().success();
        awsmfa(&world, "code alice").run().success();
        awsmfa(&world, "code bob").run().success();
    }
}

#[test]
fn lost_identity_is_explained() {
    let world = world();
    std::fs::remove_file(world.home.join(STORE).join("identity.age")).unwrap();
    insta::assert_snapshot!(awsmfa(&world, "code alice").run().code(5).err(), @"
    error: `~/.local/share/awsmfa/store/identity.age` is missing; without it, nothing in the folder can be read
    hint: restore the file from a copy of the folder, if there is one
    hint: or move the folder away: `mv ~/.local/share/awsmfa/store ~/.local/share/awsmfa/store.bad`
    hint: then restore a backup: `awsmfa store restore FILE`, or import the secrets again
    ");
    insta::assert_snapshot!(awsmfa(&world, "store restore b.age").run().code(5).err(), @"
    error: `~/.local/share/awsmfa/store/identity.age` is missing; without it, nothing in the folder can be read
    hint: restore the file from a copy of the folder, if there is one
    hint: or move the folder away: `mv ~/.local/share/awsmfa/store ~/.local/share/awsmfa/store.bad`
    hint: then restore a backup: `awsmfa store restore FILE`, or import the secrets again
    ");
    insta::assert_snapshot!(awsmfa(&world, "store status").run().success().err(), @"
    hint: restore the file from a copy of the folder, if there is one
    hint: or move the folder away: `mv ~/.local/share/awsmfa/store ~/.local/share/awsmfa/store.bad`
    hint: then restore a backup: `awsmfa store restore FILE`, or import the secrets again
    ");
}

/// As after a copy of the folder that kept no modes, or one that was interrupted.
#[test]
fn unreadable_entry_stops_no_backup_and_status_shows_it() {
    let damage: [Damage; 4] = [
        ("accessible to others", |world| world.home.chmod(ALICE, 0o644)),
        ("truncated", |world| world.home.write(ALICE, "age-encryption.org/v1\n")),
        ("empty", |world| world.home.write(ALICE, "")),
        ("a folder", |world| {
            std::fs::remove_file(world.home.join(ALICE)).unwrap();
            std::fs::create_dir(world.home.join(ALICE)).unwrap();
        }),
    ];
    for (what, damage) in damage {
        let world = world();
        damage(&world);
        let status = awsmfa(&world, "store status --json").run().success().json();
        let states: Vec<_> = status["secrets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|secret| secret["state"].as_str().unwrap())
            .collect();
        assert_eq!(states, ["unreadable", "stored"], "{what}");
        let ran = awsmfa(&world, "store backup b2.age").run().code(5);
        assert!(ran.err().contains("backed up 1 device"), "{what}: {}", ran.err());
        std::fs::remove_dir_all(world.home.join(STORE)).unwrap();
        awsmfa(&world, "store restore b2.age").run().success();
        awsmfa(&world, "code bob").run().success();
    }
}

#[test]
fn unreadable_entry_is_explained() {
    let world = world();
    world.home.chmod(ALICE, 0o644);
    insta::assert_snapshot!(awsmfa(&world, "store status").run().success().err(), @"hint: find out why a secret is unreadable: `awsmfa doctor`");
    insta::assert_snapshot!(awsmfa(&world, "store backup b2.age").run().code(5).err(), @"
    warning: the backup does not include the secret of `arn:aws:iam::123456789012:mfa/alice`: `~/.local/share/awsmfa/store/arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age` is accessible to other users
    hint: make the file private: `chmod 600 '~/.local/share/awsmfa/store/arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age'`
    awsmfa: backed up 1 device to b2.age, encrypted with the backup's passphrase
    error: `b2.age` is incomplete: it lacks 1 secret
    hint: find out what is wrong: `awsmfa store status`
    ");
}
