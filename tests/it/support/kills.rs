//! SIGKILL at a chosen moment: while the program waits for a response, or entering a system call.

use std::process::{Child, Stdio};

use fake_aws::{FakeAws, Fault, Gate, RequestOutcome};

use super::{Home, until};

/// Whether AWS acts on the request for which the killed run is waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aws {
    HadNotActed,
    HadActed,
}

pub const BOTH: [Aws; 2] = [Aws::HadNotActed, Aws::HadActed];

/// Starts the program, and returns when it waits for the response to its `number`th request for `action`, counted from 0.
/// `None` if it ends before.
pub fn waiting_for(
    server: &FakeAws,
    home: &Home,
    args: &[&str],
    (action, number): (&str, usize),
    aws: Aws,
) -> Option<Child> {
    let before = server.requests_for(action).len() + number;
    // The gate is never opened.
    let held = Fault::held(&Gate::new()).on(action).after(u32::try_from(number).unwrap());
    server.fault(if aws == Aws::HadActed { held.processed() } else { held });
    let mut command = home.awsmfa(args).into_command();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let reached = RequestOutcome::Held { processed: aws == Aws::HadActed };
    let mut has_ended = false;
    until(|| {
        has_ended = child.try_wait().unwrap().is_some();
        has_ended
            || match server.requests_for(action).get(before).map(|request| &request.outcome) {
                None | Some(RequestOutcome::Pending) => false,
                Some(outcome) => *outcome == reached || panic!("{action}: {outcome:?}"),
            }
    });
    (!has_ended).then_some(child)
}

/// Kills the program while it waits for a response. Returns whether it got there.
pub fn killed_at(server: &FakeAws, home: &Home, args: &[&str], at: (&str, usize), aws: Aws) -> bool {
    let child = waiting_for(server, home, args, at, aws);
    server.clear_faults();
    child.is_some_and(|mut child| {
        child.kill().unwrap();
        child.wait().is_ok()
    })
}

/// Starts the program, which pauses for seconds before each of these calls for a file: another program can do much then. `None`,
/// with a message, if there is no strace that may trace.
#[cfg(target_os = "linux")]
pub fn paused_at_call(home: &Home, args: &[&str], call: &str, file: &std::path::Path) -> Option<Child> {
    let mut strace = std::process::Command::new("strace");
    if !strace.args(["-qq", "-o", "/dev/null", "true"]).output().is_ok_and(|ran| ran.status.success()) {
        super::skipped("strace");
        return None;
    }
    let run = home.awsmfa(args).into_command();
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-P"]).arg(file);
    strace.args(["-e", &format!("inject={call}:delay_enter=2500000")]);
    strace.arg(run.get_program()).args(run.get_args()).current_dir(home.path()).stdin(Stdio::null());
    strace.env_clear().envs(home.vars()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(strace.spawn().unwrap())
}

/// Runs the program and kills it at its `number`th call of this name, counted from 1. Returns whether it made so many.
#[cfg(target_os = "linux")]
pub fn killed_at_call(home: &Home, args: &[&str], call: &str, number: usize) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    const KILLED: i32 = 9;
    let run = home.awsmfa(args).into_command();
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=KILL:when={number}")]);
    strace.arg(run.get_program()).args(run.get_args()).current_dir(home.path());
    strace.env_clear().envs(home.vars());
    let output = strace.output().unwrap();
    // strace exits like the program, or with its own error if it has no permission to trace.
    match (output.status.signal(), output.status.success()) {
        (Some(KILLED), _) => true,
        (None, true) => false,
        _ => panic!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}
