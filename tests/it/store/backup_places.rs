//! Where `store backup` writes, for whom, and what it does if it cannot.

use std::sync::Arc;

use age::secrecy::ExposeSecret;
use awsmfa::testing::context::Context;

use crate::support::in_process::{InProcess, Typist, store};
use crate::support::{Home, OTHER_SECRET, Run, World, words};

/// A world with a device, whose backups have a passphrase.
fn world() -> World {
    let mut world = World::imported();
    world.home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    world.home.write("backup-passphrase", "tr0ub4dor&3\n");
    world.home.chmod("backup-passphrase", 0o600);
    world.home.set("AWSMFA_BACKUP_PASSPHRASE_FILE", world.home.join("backup-passphrase").to_str().unwrap());
    world
}

fn awsmfa(home: &Home, line: &str) -> Run {
    home.awsmfa(words(line))
}

/// Piped on, the backup would be empty, and nobody would notice before it is needed.
#[test]
fn hyphen_is_not_a_file_by_accident() {
    let world = world();
    for line in ["store backup -", "device export alice --qr-file - --yes"] {
        let ran = awsmfa(&world.home, line).run().code(3);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.err(), @"
            error: cannot write `-`: standard output is not a file
            hint: choose a file; one that is named `-` is `./-`
            ");
        }
        assert!(ran.out().is_empty() && !world.home.join("-").exists());
    }
    awsmfa(&world.home, "store backup ./-").run().success();
    assert!(world.home.join("-").exists());
}

#[test]
fn other_kinds_of_recipients_are_told_apart_and_not_repeated() {
    let world = world();
    let identity = age::x25519::Identity::generate().to_string();
    let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJOxfhNhAy3E7EGGrBOZF/DynJb9VoLImvLviFxCXUeN";
    let plugin = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";
    let all: Vec<String> = [identity.expose_secret(), ssh, plugin, "age1x"]
        .map(|text| {
            let ran = world.home.awsmfa(["store", "backup", "b.age", "--recipient", text]).run().code(2);
            let exported = world.home.awsmfa(["device", "export", "alice", "--age", text]).run().code(2);
            assert_eq!(ran.err(), exported.err());
            assert!(!ran.err().contains(&text[..20.min(text.len())]), "{}", ran.err());
            ran.err()
        })
        .into();
    insta::assert_snapshot!(all.join(""), @"
    error: an age identity is secret and cannot be a recipient
    hint: print the identity's recipient: `age-keygen -y FILE`
    error: SSH keys are not supported as recipients
    hint: create a key and use the recipient that is printed: `age-keygen -o key.txt`
    error: recipients of age plugins are not supported
    hint: create a key and use the recipient that is printed: `age-keygen -o key.txt`
    error: an age recipient looks like `age1…`
    hint: create a key and use the recipient that is printed: `age-keygen -o key.txt`
    ");
    world.home.write("key", identity.expose_secret());
    let ran = awsmfa(&world.home, "store backup b.age --recipients-file key").run().code(2);
    insta::assert_snapshot!(ran.err(), @"error: cannot read recipients from key: line 1: an age identity is secret and cannot be a recipient");
}

#[test]
fn command_that_replaces_keeps_the_store() {
    let world = world();
    awsmfa(&world.home, "store backup b.age").run().success();
    world.home.import(&world.device.serial, OTHER_SECRET);
    let ran = awsmfa(&world.home, "store restore b.age --store file").run().success();
    insta::assert_snapshot!(ran.err().lines().last().unwrap(), @"hint: overwrite what is stored here, which cannot be undone: `awsmfa store restore b.age --force --store file`");
}

#[test]
fn backup_of_nothing_but_damage_says_so() {
    let world = world();
    let entry = ".local/share/awsmfa/store/arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age";
    world.home.write(entry, "");
    let ran = awsmfa(&world.home, "store backup b.age").run().code(5);
    insta::assert_snapshot!(ran.err(), @"
    warning: the backup does not include the secret of `arn:aws:iam::123456789012:mfa/alice`: `~/.local/share/awsmfa/store/arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age` is damaged: it is not a complete age file
    error: none of the stored secrets can be read, so no backup was written
    hint: find out what is wrong: `awsmfa store status`
    ");
    assert!(!world.home.join("b.age").exists());
}

/// Two passphrases are not typed in vain.
#[test]
fn overwriting_is_confirmed_before_the_passphrase_is_typed() {
    let mut world = world();
    world.home.unset("AWSMFA_BACKUP_PASSPHRASE_FILE");
    world.home.unset("AWSMFA_NO_INPUT");
    world.home.write("b.age", "an older backup");
    let file = world.home.join("b.age").to_str().unwrap().to_owned();
    let InProcess { ctx, .. } = world.in_process(0);
    let typist = Typist::new(&["tr0ub4dor&3", "tr0ub4dor&3"]);
    let ctx = Context::new(ctx.env, ctx.clock, ctx.ui, Arc::clone(&typist) as _).unwrap();
    store(&ctx, &["backup", &file]).unwrap();
    insta::assert_snapshot!(typist.seen().join("\n").replace(&file, "b.age"), @"
    `b.age` already exists; overwrite it?
    new passphrase for the backup (at least 8 characters):
    repeat the passphrase:
    ");
    assert!(std::fs::read(file).unwrap().starts_with(b"age-encryption.org/"));
}

/// A disk with errors is mounted read-only, and that is when a backup is needed most. Nothing can change what is stored there
/// in the meantime, so no lock is needed.
#[test]
#[cfg(target_os = "linux")]
fn read_only_disk_can_be_backed_up_to_another_one() {
    let world = world();
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("b.age");
    let script = "
        mount --bind . . && cd . && mount -o remount,bind,ro . || exit 99
        echo mounted
        exec \"$0\" \"$@\"";
    let run = world.home.awsmfa(["store", "backup", file.to_str().unwrap()]);
    let ran = run.under("unshare", &["--map-root-user", "--mount", "/bin/sh", "-c", script]).run();
    if !ran.out().starts_with("mounted\n") {
        return crate::support::skipped(&format!("permission to mount: {}", ran.err()));
    }
    ran.success();
    awsmfa(&world.home, "device remove alice --local --yes").run().success();
    world.home.awsmfa(["store", "restore", file.to_str().unwrap()]).run().success();
    assert_eq!(world.stored("alice"), world.device.seed);
}

#[test]
#[cfg(target_os = "linux")]
fn full_disk_says_where_space_is_needed() {
    let world = world();
    let script = "
        mkdir disk && mount -t tmpfs -o size=4k,mode=700 none disk && head -c 4096 /dev/zero >disk/full || exit 99
        echo mounted
        \"$0\" \"$@\"
        code=$?
        ls -A disk
        exit $code";
    let run = awsmfa(&world.home, "store backup disk/b.age");
    let ran = run.under("unshare", &["--map-root-user", "--mount", "/bin/sh", "-c", script]).run();
    if !ran.out().starts_with("mounted\n") {
        return crate::support::skipped(&format!("permission to mount: {}", ran.err()));
    }
    let ran = ran.code(3);
    assert_eq!(ran.out(), "mounted\nfull\n", "a file was left behind");
    insta::assert_snapshot!(ran.err(), @"
    error: cannot write `disk/b.age`: No space left on device (os error [N])
    hint: free some space: `df -h disk`
    ");
}
