//! What a cached `credential-process` and a `status --short` cost, as ratios to an empty Rust program started in the same run.
//!
//! `cargo bench`. They run alternately, so that whatever else the machine does affects all; the medians are compared.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it measures real processes on the real clock"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fake_aws::FakeAws;

/// How often each program runs.
const ROUNDS: usize = 2000;
/// The maximum ratio: a cached answer should cost about as much as starting a process.
const LIMIT: f64 = 1.7;

/// The command lines that the fast path answers.
const LINES: [&str; 2] = ["credential-process --profile dev", "status --short --profile dev"];

fn main() {
    let home = tempfile::tempdir().unwrap();
    // Both are installed by copying, as users have them: the pages of a file that was just linked take longer to map.
    let empty = home.path().join("empty");
    std::fs::copy(empty_program(home.path()), &empty).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_awsmfa"), home.path().join("awsmfa")).unwrap();
    let aws = FakeAws::start();
    prepare(&aws, home.path());
    // Without a server, the answer can come only from the file system.
    drop(aws);
    let mut empties = Vec::with_capacity(ROUNDS);
    let mut answers = LINES.map(|line| (line, Vec::with_capacity(ROUNDS)));
    for _ in 0..ROUNDS {
        empties.push(time(Command::new(&empty).env_clear()));
        for (line, times) in &mut answers {
            times.push(time(awsmfa(home.path()).args(line.split(' '))));
        }
    }
    let empty = median(empties);
    let mut slow = Vec::new();
    for (line, times) in answers {
        let answer = median(times);
        let ratio = answer.as_secs_f64() / empty.as_secs_f64();
        println!("{line}: {answer:?}, an empty program: {empty:?}, ratio {ratio:.2} (at most {LIMIT})");
        if ratio > LIMIT {
            slow.push(line);
        }
    }
    assert!(slow.is_empty(), "more than {LIMIT} times an empty program: {slow:?}");
}

/// `fn main() {}`, built like the release profile.
fn empty_program(folder: &Path) -> PathBuf {
    let (source, program) = (folder.join("empty.rs"), folder.join("linked"));
    std::fs::write(&source, "fn main() {}\n").unwrap();
    let flags = [
        "-C",
        "opt-level=3",
        "-C",
        "panic=abort",
        "-C",
        "strip=symbols",
        "-C",
        "lto=fat",
        "-C",
        "codegen-units=1",
    ];
    let built = Command::new("rustc").args(flags).arg("-o").arg(&program).arg(&source).status().unwrap();
    assert!(built.success());
    program
}

fn awsmfa(home: &Path) -> Command {
    let mut command = Command::new(home.join("awsmfa"));
    command.env_clear().env("HOME", home);
    command
}

/// A home folder with a session in the cache.
fn prepare(aws: &FakeAws, home: &Path) {
    aws.add_user("alice");
    let (key, device) = (aws.add_access_key("alice"), aws.add_device("alice", "alice"));
    std::fs::create_dir(home.join(".aws")).unwrap();
    let credentials =
        format!("[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    std::fs::write(home.join(".aws/credentials"), credentials).unwrap();
    let code = aws.code_now(&device.serial);
    let config = format!(
        "[profile dev]\nendpoint_url = {}\nmfa_serial = {}\nmfa_process = echo {code}\n",
        aws.endpoint(),
        device.serial
    );
    std::fs::write(home.join(".aws/config"), config).unwrap();
    let made = awsmfa(home)
        .env("PATH", "/usr/bin:/bin")
        .args(["credential-process", "--profile", "dev"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let shown = awsmfa(home).args(LINES[1].split(' ')).output().unwrap();
    assert!(shown.stdout.starts_with(b"dev 1"), "{shown:?}");
}

fn time(command: &mut Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
