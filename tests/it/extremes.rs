//! Extreme numbers and times in awsmfa's own files: a damaged or manipulated file never causes a panic.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use awsmfa::testing::commands::{code, credential_process, device, enroll, login, logout};
use clap::Parser as _;
use serde_json::Value;

use crate::support::World;
use crate::support::in_process::InProcess;

const NUMBERS: &[&str] = &[
    "-9223372036854775808",
    "-8334601228800",
    "-1",
    "8210266876799",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999999999",
    "1e308",
    "1e999",
];

const TIMES: &[&str] = &[
    "\"-262143-01-01T00:00:00Z\"",
    "\"0000-01-01T00:00:00Z\"",
    "\"9999-12-31T23:59:60Z\"",
    "\"+262142-12-31T23:59:59.999999999Z\"",
    "\"+999999999-12-31T23:59:59Z\"",
];

#[derive(Debug, clap::Parser)]
enum Line {
    Code(code::CodeArgs),
    CredentialProcess(credential_process::CredentialProcessArgs),
    #[command(subcommand)]
    Device(device::DeviceCommand),
    Enroll(enroll::EnrollArgs),
    Login(login::LoginArgs),
    Logout(logout::LogoutArgs),
}

/// Part of the path of each kind of file that contains numbers and times, and commands that use all of them.
const FILES: [(&str, &[&[&str]]); 4] = [
    ("devices.json", &[&["code", "-p", "dev"], &["login", "-p", "dev"]]),
    (
        "/ledgers/",
        &[
            &["credential-process", "-p", "dev"],
            &["login", "-p", "dev", "--force"],
            &["code", "-p", "dev", "--wait"],
            &["device", "resync", "alice"],
        ],
    ),
    (
        "/sessions/",
        &[&["credential-process", "-p", "dev"], &["login", "-p", "dev"], &["logout", "-p", "dev"]],
    ),
    ("/enrollments/", &[&["device", "list", "-p", "dev"], &["enroll", "-p", "dev", "--resume", "--no-qr"]]),
];

/// Runs a command. Whether it succeeds does not matter.
fn run(world: &World, off_seconds: i64, words: &[&str]) {
    let InProcess { ctx, .. } = world.in_process(off_seconds);
    let _ = match Line::try_parse_from(["awsmfa"].iter().chain(words)).unwrap() {
        Line::Code(args) => code::run(&ctx, &args),
        Line::CredentialProcess(args) => credential_process::run(&ctx, &args),
        Line::Device(command) => device::run(&ctx, &command),
        Line::Enroll(args) => enroll::run(&ctx, &args),
        Line::Login(args) => login::run(&ctx, &args),
        Line::Logout(args) => logout::run(&ctx, &args),
    };
}

/// A world with a file of each kind in its home folder: registry, ledger, session and journal.
fn used_world(off_seconds: i64) -> World {
    let world = World::imported();
    world.freeze();
    run(&world, off_seconds, &["login", "-p", "dev"]);
    let journal = serde_json::json!({
        "version": 1, "stage": "stored", "account": "123456789012", "user": "alice", "serial": world.device.serial,
        "name": "alice", "path": "/", "store": "file", "profile": "dev", "for_profile": "dev", "tags": [["k", "v"]],
        "began": "2027-01-15T08:00:05Z", "stale": [],
    });
    let file = ".local/state/awsmfa/enrollments/0.json";
    world.home.write(file, &journal.to_string());
    world.home.chmod(file, 0o600);
    world.home.chmod(".local/state/awsmfa/enrollments", 0o700);
    world
}

/// Copies of the file's text, each with one value replaced: numbers and times by extreme ones, other values by the first
/// number.
fn extremes(text: &str) -> Vec<String> {
    fn visit(value: &Value, at: &str, found: &mut Vec<(String, bool, bool)>) {
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, item)| visit(item, &format!("{at}/{i}"), found));
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    visit(field, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
                }
            }
            Value::Null => found.push((at.to_owned(), true, true)),
            Value::String(text) => {
                found.push((at.to_owned(), false, text.contains("T") && text.ends_with('Z')));
            }
            leaf => found.push((at.to_owned(), leaf.is_number(), false)),
        }
    }
    let (contents, mut found) = (serde_json::from_str::<Value>(text).unwrap(), Vec::new());
    visit(&contents, "", &mut found);
    let replace = |at: &str, by: &str| {
        let mut contents = contents.clone();
        *contents.pointer_mut(at).unwrap() = Value::from("@");
        contents.to_string().replace("\"@\"", by)
    };
    let of = |(at, number, time): &(String, bool, bool)| {
        let numbers = if *number { NUMBERS } else { &NUMBERS[..1] };
        let times = if *time { TIMES } else { &[] };
        numbers.iter().chain(times).map(|by| replace(at, by)).collect::<Vec<_>>()
    };
    found.iter().flat_map(of).collect()
}

/// Restores the home folder to `files`.
fn restore(world: &World, files: &BTreeMap<String, Vec<u8>>) {
    for name in world.home.files().keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(world.home.join(name)).unwrap();
    }
    for (name, bytes) in files {
        fs::write(world.home.join(name), bytes).unwrap();
        world.home.chmod(name, 0o600);
    }
}

#[test]
fn extreme_numbers_and_times_in_own_files_do_not_panic() {
    // AWS's clock is behind, so late times overflow when the difference is subtracted.
    let off_seconds = 3000;
    let world = used_world(off_seconds);
    let mut files = world.home.files();
    let (mut cases, mut panics) = (0, Vec::new());
    for (kind, commands) in FILES {
        let is_own =
            |name: &&String| name.contains("awsmfa/") && name.contains(kind) && name.ends_with(".json");
        let name = files.keys().find(is_own).unwrap().clone();
        let intact = files[&name].clone();
        for text in extremes(std::str::from_utf8(&intact).unwrap()) {
            files.insert(name.clone(), text.clone().into_bytes());
            for command in commands {
                restore(&world, &files);
                world.freeze();
                cases += 1;
                if catch_unwind(AssertUnwindSafe(|| run(&world, off_seconds, command))).is_err() {
                    panics.push(format!("{command:?} with {name}: {text}"));
                }
            }
        }
        files.insert(name, intact);
    }
    assert!(cases > 300, "{cases}");
    assert!(panics.is_empty(), "{}", panics.join("\n"));
}
