//! Running the binary and checking its result.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fake_aws::AccessKey;

/// A command line and its environment, before it runs.
pub struct Run {
    command: Command,
    stdin: Option<String>,
    home: PathBuf,
}

impl Run {
    pub(super) fn new(command: Command, home: &Path) -> Self {
        Self { command, stdin: None, home: home.to_owned() }
    }

    /// Passes this text on stdin.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// Sets a variable for this run.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the environment variables of an access key for this run.
    pub fn keys(self, key: &AccessKey) -> Self {
        self.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret)
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Removes a variable for this run.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs the command and waits for it to exit.
    pub fn run(mut self) -> Ran {
        self.command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let Some(text) = self.stdin {
            // A program that exits without reading stdin closes the pipe; the exit code shows whether that was right.
            let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        }
        Ran { output: child.wait_with_output().unwrap(), home: self.home }
    }

    /// Runs the command through `program`, which gets its own arguments and then the command line.
    pub fn under(mut self, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).arg(self.command.get_program()).args(self.command.get_args()).env_clear();
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(&self.home);
        self.command = command;
        self
    }

    /// awsmfa with other arguments, in the same environment and under the same programs.
    pub fn with_arguments(&self, arguments: &[&str]) -> Self {
        let mut words = [self.command.get_program()].into_iter().chain(self.command.get_args());
        let program = words.next().unwrap();
        let mut command = Command::new(program);
        let is_awsmfa = |word: &OsStr| word == env!("CARGO_BIN_EXE_awsmfa");
        if !is_awsmfa(program) {
            let before: Vec<&OsStr> = words.take_while(|word| !is_awsmfa(word)).collect();
            command.args(before).arg(env!("CARGO_BIN_EXE_awsmfa"));
        }
        command.args(arguments).env_clear().current_dir(&self.home);
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self { command, stdin: None, home: self.home.clone() }
    }

    /// The value of the last `--profile` or `-p`.
    pub fn profile(&self) -> Option<String> {
        let words: Vec<&OsStr> = self.command.get_args().collect();
        let flag = words.iter().rposition(|word| *word == "--profile" || *word == "-p")?;
        Some(words.get(flag + 1)?.to_str()?.to_owned())
    }

    /// Makes file modes apply even if the tests run as root, by dropping root's privileges.
    #[cfg(unix)]
    pub fn with_modes_enforced(self) -> Self {
        match rustix::process::geteuid().is_root() {
            true => {
                self.under("setpriv", &["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"])
            }
            false => self,
        }
    }

    /// The underlying command, for tests that start it themselves.
    pub fn into_command(self) -> Command {
        self.command
    }
}

/// The result of a run.
pub struct Ran {
    output: Output,
    home: PathBuf,
}

impl Ran {
    /// Fails unless the exit code is 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    /// Fails unless this is the exit code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.output.status.code(), Some(code), "stdout: {}\nstderr: {}", self.out(), self.err());
        self
    }

    /// The exit code, or `None` if a signal ended the process.
    pub fn exit_code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub fn out(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// Stderr, with placeholders for what differs between runs: home folder, ports, times and durations.
    /// Fails if it contains an awsmfa command that awsmfa does not accept.
    #[track_caller]
    pub fn err(&self) -> String {
        let text = String::from_utf8(self.output.stderr.clone()).unwrap();
        crate::documents::commands::assert_parse(&text);
        let text = text.replace(self.home.to_str().unwrap(), "~");
        let replace = |text: String, pattern: &str, with: &str| {
            regex::Regex::new(pattern).unwrap().replace_all(&text, with).into_owned()
        };
        let text = replace(text, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d{8}T\d{6}Z", "[TIME]");
        let text = replace(text, r"\(os error \d+\)", "(os error [N])");
        let text = replace(text, r"\(\d+[hms]( \d+[ms])?\)", "([LEFT])");
        replace(text, r"127\.0\.0\.1:\d+", "[AWS]")
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out()).unwrap()
    }
}
