//! Where results and messages go, and what they look like: colors, closed and full outputs, single writes, panics.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use crate::support::{NO_ARGS, Run, World, skipped, words};

fn output(run: Run) -> Output {
    run.into_command().stdin(Stdio::null()).output().unwrap()
}

/// Variables, an option, and whether the output is colored.
type Case = (&'static [(&'static str, &'static str)], &'static str, bool);

#[test]
fn clap_and_awsmfa_agree_on_color() {
    let world = World::new();
    let cases: &[Case] = &[
        (&[], "", false),
        (&[], "--color=always", true),
        (&[("NO_COLOR", "1")], "--color=always", true),
        (&[("CLICOLOR_FORCE", "1")], "", true),
        (&[("CLICOLOR_FORCE", "1")], "--color=never", false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], "", false),
        (&[("CLICOLOR_FORCE", "0")], "", false),
        (&[("FORCE_COLOR", "1")], "", true),
        (&[("FORCE_COLOR", "0")], "", false),
        (&[("CLICOLOR", "1")], "", false),
    ];
    for (vars, flag, colored) in cases {
        // An error from awsmfa, one from clap, and clap's help.
        for args in [["login", "--profile=nope"], ["login", "--nope"], ["login", "--help"]] {
            let run = vars.iter().fold(world.home.awsmfa(args), |run, (name, value)| run.env(name, value));
            let output = output(if flag.is_empty() { run } else { run.arg(flag) });
            let text = [output.stdout, output.stderr].concat();
            assert_eq!(text.contains(&b'\x1b'), *colored, "{vars:?} {flag} {args:?}");
        }
    }
}

/// Commands that print a result; `credential-process` with and without the fast path.
const RESULTS: &[&str] = &[
    "credential-process -p dev",
    "credential-process -p dev -v",
    "code alice",
    "code alice --json",
    "device list --local",
    "device list --local --json",
    "status",
    "status --json",
    "policy",
    "completions bash",
    "login --help",
    "--version",
];

#[test]
fn result_that_cannot_be_written_is_an_error() {
    let world = World::imported();
    output(world.home.awsmfa(["credential-process", "-p", "dev"]));
    for line in RESULTS {
        for (to, why) in [
            (">&-", "Bad file descriptor (os error 9)"),
            ("1</dev/null", "Bad file descriptor (os error 9)"),
            (">/dev/full", "No space left on device (os error 28)"),
        ] {
            if to == ">/dev/full" && !std::path::Path::new("/dev/full").exists() {
                skipped("/dev/full");
                continue;
            }
            let run = world.home.awsmfa(NO_ARGS).under("sh", &["-c", &format!("exec \"$@\" {to}"), "sh"]);
            let output = output(line.split(' ').fold(run, Run::arg));
            let err = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{line} {to}: {err}");
            let last = err.lines().last().unwrap_or_default();
            assert!(
                last.ends_with(&format!("cannot write the result to stdout: {why}")),
                "{line} {to}: {err}"
            );
        }
    }
}

#[test]
fn discarded_result_is_a_success() {
    let world = World::imported();
    for line in RESULTS {
        for to in [">/dev/null", "1<>/dev/null", "| true"] {
            let script =
                if to == "| true" { "\"$@\" | true".to_owned() } else { format!("exec \"$@\" {to}") };
            let run = world.home.awsmfa(NO_ARGS).under("sh", &["-c", &script, "sh"]);
            let output = output(line.split(' ').fold(run, Run::arg));
            assert!(output.status.success(), "{line} {to}: {output:?}");
        }
    }
}

/// Each write of a command to stderr.
fn writes(run: Run) -> Vec<String> {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    let mut command = run.into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(OwnedFd::from(theirs));
    command.status().unwrap();
    // The command also holds the other end.
    drop(command);
    ours.set_nonblocking(true).unwrap();
    let mut buffer = [0; 65_536];
    let mut writes = Vec::new();
    while let Ok(count @ 1..) = ours.recv(&mut buffer) {
        writes.push(String::from_utf8_lossy(&buffer[..count]).into_owned());
    }
    writes
}

#[test]
fn message_and_hints_are_one_write() {
    let world = World::new();
    for line in
        ["login -p nope", "login -p dev", "login --nope", "credential-process -p nope", "code", "frob"]
    {
        let writes = writes(world.home.awsmfa(words(line)));
        assert_eq!(writes.len(), 1, "{line}: {writes:?}");
        assert!(
            writes[0].ends_with('\n') && writes[0].contains("error:") || line.starts_with("cred"),
            "{writes:?}"
        );
    }
    world.import();
    for write in writes(world.home.awsmfa(["login", "-p", "dev", "-v"])) {
        assert!(write.starts_with("awsmfa: ") && write.ends_with('\n'), "{write:?}");
    }
}

const PANICKING: &str = "AWSMFA_TEST_PANIC";

/// Panics like the program, in the process that the next test starts.
#[test]
fn panicking_process() {
    let Some(kind) = std::env::var_os(PANICKING) else { return };
    let for_sdk = kind == "sdk";
    awsmfa::testing::panics::report(move || for_sdk);
    let secret = "hunter2".to_owned();
    let _ = std::thread::spawn(move || assert!(secret.is_empty(), "{secret}")).join();
}

#[test]
fn panic_exits_with_1_and_shows_only_its_location() {
    for (kind, lines) in [("person", 2), ("sdk", 1)] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "output::panicking_process", "--nocapture"]).env(PANICKING, kind);
        let output = command.env("RUST_BACKTRACE", "full").output().unwrap();
        assert_eq!((output.status.code(), output.status.signal()), (Some(1), None));
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains("internal error at tests/it/output.rs:"), "{err}");
        assert!(err.contains("please report it") && err.contains("awsmfa 0."), "{err}");
        assert!(!err.contains("hunter2") && err.lines().count() == lines, "{err}");
    }
}

const CONTAINED: &str = "AWSMFA_TEST_CONTAINED";
const GOES_ON: i32 = 42;

/// Goes on after a panic in other people's code, in the process that the next test starts.
#[test]
#[allow(clippy::disallowed_methods, reason = "the process is this test's own")]
fn containing_process() {
    if std::env::var_os(CONTAINED).is_none() {
        return;
    }
    awsmfa::testing::panics::report(|| false);
    let limit = std::time::Duration::from_secs(60);
    let secret = "hunter2".to_owned();
    let lost = awsmfa::testing::contained::run(limit, move || assert!(secret.is_empty(), "{secret}"));
    assert_eq!(lost, Err(awsmfa::testing::contained::Lost::Panicked));
    // The hook is still running, and the test's harness would wait for it.
    std::process::exit(GOES_ON);
}

/// With the program's hook, which never returns; otherwise the release build would abort.
#[test]
fn panic_in_a_decoder_neither_ends_the_process_nor_is_shown() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "output::containing_process", "--nocapture"]).env(CONTAINED, "1");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(GOES_ON), "{output:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
