//! A conversation with a program, line by line: with an age plugin, or with pinentry. The program ends with the conversation.

use std::io::{Read, Write};
use std::process::{ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use zeroize::Zeroizing;

use super::group::Group;
use super::{LINE_LIMIT, OUTPUT_LIMIT, ProcessError, SEND_LIMIT, command, wait};
use crate::clock::Stopwatch;
use crate::env::Env;
use crate::model::secret::Secret;
use crate::tty::{self, Reach};

/// How long a program may take to exit after it was told to.
const EXIT_LIMIT: Duration = Duration::from_secs(1);
/// What these programs do not need of awsmfa's environment.
const KEPT_BACK: [&str; 3] = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"];

/// A program that answers. Dropped, it is told to exit by the end of its stdin, and killed if it does not.
pub struct Dialog {
    program: String,
    /// `None` once the program has exited.
    group: Option<Group>,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
    limit: Duration,
    /// How long awsmfa may still wait for the program's answers, all together.
    left: Duration,
    unanswered: usize,
}

/// A line without its end.
type Line = Result<Secret<String>, NoLine>;

/// Why what a program printed is not a line.
#[derive(Debug, Clone, Copy)]
enum NoLine {
    NotText,
    /// The line is longer than any of a conversation.
    TooLong,
    /// The program has printed more than any conversation has.
    TooMuch,
}

impl Dialog {
    /// Starts a program. All waiting for its answers may take `limit`; the time between them does not count.
    pub fn start(
        program: &str,
        arguments: &[String],
        env: &Env,
        limit: Duration,
    ) -> Result<Self, ProcessError> {
        let failed = |source| ProcessError::Start { program: program.to_owned(), source };
        let mut command = command(program, arguments, env);
        for name in KEPT_BACK {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stderr(Stdio::null());
        // As for other programs: at the terminal, Ctrl-C reaches it too.
        let mut group = Group::start(command, tty::reach() != Reach::Person).map_err(failed)?;
        let (stdin, stdout) = (group.take_stdin(), group.take_stdout());
        // Bounded, so that a program that talks without end waits for awsmfa.
        let (sender, lines) = mpsc::sync_channel(16);
        let this = Self {
            program: program.to_owned(),
            group: Some(group),
            stdin,
            lines,
            limit,
            left: limit,
            unanswered: 0,
        };
        let reader = move || stdout.into_iter().for_each(|stdout| read(stdout, &sender));
        std::thread::Builder::new().name("dialog".to_owned()).spawn(reader).map_err(failed)?;
        Ok(this)
    }

    /// From now on, all waiting for answers may take `limit`.
    pub fn allow(&mut self, limit: Duration) {
        (self.limit, self.left) = (limit, limit);
    }

    /// Sends text.
    pub fn send(&mut self, text: &[u8]) -> Result<(), ProcessError> {
        self.unanswered += text.len();
        if self.unanswered > SEND_LIMIT {
            return Err(ProcessError::LongInput(self.program.clone()));
        }
        let sent = self.stdin.as_mut().map(|stdin| stdin.write_all(text).and_then(|()| stdin.flush()));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(self.ended()),
        }
    }

    /// The next line that the program prints.
    pub fn line(&mut self) -> Result<Secret<String>, ProcessError> {
        let watch = Stopwatch::start();
        let line = self.lines.recv_timeout(self.left);
        self.left = self.left.saturating_sub(watch.elapsed());
        self.unanswered = 0;
        match line {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(NoLine::NotText)) => Err(ProcessError::NotText(self.program.clone())),
            Ok(Err(NoLine::TooLong)) => Err(ProcessError::LongLine(self.program.clone())),
            Ok(Err(NoLine::TooMuch)) => Err(ProcessError::TooLong(self.program.clone())),
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                Err(ProcessError::TimedOut { program: self.program.clone(), limit: self.limit })
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }

    /// Why a program that should answer does not.
    fn ended(&mut self) -> ProcessError {
        let status = match self.finish() {
            Some(End::Itself(status)) if !status.success() => status.to_string(),
            Some(End::Killed) => "it ended the conversation but did not exit".to_owned(),
            _ => "it ended without an answer".to_owned(),
        };
        ProcessError::Failed { program: self.program.clone(), status }
    }

    /// Lets the program exit, and sees that it does. `None` if it has been seen before.
    fn finish(&mut self) -> Option<End> {
        self.stdin = None;
        let has_exited = wait(self.group.as_mut()?, EXIT_LIMIT).unwrap_or(false);
        let mut group = self.group.take()?;
        if !has_exited {
            group.kill();
        }
        let status = group.status().ok()?;
        Some(if has_exited { End::Itself(status) } else { End::Killed })
    }

    fn kill(&mut self) {
        self.stdin = None;
        if let Some(mut group) = self.group.take() {
            group.kill();
            let _ = group.status();
        }
    }
}

impl Drop for Dialog {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

/// How a program ended.
enum End {
    Itself(ExitStatus),
    /// Its exit status is awsmfa's doing.
    Killed,
}

/// Reads lines until the end, or until one is not what a line can be.
fn read(mut stdout: ChildStdout, lines: &SyncSender<Line>) {
    let mut chunk = Zeroizing::new([0; 4096]);
    // Allocated at full size: a buffer that grows leaves copies in memory that are not wiped.
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_LIMIT));
    let mut total = 0;
    loop {
        let count = match stdout.read(chunk.as_mut_slice()) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        total += count;
        for &byte in &chunk[..count] {
            if byte != b'\n' && line.len() < LINE_LIMIT {
                line.push(byte);
                continue;
            }
            let text = match std::str::from_utf8(&line) {
                _ if byte != b'\n' => Err(NoLine::TooLong),
                _ if total > OUTPUT_LIMIT => Err(NoLine::TooMuch),
                Ok(text) => Ok(Secret::locked(text.to_owned())),
                Err(_) => Err(NoLine::NotText),
            };
            let is_last = text.is_err();
            if lines.send(text).is_err() || is_last {
                return;
            }
            line.clear();
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn dialog(script: &str, limit: Duration) -> Dialog {
        let env = Env::from_pairs([
            ("PATH", "/usr/bin:/bin"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWSMFA_PASSPHRASE_FILE", "/p"),
            ("KEPT", "yes"),
        ]);
        Dialog::start("sh", &["-c".to_owned(), script.to_owned()], &env, limit).unwrap()
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn program_answers_line_by_line() {
        let mut dialog = dialog("while read line; do echo \"<$line>\"; done", LONG);
        for text in ["one", "two"] {
            dialog.send(format!("{text}\n").as_bytes()).unwrap();
            assert_eq!(dialog.line().unwrap().expose(), &format!("<{text}>"));
        }
    }

    #[test]
    fn program_gets_no_secret_of_the_environment() {
        let mut dialog = dialog("env; echo end", LONG);
        let mut seen = String::new();
        while !seen.ends_with("end") {
            seen += dialog.line().unwrap().expose();
        }
        assert!(seen.contains("KEPT=yes") && !seen.contains("SECRET") && !seen.contains("AWSMFA_"), "{seen}");
    }

    #[test]
    fn program_that_hangs_is_killed_with_its_children() {
        let mut dialog = dialog("echo $$; sleep 600 & wait", LONG);
        let id = dialog.line().unwrap().expose().clone();
        dialog.left = Duration::from_millis(50);
        assert!(matches!(dialog.line(), Err(ProcessError::TimedOut { .. })));
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists(), "not even a zombie");
        assert!(dialog.send(b"x").is_err() || dialog.line().is_err());
    }

    #[test]
    fn program_that_does_not_exit_is_killed() {
        let mut dialog = dialog("trap '' TERM; echo $$; exec 2>&- >&-; while :; do sleep 1; done", LONG);
        let id = dialog.line().unwrap().expose().clone();
        drop(dialog);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn failures_are_distinguished() {
        let failure = |script| {
            let mut dialog = dialog(script, LONG);
            std::iter::repeat_with(|| dialog.line()).find_map(Result::err).unwrap().to_string()
        };
        assert_eq!(failure("exit 3"), "`sh` failed (exit status: 3)");
        assert_eq!(failure("echo x"), "`sh` failed (it ended without an answer)");
        assert_eq!(failure("printf '\\377\\n'"), "`sh` printed output that is not UTF-8 text");
        // Long lines: each is handed over by itself, which takes a while on a busy computer.
        assert_eq!(failure("yes $(printf %04000d 0)"), "`sh` printed more than 1024 KiB");
        assert_eq!(failure("head -c 20000 /dev/zero"), "`sh` printed a line of more than 16 KiB");
        // The signal that ends these is awsmfa's.
        let unfinished = "`sh` failed (it ended the conversation but did not exit)";
        assert_eq!(failure("exec >&- 2>&- sleep 600"), unfinished);
        let mut deaf = dialog("exec <&-; echo deaf; exec sleep 600", LONG);
        deaf.line().unwrap();
        assert_eq!(deaf.send(b"x").unwrap_err().to_string(), unfinished);
        let mut slow = dialog("exec sleep 600", LONG);
        let long = slow.send(&[b'x'; SEND_LIMIT + 1]).unwrap_err().to_string();
        assert_eq!(long, "the input for `sh` is longer than 16 KiB");
        let missing = Dialog::start("nowhere-at-all", &[], &Env::default(), LONG);
        assert!(matches!(missing.err(), Some(ProcessError::Start { .. })));
    }
}
