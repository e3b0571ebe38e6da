//! What is written down is true: commands, recorded sessions, the map of the code, completions, the help.

pub mod commands;
#[cfg(unix)]
mod recipes;
#[cfg(unix)]
mod recorded;

use std::fs;
use std::path::Path;

use awsmfa::testing::cli::Cli;
use awsmfa::testing::commands::completions;
use clap::CommandFactory;
use fake_aws::FakeAws;

use crate::sources::sources;
use crate::support::Home;

/// A file of this repository.
pub fn repository(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The files of docs/, sorted.
pub fn recipes() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names.iter().map(|name| format!("docs/{name}")).collect()
}

/// `UPDATE_COMPLETIONS=1 cargo test completions` writes them again.
#[test]
fn checked_in_completions_match_the_generated_ones() {
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

/// The tables of CONTRIBUTING.md: what a stranger looks for, the file, and a name that must be defined there.
#[test]
fn contributing_points_to_the_right_files() {
    let text = repository("CONTRIBUTING.md");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains(".rs`"))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    assert!(rows.len() >= 15, "the table was not found");
    for row in rows {
        let [what, file, name] = row[..] else { panic!("{row:?}") };
        let source = sources().iter().find(|source| format!("src/{}", source.name) == file);
        let source = source.unwrap_or_else(|| panic!("{what}: there is no {file}"));
        let defined = source.modules.iter().any(|module| module.items.contains(name))
            || source.code.contains(&format!("fn {name} "));
        assert!(defined, "{what}: {file} does not define `{name}`");
    }
}

/// clap wraps help at 100 columns: a line break inside a paragraph would end up in mid-sentence, and a wrapped example
/// could not be pasted.
#[test]
fn help_wraps_well() {
    fn check(command: &clap::Command) {
        let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines {
            assert!(!line.starts_with(' ') || line.chars().count() <= 100, "{}: {line}", command.get_name());
        }
        let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
        for pair in lines.windows(2) {
            assert!(
                !is_prose(pair[0]) || !is_prose(pair[1]),
                "{}: join\n{}",
                command.get_name(),
                pair.join("\n")
            );
        }
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
}

/// A command's own options, `--help`, and then the options that every command has.
#[test]
fn help_ends_with_the_global_options() {
    fn check(command: &mut clap::Command, names: &str) {
        let help = command.render_help().to_string();
        let own = help.split_once("\nGlobal options:\n").unwrap_or_else(|| panic!("{names}: {help}")).0;
        assert!(own.contains("--help") && !own.contains("--verbose"), "{names}: {help}");
        let global = &help[own.len()..];
        let options: Vec<&str> =
            global.lines().filter_map(|line| line.split("--").nth(1)?.split([' ', '\n']).next()).collect();
        assert_eq!(options, ["verbose", "quiet", "color"], "{names}");
        for command in command.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            let names = format!("{names} {}", command.get_name());
            check(command, &names);
        }
    }
    let mut cli = Cli::command();
    cli.build();
    check(&mut cli, "awsmfa");
}

#[test]
fn links_in_documents_lead_to_files() {
    let link = regex::Regex::new(r"\]\(([^)#:$]+)(#[^)]*)?\)").unwrap();
    let mut names = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(str::to_owned).to_vec();
    names.extend(recipes());
    for name in names {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name).parent().unwrap().to_owned();
        for found in link.captures_iter(&repository(&name)) {
            assert!(folder.join(&found[1]).exists(), "{name} links to {}", &found[1]);
        }
    }
    let readme = repository("README.md");
    let first = readme.split("\n\n").find(|paragraph| paragraph.contains("secret")).unwrap();
    assert!(first.contains("(SECURITY.md)"), "{first}");
}

#[test]
fn readme_lists_every_command() {
    fn check(command: &clap::Command, names: &str, readme: &str, missing: &mut Vec<String>) {
        let mut own = command.get_subcommands().filter(|command| command.get_name() != "help").peekable();
        if own.peek().is_none() && !readme.contains(&format!("\n| `{names}` |")) {
            missing.push(names.to_owned());
        }
        own.for_each(|command| {
            check(command, &format!("{names} {}", command.get_name()), readme, missing);
        });
    }
    let mut missing = Vec::new();
    check(&Cli::command(), "awsmfa", &repository("README.md"), &mut missing);
    assert_eq!(missing, Vec::<String>::new());
}
