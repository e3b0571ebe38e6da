//! A pseudoterminal that runs a command line, and someone who reads and types on it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{grantpt, ptsname, unlockpt};
use rustix::termios::{Action, LocalModes, Winsize};

use super::display::displayed;
use super::{skipped, until};

/// A pseudoterminal and everything that it has shown.
pub struct Screen {
    master: File,
    device: PathBuf,
    child: Child,
    seen: String,
    /// The end of what earlier waits have found.
    read: usize,
}

impl Screen {
    /// Runs a line of bash on a new terminal, with the environment of `like`. Bash is the session leader. Returns `None` if
    /// `setsid` is missing.
    pub fn run(line: &str, like: &Command) -> Option<Self> {
        if Command::new("setsid").arg("--version").output().is_err() {
            skipped("setsid");
            return None;
        }
        // `openpt` closes the master in children on Linux only.
        let master = File::options().read(true).write(true).open("/dev/ptmx").unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let device = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        // Stays open, so that its settings can be read after the command has exited.
        let slave = File::options().read(true).write(true).open(&device).unwrap();
        let mut command = Command::new("setsid");
        command.args(["--ctty", "bash", "--norc", "-c", line]);
        command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = command.spawn().unwrap();
        let flags = rustix::fs::fcntl_getfl(&master).unwrap();
        rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK).unwrap();
        Some(Self { master, device, child, seen: String::new(), read: 0 })
    }

    /// Waits until the terminal shows this after the text of the last wait.
    #[track_caller]
    pub fn sees(&mut self, words: &str) -> &mut Self {
        until(|| {
            let ended = self.child.try_wait().unwrap().is_some();
            self.look();
            let found = self.seen[self.read..].find(words);
            assert!(found.is_some() || !ended, "{words:?} was not seen in {:?}", self.seen);
            found.inspect(|at| self.read += at + words.len()).is_some()
        });
        self
    }

    /// Types what `answer` returns for the text since the last answer, until the command exits.
    #[track_caller]
    pub fn converse(&mut self, mut answer: impl FnMut(&str) -> Option<String>) {
        let mut ended = false;
        while !ended {
            let before = self.seen.len();
            until(|| {
                ended = self.child.try_wait().unwrap().is_some();
                self.look();
                ended || self.seen.len() > before
            });
            if let Some(typed) = answer(&self.seen[self.read..]) {
                self.read = self.seen.len();
                self.types(&format!("{typed}\n"));
            }
        }
    }

    /// Waits until these texts are all on the screen, on one line each.
    #[track_caller]
    pub fn shows(&mut self, texts: &[&str]) -> &mut Self {
        until(|| {
            let ended = self.child.try_wait().unwrap().is_some();
            self.look();
            let lines = self.lines();
            let found = texts.iter().all(|text| lines.iter().any(|line| line.contains(text)));
            assert!(found || !ended, "{texts:?} are not on the screen: {lines:#?}");
            found
        });
        self
    }

    /// What is on the screen now.
    pub fn lines(&self) -> Vec<String> {
        displayed(&self.seen)
    }

    /// Everything that the terminal was sent.
    pub fn all(&self) -> &str {
        &self.seen
    }

    /// Changes the terminal's size.
    pub fn resizes(&mut self, lines: u16, columns: u16) -> &mut Self {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&self.master, size).unwrap();
        self
    }

    /// Types this text.
    pub fn types(&mut self, text: &str) -> &mut Self {
        self.master.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Waits until the terminal echoes what is typed, or hides it.
    #[track_caller]
    pub fn echoes(&mut self, shown: bool) -> &mut Self {
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let device = rustix::fs::open(&self.device, flags, Mode::empty()).unwrap();
        until(|| {
            let modes = rustix::termios::tcgetattr(&device).unwrap().local_modes;
            modes.contains(LocalModes::ECHO) == shown
        });
        self
    }

    /// Holds what is written to the terminal, as Ctrl-S does in a shell, or lets it go.
    pub fn holds(&mut self, held: bool) -> &mut Self {
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let device = rustix::fs::open(&self.device, flags, Mode::empty()).unwrap();
        rustix::termios::tcflow(&device, if held { Action::OOff } else { Action::OOn }).unwrap();
        self
    }

    /// Closes the terminal, as a person closes a window.
    pub fn closes(self) {
        drop(self.master);
    }

    /// The leader of the foreground process group.
    pub fn foreground(&self) -> rustix::process::Pid {
        rustix::termios::tcgetpgrp(&self.master).unwrap()
    }

    /// Waits until the command exits, and returns everything that the terminal has shown.
    #[track_caller]
    pub fn ended(mut self) -> String {
        until(|| {
            self.look();
            self.child.try_wait().unwrap().is_some()
        });
        self.look();
        self.seen
    }

    fn look(&mut self) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = self.master.read(&mut bytes) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }
}
