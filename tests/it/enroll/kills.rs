//! SIGKILL while the program waits for each response in turn, before and after AWS acts on the request.

use std::process::Child;

use fake_aws::Fault;

use super::{Setup, USER};
use crate::support::kills;
pub(super) use crate::support::kills::{Aws, BOTH};

/// Starts an enrollment, and returns when it waits for the response to `action`.
fn waiting_for(setup: &Setup, args: &[&str], action: &str, aws: Aws) -> Child {
    let args = [&["enroll"], args].concat();
    let child = kills::waiting_for(&setup.aws, &setup.home, &args, (action, 0), aws);
    child.unwrap_or_else(|| panic!("it ended before {action}"))
}

pub(super) fn killed_at(setup: &Setup, args: &[&str], action: &str, aws: Aws) {
    let args = [&["enroll"], args].concat();
    assert!(kills::killed_at(&setup.aws, &setup.home, &args, (action, 0), aws), "it ended before {action}");
}

/// Fails unless the next run succeeded: with one device, or, if the response with the secret was lost, with a second device
/// and a message about the first.
#[track_caller]
fn check_recovered(setup: &Setup, said: &str, secret_lost: bool) {
    assert_eq!(setup.aws.devices().len(), if secret_lost { 2 } else { 1 }, "{said}");
    if secret_lost {
        assert!(said.contains("delete-virtual-mfa-device"), "{said}");
        setup.check_device("aws_mfa_demo-2");
    } else {
        setup.check_one(USER);
    }
}

#[test]
fn same_command_finishes_a_killed_run() {
    for action in [
        "GetCallerIdentity",
        "ListMFADevices",
        "ListVirtualMFADevices",
        "CreateVirtualMFADevice",
        "EnableMFADevice",
        "GetSessionToken",
    ] {
        for aws in BOTH {
            let setup = Setup::new();
            killed_at(&setup, &["--profile", "demo"], action, aws);
            let ran = setup.by_user().success();
            let secret_lost = (action, aws) == ("CreateVirtualMFADevice", Aws::HadActed);
            check_recovered(&setup, &ran.err(), secret_lost);
        }
    }
}

#[test]
fn resume_needs_no_arguments() {
    for aws in BOTH {
        for action in ["EnableMFADevice", "GetSessionToken"] {
            let setup = Setup::new();
            killed_at(&setup, &["--profile", "demo"], action, aws);
            setup.home.awsmfa(["enroll", "--resume"]).run().success();
            setup.check_one(USER);
        }
        let setup = Setup::new();
        killed_at(&setup, &["--user", USER, "--profile", "admin"], "EnableMFADevice", aws);
        setup.home.awsmfa(["enroll", "--resume"]).run().success();
        setup.check_one(USER);
    }
}

/// Resets the journal to the stage before the device was created, as if the run had been killed before the journal was
/// written.
fn reset_stage(setup: &Setup) {
    let journal = setup.home.path().join(&setup.journals()[0]);
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
            let setup = Setup::new();
            killed_at(&setup, &begin, action, aws);
            if action == "EnableMFADevice" {
                reset_stage(&setup);
            }
            let again =
                if resume { setup.home.awsmfa(["enroll", "--resume"]) } else { setup.home.awsmfa(plain) };
            again.run().success();
            setup.check_device(name);
            let device = setup.aws.devices().pop().unwrap();
            assert_eq!(device.serial, setup.serial(name));
            assert_eq!(device.tags, [("a".to_owned(), "b".to_owned())]);
        }
    }
}

#[test]
fn resume_with_another_accounts_credentials_changes_nothing() {
    for aws in BOTH {
        let setup = Setup::new();
        killed_at(&setup, &["--profile", "demo"], "EnableMFADevice", aws);
        let other = fake_aws::FakeAws::builder().account("999999999999").start();
        other.add_user(USER);
        let key = other.add_access_key(USER);
        let keys =
            format!("[other]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
        setup.home.write_credentials(&format!("{}{keys}", setup.home.credentials()));
        let config = setup.home.read(".aws/config");
        setup.home.write_config(&format!("{config}[profile other]\nregion = eu-central-1\n"));
        let resume = ["enroll", "--resume", "--profile", "other"];
        let ran = setup.home.awsmfa(resume).env("AWS_ENDPOINT_URL", other.endpoint()).run();
        insta::allow_duplicates! { insta::assert_snapshot!(ran.code(2).err(), @"
        error: these credentials are for account `999999999999`, which has no unfinished enrollment for `aws_mfa_demo`; account `123456789012` has one
        hint: resume there: `awsmfa enroll --resume --user aws_mfa_demo --profile demo`
        ") }
        assert_eq!(other.devices(), []);
        setup.home.awsmfa(["enroll", "--resume"]).run().success();
        setup.check_one(USER);
    }
}

#[test]
fn resume_hint_contains_the_profile_from_the_environment() {
    let setup = Setup::new();
    setup.aws.fault(Fault::drop_before().on("EnableMFADevice").forever());
    let said = setup.home.awsmfa(["enroll"]).env("AWS_PROFILE", "demo").run().code(6).err();
    assert!(said.contains("`awsmfa enroll --resume --user aws_mfa_demo --profile demo`"), "{said}");
    setup.aws.clear_faults();
    setup.home.awsmfa(["enroll", "--resume"]).run().success();
    setup.check_one(USER);
}

#[test]
fn unfinished_enrollment_must_be_finished_first() {
    for aws in BOTH {
        let setup = Setup::new();
        killed_at(&setup, &["--profile", "demo"], "EnableMFADevice", aws);
        let ran = setup.home.awsmfa(["enroll", "--profile", "demo", "--device-name", "other"]).run();
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
        let setup = Setup::new();
        let child = waiting_for(&setup, &["--profile", "demo"], "EnableMFADevice", aws);
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("hint: resume with `awsmfa enroll --resume --user aws_mfa_demo"), "{said}");
        setup.aws.clear_faults();
        setup.home.awsmfa(["enroll", "--resume"]).run().success();
        setup.check_one(USER);
    }
}

/// The program is killed at each system call in turn that transfers data to the disk or to AWS, or renames a file. This
/// takes minutes and needs strace; tests/real/kills.sh runs it.
#[test]
#[ignore = "needs strace and minutes: tests/real/kills.sh"]
#[cfg(target_os = "linux")]
#[allow(clippy::print_stdout, reason = "run by hand, for minutes")]
fn enrollment_survives_a_kill_at_every_system_call() {
    let (mut killed, mut lost) = (0, 0);
    for call in ["writev", "recvfrom", "rename,renameat,renameat2", "fsync", "unlink", "flock", "write"] {
        for number in 1.. {
            let Some(setup) = killed_at_call(call, number) else { break };
            killed += 1;
            let ran = setup.by_user().success();
            let devices = setup.aws.devices().len();
            check_recovered(&setup, &ran.err(), devices == 2);
            lost += devices - 1;
            println!("killed entering {call} {number}: {devices} device(s) in the end");
        }
    }
    assert!(killed > 80, "only {killed} calls were found");
    // The seed can be lost only in the few calls between AWS's response and storing the seed.
    assert!((1..=10).contains(&lost), "{lost} seeds were lost");
}

/// An enrollment that was killed at its `number`th call of this name; `None` if it made fewer calls.
#[cfg(target_os = "linux")]
fn killed_at_call(call: &str, number: usize) -> Option<Setup> {
    let setup = Setup::new();
    kills::killed_at_call(&setup.home, &["enroll", "--profile", "demo"], call, number).then_some(setup)
}
