//! What bad input gets, whatever sort of bad: one line what and why, a hint, the exit code of the manual, nothing on
//! stdout, and every file as it was. An SDK that asks gets exactly one line (how soon, `credential_process` tests).

mod aws;
mod files;
mod network;
mod profiles;
mod seeds;
mod serials;
mod stores;
#[cfg(unix)]
mod streams;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::{Home, Run, World};

/// Runs what must fail with `code`: one line, then hints, nothing on stdout, every file as it was. Returns its stderr.
#[track_caller]
fn refused(home: &Home, run: Run, code: i32) -> String {
    let before = kept(home);
    let ran = run.run().code(code);
    assert_eq!(ran.out(), "");
    assert!(kept(home) == before, "files were changed: {}", ran.err());
    let err = ran.err();
    // Lines about waiting may come first.
    let said: Vec<&str> = err.lines().skip_while(|line| line.starts_with("awsmfa: ")).collect();
    let (error, hints) = said.split_first().unwrap();
    assert!(error.starts_with("error: "), "{err}");
    assert!(!hints.is_empty() && hints.iter().all(|line| line.starts_with("hint: ")), "{err}");
    err
}

/// The same for `awsmfa login -p PROFILE`.
#[track_caller]
fn login(home: &Home, profile: &str, code: i32) -> String {
    refused(home, home.awsmfa(["login", "--profile", profile]), code)
}

/// The same for `awsmfa credential-process -p PROFILE`, whose stderr is one line.
#[track_caller]
fn sdk(home: &Home, profile: &str, code: i32) -> String {
    let before = kept(home);
    let ran = home.awsmfa(["credential-process", "--profile", profile]).run().code(code);
    let err = ran.err();
    assert_eq!(ran.out(), "");
    assert!(kept(home) == before, "files were changed: {err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.starts_with("awsmfa: ") && err.contains("; hint: "), "{err}");
    err
}

/// Both; the SDK's line must say what the person is told. Returns what that is.
#[track_caller]
fn login_and_sdk(home: &Home, profile: &str, code: i32) -> String {
    let person = login(home, profile, code);
    let program = sdk(home, profile, code);
    let one_line = person.trim_end().replacen("error: ", "awsmfa: ", 1).replace("\nhint: ", "; hint: ");
    assert_eq!(program.trim_end(), one_line);
    person
}

/// All that a failure must leave alone: the AWS files, the register of devices and the file store, to the mode.
fn kept(home: &Home) -> BTreeMap<String, Vec<u8>> {
    let mut kept = BTreeMap::new();
    for folder in [".aws", ".local/share/awsmfa"] {
        look(home.path(), &home.join(folder), &mut kept);
    }
    kept
}

fn look(root: &Path, path: &Path, seen: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    let name = format!("{} {:?}", path.strip_prefix(root).unwrap().display(), metadata.permissions());
    let content = if metadata.is_symlink() {
        fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
    } else if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten() {
            look(root, &entry.unwrap().path(), seen);
        }
        Vec::new()
    } else {
        fs::read(path).unwrap_or_default()
    };
    seen.insert(name, content);
}

/// A world with the device's secret imported and these lines in `[profile dev]` of the config file besides.
fn with_config(world: &World, lines: &str) {
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}{lines}\n"));
}

#[test]
fn the_comparison_sees_contents_modes_links_and_new_files() {
    let world = World::new();
    let home = &world.home;
    let first = kept(home);
    assert!(first == kept(home));
    let differs = |what: &str| assert!(kept(home) != first, "{what}");
    home.chmod(".aws/config", 0o640);
    differs("a mode");
    home.chmod(".aws/config", 0o644);
    assert!(first == kept(home));
    home.write(".aws/.awsmfa-left", "");
    differs("a file that was left");
    fs::remove_file(home.join(".aws/.awsmfa-left")).unwrap();
    home.write_credentials("[dev]\n");
    differs("a content");
}
