//! What is written down is true: the README's commands, the checked-in completions, the help.

use std::fs;
use std::path::Path;

use awsmfa::testing::cli::Cli;
use awsmfa::testing::commands::completions;
use clap::Parser;
use fake_aws::FakeAws;

use crate::support::Home;

fn repository(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn every_command_in_the_readme_can_be_parsed() {
    let readme = repository("README.md");
    let lines = readme.lines().filter_map(|line| line.strip_prefix("$ awsmfa "));
    let commands: Vec<&str> = lines.map(|line| line.split(" #").next().unwrap().trim()).collect();
    assert!(commands.len() > 4);
    for command in commands {
        let words = std::iter::once("awsmfa").chain(command.split_whitespace());
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("awsmfa {command}: {error}");
        }
    }
}

/// `UPDATE_COMPLETIONS=1 cargo test completions` writes them anew.
#[test]
fn the_checked_in_completions_are_the_generated_ones() {
    for (shell, file) in [
        ("bash", "awsmfa.bash"),
        ("zsh", "_awsmfa"),
        ("fish", "awsmfa.fish"),
        ("elvish", "awsmfa.elv"),
        ("powershell", "awsmfa.ps1"),
    ] {
        let script = completions::script(shell).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(file);
        if std::env::var_os("UPDATE_COMPLETIONS").is_some() {
            fs::write(&path, &script).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), script, "{}", path.display());
    }
}

#[test]
fn help_says_where_to_start_and_what_the_variables_are() {
    let home = Home::new(&FakeAws::start());
    let help = home.awsmfa(["--help"]).run().success();
    for needed in
        ["Start here:", "awsmfa device import", "AWSMFA_PASSPHRASE_FILE", "Exit codes:", "credential-process"]
    {
        assert!(help.out().contains(needed), "{needed}");
    }
    let version = home.awsmfa(["--version"]).run().success();
    assert_eq!(version.out(), format!("awsmfa {}\n", env!("CARGO_PKG_VERSION")));
    home.awsmfa(["loginn"]).run().code(2);
}
