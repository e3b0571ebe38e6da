//! Holds the layer table of the architecture page (`src/lib.rs`) against the code, line by line.

use std::fs;
use std::path::{Path, PathBuf};

/// What no adapter names: clap, and everything above the adapters.
macro_rules! with_use_cases {
    ($($more:literal),*) => {
        ["clap", "crate::commands", "crate::cli", "crate::session", "crate::enrollment", "crate::context", "crate::error", $($more),*]
    };
}
/// What the modules of a layer must not name.
struct Layer {
    /// Path prefixes below `src`.
    modules: &'static [&'static str],
    /// Substrings that no line of code has.
    forbidden: &'static [&'static str],
}

/// Names of AWS's and tokio's crates, which only `aws/` knows.
const AWS_CRATES: &[&str] =
    &["tokio::", "aws_config::", "aws_sdk", "aws_smithy", "aws_types", "aws_credential_types", "async "];
/// What only one place may ask for.
const AMBIENT: &[&str] =
    &["std::env::", "SystemTime::now", "Utc::now", "Instant::now", "Local::now", "keyring::Entry"];

const LAYERS: &[Layer] = &[
    Layer {
        modules: &["fast_path.rs"],
        forbidden: &[
            "clap",
            "crate::store",
            "crate::aws",
            "crate::ui",
            "crate::session",
            "crate::commands",
            "crate::cli",
            "crate::context",
            "crate::cache",
            "crate::ledger",
            "crate::error",
            "crate::process",
            "std::thread",
        ],
    },
    Layer {
        modules: &["model.rs", "model/"],
        forbidden: &[
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "std::io",
            "clap",
            "crate::files",
            "crate::env",
            "crate::clock",
            "crate::aws",
            "crate::store",
            "crate::ui",
            "crate::session",
            "crate::error",
            "crate::cache",
        ],
    },
    Layer {
        modules: &["aws.rs", "aws/"],
        forbidden: &with_use_cases![
            "crate::store",
            "crate::ui",
            "crate::aws_files",
            "crate::cache",
            "crate::ledger"
        ],
    },
    Layer {
        modules: &["store.rs", "store/"],
        forbidden: &with_use_cases!["crate::aws", "crate::ui", "crate::cache", "crate::ledger"],
    },
    Layer {
        modules: &["answers.rs", "cache.rs", "ledger.rs", "ledger/"],
        forbidden: &with_use_cases!["crate::aws", "crate::store", "crate::ui", "crate::aws_files"],
    },
    Layer {
        modules: &["aws_files.rs", "aws_files/"],
        forbidden: &with_use_cases![
            "crate::aws::",
            "crate::store",
            "crate::ui",
            "crate::cache",
            "crate::ledger"
        ],
    },
    Layer {
        modules: &["ui.rs", "ui/"],
        forbidden: &with_use_cases!["crate::aws", "crate::store", "crate::cache", "crate::ledger"],
    },
    Layer {
        modules: &[
            "files.rs",
            "files/",
            "env.rs",
            "paths.rs",
            "clock.rs",
            "process.rs",
            "interrupt.rs",
            "stdio.rs",
            "tty.rs",
        ],
        forbidden: &with_use_cases![
            "crate::aws",
            "crate::store",
            "crate::ui",
            "crate::cache",
            "crate::ledger"
        ],
    },
    Layer {
        modules: &[
            "commands.rs",
            "commands/",
            "caller.rs",
            "caller/",
            "retry.rs",
            "devices.rs",
            "devices/",
            "vault.rs",
            "vault/",
            "session.rs",
            "session/",
            "enrollment.rs",
            "enrollment/",
            "context.rs",
        ],
        forbidden: &["use keyring", " age::"],
    },
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The code of each source file below `src`, by its path from there, without comments and test modules.
fn code() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 30, "the sources were not found");
    files
        .iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            let text = fs::read_to_string(path).unwrap();
            let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
            let code: Vec<&str> = lines.filter(|line| !line.trim_start().starts_with("//")).collect();
            (name, code.join("\n"))
        })
        .collect()
}

fn belongs(name: &str, modules: &[&str]) -> bool {
    modules.iter().any(|m| if m.ends_with('/') { name.starts_with(m) } else { name == *m })
}

#[test]
fn layers_use_what_they_may() {
    let mut wrong = Vec::new();
    for (name, code) in code() {
        for layer in LAYERS.iter().filter(|layer| belongs(&name, layer.modules)) {
            for word in layer.forbidden.iter().filter(|word| code.contains(**word)) {
                wrong.push(format!("src/{name} names `{word}`"));
            }
        }
        if !belongs(&name, &["aws.rs", "aws/", "error/aws.rs"]) {
            for word in AWS_CRATES.iter().filter(|word| code.contains(**word)) {
                wrong.push(format!("src/{name} names `{word}`, which only src/aws knows"));
            }
        }
        // What it was built for is no ambient authority.
        let code = code.replace("std::env::consts", "");
        for word in AMBIENT.iter().filter(|word| code.contains(**word)) {
            if !belongs(&name, &["entry.rs", "env.rs", "clock.rs", "store/keyring.rs"]) {
                wrong.push(format!("src/{name} names `{word}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Text from outside is made visible where it is written; nobody else may write.
#[test]
fn only_the_ui_writes_for_people() {
    let writers =
        ["entry.rs", "cli.rs", "cli/mistake.rs", "panics.rs", "interrupt.rs", "stdio.rs", "tty.rs", "ui/"];
    for (name, code) in code() {
        let code = code.replace("out().is_terminal()", "").replace("err().is_terminal()", "");
        for word in ["stdout()", "stderr()", "/dev/tty", "/dev/stdout", "/dev/stderr"] {
            assert!(!code.contains(word) || belongs(&name, &writers), "src/{name} names `{word}`");
        }
    }
}

#[test]
fn every_module_has_a_layer() {
    // The entry may use everything, and errors are made of everything.
    let free =
        ["main.rs", "entry.rs", "lib.rs", "testing.rs", "cli.rs", "cli/", "panics.rs", "error.rs", "error/"];
    for (name, _) in code() {
        let placed = LAYERS.iter().any(|layer| belongs(&name, layer.modules));
        assert!(placed || belongs(&name, &free), "src/{name} is in no layer");
    }
}

#[test]
fn main_is_short_and_no_file_is_long() {
    for (name, _) in code() {
        let lines = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(&name))
            .unwrap()
            .lines()
            .count();
        assert!(lines <= if name == "main.rs" { 10 } else { 500 }, "src/{name} has {lines} lines");
    }
}

#[test]
fn every_module_says_what_it_is() {
    for (name, _) in code() {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(&name)).unwrap();
        assert!(text.starts_with("//! "), "src/{name} has no module doc");
    }
}

/// A name may hold blanks, a path often does: unquoted, a pasted command would do something else.
#[test]
fn profiles_in_hints_are_quoted() {
    for (name, code) in code() {
        for (at, _) in code.match_indices("profile {") {
            // To the end of the macro's arguments.
            let rest = &code[at..];
            let arguments = &rest[..rest.find(";\n").or_else(|| rest.find(",\n    ")).unwrap_or(rest.len())];
            let flag = code[..at].ends_with("--") || code[..at].ends_with("--output-");
            assert!(!flag || arguments.contains("quoted("), "src/{name}: --{arguments}");
        }
    }
}
