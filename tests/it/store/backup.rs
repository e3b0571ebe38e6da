//! `store backup` and `store restore`

use std::path::Path;
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use awsmfa::testing::context::Context;

use super::{ENTRY, REGISTRY, world_with_key};
use crate::support::in_process::{InProcess, Typist, in_words, store};
use crate::support::{Home, OTHER_SECRET, Run, World, words};

/// A world with a device and a stored access key, and a passphrase for backups.
fn world() -> World {
    let mut world = world_with_key();
    world.home.write("backup-passphrase", "tr0ub4dor&3\n");
    world.home.chmod("backup-passphrase", 0o600);
    world.home.set("AWSMFA_BACKUP_PASSPHRASE_FILE", world.home.join("backup-passphrase").to_str().unwrap());
    world
}

/// Forgets everything that is stored, but not the passphrases.
fn forget(home: &Home) {
    home.forget_store();
    home.make_store();
}

fn err(run: Run, world: &World, code: i32) -> String {
    run.run().code(code).err().replace(&world.key.id, "[KEY]")
}

fn awsmfa(world: &World, line: &str) -> Run {
    world.home.awsmfa(words(line))
}

/// Fails unless the store has the device's secret and the access key.
#[track_caller]
fn check_restored(world: &World) {
    let uri = world.home.open_entry("arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age");
    assert!(uri.contains(&world.device.seed), "another secret");
    let keys = world.home.open_entry(format!("{}.age", world.key.id));
    assert!(keys.contains(&world.key.secret), "another key");
}

/// What `age -d` prints for a file under this passphrase.
fn decrypt(path: &Path, passphrase: &str) -> String {
    let key = age::scrypt::Identity::new(passphrase.to_owned().into());
    String::from_utf8(age::decrypt(&key, &std::fs::read(path).unwrap()).unwrap()).unwrap()
}

#[test]
fn backup_restores_everything_on_a_new_computer() {
    let world = world();
    let registry = || {
        let mut registry: serde_json::Value = serde_json::from_str(&world.home.read(REGISTRY)).unwrap();
        // When it was stored on this computer.
        assert!(registry["devices"][0].as_object_mut().unwrap().remove("stored_at").is_some());
        registry
    };
    let before = registry();
    insta::assert_snapshot!(err(awsmfa(&world, "store backup b.age"), &world, 0), @"awsmfa: backed up 1 device and 1 access key to b.age, encrypted with the backup's passphrase");
    let plain = decrypt(&world.home.join("b.age"), "tr0ub4dor&3");
    assert!(plain.contains("\"uri\": \"otpauth://totp/") && plain.contains(&world.key.secret), "{plain}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(world.home.join("b.age")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    forget(&world.home);
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 0), @"
    awsmfa: restored the secret of `arn:aws:iam::123456789012:mfa/alice` to the file store
    awsmfa: restored access key `[KEY]` of `dev` to the file store
    ");
    assert_eq!(registry(), before);
    awsmfa(&world, "login -p dev").run().success();
    let before = world.home.files();
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 0), @"awsmfa: nothing to restore: all secrets in the backup are stored here");
    assert_eq!(world.home.files(), before);
}

#[test]
fn backup_for_recipients_is_opened_by_their_identities() {
    let world = world();
    let keys = [age::x25519::Identity::generate(), age::x25519::Identity::generate()];
    let [one, other] = keys.each_ref().map(|key| key.to_public().to_string());
    world.home.write("recipients", &format!("# the safe\n{other}\n"));
    let backup = ["store", "backup", "b.age", "--recipient", &one, "--recipients-file", "recipients"];
    insta::assert_snapshot!(err(world.home.awsmfa(backup), &world, 0), @"awsmfa: backed up 1 device and 1 access key to b.age, encrypted to 2 recipients");
    forget(&world.home);
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 2), @"
    error: `b.age` is encrypted to recipients, so it has no passphrase
    hint: add the identity of one of the recipients: `--identity FILE`
    ");
    let stranger = age::x25519::Identity::generate();
    world.home.write("stranger", stranger.to_string().expose_secret());
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age --identity stranger"), &world, 5), @"
    error: `b.age` is encrypted to another identity
    hint: use another identity or another backup; nothing was changed
    ");
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age --identity recipients"), &world, 2), @"
    error: `recipients` has no `AGE-SECRET-KEY-1…` identity
    hint: decrypt the backup with age if that is another kind of key: `age -d -i recipients b.age | awsmfa store restore /dev/stdin`
    ");
    world.home.write("key", &format!("# created by age-keygen\n{}\n", keys[1].to_string().expose_secret()));
    awsmfa(&world, "store restore b.age --identity key").run().success();
    check_restored(&world);
    // The same from the content, decrypted by another program.
    let plain = age::decrypt(&keys[0], &std::fs::read(world.home.join("b.age")).unwrap()).unwrap();
    forget(&world.home);
    let restore = awsmfa(&world, "store restore /dev/stdin").stdin(std::str::from_utf8(&plain).unwrap());
    if cfg!(target_os = "linux") {
        restore.run().success();
        check_restored(&world);
    }
}

#[test]
fn what_is_stored_stays_unless_it_is_to_be_replaced() {
    let world = world();
    awsmfa(&world, "store backup b.age").run().success();
    world.home.import(&world.device.serial, OTHER_SECRET);
    let before = world.home.files();
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 0), @"
    warning: the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store differs from the backup, and was kept
    hint: overwrite what is stored here, which cannot be undone: `awsmfa store restore b.age --force`
    ");
    assert_eq!(world.home.files(), before);
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age --force"), &world, 0), @"awsmfa: restored the secret of `arn:aws:iam::123456789012:mfa/alice` to the file store");
    awsmfa(&world, "login -p dev").run().success();
}

#[test]
fn key_that_was_replaced_since_is_not_restored() {
    let world = world();
    awsmfa(&world, "store backup b.age").run().success();
    awsmfa(&world, "keys restore -p dev").run().success();
    let new = world.aws.add_access_key("alice");
    let file =
        world.home.credentials().replace(&world.key.id, &new.id).replace(&world.key.secret, &new.secret);
    world.home.write_credentials(&file);
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 0), @"
    warning: access key `[KEY]` of `dev` was not restored, because the profile has another access key
    hint: overwrite what is stored here, which cannot be undone: `awsmfa store restore b.age --force`
    ");
    assert!(!world.home.read(REGISTRY).contains(&world.key.id), "{}", world.home.read(REGISTRY));
}

#[test]
fn unusable_backups_change_nothing() {
    let world = world();
    awsmfa(&world, "store backup b.age").run().success();
    let whole = std::fs::read(world.home.join("b.age")).unwrap();
    let plain = decrypt(&world.home.join("b.age"), "tr0ub4dor&3");
    let newer = plain.replace("\"version\": 1", "\"version\": 2");
    let before = world.home.read(REGISTRY);
    let refused = |bytes: &[u8], code| {
        std::fs::write(world.home.join("b.age"), bytes).unwrap();
        let err = err(awsmfa(&world, "store restore b.age"), &world, code);
        assert_eq!(world.home.read(REGISTRY), before);
        err.lines().next().unwrap().to_owned()
    };
    let all = [
        refused(&whole[..whole.len() - 10], 5),
        refused(&whole[..40], 5),
        refused(b"PK\x03\x04 a zip file", 5),
        refused(b"", 5),
        refused(b"{}", 5),
        refused(newer.as_bytes(), 5),
        refused(&plain.as_bytes()[..plain.len() / 2], 5),
    ];
    let all =
        regex::Regex::new(r"(line|column) \d+").unwrap().replace_all(&all.join("\n"), "$1 [N]").into_owned();
    insta::assert_snapshot!(all, @"
    error: `b.age` is damaged: it is not a complete age file
    error: `b.age` is damaged: it is not a complete age file
    error: `b.age` is not an age file
    error: `b.age` is not an age file
    error: cannot restore `b.age`: it is not a backup by awsmfa
    error: cannot restore `b.age`: it was written by a newer awsmfa (format 2; this version supports format 1)
    error: cannot restore `b.age`: its content is damaged at line [N], column [N]
    ");
    let at = whole.windows(4).position(|bytes| bytes == b" 17\n").unwrap();
    let hostile = [&whole[..at], b" 22\n", &whole[at + 4..]].concat();
    std::fs::write(world.home.join("b.age"), hostile).unwrap();
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 5), @"
    error: `b.age` has a scrypt work factor of 22; the limit is 20 (1 GiB of memory)
    hint: encrypt the file again with `age -p`, which uses 18; nothing was changed
    ");
    std::fs::write(world.home.join("b.age"), whole).unwrap();
    world.home.write("backup-passphrase", "wrong\n");
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 5), @"
    error: wrong passphrase for `b.age`
    hint: try again with the right passphrase; nothing was changed
    ");
    let run = awsmfa(&world, "store restore b.age").env_remove("AWSMFA_BACKUP_PASSPHRASE_FILE");
    insta::assert_snapshot!(err(run, &world, 5), @"
    error: no passphrase for `b.age`: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: run the command in a terminal, or set `AWSMFA_BACKUP_PASSPHRASE_FILE` to a file with the passphrase
    ");
    insta::assert_snapshot!(err(awsmfa(&world, "store restore none.age"), &world, 3), @"error: cannot read none.age: No such file or directory (os error [N])");
}

#[test]
fn existing_backup_is_not_overwritten_without_confirmation() {
    let world = world();
    awsmfa(&world, "store backup b.age").run().success();
    let before = std::fs::read(world.home.join("b.age")).unwrap();
    insta::assert_snapshot!(err(awsmfa(&world, "store backup b.age"), &world, 2), @"
    error: `b.age` already exists
    hint: use `--yes` to overwrite the file, or choose another file
    ");
    assert_eq!(std::fs::read(world.home.join("b.age")).unwrap(), before);
    awsmfa(&world, "store backup b.age --yes").run().success();
    let locked = awsmfa(&world, "store backup c.age").env_remove("AWSMFA_PASSPHRASE_FILE");
    insta::assert_snapshot!(err(locked, &world, 5), @"
    error: the file store is locked: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    world.home.write("backup-passphrase", "short\n");
    insta::assert_snapshot!(err(awsmfa(&world, "store backup c.age"), &world, 5), @"
    error: no passphrase for `c.age`: it needs at least 8 characters
    hint: run the command in a terminal, or set `AWSMFA_BACKUP_PASSPHRASE_FILE` to a file with the passphrase
    ");
    insta::assert_snapshot!(err(awsmfa(&world, "store backup c.age --recipients-file backup-passphrase"), &world, 2), @"error: cannot read recipients from backup-passphrase: line 1: an age recipient looks like `age1…`");
    assert!(!world.home.join("c.age").exists());
}

#[test]
fn backup_without_a_secret_says_so() {
    let world = world();
    world.home.import("GAHT12345678", OTHER_SECRET);
    std::fs::remove_file(world.home.join(".local/share/awsmfa/store/GAHT12345678.age")).unwrap();
    insta::assert_snapshot!(err(awsmfa(&world, "store backup b.age"), &world, 5), @"
    warning: the backup does not include the secret of `GAHT12345678`: it is missing from the file store
    awsmfa: backed up 1 device and 1 access key to b.age, encrypted with the backup's passphrase
    error: `b.age` is incomplete: it lacks 1 secret
    hint: find out what is wrong: `awsmfa store status`
    ");
    forget(&world.home);
    insta::assert_snapshot!(err(awsmfa(&world, "store backup c.age"), &world, 3), @"
    error: there are no stored secrets to back up
    hint: compare stores and devices: `awsmfa store status`
    ");
}

#[test]
fn incomplete_backup_replaces_no_other() {
    let world = world();
    awsmfa(&world, "store backup b.age").run().success();
    let before = std::fs::read(world.home.join("b.age")).unwrap();
    std::fs::write(world.home.join(ENTRY), "age-encryption.org/v1\n-> X25519 cut").unwrap();
    insta::assert_snapshot!(err(awsmfa(&world, "store backup b.age --yes"), &world, 5), @"
    warning: the backup does not include the secret of `arn:aws:iam::123456789012:mfa/alice`: `~/.local/share/awsmfa/store/arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age` is damaged: it is not a complete age file
    error: `b.age` was not overwritten: it may contain 1 secret that the new backup lacks
    hint: write an incomplete backup to another file, or find out what is wrong: `awsmfa store status`
    ");
    assert_eq!(std::fs::read(world.home.join("b.age")).unwrap(), before);
}

/// A lost registry, a secret that another program stored, and an old copy.
#[test]
fn backup_has_unregistered_secrets() {
    let world = world();
    world.home.import("GAHT12345678", OTHER_SECRET);
    let store = ".local/share/awsmfa/store";
    let recipient = world.home.read(&format!("{store}/recipient")).trim().parse::<age::x25519::Recipient>();
    let note = age::encrypt(&recipient.unwrap(), b"remember the milk\n").unwrap();
    std::fs::write(world.home.join(&format!("{store}/note.age")), note).unwrap();
    world.home.chmod(&format!("{store}/note.age"), 0o600);
    world.home.write(REGISTRY, "{\"version\": 1}");
    insta::assert_snapshot!(err(awsmfa(&world, "store backup b.age"), &world, 0), @"awsmfa: backed up 2 devices, 1 access key and 1 other secret to b.age, encrypted with the backup's passphrase");
    forget(&world.home);
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 0), @"
    awsmfa: restored the secret of `GAHT12345678` to the file store
    awsmfa: restored the secret of `arn:aws:iam::123456789012:mfa/alice` to the file store
    awsmfa: restored access key `[KEY]` to the file store
    awsmfa: restored `note` to the file store
    ");
    check_restored(&world);
    assert_eq!(world.home.open_entry("note.age"), "remember the milk\n");
    awsmfa(&world, "store rebuild").run().success();
    awsmfa(&world, "login -p dev").run().success();
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 0), @"awsmfa: nothing to restore: all secrets in the backup are stored here");
}

#[test]
fn damaged_secret_is_restored_and_kept() {
    let world = world();
    awsmfa(&world, "store backup b.age").run().success();
    let damaged = &std::fs::read(world.home.join(ENTRY)).unwrap()[..100];
    std::fs::write(world.home.join(ENTRY), damaged).unwrap();
    insta::assert_snapshot!(err(awsmfa(&world, "store restore b.age"), &world, 0), @"
    awsmfa: kept the damaged file of the secret of `arn:aws:iam::123456789012:mfa/alice` as ~/.local/share/awsmfa/store/arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age.bad
    awsmfa: restored the secret of `arn:aws:iam::123456789012:mfa/alice` to the file store
    ");
    check_restored(&world);
    assert_eq!(std::fs::read(world.home.join(&format!("{ENTRY}.bad"))).unwrap(), damaged);
    // Another damage does not replace the first copy.
    std::fs::write(world.home.join(ENTRY), "").unwrap();
    awsmfa(&world, "store restore b.age").run().success();
    assert_eq!(std::fs::read(world.home.join(&format!("{ENTRY}.bad"))).unwrap(), damaged);
    assert_eq!(std::fs::read(world.home.join(&format!("{ENTRY}.bad-2"))).unwrap(), b"");
    check_restored(&world);
}

#[test]
fn passphrase_of_the_backup_is_typed() {
    let mut world = world();
    world.home.unset("AWSMFA_BACKUP_PASSPHRASE_FILE");
    world.home.unset("AWSMFA_NO_INPUT");
    let file = world.home.join("b.age").to_str().unwrap().to_owned();
    let run = |world: &World, line: &[&str], typed: &[&str]| {
        let InProcess { ctx, .. } = world.in_process(0);
        let typist = Typist::new(typed);
        let ctx = Context::new(ctx.env, ctx.clock, ctx.ui, Arc::clone(&typist) as _).unwrap();
        let done = store(&ctx, line);
        let error = done.err().map(|error| in_words(&error)).unwrap_or_default();
        typist.seen().join("\n") + "\n" + &error.replace(&file, "b.age")
    };
    insta::assert_snapshot!(run(&world, &["backup", &file], &["tr0ub4dor&3", "tr0ub4dor&3"]), @"
    new passphrase for the backup (at least 8 characters):
    repeat the passphrase:
    ");
    forget(&world.home);
    insta::assert_snapshot!(run(&world, &["restore", &file], &["wrong", "Wrong", "WRONG"]), @"
    passphrase for the backup:
    wrong passphrase, try again: passphrase for the backup:
    wrong passphrase, try again: passphrase for the backup:
    error: wrong passphrase for `b.age`
    hint: try again with the right passphrase; nothing was changed
    ");
    insta::assert_snapshot!(run(&world, &["restore", &file], &["wrong", "tr0ub4dor&3"]), @"
    passphrase for the backup:
    wrong passphrase, try again: passphrase for the backup:
    ");
    awsmfa(&world, "login -p dev").run().success();
}
