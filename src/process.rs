//! Running other people's programs: without a shell, with a deadline, and without our secrets in their environment.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::env::{AWSMFA_DEPTH, AWSMFA_PASSPHRASE_COMMAND, AWSMFA_PASSPHRASE_FILE, Env};
use crate::model::secret::Secret;

/// The most that a program may print; what we run prints a code, a passphrase or a small JSON object.
const OUTPUT_LIMIT: u64 = 64 * 1024;

/// So many programs that we run may run us again before it is taken for a circle.
const MAX_DEPTH: u32 = 4;

/// Why a program gave no answer. None carries what it printed: that may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Quotes that do not match, or nothing at all.
    #[error("its command line is empty, or its quotes do not match")]
    Unreadable,
    /// Profiles whose programs run us for each other.
    #[error("`{0}` was not run: programs of the AWS profiles run awsmfa in a circle")]
    Circle(String),
    /// It could not be started.
    #[error("`{program}` could not be started: {source}")]
    Start {
        /// The program's name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("`{program}` failed ({status})")]
    Failed {
        /// The program's name.
        program: String,
        /// How it ended, in the system's words.
        status: String,
    },
    /// It did not end in time and was killed.
    #[error("`{program}` did not answer within {} s", limit.as_secs())]
    TimedOut {
        /// The program's name.
        program: String,
        /// The time it had.
        limit: Duration,
    },
    /// It printed something else than text.
    #[error("`{0}` printed something that is not UTF-8 text")]
    NotText(String),
}

/// Runs a command line and returns what it printed on stdout. Its words are split as a POSIX shell would, but there is
/// no shell: no variables, no `~`, no pipes. Its stderr is the user's; its stdin is empty.
pub fn run(command_line: &str, env: &Env, limit: Duration) -> Result<Secret<String>, ProcessError> {
    // Backslashes are folders on Windows, not escapes.
    let escaped = if cfg!(windows) { command_line.replace('\\', "\\\\") } else { command_line.to_owned() };
    let words = shlex::split(&escaped).filter(|w| !w.is_empty());
    let Some((program, arguments)) = words.as_ref().and_then(|w| w.split_first()) else {
        return Err(ProcessError::Unreadable);
    };
    let depth = env.get(AWSMFA_DEPTH).and_then(|depth| depth.parse().ok()).unwrap_or(0u32);
    if depth >= MAX_DEPTH {
        return Err(ProcessError::Circle(program.clone()));
    }
    let start = |source| ProcessError::Start { program: program.clone(), source };
    #[allow(clippy::disallowed_methods, reason = "the one place that starts programs")]
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(env.iter().filter(|(name, _)| !is_ours_to_keep(name)))
        .env(AWSMFA_DEPTH, (depth + 1).to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(start)?;
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take();
    std::thread::spawn(move || {
        let mut printed = Vec::new();
        let result = stdout.map(|out| out.take(OUTPUT_LIMIT).read_to_end(&mut printed));
        // The receiver is gone only after the deadline; then nobody wants the answer.
        let _ = sender.send(result.unwrap_or(Ok(0)).map(|_| Secret::new(printed)));
    });
    let Ok(printed) = receiver.recv_timeout(limit) else {
        // Failing to kill means that it has just ended; either way it is too late.
        let _ = child.kill();
        let _ = child.wait();
        return Err(ProcessError::TimedOut { program: program.clone(), limit });
    };
    let printed = printed.map_err(start)?;
    let status = child.wait().map_err(start)?;
    if !status.success() {
        return Err(ProcessError::Failed { program: program.clone(), status: status.to_string() });
    }
    let text = std::str::from_utf8(printed.expose()).map_err(|_| ProcessError::NotText(program.clone()))?;
    Ok(Secret::from(text))
}

/// Our own passphrase variables: no program we start has a use for them.
fn is_ours_to_keep(name: &std::ffi::OsStr) -> bool {
    name == AWSMFA_PASSPHRASE_FILE || name == AWSMFA_PASSPHRASE_COMMAND
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn run_here(command_line: &str) -> Result<String, ProcessError> {
        let env =
            Env::from_pairs([("PATH", "/usr/bin:/bin"), (AWSMFA_PASSPHRASE_FILE, "/p"), ("KEPT", "yes")]);
        run(command_line, &env, Duration::from_secs(5)).map(|s| s.expose().clone())
    }

    #[test]
    fn words_are_split_without_a_shell() {
        assert_eq!(run_here("printf '%s|' 'a b' $HOME ~ \"c;d\"").unwrap(), "a b|$HOME|~|c;d|");
    }

    #[test]
    fn our_own_variables_are_kept_back() {
        let printed = run_here("env").unwrap();
        assert!(printed.contains("KEPT=yes") && !printed.contains("AWSMFA_PASS"), "{printed}");
    }

    #[test]
    fn a_circle_is_ended() {
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin"), (AWSMFA_DEPTH, "4")]);
        assert!(matches!(run("true", &env, Duration::from_secs(5)), Err(ProcessError::Circle(_))));
        assert!(run_here("env").unwrap().contains("AWSMFA_DEPTH=1"));
    }

    #[test]
    fn failures_are_told_apart() {
        assert!(matches!(run_here("false"), Err(ProcessError::Failed { .. })));
        assert!(matches!(run_here("/nowhere/at/all"), Err(ProcessError::Start { .. })));
        assert!(matches!(run_here("'unclosed"), Err(ProcessError::Unreadable)));
        assert!(matches!(run_here(""), Err(ProcessError::Unreadable)));
        assert!(matches!(run_here("printf '\\377'"), Err(ProcessError::NotText(_))));
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin")]);
        let late = run("sleep 60", &env, Duration::from_millis(50));
        assert!(matches!(late, Err(ProcessError::TimedOut { .. })));
    }
}
