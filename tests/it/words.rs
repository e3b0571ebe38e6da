//! How awsmfa speaks: no phrase of a translation, no British spelling, in anything a person reads. Read are the messages,
//! `--help`, documents, doc comments and comments, wherever a line breaks.

use std::sync::LazyLock;

use regex::Regex;

use crate::documents;
use crate::sources::{Source, sources};

/// What is not said, as a regular expression between word boundaries, and what is said instead.
const NOT: &[(&str, &str)] = &[
    ("anew", "again"),
    ("as ever", "as usual"),
    ("at AWS", "in AWS"),
    ("(was|were|is|are) begun", "started"),
    ("be had", "exists"),
    ("be told apart", "be distinguished"),
    ("cannot be told", "cannot be determined"),
    ("for want of", "because … is missing"),
    ("(go|goes|going|gone|went) on with", "resume, continue"),
    ("good (for|until) ", "valid for, valid until"),
    ("in the midst", "inside"),
    ("in a circle", "in a loop"),
    ("is it that", "(rephrase)"),
    ("(is|are) of (the|a|an|no) ", "belongs to, has"),
    (
        "(make|makes|made|making) (a|the|another|one) (new )?(code|device|session|user|password)s?",
        "create, generate, get",
    ),
    ("mend(s|ed|ing)?", "fix"),
    ("(nobody's|of nobody|somebody's)", "unassigned"),
    ("no more than one", "at most one"),
    ("once more", "again"),
    ("(one|ones|those) there (is|are)", "existing ones"),
    ("out of use", "unused"),
    ("takes? (no |a |the )?codes?", "accept"),
    ("the same is", "(name it)"),
    ("under way", "unfinished"),
    ("what is more", "also"),
    // Spelling.
    (
        "(re)?(synchronis|serialis|initialis|recognis|authoris|optimis|organis|normalis|summaris|minimis|realis)\\w*",
        "…ize",
    ),
    ("(colour|honour|behaviour|favour|neighbour)\\w*", "…or"),
    ("enrol(s|ment|ments)?", "enroll, enrollment"),
    ("(cancelled|cancelling|labelled|travelled|signalled)", "one l"),
    ("(licence|defence|catalogue|analyse|grey|whilst|amongst|towards|afterwards)", "American spelling"),
];

/// Not in messages, where a short sentence never needs it.
const NOT_IN_MESSAGES: &[(&str, &str)] = &[
    ("there (is|are) none", "there is no …"),
    ("(is|are|was|were|be) told", "shown, reported"),
    ("so that .{1,40} may", "so that … can"),
    ("whoever", "anyone who"),
    ("whose", "with, that has"),
];

/// How many are still to be rewritten. Shrinks to nothing; set it to 0 to see them.
const LEFT: usize = 0;

/// Uses that are right, and why.
const ALLOWED: &[(&str, &str)] = &[];

/// Finds what is wrong with a text.
struct Reader(Vec<(Regex, &'static str)>);

static ANYWHERE: LazyLock<Reader> = LazyLock::new(|| Reader::of(&[NOT]));
static MESSAGES: LazyLock<Reader> = LazyLock::new(|| Reader::of(&[NOT, NOT_IN_MESSAGES]));

impl Reader {
    fn of(lists: &[&[(&str, &'static str)]]) -> Self {
        let compiled = |(pattern, instead): &(&str, &'static str)| {
            (Regex::new(&format!(r"(?i)(^|[^\w-])({pattern})($|[^\w-])")).unwrap(), *instead)
        };
        Self(lists.concat().iter().map(compiled).collect())
    }

    fn wrong(&self, text: &str) -> Vec<String> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = ALLOWED.iter().fold(text, |text, (right, _)| text.replace(right, ""));
        let found = self.0.iter().filter_map(|(pattern, instead)| {
            let found = pattern.captures(&text)?;
            Some(format!("`{}` (say: {instead}): {text}", &found[2]))
        });
        found.collect()
    }
}

/// The comments of a source, doc comments included: each with the line where it begins, its lines joined.
fn comments(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut last = 0;
    for (at, line) in text.lines().enumerate() {
        let Some((_, comment)) = line.split_once("//").filter(|(before, _)| !before.contains(['"', ':']))
        else {
            continue;
        };
        let comment = comment.trim_start_matches(['/', '!']).trim();
        match found.last_mut() {
            Some((_, joined)) if last + 1 == at && line.trim_start().starts_with("//") => {
                joined.push(' ');
                joined.push_str(comment);
            }
            _ => found.push((at + 1, comment.to_owned())),
        }
        last = at;
    }
    found
}

fn assert_well_said(problems: &[String], left: usize) {
    assert!(problems.len() <= left, "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn messages_and_help_are_plain_english() {
    let mut problems = Vec::new();
    for Source { name, strings, .. } in sources() {
        // A doc comment of clap's is help.
        let is_help = name.starts_with("cli") || name.starts_with("commands");
        for string in strings.iter().filter(|string| !string.is_doc || is_help) {
            problems.extend(
                MESSAGES
                    .wrong(&string.text)
                    .into_iter()
                    .map(|what| format!("src/{name}:{}: {what}", string.line)),
            );
        }
    }
    assert_well_said(&problems, LEFT);
}

#[test]
fn comments_are_plain_english() {
    let mut problems = Vec::new();
    for Source { name, text, .. } in sources() {
        for (line, comment) in comments(text) {
            problems.extend(
                ANYWHERE.wrong(&comment).into_iter().map(|what| format!("src/{name}:{line}: {what}")),
            );
        }
    }
    assert_well_said(&problems, LEFT);
}

#[test]
fn documents_are_plain_english() {
    let mut problems = Vec::new();
    let others =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "Cargo.toml"].map(str::to_owned);
    for name in others.into_iter().chain(documents::recipes()) {
        let text = documents::repository(&name);
        for paragraph in text.split("\n\n") {
            problems.extend(MESSAGES.wrong(paragraph).into_iter().map(|what| format!("{name}: {what}")));
        }
    }
    assert_well_said(&problems, LEFT);
}

#[test]
fn foreign_phrases_are_found_across_lines() {
    let text = "fn f() {}\n/// What goes on\n/// with this.\nlet x = 1; // made anew\n";
    let all: Vec<String> = comments(text).iter().flat_map(|(_, comment)| ANYWHERE.wrong(comment)).collect();
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(ANYWHERE.wrong("enrollment of a colorful device"), Vec::<String>::new());
    assert_eq!(ANYWHERE.wrong("an enrolment").len(), 1);
}
