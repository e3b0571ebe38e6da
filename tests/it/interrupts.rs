//! Ctrl-C ends every command that waits for AWS in the same way: by the signal, with a hint if another run can resume.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};

use fake_aws::{Fault, Gate, Permissions, RequestOutcome};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Run, World, until};

/// Starts the command, and returns when it waits for the response to `action`.
fn waiting_for(world: &World, gate: &Gate, action: &str, run: Run) -> Child {
    world.aws.fault(Fault::held(gate).on(action));
    let child = run.into_command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let held = RequestOutcome::Held { processed: false };
    until(|| world.aws.requests_for(action).first().is_some_and(|request| request.outcome == held));
    child
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[test]
fn interrupted_command_dies_by_the_signal_with_a_message() {
    let again =
        "hint: resume with `awsmfa device remove arn:aws:iam::123456789012:mfa/alice --profile dev`\n";
    for (args, action, hint) in [
        (&["login", "--profile", "dev"][..], "GetSessionToken", ""),
        (&["credential-process", "--profile", "dev"], "GetSessionToken", ""),
        (&["device", "list", "--profile", "dev"], "ListMFADevices", ""),
        (&["device", "remove", "alice", "--profile", "dev", "--yes"], "DeactivateMFADevice", again),
    ] {
        let world = World::imported();
        world.aws.set_permissions("alice", Permissions::Admin);
        let run = world.home.awsmfa(args);
        let child = waiting_for(&world, &Gate::new(), action, run);
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(2), "{args:?}: {}", output.status);
        let err = String::from_utf8(output.stderr).unwrap();
        let error = if args[0] == "credential-process" { "awsmfa" } else { "error" };
        assert_eq!(err, format!("{error}: interrupted\n{hint}"), "{args:?}");
    }
}

#[test]
fn background_job_ignores_ctrl_c() {
    let world = World::imported();
    let gate = Gate::new();
    let login = world.home.awsmfa(["login", "--profile", "dev"]);
    let login = login.under("sh", &["-c", "trap '' INT; exec \"$@\"", "sh"]);
    let child = waiting_for(&world, &gate, "GetSessionToken", login);
    interrupt(&child);
    gate.open();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
}
