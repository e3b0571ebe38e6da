//! `setup --undo`, also after a crash and after other programs have changed the files.

use super::{add_profile, both, connect, lines, plain, setup, undo};
use crate::support::World;

#[test]
fn changes_of_others_are_kept() {
    let world = World::imported();
    connect(&world);
    let (config, credentials) = both(&world.home);
    world.home.write_config(&(config + "output = json\n"));
    world.home.write_credentials(&(credentials + "[other]\nx = 1\n"));
    let plan = setup(&world.home, &["--undo", "--dry-run"]).success();
    assert!(plan.out().contains("-credential_process"), "{}", plan.out());
    let ran = undo(&world);
    assert!(
        ran.err().ends_with("awsmfa: undid the setup of `dev`; other changes since then are kept\n"),
        "{}",
        ran.err()
    );
    insta::assert_snapshot!(plain(&world, &world.home.read(".aws/config")), @"
    [profile dev]
    region = eu-central-1
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    output = json
    ");
    insta::assert_snapshot!(plain(&world, &world.home.credentials()), @"
    [dev]
    aws_access_key_id = [ID]
    aws_secret_access_key = [SECRET]
    [other]
    x = 1
    ");
}

#[test]
fn what_cannot_be_undone_is_named() {
    let world = World::imported();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    connect(&world);
    let config = world.home.read(".aws/config");
    let line = config.lines().last().unwrap();
    world.home.write_config(&config.replace(line, "credential_process = /bin/other"));
    world.home.write_credentials(&(world.home.credentials() + "[other]\nx = 1\n"));
    let ran = undo(&world);
    let said = lines(&ran, |line| line.starts_with("warning"));
    insta::assert_snapshot!(said, @"
    warning: not undone: the session that was in [dev] is not restored
    warning: not undone: `credential_process` in [profile dev] has changed since
    ");
    assert!(world.home.read(".aws/config").contains("/bin/other"));
}

#[test]
fn session_of_a_later_login_does_not_prevent_undoing() {
    let world = World::imported();
    let before = both(&world.home);
    setup(&world.home, &["-p", "dev", "--mode", "login", "--yes"]).success();
    world.home.awsmfa(["login", "-p", "dev", "--force"]).run().success();
    undo(&world);
    assert_eq!(both(&world.home), before);
}

#[test]
fn setups_are_undone_last_first() {
    let world = World::imported();
    add_profile(&world, "prod");
    let first = both(&world.home);
    connect(&world);
    let second = both(&world.home);
    setup(&world.home, &["-p", "prod", "--yes"]).success();
    undo(&world);
    assert_eq!(both(&world.home), second);
    let said = setup(&world.home, &["--undo", "--profile", "prod", "--yes"]).code(1).err();
    insta::assert_snapshot!(said, @"error: there is no setup of `prod` to undo");
    setup(&world.home, &["--undo", "--profile", "dev", "--yes"]).success();
    assert_eq!(both(&world.home), first);
}

#[test]
fn interrupted_setup_is_completed_or_undone() {
    for undone_at_once in [false, true] {
        let world = World::imported();
        let before = both(&world.home);
        connect(&world);
        let after = both(&world.home);
        // As if it had been killed between its two writes.
        world.home.write_credentials(&before.1);
        world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
        if !undone_at_once {
            connect(&world);
            assert_eq!(both(&world.home), after);
        }
        undo(&world);
        assert_eq!(both(&world.home), before);
        setup(&world.home, &["--undo", "--yes"]).code(1);
    }
}

#[test]
fn record_is_private_and_holds_no_long_term_secret() {
    let world = World::imported();
    connect(&world);
    let files = world.home.files();
    let records: Vec<_> = files.iter().filter(|(name, _)| name.contains("/setups/")).collect();
    let [(name, bytes)] = records[..] else { panic!("{records:?}") };
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(!text.contains(&world.key.secret) && text.contains("credential_process"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(world.home.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::write(world.home.join(name), "{").unwrap();
    let said = setup(&world.home, &["--undo", "--yes"]).code(1).err();
    insta::assert_snapshot!(said, @"
    error: ~/.local/state/awsmfa/setups/000001.json is damaged, or a newer awsmfa wrote it
    hint: update awsmfa, or remove the file if you do not want to undo that setup
    ");
}

#[test]
fn record_holds_no_long_term_secret_in_another_spelling() {
    let world = World::imported();
    let credentials = world.home.credentials();
    let other =
        credentials.replace(" = ", "=").replace(&world.key.secret, &format!("{} # mine", world.key.secret));
    world.home.write_credentials(&(other + &credentials.replace("[dev]", "[dev-long-term]")));
    let before = both(&world.home);
    setup(&world.home, &["-p", "dev", "--yes", "--store-keys"]).success();
    for (name, bytes) in world.home.files() {
        assert!(!String::from_utf8_lossy(&bytes).contains(&world.key.secret), "{name}");
    }
    undo(&world);
    assert_eq!(both(&world.home), before);
}

#[test]
fn keys_that_moved_to_a_store_since_come_back_first() {
    let world = World::imported();
    let before = both(&world.home);
    connect(&world);
    world.home.awsmfa(["keys", "store", "-p", "dev"]).run().success();
    let stored = both(&world.home);
    insta::assert_snapshot!(setup(&world.home, &["--undo", "--yes"]).code(1).err(), @"
    error: the long-term keys of profile `dev` have moved to the file store since the setup
    hint: move the keys back to the file first: `awsmfa keys restore --profile dev`
    ");
    assert_eq!(both(&world.home), stored);
    world.home.awsmfa(["keys", "restore", "-p", "dev"]).run().success();
    undo(&world);
    assert_eq!(both(&world.home), before);
}

#[test]
fn keys_from_a_store_get_their_own_lines_back() {
    let world = World::imported();
    let (id, secret) = (&world.key.id, &world.key.secret);
    for section in ["dev", "dev-long-term"] {
        world.home.write_credentials(&format!(
            "[{section}]\naws_secret_access_key={secret}\n# between\naws_access_key_id =  {id}\nregion = x\n"
        ));
        let before = both(&world.home);
        setup(&world.home, &["-p", "dev", "--store-keys", "--yes"]).success();
        assert!(undo(&world).err().ends_with("the AWS files are as before\n"));
        assert_eq!(both(&world.home), before);
    }
}

/// After another program has changed the file, too.
#[test]
fn session_is_removed_and_equal_keys_come_back() {
    let world = World::imported();
    let keys = world.home.credentials();
    let long_term = keys.replace("[dev]", "[dev-long-term]");
    for (credentials, args) in [
        (format!("{keys}{long_term}"), &["-p", "dev", "--yes"][..]),
        (format!("{keys}{long_term}"), &["-p", "dev", "--yes", "--mode", "login"]),
        (long_term.clone(), &["-p", "dev", "--yes", "--mode", "login"]),
    ] {
        world.home.write_credentials(&credentials);
        setup(&world.home, args).success();
        world.home.write_credentials(&(world.home.credentials() + "[other]\nx = 1\n"));
        undo(&world);
        let key = |section: &str| {
            let of = |key| world.home.credential(section, key);
            (of("aws_access_key_id"), of("aws_secret_access_key"), of("aws_session_token"))
        };
        let all = (Some(world.key.id.clone()), Some(world.key.secret.clone()), None);
        let had_keys = credentials.starts_with("[dev]");
        assert_eq!(key("dev"), if had_keys { all.clone() } else { (None, None, None) }, "{args:?}");
        assert_eq!(key("dev-long-term"), all);
        assert!(world.home.credentials().ends_with("[other]\nx = 1\n"));
    }
}

#[test]
fn session_that_was_replaced_is_named() {
    let world = World::imported();
    let session = "[dev]\naws_access_key_id = ASIAOLD\naws_secret_access_key = s\naws_session_token = t\n";
    let long_term = world.home.credentials().replace("[dev]", "[dev-long-term]");
    world.home.write_credentials(&format!("{session}{long_term}"));
    setup(&world.home, &["-p", "dev", "--mode", "login", "--yes"]).success();
    world.home.write_credentials(&(world.home.credentials() + "[other]\nx = 1\n"));
    let said = lines(&undo(&world), |line| line.starts_with("warning"));
    insta::assert_snapshot!(said, @"warning: not undone: the session that was in [dev] is not restored");
}

#[test]
fn files_are_found_by_relative_paths() {
    let world = World::imported();
    let before = both(&world.home);
    let folder = world.home.path();
    let run = |args: &[&str], path: &str| {
        let run = world.home.awsmfa([&["setup", "--yes", "--quiet"], args].concat());
        let status = run.env("AWS_CONFIG_FILE", path).into_command().current_dir(folder).status();
        assert!(status.unwrap().success(), "{args:?}");
    };
    run(&["-p", "dev"], ".aws/config");
    run(&["--undo"], folder.join(".aws/config").to_str().unwrap());
    assert_eq!(both(&world.home), before);
}

#[test]
fn other_files_are_not_undone() {
    let world = World::imported();
    connect(&world);
    let other = world.home.join("other");
    let run = world.home.awsmfa(["setup", "--undo", "--yes"]).env("AWS_CONFIG_FILE", &other).run().code(1);
    insta::assert_snapshot!(run.err(), @"error: there is no setup to undo");
}
