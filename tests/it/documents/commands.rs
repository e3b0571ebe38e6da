//! Every `awsmfa …` that is written somewhere can be pasted: hints, examples of `--help`, documents, and whatever the
//! binary prints while the other tests run.

use std::sync::LazyLock;

use awsmfa::testing::cli::Cli;
use clap::Parser;
use clap::error::ErrorKind;
use regex::Regex;

use super::{recipes, repository};
use crate::sources::sources;

/// What stands for a value in a text, `NAME` or `{}`, may have to be one of these.
const VALUES: [&str; 5] = [
    "x",
    "arn:aws:iam::123456789012:mfa/x",
    "123456",
    "1h",
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
];

/// A placeholder: `{}` and `{name}` in a message, `<name>`, `…`, and words in capitals.
static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(\{.*\}|<.*>|.*…|[A-Z][A-Z_]*(\.[a-z]+)?)$").unwrap());

/// Panics if a command in `text` is not one of awsmfa's.
#[track_caller]
pub fn assert_parse(text: &str) {
    let wrong: Vec<String> = commands(text).iter().filter_map(|command| mistake(command)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The commands in a text: between backquotes, and on a line that begins with one.
fn commands(text: &str) -> Vec<String> {
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new("`(awsmfa [^`]*)`").unwrap());
    static LINE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?m)^(?:hint: |[ \t]*\$ |[ \t]+)(awsmfa [^`\n]*)$").unwrap());
    let found =
        QUOTED.captures_iter(text).chain(LINE.captures_iter(text)).map(|found| found[1].replace('\n', " "));
    found.filter(|command| !command.starts_with("awsmfa {")).collect()
}

/// The same for a text that also speaks of commands by their names, such as `awsmfa device export`.
fn mistake_in_prose(command: &str) -> Option<String> {
    let name = command.trim_end_matches(" …");
    let is_word =
        |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
    if name.split(' ').all(is_word) { mistake(&format!("{name} --help")) } else { mistake(command) }
}

/// Why a command cannot be run.
fn mistake(command: &str) -> Option<String> {
    // A redirection, a pipe, a comment, or a column of explanations.
    let end =
        [" > ", " >> ", " | ", " #", "  ", " && ", "; "].iter().filter_map(|end| command.find(end)).min();
    let line = &command[..end.unwrap_or(command.len())];
    let words = shlex::split(line).unwrap_or_default();
    let attempts = VALUES.map(|value| Cli::try_parse_from(words.iter().map(|word| filled(word, value))));
    let mut errors = attempts.into_iter().filter_map(Result::err);
    let error = errors.by_ref().next()?;
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    // One of the values did.
    (!is_help && errors.count() == VALUES.len() - 1).then(|| format!("`{command}`: {error}"))
}

fn filled(word: &str, value: &str) -> String {
    if PLACEHOLDER.is_match(word) {
        return if word == "<command>" { "login".to_owned() } else { value.to_owned() };
    }
    // `login{flags}`: what follows is not known.
    word.split('{').next().unwrap_or_default().to_owned()
}

#[test]
fn commands_in_messages_and_help_can_be_pasted() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for source in sources() {
        // Doc comments of the command line are help; elsewhere they may speak of mistakes.
        let is_help = source.name.starts_with("commands") || source.name == "cli/args.rs";
        for string in source.strings.iter().filter(|string| !string.is_doc || is_help) {
            let mut found = commands(&string.text);
            // A hint that is nothing but a command.
            found.extend(
                string
                    .text
                    .strip_prefix("awsmfa ")
                    .map(|_| string.text.clone())
                    .filter(|text| !text.starts_with("awsmfa {")),
            );
            count += found.len();
            wrong.extend(found.iter().filter_map(|command| {
                Some(format!("src/{}:{}: {}", source.name, string.line, mistake_in_prose(command)?))
            }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 40, "only {count} commands were found");
}

#[test]
fn commands_in_documents_can_be_pasted() {
    let mut files = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "src/lib.rs"]
        .map(str::to_owned)
        .to_vec();
    files.extend(recipes());
    for file in files {
        let text = repository(&file).replace("\n//! ", "\n");
        let wrong: Vec<String> =
            commands(&text).iter().filter_map(|command| mistake_in_prose(command)).collect();
        assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
    }
    assert!(commands(&repository("README.md")).len() > 20);
}

#[test]
fn commands_are_found_and_checked() {
    let text = "hint: awsmfa login --profile 'a b'\nerror: x (use `awsmfa code DEVICE` or `awsmfa device\nlist`)\n$ awsmfa code --pair x\n";
    assert_eq!(commands(text).len(), 4);
    assert_parse(text);
    for wrong in [
        "`awsmfa logon`",
        "`awsmfa login --profiles x`",
        "hint: awsmfa device x",
        "`awsmfa device import NAME NAME`",
    ] {
        assert_eq!(commands(wrong).iter().filter_map(|command| mistake(command)).count(), 1, "{wrong}");
    }
}
