//! Secret stores that are locked, missing or damaged.

use std::time::{Duration, Instant};

use super::{assert_rejected, login_and_sdk};
use crate::support::{NO_ARGS, Run, World};

fn import(world: &World) -> Run {
    let args = ["device", "import", "--profile", "dev", "--secret-stdin"];
    world.home.awsmfa(args).stdin(&world.device.seed)
}

#[test]
fn wrong_passphrase_is_rejected() {
    let world = World::imported();
    world.home.write("passphrase", "wrong horse\n");
    let err = login_and_sdk(&world.home, "dev", 5);
    assert!(!err.contains("horse"), "{err}");
    insta::assert_snapshot!(err, @"
    error: wrong passphrase for the file store
    hint: try again with the right passphrase; nothing was changed
    ");
    assert_rejected(&world.home, world.home.awsmfa(["code", "-p", "dev"]), 5);
    assert!(world.aws.requests().is_empty());
}

#[test]
fn missing_passphrase_without_a_terminal_is_an_error() {
    let mut world = World::imported();
    world.home.unset("AWSMFA_PASSPHRASE_FILE");
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 5), @"
    error: the file store is locked: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    world.home.set("AWSMFA_PASSPHRASE_COMMAND", "false");
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 5), @"
    error: the file store is locked: AWSMFA_PASSPHRASE_COMMAND: `false` failed (exit status: 1)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
}

#[test]
fn unusable_passphrase_file_is_an_error() {
    let world = World::imported();
    world.home.write("passphrase", "\n");
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 5), @"
    error: the file store is locked: AWSMFA_PASSPHRASE_FILE `~/passphrase` has an empty first line
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    std::fs::remove_file(world.home.join("passphrase")).unwrap();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 5), @"
    error: the file store is locked: AWSMFA_PASSPHRASE_FILE `~/passphrase`: No such file or directory (os error [N])
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
}

#[test]
#[cfg(unix)]
fn passphrase_file_that_everyone_can_read_is_rejected() {
    let world = World::imported();
    world.home.chmod("passphrase", 0o644);
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 5), @"
    error: the file store is locked: AWSMFA_PASSPHRASE_FILE `~/passphrase` is readable by every user (`chmod 600`)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
}

#[test]
fn missing_passphrase_for_a_new_store_is_an_error() {
    let mut world = World::new();
    world.home.forget_store();
    world.home.unset("AWSMFA_PASSPHRASE_FILE");
    let err = assert_rejected(&world.home, import(&world), 5);
    insta::assert_snapshot!(err, @"
    error: no new passphrase for the file store: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the new passphrase
    ");
}

#[test]
fn unknown_store_is_rejected() {
    let world = World::new();
    let err = assert_rejected(&world.home, import(&world).env("AWSMFA_STORE", "vault"), 2);
    insta::assert_snapshot!(err, @"
    error: AWSMFA_STORE: `vault` is not a store; use `keyring` or `file`
    hint: AWSMFA_STORE=file
    ");
}

#[test]
fn damaged_entry_is_an_error() {
    let world = World::imported();
    let entry = entry(&world);
    let bytes = std::fs::read(world.home.join(&entry)).unwrap();
    std::fs::write(world.home.join(&entry), &bytes[..bytes.len() - 10]).unwrap();
    let err = login_and_sdk(&world.home, "dev", 5);
    insta::assert_snapshot!(err.replace(&entry, "[ENTRY]"), @"
    error: `~/[ENTRY]` is damaged: it is not a complete age file
    hint: restore the file from a backup, or import the secret again; nothing was changed
    ");
    import(&world).arg("--yes").run().success();
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
}

/// Nothing can be imported into what is left of the store, so the hint is the way out.
#[test]
#[cfg(unix)]
fn store_without_its_identity_can_be_moved_away() {
    let world = World::imported();
    let identity = ".local/share/awsmfa/store/identity.age";
    let whole = std::fs::read(world.home.join(identity)).unwrap();
    world.home.write(identity, "");
    let broken = login_and_sdk(&world.home, "dev", 5);
    std::fs::remove_file(world.home.join(identity)).unwrap();
    let missing = login_and_sdk(&world.home, "dev", 5);
    insta::assert_snapshot!(broken + &missing, @"
    error: `~/.local/share/awsmfa/store/identity.age` is damaged: it is not a complete age file
    hint: restore the file from a copy of the folder, if there is one
    hint: or move the folder away: `mv ~/.local/share/awsmfa/store ~/.local/share/awsmfa/store.bad`
    hint: then restore a backup: `awsmfa store restore FILE`, or import the secrets again
    error: `~/.local/share/awsmfa/store/identity.age` is missing; without it, nothing in the folder can be read
    hint: restore the file from a copy of the folder, if there is one
    hint: or move the folder away: `mv ~/.local/share/awsmfa/store ~/.local/share/awsmfa/store.bad`
    hint: then restore a backup: `awsmfa store restore FILE`, or import the secrets again
    ");
    assert_eq!(assert_rejected(&world.home, import(&world).arg("--yes"), 5), missing);
    let store = world.home.join(".local/share/awsmfa/store");
    std::fs::rename(&store, store.with_extension("bad")).unwrap();
    import(&world).run().success();
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    assert_ne!(std::fs::read(world.home.join(identity)).unwrap(), whole);
}

/// As after a part of another computer's folder was copied, or after a newer version of age.
#[test]
fn entry_of_another_store_or_a_newer_age_is_an_error() {
    let world = World::imported();
    let entry = entry(&world);
    let stranger = age::x25519::Identity::generate().to_public();
    let foreign = age::encrypt(&stranger, b"otpauth://totp/x?secret=JBSWY3DPEHPK3PXP").unwrap();
    let own = std::fs::read(world.home.join(&entry)).unwrap();
    let newer = [b"age-encryption.org/v2", &own[21..]].concat();
    for (bytes, why) in [
        (foreign.as_slice(), "is encrypted to another identity"),
        (&newer, "is in an age format that this version does not support"),
    ] {
        std::fs::write(world.home.join(&entry), bytes).unwrap();
        let err = login_and_sdk(&world.home, "dev", 5);
        let expected = format!("error: `~/{entry}` {why}\nhint: restore the file from a backup");
        assert!(err.starts_with(&expected), "{err}");
        assert_eq!(std::fs::read(world.home.join(&entry)).unwrap(), bytes, "the file was changed");
    }
    assert!(world.aws.requests().is_empty());
}

#[test]
fn missing_entry_is_an_error() {
    let world = World::imported();
    std::fs::remove_file(world.home.join(&entry(&world))).unwrap();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 5), @"
    error: the secret of `arn:aws:iam::123456789012:mfa/alice` is missing from the file store
    hint: restore the secret from a backup: `awsmfa store restore FILE`
    hint: or import it again: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice`
    ");
}

#[test]
#[cfg(unix)]
fn full_disk_leaves_the_store_unchanged() {
    let world = World::imported();
    let limited = ["-c", "ulimit -f 0; exec \"$0\" \"$@\""];
    let serial = "arn:aws:iam::123456789012:mfa/other";
    let run = world.home.awsmfa(["device", "import", "--serial", serial, "--secret-stdin"]);
    let err = assert_rejected(&world.home, run.under("/bin/sh", &limited).stdin(&world.device.seed), 1);
    let err = regex::Regex::new("[^/`]+[.]age").unwrap().replace(&err, "[ENTRY]").into_owned();
    insta::assert_snapshot!(err, @"
    error: cannot write `~/.local/share/awsmfa/store/[ENTRY]`: File too large (os error [N])
    hint: check the file size limit: `ulimit -f`
    ");
}

/// The only secret in the file store.
fn entry(world: &World) -> String {
    let is_entry = |path: &String| path.ends_with(".age") && !path.ends_with("identity.age");
    world.home.files().into_keys().find(is_entry).unwrap()
}

#[test]
fn damaged_registry_is_an_error() {
    let world = World::imported();
    world.home.write(".local/share/awsmfa/devices.json", "{\"version\": 1, \"devices\": [");
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: `~/.local/share/awsmfa/devices.json` is damaged: EOF while parsing a list at line 1 column 27
    hint: rebuild the registry from what the stores hold: `awsmfa store rebuild`
    hint: or pass a code: `awsmfa login --profile dev --code CODE`
    ");
    world.home.write(".local/share/awsmfa/devices.json", "{\"version\": 2}");
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: `~/.local/share/awsmfa/devices.json` was written by a newer awsmfa (format 2; this version supports format 1)
    hint: use the newer awsmfa that wrote the file
    hint: or pass a code: `awsmfa login --profile dev --code CODE`
    ");
}

/// On Linux, the desktop's keyring is reached through a socket, so the tests can replace it.
#[cfg(target_os = "linux")]
mod keyring {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::support::skipped;

    /// Runs the command with this bus. It must fail assert_rejected_soon.
    fn assert_rejected_soon(world: &World, run: Run, bus: &str) -> String {
        let began = Instant::now();
        let err =
            assert_rejected(&world.home, run.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={bus}")), 5);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        err
    }

    #[test]
    fn missing_keyring_is_an_error() {
        let world = World::new();
        let err = assert_rejected_soon(&world, import(&world).env("AWSMFA_STORE", "keyring"), "/nowhere/bus");
        insta::assert_snapshot!(err, @"
        error: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
        hint: store the secret in a file instead: `… | awsmfa device import --profile dev --store file --secret-stdin`
        ");
        // If no store is requested, the file store is used.
        let bus = "unix:path=/nowhere/bus";
        import(&world).env_remove("AWSMFA_STORE").env("DBUS_SESSION_BUS_ADDRESS", bus).run().success();
        assert!(world.home.read(".local/share/awsmfa/devices.json").contains("\"file\""));
    }

    /// Like a keyring that waits for a person to unlock it.
    #[test]
    fn silent_keyring_times_out() {
        let world = World::new();
        let path = world.home.join("bus");
        let _bus = UnixListener::bind(&path).unwrap();
        let err = assert_rejected_soon(
            &world,
            import(&world).env("AWSMFA_STORE", "keyring"),
            path.to_str().unwrap(),
        );
        insta::assert_snapshot!(err, @"
        error: the keyring did not respond within 2 s
        hint: unlock the keyring on the desktop and try again
        hint: or store the secret in a file: `… | awsmfa device import --profile dev --store file --secret-stdin`
        ");
    }

    /// A real keyring if one is installed: GNOME's, on a separate bus. It contains the secret and is locked.
    #[test]
    fn locked_keyring_is_an_error() {
        let programs = ["/usr/bin/dbus-run-session", "/usr/bin/gnome-keyring-daemon", "/usr/bin/gdbus"];
        if let Some(missing) = programs.iter().find(|program| !std::path::Path::new(program).exists()) {
            return skipped(missing);
        }
        let mut world = World::new();
        world.home.write("run/seed", &world.device.seed);
        world.home.chmod("run", 0o700);
        world.home.set("XDG_RUNTIME_DIR", world.home.join("run").to_str().unwrap());
        world.home.set("AWSMFA_STORE", "keyring");
        let script = r#"
            printf 'pw\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null || exit 90
            "$0" device import --profile dev --secret-stdin --no-verify <run/seed || exit 91
            keyrings=/org/freedesktop/secrets
            gdbus call --session --dest org.freedesktop.secrets --object-path $keyrings \
                --method org.freedesktop.Secret.Service.Lock "[objectpath '$keyrings/collection/login']" || exit 92
            "$0" login --profile dev 2>run/login; echo $? >run/login-code
            "$0" credential-process --profile dev 2>run/sdk; echo $? >run/sdk-code
            "$0" device import --serial GAHT12345678 --secret-stdin <run/seed 2>run/import; echo $? >run/import-code"#;
        let began = Instant::now();
        world
            .home
            .awsmfa(NO_ARGS)
            .under("dbus-run-session", &["--", "/bin/sh", "-c", script])
            .run()
            .success();
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        for run in ["login", "sdk", "import"] {
            assert_eq!(world.home.read(&format!("run/{run}-code")), "5\n", "{run}");
        }
        // On a busy machine, the keyring may respond too late.
        let read = |run: &str| world.home.read(run).replace("did not respond within 2 s", "is locked");
        insta::assert_snapshot!(read("run/login"), @"
        error: the keyring is locked
        hint: unlock the keyring on the desktop and try again
        hint: or import the secret key into a file: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice --store file`
        ");
        insta::assert_snapshot!(read("run/import"), @"
        error: the keyring is locked
        hint: unlock the keyring on the desktop and try again
        hint: or store the secret in a file: `… | awsmfa device import --serial GAHT12345678 --store file --secret-stdin`
        ");
        assert_eq!(world.home.read("run/sdk").lines().count(), 1);
        assert!(world.aws.requests().is_empty());
    }

    /// The secret is in a keyring that is no longer available, for example over SSH.
    #[test]
    fn secret_in_a_missing_keyring_can_be_imported_again() {
        let mut world = World::imported();
        let registry = world.home.read(".local/share/awsmfa/devices.json");
        world.home.write(".local/share/awsmfa/devices.json", &registry.replace("\"file\"", "\"keyring\""));
        world.home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
        insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 5), @"
        error: the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
        hint: start the keyring service and try again
        hint: or import the secret key into a file: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice --store file`
        ");
        let path = world.home.join("bus");
        let _bus = UnixListener::bind(&path).unwrap();
        world.home.set("DBUS_SESSION_BUS_ADDRESS", &format!("unix:path={}", path.display()));
        insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 5), @"
        error: the keyring did not respond within 2 s
        hint: unlock the keyring on the desktop and try again
        hint: or import the secret key into a file: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice --store file`
        ");
        assert!(world.aws.requests().is_empty());
        // The hint works.
        let args =
            ["device", "import", "--serial", &world.device.serial, "--store", "file", "--secret-stdin"];
        let ran = world.home.awsmfa(args).stdin(&world.device.seed).run().success();
        assert!(
            ran.err().contains("warning: the old copy of the secret remains in the keyring store"),
            "{}",
            ran.err()
        );
        world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    }
}
