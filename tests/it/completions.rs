//! What shells complete. The shells themselves are tested in `tests/real/shells.py`.

use std::process::Command;

use fake_aws::FakeAws;

use crate::support::{Home, World};

/// What fish offers for the last of these words.
fn offered(home: &Home, words: &[&str]) -> Vec<String> {
    let run = home.awsmfa([&["--", "awsmfa"], words].concat());
    let ran = run.env("AWSMFA_COMPLETE", "fish").run().success();
    assert_eq!(ran.err(), "");
    ran.out().lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn profile_flags_complete_profiles() {
    let home = Home::new(&FakeAws::start());
    home.write_config("[profile dev]\nregion = eu-west-1\n[profile 'my profile']\nregion = eu-west-1\n");
    home.write_credentials("[dev-long-term]\naws_access_key_id = AKIA\n");
    for words in [
        &["login", "--profile", ""][..],
        &["login", "--output-profile", ""],
        &["enroll", "--for-profile", ""],
        &["device", "ls", "-p", ""],
    ] {
        assert_eq!(offered(&home, words), ["dev", "my profile"], "{words:?}");
    }
    assert!(offered(&home, &["login", ""]).contains(&"dev".to_owned()), "without the flag, too");
    assert_eq!(offered(&home, &["login", "--profile", "my p"]), ["my profile"]);
}

#[test]
fn devices_complete_by_name_or_by_arn_if_one_is_typed() {
    let world = World::imported();
    let serial = world.device.serial.as_str();
    assert_eq!(offered(&world.home, &["code", "al"]), ["alice"]);
    assert_eq!(offered(&world.home, &["code", "arn:aws:iam::"]), [serial]);
    assert_eq!(offered(&world.home, &["device", "export", "arn"]), [serial]);
    assert_eq!(offered(&world.home, &["login", "--serial", ""]), [serial]);
    // A device that is only set in a profile, on another computer.
    let other = World::new();
    assert_eq!(offered(&other.home, &["device", "import", "--serial", ""]), [other.device.serial.as_str()]);
}

#[test]
fn stores_and_files_are_completed() {
    let world = World::imported();
    assert_eq!(offered(&world.home, &["device", "import", "--store", ""]), ["keyring", "file"]);
    assert_eq!(offered(&world.home, &["enroll", "--store", "k"]), ["keyring"]);
    world.home.write("a code.png", "");
    for words in [
        &["device", "export", "alice", "--qr-file", "a"][..],
        &["device", "export", "alice", "--uri", "--output", "a"],
        &["enroll", "--qr-file", "a"],
    ] {
        assert_eq!(offered(&world.home, words), ["a code.png"], "{words:?}");
    }
}

#[test]
fn commands_to_run_are_completed() {
    let world = World::imported();
    world.home.write("bin/my-tool", "");
    world.home.chmod("bin/my-tool", 0o700);
    world.home.write("bin/my-notes", "");
    world.home.write("my file", "");
    let path = world.home.join("bin");
    let offered = |words: &[&str]| {
        let run = world.home.awsmfa([&["--", "awsmfa"], words].concat());
        let ran = run.env("AWSMFA_COMPLETE", "fish").env("PATH", &path).run().success();
        ran.out().lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for command in ["exec", "serve"] {
        assert_eq!(offered(&[command, "-p", "dev", "--", "my"]), ["my-tool"], "{command}");
        assert_eq!(offered(&[command, "-p", "dev", "--", "bin/my-t"]), ["bin/my-tool"], "{command}");
        assert_eq!(offered(&[command, "-p", "dev", "--", "my-tool", "my"]), ["my file"], "{command}");
    }
    assert_eq!(offered(&["exec", "dev", "--", "my"]), ["my-tool"]);
    assert_eq!(offered(&["env", "--shell", "po"]), ["powershell"]);
}

#[test]
fn completion_never_asks_aws_or_prompts_or_fails() {
    let mut world = World::imported();
    world.home.unset("AWSMFA_NO_INPUT");
    world.home.unset("AWSMFA_PASSPHRASE_FILE");
    world.home.write_config("[profile dev]\ncredential_process = /nowhere\n[profile x\n");
    for words in [&["login", "--serial", ""][..], &["code", ""], &["login", "--profile", ""], &["device", ""]]
    {
        offered(&world.home, words);
    }
    assert!(world.aws.requests().is_empty(), "{:?}", world.aws.requests());
}

#[test]
fn install_commands_work_in_an_empty_home() {
    let home = Home::new(&FakeAws::start());
    let help = home.awsmfa(["completions", "--help"]).run().success().out();
    let lines: Vec<&str> = help
        .lines()
        .map(str::trim)
        .filter(|l| l.starts_with("mkdir ") || l.starts_with("awsmfa ") && !l.contains("$PROFILE"))
        .collect();
    assert_eq!(lines.len(), 6, "{help}");
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_awsmfa")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &lines.join("\n")]).env_clear().env("HOME", home.path()).env("PATH", path);
    assert!(shell.status().unwrap().success());
    for file in [
        ".local/share/bash-completion/completions/awsmfa",
        ".zfunc/_awsmfa",
        ".config/fish/completions/awsmfa.fish",
    ] {
        assert!(home.read(file).contains("awsmfa"), "{file}");
    }
}
