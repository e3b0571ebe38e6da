//! The sessions in the README are what a terminal shows. Blocks after `<!-- recorded: NAME -->` are compared with a run of
//! the real binary; `UPDATE_README=1 cargo test recorded` writes them again.

use std::fs;
use std::path::Path;

use fake_aws::FakeAws;
use regex::Regex;

use super::repository;
use crate::support::screen::Screen;
use crate::support::{Home, NO_ARGS, World};

/// The time in the README.
const TIME: &str = "2026-01-01T20:00:00Z";

/// What a person sees and types: the command, then for each prompt what it asks and the answer.
fn session(home: &Home, command: &str, answers: &[(&str, &str)]) -> Option<String> {
    let like = home.awsmfa(NO_ARGS).into_command();
    let line = format!("awsmfa() {{ {} \"$@\"; }}; {command}", env!("CARGO_BIN_EXE_awsmfa"));
    let mut screen = Screen::run(&line, &like)?;
    for (prompt, answer) in answers {
        screen.sees(prompt).types(&format!("{answer}\n"));
    }
    Some(format!("$ {command}\n{}", settled(&screen.ended(), home)))
}

/// What is left on the screen: without colors and lines drawn over, and without what differs from run to run.
fn settled(seen: &str, home: &Home) -> String {
    let replace = |text: &str, pattern: &str, with: &str| {
        Regex::new(pattern).unwrap().replace_all(text, with).into_owned()
    };
    let seen = seen.replace("\r\n", "\n").replace(home.path().to_str().unwrap(), "/home/alice");
    // A carriage return that erases begins the line again.
    let seen = replace(&seen, r"(?m)^.*\r\x1b\[K", "");
    let seen = replace(&seen, r"\x1b\[[0-9;?]*[a-zA-Z]", "");
    let seen = replace(&seen, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", TIME);
    let seen = replace(&seen, r"\b11h 5\dm\b", "11h 59m");
    // Tests have no keyring of the desktop; what is said is the same.
    let seen = seen.replace("the file store", "the keyring");
    seen.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

/// A home where a person sits at the terminal.
fn at_a_terminal(mut home: Home) -> Home {
    home.unset("AWSMFA_NO_INPUT");
    home.set("TERM", "xterm");
    home
}

fn enroll() -> Option<String> {
    let aws = FakeAws::start();
    aws.add_user("alice");
    let key = aws.add_access_key("alice");
    let home = at_a_terminal(Home::new(&aws));
    home.write_credentials(&format!(
        "[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.id, key.secret
    ));
    home.write_config("[profile dev]\nregion = eu-central-1\n");
    session(&home, "awsmfa enroll --profile dev", &[("phone? [Y/n]", "n"), ("tool? [Y/n]", "n")])
}

fn import() -> Option<String> {
    let World { aws: _aws, home, device, .. } = World::new();
    let answers = [("mfa/alice", device.seed.as_str()), ("tool? [Y/n]", "n")];
    session(&at_a_terminal(home), "awsmfa device import --profile dev", &answers)
}

fn setup() -> Option<String> {
    let World { aws: _aws, home, .. } = World::imported();
    let shown = session(&at_a_terminal(home), "awsmfa setup --profile dev", &[("[y/N]", "y")])?;
    let shown = shown.replace(env!("CARGO_BIN_EXE_awsmfa"), "/usr/local/bin/awsmfa");
    Some(Regex::new("AKIA[A-Z0-9]+").unwrap().replace_all(&shown, "AKIAIOSFODNN7EXAMPLE").into_owned())
}

fn login() -> Option<String> {
    let World { aws: _aws, home, .. } = World::imported();
    session(&at_a_terminal(home), "awsmfa login --profile dev", &[])
}

#[test]
fn readme_sessions_are_what_a_terminal_shows() {
    let mut readme = repository("README.md");
    for (name, session) in
        [("enroll", enroll()), ("import", import()), ("setup", setup()), ("login", login())]
    {
        let Some(session) = session else { return };
        let start = format!("<!-- recorded: {name} -->\n```console\n");
        let at = readme.find(&start).expect(name) + start.len();
        let end = at + readme[at..].find("```").expect("the end of the block");
        if std::env::var_os("UPDATE_README").is_none() {
            assert_eq!(&readme[at..end], session, "UPDATE_README=1 cargo test recorded");
        }
        readme.replace_range(at..end, &session);
    }
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), readme).unwrap();
    }
}
