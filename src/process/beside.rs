//! Another awsmfa that goes on by itself when this one has ended. It has no terminal, gets a secret on stdin, and prints one
//! line when it is ready.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::env::Env;

/// The longest line, in bytes.
const LINE_LIMIT: u64 = 1024;

/// A running awsmfa.
#[derive(Debug)]
pub struct Beside(Child);

impl Beside {
    /// Starts awsmfa, which is `program`, with exactly these variables, and returns the line that it prints: an empty one if it ends or takes
    /// longer than the limit.
    pub fn start(
        program: &Path,
        arguments: &[&str],
        env: &Env,
        secret: &str,
        limit: Duration,
    ) -> io::Result<(Self, String)> {
        #[allow(clippy::disallowed_methods, reason = "this program itself")]
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(env.iter());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // No folder is kept from being unmounted, and no lock from being released.
        #[cfg(unix)]
        {
            command.current_dir("/");
            crate::files::close_inherited();
        }
        #[cfg(windows)]
        std::os::windows::process::CommandExt::creation_flags(&mut command, DETACHED_PROCESS);
        let mut child = command.spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let this = Self(child);
        if let Some(mut stdin) = stdin
            && let Err(error) = stdin.write_all(secret.as_bytes())
        {
            this.end();
            return Err(error);
        }
        let line = stdout.and_then(|stdout| first_line(stdout, limit)).unwrap_or_default();
        Ok((this, line))
    }

    /// Ends it. If that fails, it has just ended by itself.
    pub fn end(mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// No console, which would end the process when it is closed.
#[cfg(windows)]
const DETACHED_PROCESS: u32 = 0x8;

/// A separate thread reads it, because a read cannot be canceled.
fn first_line(stdout: ChildStdout, limit: Duration) -> Option<String> {
    let (sender, line) = mpsc::channel();
    let read = move || {
        let mut line = String::new();
        let _ = BufReader::new(stdout.take(LINE_LIMIT)).read_line(&mut line);
        let _ = sender.send(line);
    };
    std::thread::Builder::new().name("answer".to_owned()).spawn(read).ok()?;
    line.recv_timeout(limit).ok()
}

/// Leaves the terminal and its signals: closing the terminal ends other processes, but not this one.
pub fn leave_terminal() {
    // Fails for the leader of a process group, which a person started directly.
    #[cfg(unix)]
    let _ = rustix::process::setsid();
}
