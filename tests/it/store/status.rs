//! `store status` and `store lock`

use super::{ENTRY, REGISTRY, world, world_with_key};
use crate::support::{OTHER_SECRET, World, words};

fn status(world: &World) -> String {
    let out = world.home.awsmfa(words("store status")).run().success().out();
    let out = out.replace(world.home.path().to_str().unwrap(), "~").replace(&world.key.id, "[KEY]");
    let replace = |text: &str, pattern: &str, with: &str| {
        regex::Regex::new(pattern).unwrap().replace_all(text, with).into_owned()
    };
    // The columns depend on the length of the home folder's path.
    replace(&replace(&out, r"\(os error \d+\)", "(os error [N])"), "  +", "  ")
}

#[test]
fn status_shows_stores_and_secrets() {
    let world = world();
    world.home.awsmfa(words("keys store -p dev")).run().success();
    insta::assert_snapshot!(status(&world), @"
    STORE  DEFAULT  STATE  FOLDER  NOTES
    keyring  -  unavailable  -  the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    file  yes (AWSMFA_STORE)  locked  ~/.local/share/awsmfa/store  AWSMFA_PASSPHRASE_FILE unlocks it

    SECRET  KIND  STORE  STATE  PROFILES
    arn:aws:iam::123456789012:mfa/alice  device  file  stored  dev
    [KEY]  access key  file  stored  dev
    ");
    let json =
        world.home.awsmfa(words("store status --json")).env_remove("AWSMFA_STORE").run().success().json();
    assert_eq!(
        (&json["default"], &json["default_reason"]),
        (&"file".into(), &"the keyring does not work".into())
    );
    assert_eq!(json["stores"][0]["state"], "unavailable");
    assert_eq!(json["secrets"][0]["profiles"][0], "dev");
}

#[test]
fn status_of_a_new_home_is_empty_and_changes_nothing() {
    let world = world();
    world.home.forget_store();
    let before = world.home.files();
    insta::assert_snapshot!(status(&world), @"
    STORE  DEFAULT  STATE  FOLDER  NOTES
    keyring  -  unavailable  -  the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    file  yes (AWSMFA_STORE)  not created  ~/.local/share/awsmfa/store  -
    ");
    assert_eq!(world.home.files(), before);
}

#[test]
fn status_compares_the_store_with_the_registry() {
    let world = world();
    let entry = |name: &str| world.home.join(".local/share/awsmfa/store").join(name);
    std::fs::rename(
        entry("arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age"),
        entry("arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Fbob.age"),
    )
    .unwrap();
    insta::assert_snapshot!(status(&world), @"
    STORE  DEFAULT  STATE  FOLDER  NOTES
    keyring  -  unavailable  -  the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    file  yes (AWSMFA_STORE)  locked  ~/.local/share/awsmfa/store  AWSMFA_PASSPHRASE_FILE unlocks it

    SECRET  KIND  STORE  STATE  PROFILES
    arn:aws:iam::123456789012:mfa/alice  device  file  missing  dev
    arn:aws:iam::123456789012:mfa/bob  device  file  unregistered  -
    ");
    let ran = world.home.awsmfa(words("store status")).run().success();
    insta::assert_snapshot!(ran.err(), @"
    hint: restore a missing secret from a backup: `awsmfa store restore FILE`
    hint: or import the secret again: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice`
    hint: register what the stores hold: `awsmfa store rebuild`
    ");
    std::fs::remove_file(entry("identity.age")).unwrap();
    insta::assert_snapshot!(status(&world), @"
    STORE  DEFAULT  STATE  FOLDER  NOTES
    keyring  -  unavailable  -  the keyring is not available: Failed to connect to address `unix:path=/nowhere/bus`: No such file or directory (os error [N])
    file  yes (AWSMFA_STORE)  unavailable  ~/.local/share/awsmfa/store  `~/.local/share/awsmfa/store/identity.age` is missing; without it, nothing in the folder can be read

    SECRET  KIND  STORE  STATE  PROFILES
    arn:aws:iam::123456789012:mfa/alice  device  file  unknown  dev
    ");
}

/// The kernel keeps the store unlocked, if it can.
#[test]
#[cfg(target_os = "linux")]
fn status_shows_how_long_the_store_stays_unlocked() {
    let mut world = world();
    // A store of its own: the kernel keeps one identity a store, and the tests share theirs.
    world.home.forget_store();
    world.home.set("AWSMFA_UNLOCK_FOR", "2h");
    world.import();
    world.home.awsmfa(words("code")).run().success();
    let json = world.home.awsmfa(words("store status --json")).run().success().json();
    if json["stores"][1]["state"] == "unlocked" {
        assert!(json["stores"][1]["unlocked_until"].as_str().unwrap().ends_with('Z'), "{json}");
        let shown = status(&world);
        assert!(shown.contains("unlocked  ~/.local/share/awsmfa/store  for 1h 59m"), "{shown}");
        insta::assert_snapshot!(world.home.awsmfa(words("store lock")).run().success().err(), @"
        awsmfa: locked the file store
        awsmfa: `AWSMFA_PASSPHRASE_FILE` unlocks the file store whenever a secret is needed
        ");
    }
    let json = world.home.awsmfa(words("store status --json")).run().success().json();
    assert_eq!(json["stores"][1]["state"], "locked");
}

#[test]
fn lock_says_what_still_unlocks_the_store() {
    let world = world();
    insta::assert_snapshot!(world.home.awsmfa(words("store lock")).run().success().err(), @"
    awsmfa: the file store is already locked
    awsmfa: `AWSMFA_PASSPHRASE_FILE` unlocks the file store whenever a secret is needed
    ");
    world.home.forget_store();
    insta::assert_snapshot!(world.home.awsmfa(words("store lock")).run().success().err(), @"awsmfa: there is no file store to lock");
}

/// A passphrase file that cannot be used unlocks nothing.
#[test]
#[cfg(unix)]
fn status_and_lock_check_the_passphrase_file() {
    let world = world();
    let notes = || {
        let json = world.home.awsmfa(words("store status --json")).run().success().json();
        assert_eq!(json["stores"][1]["state"], "locked");
        let reason =
            json["stores"][1]["reason"].as_str().unwrap().replace(world.home.path().to_str().unwrap(), "~");
        assert!(status(&world).contains(reason.split(" (os").next().unwrap()));
        let locked = world.home.awsmfa(words("store lock")).run().success().err();
        assert_eq!(locked, "awsmfa: the file store is already locked\n");
        reason
    };
    world.home.chmod("passphrase", 0o644);
    assert_eq!(notes(), "AWSMFA_PASSPHRASE_FILE `~/passphrase` is readable by every user (`chmod 600`)");
    world.home.chmod("passphrase", 0o600);
    world.home.write("passphrase", "\n");
    assert_eq!(notes(), "AWSMFA_PASSPHRASE_FILE `~/passphrase` has an empty first line");
    std::fs::remove_file(world.home.join("passphrase")).unwrap();
    assert_eq!(notes(), "AWSMFA_PASSPHRASE_FILE `~/passphrase`: No such file or directory (os error 2)");
    // A pipe can be read only once, by the process that needs the passphrase.
    let ran = world
        .home
        .awsmfa(words("store status"))
        .under("/bin/sh", &["-c", "mkfifo pipe && AWSMFA_PASSPHRASE_FILE=pipe exec \"$@\"", "sh"]);
    assert!(ran.run().success().out().contains("AWSMFA_PASSPHRASE_FILE unlocks it"));
}

/// Runs the command in a hint that starts like this, with what it reads.
#[cfg(target_os = "linux")]
fn paste(world: &World, hint: &str, stdin: &str) -> crate::support::Ran {
    let said = world.home.awsmfa(words("store status")).run().success().err();
    let line = said
        .lines()
        .find(|line| line.starts_with(&format!("hint: {hint}: `")))
        .unwrap_or_else(|| panic!("{said}"));
    let command = line.split('`').nth(1).unwrap();
    let words = shlex::split(command).unwrap();
    assert_eq!(words[0], "awsmfa", "{command}");
    world.home.awsmfa(&words[1..]).stdin(stdin).run()
}

/// The states of what `store status` lists, in the stores' order, and whether it has hints.
#[cfg(target_os = "linux")]
fn states(world: &World) -> (Vec<String>, bool) {
    let status = world.home.awsmfa(words("store status --json")).run().success().json();
    let secrets = status["secrets"].as_array().unwrap();
    let states = secrets.iter().map(|secret| secret["state"].as_str().unwrap().to_owned());
    (states.collect(), !world.home.awsmfa(words("store status")).run().success().err().is_empty())
}

/// Each hint of `store status` does what it says when it is pasted.
#[test]
#[cfg(target_os = "linux")]
fn hints_of_status_work() {
    let mut world = world_with_key();
    let Some(desktop) = crate::support::desktop::Desktop::start(&mut world.home) else { return };
    let all =
        |states: &[&str], has_hints| (states.iter().map(|&state| state.to_owned()).collect(), has_hints);
    assert_eq!(states(&world), all(&["stored", "stored"], false));
    // A copy, as an interrupted move leaves it; and one that differs.
    let put = |value: &str| {
        let item = ["store", "--label", "x", "service", "awsmfa", "username", &world.device.serial];
        desktop.secret_tool(&world.home, &item, value);
    };
    put(world.home.open_entry(ENTRY.rsplit('/').next().unwrap()).trim());
    assert_eq!(states(&world), all(&["copy", "stored", "stored"], true));
    let deleted = paste(&world, "delete the copy", "").success().err();
    assert_eq!(
        deleted,
        format!(
            "awsmfa: deleted the old copy of the secret of `{}` from the keyring store\n",
            world.device.serial
        )
    );
    assert_eq!(states(&world), all(&["stored", "stored"], false));
    put(&format!("otpauth://totp/x?secret={OTHER_SECRET}"));
    insta::assert_snapshot!(paste(&world, "delete the copy", "").success().err(), @"
    warning: the keyring store has another secret under the name `arn:aws:iam::123456789012:mfa/alice`, which nothing uses
    hint: use the secrets in the keyring store instead: `awsmfa store rebuild --store keyring`
    awsmfa: nothing to move to the file store
    ");
    desktop.secret_tool(&world.home, &["clear", "service", "awsmfa", "username", &world.device.serial], "");
    // Something that awsmfa did not save: nothing can be done about it.
    let entry = world.home.join(ENTRY);
    std::fs::copy(&entry, entry.with_file_name("note.age")).unwrap();
    assert_eq!(states(&world), all(&["stored", "stored", "unregistered"], false));
    std::fs::remove_file(entry.with_file_name("note.age")).unwrap();
    // Records that were lost.
    world.home.write(REGISTRY, r#"{"version": 1, "devices": []}"#);
    assert_eq!(states(&world), all(&["unregistered", "unregistered"], true));
    paste(&world, "register what the stores hold", "").success();
    assert_eq!(states(&world), all(&["stored", "stored"], false));
    // Secrets that were lost.
    std::fs::remove_file(&entry).unwrap();
    let key = entry.with_file_name(format!("{}.age", world.key.id));
    std::fs::remove_file(&key).unwrap();
    let said = world.home.awsmfa(words("store status")).run().success().err();
    insta::assert_snapshot!(said, @"
    hint: restore a missing secret from a backup: `awsmfa store restore FILE`
    hint: or import the secret again: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice`
    hint: or enter the access key of the IAM user again: `aws configure --profile dev-long-term`
    hint: then move the keys into the store: `awsmfa keys store --profile dev`
    ");
    // What `aws configure` writes.
    let section = "[dev-long-term]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n";
    let section = section.replace("{id}", &world.key.id).replace("{secret}", &world.key.secret);
    world.home.write_credentials(&(world.home.credentials() + &section));
    paste(&world, "then move the keys into the store", "").success();
    assert!(key.exists() && !world.home.credentials().contains(&world.key.secret));
    let import = world.home.awsmfa([
        "device",
        "import",
        "--serial",
        &world.device.serial,
        "--secret-stdin",
        "--no-verify",
    ]);
    import.stdin(&world.device.seed).run().success();
    assert_eq!(states(&world), all(&["stored", "stored"], false));
    world.home.awsmfa(words("login -p dev")).run().success();
}

/// A key that no profile is known to use is named, with a command that shows it.
#[test]
#[cfg(target_os = "linux")]
fn stored_key_without_a_profile_is_explained() {
    let world = world_with_key();
    world.home.write(REGISTRY, r#"{"version": 1, "devices": []}"#);
    world.home.write_credentials("");
    let said = paste(&world, "register what the stores hold", "").success().err();
    let hint = format!(
        "hint: print the key and add it to its profile with `aws configure`: `age -d -i {}/.local/share",
        "~"
    );
    assert!(said.contains(&hint), "{said}");
    // Then the profile has it in its file, and it is stored again.
    let section = format!(
        "[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        world.key.id, world.key.secret
    );
    world.home.write_credentials(&section);
    paste(&world, "register what the stores hold", "").success();
    world.home.awsmfa(words("keys store -p dev")).run().success();
    assert_eq!(states(&world), (vec!["stored".to_owned(); 2], false));
}
