//! Bad input of every kind: the error is one line that says what and why, followed by a hint. The exit code is the
//! documented one, stdout is empty, and no file changes. An SDK gets exactly one line (`credential_process` tests how soon).
//! `doctor` finds something in each of these homes.

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

use crate::support::{Home, Ran, Run, World};

/// Runs a command that must fail with `code`: one line, then hints, nothing on stdout, no file changed. Returns stderr.
#[track_caller]
fn assert_rejected(home: &Home, run: Run, code: i32) -> String {
    assert_rejected_for(home, run, code, Cause::Visible)
}

/// Whether `doctor` can see in a home why a command fails.
#[derive(Clone, Copy)]
pub enum Cause {
    Visible,
    /// It cannot, for this reason.
    Invisible(&'static str),
}

/// [`assert_rejected`], for a cause that `doctor` may not see.
#[track_caller]
fn assert_rejected_for(home: &Home, run: Run, code: i32, cause: Cause) -> String {
    let ran = fail(home, run, code, cause);
    let err = ran.err();
    // Lines about waiting may come first.
    let lines: Vec<&str> = err.lines().skip_while(|line| line.starts_with("awsmfa: ")).collect();
    let (error, hints) = lines.split_first().unwrap();
    assert!(error.starts_with("error: "), "{err}");
    assert!(!hints.is_empty() && hints.iter().all(|line| line.starts_with("hint: ")), "{err}");
    err
}

/// Runs a command that must fail with `code`, change no file and print nothing on stdout; `doctor` must find something in the
/// same home, unless the command line is at fault (2). Every failure of these tests goes
/// through here (`no_failure_is_hidden_from_doctor`), so `doctor` sees every home that one of them is about.
#[track_caller]
pub fn fail(home: &Home, run: Run, code: i32, cause: Cause) -> Ran {
    let doctor = |options: &[&str]| run.with_arguments(&[&["doctor"], options].concat());
    let (offline, online) = match run.profile() {
        Some(name) => (doctor(&["--offline", "--profile", &name]), doctor(&["--profile", &name])),
        None => (doctor(&["--offline"]), doctor(&[])),
    };
    let before = snapshot(home);
    let ran = run.run().code(code);
    assert_eq!(ran.out(), "");
    assert!(snapshot(home) == before, "files were changed: {}", ran.err());
    // AWS is asked only if nothing else is wrong, because the tests count requests.
    let found = findings(home, offline);
    match cause {
        Cause::Invisible(why) => assert!(found.is_empty(), "although {why}: {found:?}"),
        Cause::Visible if found.is_empty() && code != 2 => {
            assert!(!findings(home, online).is_empty(), "doctor found nothing, but: {}", ran.err());
        }
        Cause::Visible => {}
    }
    ran
}

/// What `awsmfa doctor` finds, without the finding that all homes of tests have. It does not panic, and changes nothing.
#[track_caller]
fn findings(home: &Home, doctor: Run) -> Vec<String> {
    let before = snapshot(home);
    let ran = doctor.run();
    assert!(matches!(ran.exit_code(), Some(0 | 1)), "{}", ran.err());
    assert!(!ran.err().contains("panicked") && snapshot(home) == before, "{}", ran.err());
    let is_finding =
        |line: &&str| ["error: ", "warning: ", "note: "].iter().any(|head| line.starts_with(head));
    let out = ran.out();
    let found = out.lines().filter(is_finding).filter(|line| !line.contains("AWS_ENDPOINT_URL sends"));
    found.map(str::to_owned).collect()
}

#[test]
fn no_failure_is_hidden_from_doctor() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let modules = fs::read_dir(folder.join("bad_input")).unwrap().map(|entry| entry.unwrap().path());
    for path in modules.chain([folder.join("setup/bad_input.rs")]) {
        let text = fs::read_to_string(&path).unwrap();
        for (at, line) in text.lines().enumerate() {
            let checks = line.contains(".code(") || line.contains(".exit_code(");
            // A comment on the line is the reason for an exception.
            assert!(
                !checks || line.contains("; // "),
                "{}:{}: use `assert_rejected` or `fail`",
                path.display(),
                at + 1
            );
        }
    }
}

/// [`assert_rejected`] for `awsmfa login -p PROFILE`.
#[track_caller]
fn login(home: &Home, profile: &str, code: i32) -> String {
    assert_rejected(home, home.awsmfa(["login", "--profile", profile]), code)
}

/// [`assert_rejected`] for `awsmfa credential-process -p PROFILE`, where stderr is one line.
#[track_caller]
fn sdk(home: &Home, profile: &str, code: i32) -> String {
    sdk_for(home, profile, code, Cause::Visible)
}

/// [`sdk`], for a cause that `doctor` may not see.
#[track_caller]
fn sdk_for(home: &Home, profile: &str, code: i32, cause: Cause) -> String {
    let err = fail(home, home.awsmfa(["credential-process", "--profile", profile]), code, cause).err();
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.starts_with("awsmfa: ") && err.contains("; hint: "), "{err}");
    err
}

/// Both. The SDK's line must say the same as the message for a person, which is returned.
#[track_caller]
fn login_and_sdk(home: &Home, profile: &str, code: i32) -> String {
    login_and_sdk_as(home, profile, code, |text| text)
}

/// [`login_and_sdk`], with messages that are normalized before they are compared.
#[track_caller]
fn login_and_sdk_as(home: &Home, profile: &str, code: i32, normalize: fn(String) -> String) -> String {
    let person = normalize(login(home, profile, code));
    let program = normalize(sdk(home, profile, code));
    let one_line = person.trim_end().replacen("error: ", "awsmfa: ", 1).replace("\nhint: ", "; hint: ");
    assert_eq!(program.trim_end(), one_line);
    person
}

/// Everything that a failure must not change: the AWS files, the device registry and the file store, with their modes.
fn snapshot(home: &Home) -> BTreeMap<String, Vec<u8>> {
    let mut snapshot = BTreeMap::new();
    for folder in [".aws", ".local/share/awsmfa"] {
        add_files(home.path(), &home.join(folder), &mut snapshot);
    }
    snapshot
}

fn add_files(root: &Path, path: &Path, seen: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    let name = format!("{} {:?}", path.strip_prefix(root).unwrap().display(), metadata.permissions());
    let content = if metadata.is_symlink() {
        fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
    } else if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten() {
            add_files(root, &entry.unwrap().path(), seen);
        }
        Vec::new()
    } else {
        fs::read(path).unwrap_or_default()
    };
    seen.insert(name, content);
}

/// Appends lines to the config file; its last section is `[profile dev]`.
fn with_config(world: &World, lines: &str) {
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}{lines}\n"));
}

#[test]
fn snapshot_contains_contents_modes_and_new_files() {
    let world = World::new();
    let home = &world.home;
    let first = snapshot(home);
    assert!(first == snapshot(home));
    let differs = |what: &str| assert!(snapshot(home) != first, "{what}");
    home.chmod(".aws/config", 0o640);
    differs("a mode");
    home.chmod(".aws/config", 0o644);
    assert!(first == snapshot(home));
    home.write(".aws/.awsmfa-left", "");
    differs("a file left behind");
    fs::remove_file(home.join(".aws/.awsmfa-left")).unwrap();
    home.write_credentials("[dev]\n");
    differs("contents");
}
