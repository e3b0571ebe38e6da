//! What AWS files with thousands of profiles cost, compared with small ones in the same run.
//!
//! `cargo bench --bench large_files`. The commands run alternately on large and small files, so that whatever else the
//! machine does affects both; the medians are compared.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it measures real processes on the real clock"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fake_aws::{AccessKey, FakeAws};

/// The profiles of a large and of a small file.
const LARGE: usize = 10_000;
const SMALL: usize = 10;
/// How often `login` gets a new session on each. With fewer, the difference of the medians varies by 2 ms from run to run.
const LOGINS: usize = 80;

fn main() {
    cold_login();
    logout_all();
    login_all();
}

/// A home folder with AWS files.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(home.path().join(".aws")).unwrap();
        home
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes one of the AWS files. It looks as if it had been there for an hour: what changed a moment ago is read again.
    fn write(&self, name: &str, content: &str) {
        let path: PathBuf = self.path().join(".aws").join(name);
        fs::write(&path, content).unwrap();
        let an_hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        fs::File::options().write(true).open(&path).unwrap().set_modified(an_hour_ago).unwrap();
    }

    /// Removes everything that awsmfa keeps.
    fn forget(&self) {
        for folder in [".cache", ".local"] {
            let _ = fs::remove_dir_all(self.path().join(folder));
        }
    }

    /// Runs awsmfa and returns how long it took.
    fn time(&self, args: &[&str]) -> Duration {
        let mut command = Command::new(env!("CARGO_BIN_EXE_awsmfa"));
        command.env_clear().env("HOME", self.path()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let start = Instant::now();
        let output = command.output().unwrap();
        let took = start.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        took
    }
}

fn config(aws: &FakeAws, profiles: usize, serial: &str) -> String {
    let profile = |n| {
        format!(
            "[profile p{n}]\nregion = us-east-1\nendpoint_url = {}\nmfa_serial = {serial}\n\n",
            aws.endpoint()
        )
    };
    (0..profiles).map(profile).collect()
}

fn credentials(profiles: usize, key: &AccessKey) -> String {
    let section =
        |n| format!("[p{n}]\naws_access_key_id = {}\naws_secret_access_key = {}\n\n", key.id, key.secret);
    (0..profiles).map(section).collect()
}

/// A `login` that gets a new session for the last profile.
fn cold_login() {
    let aws = FakeAws::start();
    let homes = [(Home::new(), LARGE), (Home::new(), SMALL)];
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..LOGINS {
        for (index, (home, profiles)) in homes.iter().enumerate() {
            // AWS accepts each code once, so each login has a device of its own.
            let user = format!("user-{round}-{index}");
            aws.add_user(&user);
            let (key, device) = (aws.add_access_key(&user), aws.add_device(&user, &user));
            home.forget();
            home.write("config", &config(&aws, *profiles, &device.serial));
            home.write("credentials", &credentials(*profiles, &key));
            let (last, code) = (format!("p{}", profiles - 1), aws.code_now(&device.serial));
            times[index].push(home.time(&["login", "--profile", &last, "--code", &code]));
        }
    }
    let [large, small] = times.map(median);
    let more = large.as_secs_f64() - small.as_secs_f64();
    println!(
        "new session with `login`: {large:.1?} with {LARGE} profiles, {small:.1?} with {SMALL}, {:+.1} ms (goal +10 ms)",
        more * 1000.0
    );
}

/// `logout --all` of thousands of sessions.
fn logout_all() {
    let home = Home::new();
    let sessions = |count| -> String {
        let section = |n| {
            format!(
                "[p{n}]\nregion = us-east-1\naws_access_key_id = ASIAEXAMPLE{n}\naws_secret_access_key = secret\n\
                 aws_session_token = token\nx_security_token_expires = 2026-01-01T00:00:00Z\n\n"
            )
        };
        (0..count).map(section).collect()
    };
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        for (count, times) in [LARGE, LARGE / 10].into_iter().zip(&mut times) {
            home.write("credentials", &sessions(count));
            times.push(home.time(&["logout", "--all"]));
        }
    }
    let [many, few] = times.map(median);
    println!(
        "`logout --all`: {many:.1?} for {LARGE} sessions (goal 1 s), {few:.1?} for {}, ratio {:.1}",
        LARGE / 10,
        many.as_secs_f64() / few.as_secs_f64()
    );
}

/// `login --all` where every session is still valid.
fn login_all() {
    let aws = FakeAws::start();
    let counts = [1000, 100];
    let homes = counts.map(|profiles| {
        let (home, user) = (Home::new(), format!("user-{profiles}"));
        aws.add_user(&user);
        let (key, device) = (aws.add_access_key(&user), aws.add_device(&user, &user));
        home.write("config", &config(&aws, profiles, &device.serial));
        home.write("credentials", &credentials(profiles, &key));
        let code = aws.code_now(&device.serial);
        home.time(&["login", "--profile", "p0", "--code", &code]);
        home.time(&["login", "--all"]);
        home
    });
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        for (home, times) in homes.iter().zip(&mut times) {
            times.push(home.time(&["login", "--all"]));
        }
    }
    let [many, few] = times.map(median);
    println!(
        "`login --all`, nothing to do: {many:.1?} for {} profiles, {few:.1?} for {}, ratio {:.1}",
        counts[0],
        counts[1],
        many.as_secs_f64() / few.as_secs_f64()
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
