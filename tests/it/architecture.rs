//! Checks the sources against the layers in `src/lib.rs`: which modules may use each other, which modules may use a crate,
//! and how long a file may be. The sources are parsed completely, so no part of a file is skipped.

mod graph;

use std::sync::LazyLock;

use graph::Graph;

use crate::sources::{Source, sources};

/// Modules in one layer that may not use each other.
const APART: &[&str] = &["aws", "aws_files", "cache", "clipboard", "journals", "ledger", "store", "ui"];

/// The only modules that the fast path may use: each one costs startup time.
const FAST_PATH: &[&str] = &["fast_path", "answers", "clock", "env", "files", "model", "paths"];

/// Paths that only certain modules may use: the paths, the modules, and the reason.
const ONLY: &[(&[&str], &[&str], &str)] = &[
    (
        &[
            "tokio::",
            "aws_config::",
            "aws_sdk_sts::",
            "aws_sdk_iam::",
            "aws_types::",
            "aws_runtime::",
            "hyper_util::",
            "rustls::",
            "async",
            "await",
        ],
        &["aws"],
        "only `aws` is async",
    ),
    (
        &[
            "aws_smithy_http_client::",
            "aws_smithy_async::",
            "aws_smithy_runtime_api::",
            "aws_smithy_types::",
            "aws_credential_types::",
        ],
        &["aws"],
        "the SDK's types stay in `aws`",
    ),
    (
        &["clap::", "clap_complete::", "clap_mangen::"],
        &["cli", "commands", "complete"],
        "clap is only for the command line",
    ),
    (&["ratatui::"], &["ui", "tty"], "live screens belong to `ui`"),
    (&["arboard::"], &["clipboard"], "the clipboard is reached in one place"),
    (&["keyring::"], &["store::keyring"], "the OS keyring is one of the stores"),
    (&["linux_keyutils::"], &["store::kernel_keyring"], "the kernel's keyring belongs to the file store"),
    (&["age::"], &["store"], "encryption belongs to the stores"),
    (&["ini::"], &["aws_files::guard"], "the guard's parser shares nothing with the editor"),
    (
        &[
            "std::env::args",
            "std::env::args_os",
            "std::env::var",
            "std::env::var_os",
            "std::env::vars_os",
            "std::env::current_dir",
            "std::env::current_exe",
            "std::env::home_dir",
            "std::env::temp_dir",
        ],
        &["entry", "env"],
        "the environment is read once and passed down",
    ),
    (
        &["SystemTime::now", "Utc::now", "Local::now", "Instant::now", "thread::sleep"],
        &["clock"],
        "time comes from the clock",
    ),
    (
        &["getrandom::", "rand::"],
        &["enrollment", "loopback", "serving", "session"],
        "the model is deterministic",
    ),
];

/// Paths that the model may not use, because it only computes.
const NOT_IN_MODEL: &[&str] =
    &["std::fs", "std::net", "std::process", "std::thread", "std::io", "std::env", "fs::", "io::"];

/// The module in a file: `session::plan` for `session/plan.rs`.
fn module(file: &str) -> String {
    file.trim_end_matches(".rs").replace('/', "::")
}

/// Whether `module` is one of `parents` or inside one.
fn within(module: &str, parents: &[&str]) -> bool {
    parents.iter().any(|parent| {
        module == *parent || module.strip_prefix(parent).is_some_and(|rest| rest.starts_with("::"))
    })
}

/// The top module of a path.
fn top_module(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// The layers in the table in `src/lib.rs`, from top to bottom, each with its modules. `session` stands for
/// `src/session.rs` and everything in `src/session/`.
fn layers() -> &'static [Vec<String>] {
    static LAYERS: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
        let root = sources().iter().find(|source| source.name == "lib.rs").unwrap();
        let rows = root.text.lines().filter_map(|line| line.strip_prefix("//! | ")?.split_once(" | "));
        let modules = rows.map(|(_, modules)| {
            let names = modules.split('`').skip(1).step_by(2);
            names.map(|name| name.trim_start_matches("mod@").to_owned()).collect::<Vec<_>>()
        });
        modules.filter(|modules| !modules.is_empty()).collect()
    });
    &LAYERS
}

/// The index of a module's layer. Lower layers have larger indexes.
fn layer(module: &str) -> Option<usize> {
    layers().iter().position(|modules| modules.iter().any(|name| name == top_module(module)))
}

/// Why the module `from` may not use the module `to`.
fn wrong_arrow(from: &str, to: &str) -> Option<&'static str> {
    let up = layer(to)? < layer(from)?;
    let apart = top_module(from) != top_module(to) && within(from, APART) && within(to, APART);
    match () {
        () if up => Some("is in a layer above"),
        () if apart => Some("is another adapter"),
        () if within(from, &["fast_path"]) && !within(to, FAST_PATH) => Some("is not for the fast path"),
        () => None,
    }
}

/// Whether `path` matches `name`: `krate::` matches everything in a crate, `a::b` any path that contains these parts, and
/// `word` only the word itself.
fn names(path: &[String], name: &str) -> bool {
    if let Some(krate) = name.strip_suffix("::") {
        return path.len() > 1 && path[0] == krate;
    }
    let parts: Vec<&str> = name.split("::").collect();
    path.windows(parts.len()).any(|window| window == parts) && (parts.len() > 1 || path.len() == 1)
}

#[test]
fn every_file_is_in_a_layer() {
    assert!(layers().len() > 10, "the table was not found");
    for source in sources() {
        assert!(layer(&module(&source.name)).is_some(), "src/{} is not in a layer", source.name);
    }
}

#[test]
fn arrows_go_down() {
    let graph = Graph::of(sources());
    let mut wrong = Vec::new();
    for (from, arrows) in &graph.arrows {
        for (to, path) in arrows {
            if let Some(why) = wrong_arrow(&module(from), &module(to)) {
                wrong.push(format!("src/{from} uses `{path}`, but src/{to} {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_use_each_other_without_cycles() {
    let cycles = Graph::of(sources()).cycles();
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

#[test]
fn crates_and_system_access_stay_in_their_modules() {
    let mut wrong = Vec::new();
    for source in sources() {
        let module = module(&source.name);
        let paths = &source.paths;
        for (guarded, parents, why) in ONLY {
            for name in guarded
                .iter()
                .filter(|name| !within(&module, parents) && paths.iter().any(|path| names(path, name)))
            {
                wrong.push(format!("src/{} uses `{name}`: {why}", source.name));
            }
        }
        if within(&module, &["model"]) {
            for name in NOT_IN_MODEL.iter().filter(|name| paths.iter().any(|path| names(path, name))) {
                wrong.push(format!("src/{} uses `{name}`: the model only computes", source.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Only `ui` makes text from outside visible, so other modules may not write to the terminal.
#[test]
fn only_the_ui_writes_to_people() {
    let writers = ["entry", "cli", "panics", "interrupt", "stdio", "tty", "ui"];
    for source in sources().iter().filter(|source| !within(&module(&source.name), &writers)) {
        let code = source
            .code
            .replace(' ', "")
            .replace("stdout().is_terminal()", "")
            .replace("stderr().is_terminal()", "");
        for word in ["::stdout()", "::stderr()", "/dev/tty", "/dev/stdout", "/dev/stderr", "CONOUT$"] {
            assert!(!code.contains(word), "src/{} uses `{word}`", source.name);
        }
    }
}

#[test]
fn files_are_short() {
    let limit = |name: &str| if name == "main.rs" { 10 } else { 400 };
    let long = |source: &Source| source.text.lines().count() > limit(&source.name);
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| long(source))
        .map(|source| format!("src/{} has {} lines", source.name, source.text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_module_has_a_doc_comment() {
    for source in sources() {
        assert!(source.text.starts_with("//! "), "src/{} has no module doc", source.name);
    }
}

#[test]
fn modules_are_private_to_the_crate() {
    let root = sources().iter().find(|source| source.name == "lib.rs").unwrap();
    let public: Vec<&str> = root.text.lines().filter(|line| line.starts_with("pub")).collect();
    assert_eq!(public, ["pub mod testing;", "pub use entry::main;"]);
}

/// Profile names can contain spaces; unquoted, the pasted command would do something else.
#[test]
fn profiles_in_hints_are_quoted() {
    for source in sources() {
        for (text, arguments) in &source.arguments {
            let flag = text.contains("--profile {") || text.contains("--output-profile {");
            assert!(!flag || arguments.contains("quoted"), "src/{}: {text}", source.name);
        }
    }
}

mod check {
    //! Tests of the checks themselves.

    use super::*;

    fn parsed(files: &[(&str, &str)]) -> Vec<Source> {
        files.iter().map(|(name, text)| Source::parse(name, text)).collect()
    }

    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let sources = parsed(files);
        let graph = Graph::of(&sources);
        graph.arrows.iter().flat_map(|(from, to)| to.keys().map(move |to| format!("{from} → {to}"))).collect()
    }

    #[test]
    fn arrows_are_found_in_every_form() {
        let b = ("b.rs", "pub struct B; pub fn f() {}");
        for a in [
            "use crate::b::B;",
            "use super::b::{self, B as C};",
            "use crate::{b::{f}};",
            "use crate::b; fn g() { b::f(); }",
            "fn g() { crate::b::f() }",
            "fn g() { println!(\"{}\", crate::b::f()); }",
            "fn g() { use crate::b; b::f() }",
            "mod inner { fn g() { super::super::b::f() } }",
            "#[cfg(unix)] mod inner { use crate::b::*; fn g() { f() } }",
            "#[cfg(test)] use std::fs; fn after() { crate::b::f() }",
        ] {
            let found = arrows(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), b]);
            assert_eq!(found, ["a.rs → b.rs"], "{a}");
        }
    }

    #[test]
    fn tests_and_plain_names_are_not_arrows() {
        let b = ("b.rs", "pub fn f() {}");
        for a in [
            "#[cfg(test)] mod tests { use crate::b::f; }",
            "use crate::b;",
            "fn g(b: u8) -> u8 { b }",
            "fn g(x: X) { x.f(); }",
            "/// [`crate::b::f`]\nfn g() {}",
        ] {
            assert!(arrows(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), b]).is_empty(), "{a}");
        }
    }

    #[test]
    fn re_exports_are_followed() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::X;"),
            ("b.rs", "mod c; pub use c::X;"),
            ("b/c.rs", "pub struct X;"),
        ];
        assert_eq!(arrows(&files), ["a.rs → b/c.rs"]);
    }

    #[test]
    fn methods_in_another_file_are_arrows() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; pub struct A; impl A { pub fn f(self) { self.g() } }"),
            ("a/b.rs", "use super::A; impl A { pub fn g(self) {} pub fn h(self) {} }"),
        ];
        assert_eq!(arrows(&files), ["a.rs → a/b.rs", "a/b.rs → a.rs"]);
    }

    #[test]
    fn cycles_are_found() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub struct A; use crate::b::B;"),
            ("b.rs", "pub struct B; use crate::c::C;"),
            ("c.rs", "pub struct C; fn f(_: crate::a::A) {}"),
        ];
        let sources = parsed(&files);
        let cycles = Graph::of(&sources).cycles();
        assert_eq!(cycles.len(), 1);
        assert!(cycles[0].contains("src/c.rs → src/a.rs: `crate::a::A`"), "{}", cycles[0]);
        assert!(Graph::of(&sources[..3]).cycles().is_empty());
    }

    #[test]
    fn forbidden_arrows_are_found() {
        assert_eq!(wrong_arrow("model::serial", "files"), Some("is in a layer above"));
        assert_eq!(wrong_arrow("error::aws", "session::plan"), Some("is in a layer above"));
        assert_eq!(wrong_arrow("store::age_file", "ledger"), Some("is another adapter"));
        assert_eq!(wrong_arrow("fast_path", "store"), Some("is not for the fast path"));
        assert_eq!(wrong_arrow("session::plan", "aws_files::profiles"), None);
        assert_eq!(wrong_arrow("store::age_file", "store::sealing"), None);
    }
}
