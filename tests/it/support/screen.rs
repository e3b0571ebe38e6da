//! A terminal with a command line on it, and someone who reads and types there.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{grantpt, ptsname, unlockpt};
use rustix::termios::LocalModes;

use super::{skipped, until};

/// A terminal of its own, and what was seen on it.
pub struct Screen {
    master: File,
    device: PathBuf,
    child: Child,
    seen: String,
    /// How much of it earlier waits have found.
    read: usize,
}

impl Screen {
    /// Runs a line of bash on a new terminal, with the command's environment; bash is the session's leader. `None` where
    /// there is no `setsid`.
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
        // Held open: its settings can be looked at after the end.
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

    /// Waits until this is seen, after what was waited for before.
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

    /// Types.
    pub fn types(&mut self, text: &str) -> &mut Self {
        self.master.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Waits until what is typed is hidden, or seen.
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

    /// The leader of the process group that has the terminal.
    pub fn foreground(&self) -> rustix::process::Pid {
        rustix::termios::tcgetpgrp(&self.master).unwrap()
    }

    /// Waits for the end; what was seen.
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
