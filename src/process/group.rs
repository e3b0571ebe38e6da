//! A program and its child processes: a process group on Unix, a job on Windows.

use std::io;
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus};

#[cfg(unix)]
pub use unix::Group;
#[cfg(windows)]
pub use windows::Group;

#[cfg(unix)]
mod unix {
    use std::os::unix::process::CommandExt;
    use std::process::Child;

    use rustix::io::Errno;
    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

    use super::*;
    use crate::process::dumps;

    pub struct Group {
        child: Child,
        /// Without its own group, the program can read the terminal and gets Ctrl-C, but is killed without its children.
        own: bool,
    }

    impl Group {
        pub fn start(mut command: Command, own: bool) -> io::Result<Self> {
            if own {
                command.process_group(0);
            }
            Ok(Self { child: dumps::allowed(|| command.spawn())?, own })
        }

        pub fn take_stdin(&mut self) -> Option<ChildStdin> {
            self.child.stdin.take()
        }

        pub fn take_stdout(&mut self) -> Option<ChildStdout> {
            self.child.stdout.take()
        }

        /// Whether the program has exited. It stays a zombie, so that its process ID still identifies its group.
        pub fn has_ended(&mut self) -> io::Result<bool> {
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            loop {
                match waitid(WaitId::Pid(Pid::from_child(&self.child)), look) {
                    Err(Errno::INTR) => {}
                    ended => return Ok(ended?.is_some()),
                }
            }
        }

        /// If killing fails, the program has just exited.
        pub fn kill(&mut self) {
            if self.own {
                let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            }
            let _ = self.child.kill();
        }

        /// Waits for the program to exit.
        pub fn status(mut self) -> io::Result<ExitStatus> {
            self.child.wait()
        }
    }
}

#[cfg(windows)]
mod windows {
    use process_wrap::std::{ChildWrapper, CommandWrap, JobObject};

    use super::*;

    pub struct Group(Box<dyn ChildWrapper>);

    impl Group {
        /// A job does not affect the console or Ctrl-C, so every program gets one.
        pub fn start(command: Command, _own: bool) -> io::Result<Self> {
            CommandWrap::from(command).wrap(JobObject).spawn().map(Self)
        }

        pub fn take_stdin(&mut self) -> Option<ChildStdin> {
            self.0.stdin().take()
        }

        pub fn take_stdout(&mut self) -> Option<ChildStdout> {
            self.0.stdout().take()
        }

        /// Whether the program itself has exited; other processes in its job may still run.
        pub fn has_ended(&mut self) -> io::Result<bool> {
            Ok(self.0.inner_mut().try_wait()?.is_some())
        }

        /// If killing fails, the program has just exited.
        pub fn kill(&mut self) {
            let _ = self.0.start_kill();
        }

        /// Waits for the program to exit.
        pub fn status(mut self) -> io::Result<ExitStatus> {
            self.0.inner_mut().wait()
        }
    }
}
