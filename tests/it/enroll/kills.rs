//! The program is killed, by a signal that nothing can catch, while it waits for each of AWS's answers in turn: before
//! AWS did what it was asked for, and after.

use std::process::{Child, Stdio};

use fake_aws::{Fault, Gate, RequestOutcome};

use super::{Bench, USER};
use crate::support::until;

/// What AWS had done of the request whose answer the killed run waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aws {
    /// Nothing, and it never will.
    HadNotActed,
    /// All of it.
    HadActed,
}

pub(super) const BOTH: [Aws; 2] = [Aws::HadNotActed, Aws::HadActed];

/// Starts an enrolment and waits until it waits for AWS's answer to `action`.
fn waiting_for(bench: &Bench, args: &[&str], action: &str, aws: Aws) -> Child {
    // A gate that nobody opens.
    let held = Fault::held(&Gate::new()).on(action);
    bench.aws.fault(if aws == Aws::HadActed { held.processed() } else { held });
    let mut command = bench.home.awsmfa(["enroll"]).into_command();
    let mut child = command.args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let reached = RequestOutcome::Held { processed: aws == Aws::HadActed };
    until(|| {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {action}");
        match bench.aws.requests_for(action).first().map(|request| &request.outcome) {
            None | Some(RequestOutcome::Pending) => false,
            Some(outcome) => *outcome == reached || panic!("{action}: {outcome:?}"),
        }
    });
    child
}

pub(super) fn killed_at(bench: &Bench, args: &[&str], action: &str, aws: Aws) {
    let mut child = waiting_for(bench, args, action, aws);
    child.kill().unwrap();
    child.wait().unwrap();
    bench.aws.clear_faults();
}

/// Demands that a run after the killed one ended well: one device, or, if AWS's answer with the secret came to nobody,
/// another one and a clear word about the first.
#[track_caller]
fn check_mended(bench: &Bench, said: &str, secret_lost: bool) {
    assert_eq!(bench.aws.devices().len(), if secret_lost { 2 } else { 1 }, "{said}");
    if secret_lost {
        assert!(said.contains("delete-virtual-mfa-device"), "{said}");
        bench.check_device("aws_mfa_demo-2");
    } else {
        bench.check_one(USER);
    }
}

#[test]
fn killed_run_is_finished_by_the_same_command() {
    for action in [
        "GetCallerIdentity",
        "ListMFADevices",
        "ListVirtualMFADevices",
        "CreateVirtualMFADevice",
        "EnableMFADevice",
        "GetSessionToken",
    ] {
        for aws in BOTH {
            let bench = Bench::new();
            killed_at(&bench, &["--profile", "demo"], action, aws);
            let ran = bench.by_user().success();
            let secret_lost = (action, aws) == ("CreateVirtualMFADevice", Aws::HadActed);
            check_mended(&bench, &ran.err(), secret_lost);
        }
    }
}

#[test]
fn resume_needs_no_arguments() {
    for aws in BOTH {
        for action in ["EnableMFADevice", "GetSessionToken"] {
            let bench = Bench::new();
            killed_at(&bench, &["--profile", "demo"], action, aws);
            bench.home.awsmfa(["enroll", "--resume"]).run().success();
            bench.check_one(USER);
        }
        let bench = Bench::new();
        killed_at(&bench, &["--user", USER, "--profile", "admin"], "EnableMFADevice", aws);
        bench.home.awsmfa(["enroll", "--resume"]).run().success();
        bench.check_one(USER);
    }
}

/// Puts the journal back to before the device was created, as if the run had been killed before the journal was written.
fn unwrite_stage(bench: &Bench) {
    let journal = bench.home.path().join(&bench.journals()[0]);
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(text.contains("\"stored\""), "{text}");
    std::fs::write(&journal, text.replace("\"stored\"", "\"planned\"")).unwrap();
}

#[test]
fn resumed_enrollment_keeps_name_and_tags() {
    let begin =
        ["--profile", "admin", "--user", USER, "--device-name", "spare", "--tag", "a=b", "--path", "/x/"];
    let plain = ["enroll", "--profile", "admin", "--user", USER];
    for (action, aws, name) in [
        ("CreateVirtualMFADevice", Aws::HadNotActed, "x/spare"),
        ("CreateVirtualMFADevice", Aws::HadActed, "x/spare-2"),
        ("EnableMFADevice", Aws::HadNotActed, "x/spare"),
    ] {
        for resume in [true, false] {
            let bench = Bench::new();
            killed_at(&bench, &begin, action, aws);
            if action == "EnableMFADevice" {
                unwrite_stage(&bench);
            }
            let again =
                if resume { bench.home.awsmfa(["enroll", "--resume"]) } else { bench.home.awsmfa(plain) };
            again.run().success();
            bench.check_device(name);
            let device = bench.aws.devices().pop().unwrap();
            assert_eq!(device.serial, bench.serial(name));
            assert_eq!(device.tags, [("a".to_owned(), "b".to_owned())]);
        }
    }
}

#[test]
fn resume_with_another_accounts_credentials_changes_nothing() {
    for aws in BOTH {
        let bench = Bench::new();
        killed_at(&bench, &["--profile", "demo"], "EnableMFADevice", aws);
        let other = fake_aws::FakeAws::builder().account("999999999999").start();
        other.add_user(USER);
        let key = other.add_access_key(USER);
        let keys =
            format!("[other]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
        bench.home.write_credentials(&format!("{}{keys}", bench.home.credentials()));
        let config = bench.home.read(".aws/config");
        bench.home.write_config(&format!("{config}[profile other]\nregion = eu-central-1\n"));
        let resume = ["enroll", "--resume", "--profile", "other"];
        let ran = bench.home.awsmfa(resume).env("AWS_ENDPOINT_URL", other.endpoint()).run();
        insta::allow_duplicates! { insta::assert_snapshot!(ran.code(2).err(), @"
        error: these credentials are for account `999999999999`, which has no unfinished enrollment for `aws_mfa_demo`; account `123456789012` has one
        hint: resume there: `awsmfa enroll --resume --user aws_mfa_demo --profile demo`
        ") }
        assert_eq!(other.devices(), []);
        bench.home.awsmfa(["enroll", "--resume"]).run().success();
        bench.check_one(USER);
    }
}

#[test]
fn resume_hint_contains_the_profile_of_the_environment() {
    let bench = Bench::new();
    bench.aws.fault(Fault::drop_before().on("EnableMFADevice").forever());
    let said = bench.home.awsmfa(["enroll"]).env("AWS_PROFILE", "demo").run().code(6).err();
    assert!(said.contains("`awsmfa enroll --resume --user aws_mfa_demo --profile demo`"), "{said}");
    bench.aws.clear_faults();
    bench.home.awsmfa(["enroll", "--resume"]).run().success();
    bench.check_one(USER);
}

#[test]
fn unfinished_enrollment_comes_before_another() {
    for aws in BOTH {
        let bench = Bench::new();
        killed_at(&bench, &["--profile", "demo"], "EnableMFADevice", aws);
        let ran = bench.home.awsmfa(["enroll", "--profile", "demo", "--device-name", "other"]).run();
        insta::allow_duplicates! { insta::assert_snapshot!(ran.code(2).err(), @"
        error: the enrollment of `arn:aws:iam::123456789012:mfa/aws_mfa_demo` for `aws_mfa_demo` is unfinished
        hint: finish that enrollment first: `awsmfa enroll --resume --user aws_mfa_demo --profile demo`
        hint: or start another one; the unfinished one's secret is kept: `--yes`
        ") }
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_shows_how_to_resume() {
    use rustix::process::{Pid, Signal, kill_process};
    for aws in BOTH {
        let bench = Bench::new();
        let child = waiting_for(&bench, &["--profile", "demo"], "EnableMFADevice", aws);
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("hint: resume with `awsmfa enroll --resume --user aws_mfa_demo"), "{said}");
        bench.aws.clear_faults();
        bench.home.awsmfa(["enroll", "--resume"]).run().success();
        bench.check_one(USER);
    }
}

/// Every system call that moves bytes towards the disk or AWS, or names files anew, is the last one, in turn: the
/// program is killed as it enters the call. Minutes long, and strace is not everywhere; tests/real/enroll-kills.sh runs it.
#[test]
#[ignore = "needs strace and minutes: tests/real/enroll-kills.sh"]
#[cfg(target_os = "linux")]
#[allow(clippy::print_stdout, reason = "run by hand, for minutes")]
fn enrollment_survives_a_kill_at_every_system_call() {
    let (mut killed, mut lost) = (0, 0);
    for call in ["writev", "recvfrom", "rename,renameat,renameat2", "fsync", "unlink", "flock", "write"] {
        for number in 1.. {
            let Some(bench) = killed_entering(call, number) else { break };
            killed += 1;
            let ran = bench.by_user().success();
            let devices = bench.aws.devices().len();
            check_mended(&bench, &ran.err(), devices == 2);
            lost += devices - 1;
            println!("killed entering {call} {number}: {devices} device(s) in the end");
        }
    }
    assert!(killed > 80, "only {killed} calls were found");
    // Between AWS's answer and the seed's being in the store there are few calls, and no others can lose it.
    assert!((1..=10).contains(&lost), "{lost} seeds were lost");
}

/// An enrolment that was killed as it entered its `number`th call of that name; `None` if it ended, because there were
/// not so many.
#[cfg(target_os = "linux")]
fn killed_entering(call: &str, number: usize) -> Option<Bench> {
    use std::os::unix::process::ExitStatusExt as _;
    const KILLED: i32 = 9;
    let bench = Bench::new();
    let run = bench.home.awsmfa(["enroll", "--profile", "demo"]).into_command();
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=KILL:when={number}")]);
    strace.arg(run.get_program()).args(run.get_args()).current_dir(bench.home.path());
    strace.env_clear().envs(bench.home.vars());
    let output = strace.output().unwrap();
    // strace ends as the program did; or in its own way, where it may not trace.
    match (output.status.signal(), output.status.success()) {
        (Some(KILLED), _) => Some(bench),
        (None, true) => None,
        _ => panic!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}
