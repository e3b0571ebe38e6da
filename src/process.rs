//! Running other programs: without a shell, with a deadline, and without awsmfa's own variables.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Read};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::{Clock, SystemClock};
use crate::env::{AWSMFA_DEPTH, Env, PASSPHRASE_VARIABLES};
use crate::model::command_line::{self, is_awsmfa};
use crate::model::secret::Secret;
use crate::tty::{self, Reach};

mod ancestors;
mod beside;
pub mod child;
mod dialog;
mod dumps;
mod group;
mod opener;
mod program;

pub use ancestors::ancestors;
pub use beside::{Beside, leave_terminal};
pub use dialog::Dialog;
pub use dumps::forbid as forbid_core_dumps;
use group::Group;
pub use opener::Opener;
pub use program::{Program, StartError};

/// The most that a program may print: it prints a code, a passphrase or a small JSON object.
const OUTPUT_LIMIT: usize = 1024 * 1024;

/// In a conversation, the longest line that a program may print, in bytes.
const LINE_LIMIT: usize = 16 * 1024;

/// The most that is sent before the program answers. A pipe takes this much even if the program reads nothing.
const SEND_LIMIT: usize = 16 * 1024;

/// How long to wait for the output of a program that has ended, if something that it started keeps its stdout open.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// How often programs that awsmfa runs may run awsmfa again before it counts as a loop.
const MAX_DEPTH: u32 = 4;

/// Why there is no output from a program. No error contains what the program printed, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The command line has unmatched quotes or is empty.
    #[error("the command line is empty or has unmatched quotes")]
    Unreadable,
    /// A pipe, a redirection or a substitution, which the program would get as an argument.
    #[error("{0} needs a shell, and awsmfa runs the command line without one")]
    NeedsShell(&'static str),
    /// The programs of some profiles run awsmfa for each other.
    #[error("`{0}` was not run: the profiles' programs call awsmfa in a loop")]
    Loop(String),
    #[error("cannot start `{program}`: {source}")]
    Start { program: String, source: io::Error },
    #[error("`{program}` failed ({status})")]
    Failed {
        program: String,
        /// The exit status, as the system describes it.
        status: String,
    },
    /// The program did not exit in time and was killed.
    #[error("`{program}` timed out ({} s)", limit.as_secs())]
    TimedOut {
        program: String,
        /// The time limit.
        limit: Duration,
    },
    /// The program printed more than any valid output.
    #[error("`{0}` printed more than {limit} KiB", limit = OUTPUT_LIMIT / 1024)]
    TooLong(String),
    /// In a conversation: more than any valid line.
    #[error("`{0}` printed a line of more than {limit} KiB", limit = LINE_LIMIT / 1024)]
    LongLine(String),
    /// In a conversation: more than the program is sure to take before it answers.
    #[error("the input for `{0}` is longer than {limit} KiB", limit = SEND_LIMIT / 1024)]
    LongInput(String),
    #[error("`{0}` printed output that is not UTF-8 text")]
    NotText(String),
}

/// Runs a command line and returns what it printed on stdout. The line is split into words as in a POSIX shell, but without
/// a shell: no variables, no `~`, no pipes. Stdin is empty. Stderr is the terminal, because the program may ask for the touch
/// of a key. If stderr is not a terminal, it is discarded: SDKs show it, and it may contain secrets. When this returns, the
/// program has exited, and so have child processes that kept its stdout open, unless a person at the terminal can end those.
pub fn run(command_line: &str, env: &Env, limit: Duration) -> Result<Secret<String>, ProcessError> {
    run_grouped(command_line, env, limit, tty::reach() != Reach::Person, command)
}

/// Like [`run`], but whatever the program says on stderr is discarded, on a terminal, too.
pub fn run_silently(command_line: &str, env: &Env, limit: Duration) -> Result<Secret<String>, ProcessError> {
    let silent = |program: &str, arguments: &[String], env: &Env| {
        let mut command = command(program, arguments, env);
        command.stderr(Stdio::null());
        command
    };
    run_grouped(command_line, env, limit, true, silent)
}

/// Whether [`run`] can run a command line, as far as that can be told without running it.
pub fn check(command_line: &str) -> Result<(), ProcessError> {
    split(command_line).map(drop)
}

fn split(command_line: &str) -> Result<Vec<String>, ProcessError> {
    if let Some(syntax) = command_line::shell_syntax(command_line) {
        return Err(ProcessError::NeedsShell(syntax));
    }
    command_line::words(command_line).filter(|words| !words.is_empty()).ok_or(ProcessError::Unreadable)
}

/// In its own process group, a program is killed together with its child processes. But such a group cannot read the terminal
/// and does not get Ctrl-C, and the program may prompt.
fn run_grouped(
    command_line: &str,
    env: &Env,
    limit: Duration,
    own_group: bool,
    command: impl FnOnce(&str, &[String], &Env) -> Command,
) -> Result<Secret<String>, ProcessError> {
    let words = split(command_line)?;
    let (program, arguments) = words.split_first().ok_or(ProcessError::Unreadable)?;
    let depth = env.get(AWSMFA_DEPTH).and_then(|depth| depth.parse().ok()).unwrap_or(0u32);
    if depth >= MAX_DEPTH {
        return Err(ProcessError::Loop(program.clone()));
    }
    let start = |source| ProcessError::Start { program: program.clone(), source };
    let mut command = command(program, arguments, env);
    command.env(AWSMFA_DEPTH, (depth + 1).to_string());
    let mut group = Group::start(command, own_group).map_err(start)?;
    let printed = Printed::read(group.take_stdout()).map_err(start)?;
    let ended = wait(&mut group, limit).map_err(start)?;
    let closed = ended && printed.is_closed();
    if !closed {
        group.kill();
    }
    let status = group.status().map_err(start)?;
    let program = || program.clone();
    if !ended {
        return Err(ProcessError::TimedOut { program: program(), limit });
    }
    if printed.is_too_long() {
        return Err(ProcessError::TooLong(program()));
    }
    if !status.success() {
        return Err(ProcessError::Failed { program: program(), status: status.to_string() });
    }
    printed.text().ok_or_else(|| ProcessError::NotText(program()))
}

fn command(program: &str, arguments: &[String], env: &Env) -> Command {
    #[allow(clippy::disallowed_methods, reason = "the one place that starts programs")]
    let mut command = Command::new(program);
    command.args(arguments);
    set_environment(&mut command, program, env);
    let stderr = if io::stderr().is_terminal() { Stdio::inherit() } else { Stdio::null() };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    command
}

/// Only awsmfa itself needs its passphrase variables; other programs do not get them.
fn set_environment(command: &mut Command, program: &str, env: &Env) {
    let is_kept_back =
        |name: &OsStr| !is_awsmfa(program) && PASSPHRASE_VARIABLES.iter().any(|kept| name == *kept);
    command.env_clear().envs(env.iter().filter(|(name, _)| !is_kept_back(name)));
}

/// Whether the program exits within the limit. Its stdout may still be open.
fn wait(group: &mut Group, limit: Duration) -> io::Result<bool> {
    let (mut left, mut pause) = (limit, Duration::from_millis(1));
    loop {
        if group.has_ended()? {
            return Ok(true);
        }
        if left.is_zero() {
            return Ok(false);
        }
        SystemClock.sleep(pause.min(left));
        left = left.saturating_sub(pause);
        pause = (pause * 2).min(Duration::from_millis(16));
    }
}

/// What a program has printed so far. A separate thread reads it, because a read cannot be canceled.
struct Printed {
    /// Allocated at full size: a buffer that grows leaves copies in memory that are not wiped.
    bytes: Arc<Mutex<Zeroizing<Vec<u8>>>>,
    /// Disconnected when the thread has read everything.
    ended: Receiver<()>,
}

impl Printed {
    fn read(stdout: Option<ChildStdout>) -> io::Result<Self> {
        let bytes = Arc::new(Mutex::new(Zeroizing::new(Vec::with_capacity(OUTPUT_LIMIT + 1))));
        let (running, ended) = mpsc::channel();
        let into = bytes.clone();
        std::thread::Builder::new().name("output".to_owned()).spawn(move || {
            let _running: Sender<()> = running;
            if let Some(stdout) = stdout {
                read_into(stdout, &into);
            }
        })?;
        Ok(Self { bytes, ended })
    }

    /// Whether the output is complete, a moment after the program exited: its child processes may keep stdout open forever.
    fn is_closed(&self) -> bool {
        self.ended.recv_timeout(DRAIN_LIMIT) == Err(RecvTimeoutError::Disconnected)
    }

    fn is_too_long(&self) -> bool {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).len() > OUTPUT_LIMIT
    }

    /// The output; `None` if it is not UTF-8 text.
    fn text(&self) -> Option<Secret<String>> {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        std::str::from_utf8(&bytes).ok().map(|text| Secret::locked(text.to_owned()))
    }
}

/// Reads until the end or the first byte beyond the limit, after which the program's next write fails.
fn read_into(mut stdout: ChildStdout, into: &Mutex<Zeroizing<Vec<u8>>>) {
    let mut chunk = Zeroizing::new([0; 4096]);
    loop {
        let count = match stdout.read(chunk.as_mut_slice()) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // On some systems, a read fails when the program was killed.
            Err(_) => 0,
        };
        let mut bytes = into.lock().unwrap_or_else(PoisonError::into_inner);
        let room = OUTPUT_LIMIT + 1 - bytes.len();
        bytes.extend_from_slice(&chunk[..count.min(room)]);
        if count == 0 || count >= room {
            return;
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::env::{AWSMFA_BACKUP_PASSPHRASE_FILE, AWSMFA_PASSPHRASE_FILE};

    fn run_here(command_line: &str) -> Result<String, ProcessError> {
        let env = Env::from_pairs([
            ("PATH", "/usr/bin:/bin"),
            (AWSMFA_PASSPHRASE_FILE, "/p"),
            (AWSMFA_BACKUP_PASSPHRASE_FILE, "/b"),
            ("KEPT", "yes"),
        ]);
        run(command_line, &env, Duration::from_secs(5)).map(|s| s.expose().clone())
    }

    #[test]
    fn words_are_split_without_a_shell() {
        assert_eq!(run_here("printf '%s|' 'a b' $HOME ~ \"c;d\"").unwrap(), "a b|$HOME|~|c;d|");
    }

    #[test]
    fn passphrase_variables_are_not_passed_on() {
        let printed = run_here("env").unwrap();
        assert!(printed.contains("KEPT=yes") && !printed.contains("PASSPHRASE"), "{printed}");
    }

    #[test]
    fn passphrase_variables_are_passed_on_to_awsmfa() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("awsmfa");
        std::os::unix::fs::symlink("/usr/bin/env", &program).unwrap();
        let printed = run_here(program.to_str().unwrap()).unwrap();
        assert!(printed.contains("AWSMFA_PASSPHRASE_FILE=/p"), "{printed}");
        assert!(is_awsmfa("C:\\Tools\\AWSMFA.EXE") && !is_awsmfa("/opt/awsmfa/env"));
    }

    #[test]
    fn program_that_closes_its_stdout_still_times_out() {
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin")]);
        let late = run("sh -c 'exec >&- 2>&- sleep 20'", &env, Duration::from_millis(50));
        assert!(matches!(late, Err(ProcessError::TimedOut { .. })), "{late:?}");
    }

    #[test]
    fn child_left_behind_is_killed_without_a_delay() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        run_here(&format!("mkfifo {}", pipe.display())).unwrap();
        let line = format!("sh -c '(exec 3>{}; sleep 60) & echo printed'", pipe.display());
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin")]);
        let (sender, receiver) = mpsc::channel();
        let reader = sender.clone();
        std::thread::spawn(move || reader.send(std::fs::read_to_string(pipe).unwrap()));
        std::thread::spawn(move || {
            let printed = run_grouped(&line, &env, Duration::from_secs(30), true, command).unwrap();
            sender.send(printed.expose().clone())
        });
        // The pipe is closed when the process that writes to it exits.
        let mut received = [(); 2].map(|()| receiver.recv_timeout(Duration::from_secs(20)).unwrap());
        received.sort();
        assert_eq!(received, ["", "printed\n"]);
    }

    #[test]
    fn program_in_its_own_group_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        run_here(&format!("mkfifo {}", pipe.display())).unwrap();
        let line = format!("sh -c '(echo here; exec sleep 20) >{} & wait'", pipe.display());
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin")]);
        let running =
            std::thread::spawn(move || run_grouped(&line, &env, Duration::from_secs(4), true, command));
        // The pipe is closed when the process that writes to it exits.
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(std::fs::read_to_string(pipe)));
        assert!(matches!(running.join().unwrap(), Err(ProcessError::TimedOut { .. })));
        assert_eq!(receiver.recv_timeout(Duration::from_secs(10)).unwrap().unwrap(), "here\n");
    }

    #[test]
    fn oversized_output_is_rejected_and_never_copied() {
        for program in ["yes", "head -c 1048577 /dev/zero"] {
            assert!(matches!(run_here(program), Err(ProcessError::TooLong(_))), "{program}");
        }
        let all = run_here("head -c 1048576 /dev/zero").unwrap();
        assert_eq!(all.len(), OUTPUT_LIMIT);
        let printed = Printed::read(None).unwrap();
        assert_eq!(printed.bytes.lock().unwrap().capacity(), OUTPUT_LIMIT + 1);
    }

    #[test]
    fn loop_of_awsmfa_is_ended() {
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin"), (AWSMFA_DEPTH, "4")]);
        assert!(matches!(run("true", &env, Duration::from_secs(5)), Err(ProcessError::Loop(_))));
        assert!(run_here("env").unwrap().contains("AWSMFA_DEPTH=1"));
    }

    #[test]
    fn failures_are_distinguished() {
        assert!(matches!(run_here("false"), Err(ProcessError::Failed { .. })));
        assert!(matches!(run_here("/nowhere/at/all"), Err(ProcessError::Start { .. })));
        assert!(matches!(run_here("'unclosed"), Err(ProcessError::Unreadable)));
        assert!(matches!(run_here(""), Err(ProcessError::Unreadable)));
        assert!(matches!(run_here("echo 1 | cat"), Err(ProcessError::NeedsShell("`|`"))));
        assert!(matches!(run_here("printf '\\377'"), Err(ProcessError::NotText(_))));
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin")]);
        let late = run("sleep 60", &env, Duration::from_millis(50));
        assert!(matches!(late, Err(ProcessError::TimedOut { .. })));
    }
}
