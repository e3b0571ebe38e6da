//! A command that runs in the foreground, in place of awsmfa: it has awsmfa's terminal and streams, and gets its signals.

use std::ffi::OsString;
use std::io;
use std::process::{Child, ExitStatus};

use super::dumps;
use super::program::{Program, StartError};
use crate::env::Env;
use crate::interrupt;

/// A running command. Until it ends, signals are passed on to it instead of ending awsmfa.
#[derive(Debug)]
pub struct Foreground(Child);

impl Foreground {
    /// Starts a command with exactly these variables.
    pub fn start(program: &Program, arguments: &[OsString], env: &Env) -> Result<Self, StartError> {
        let mut command = program.command(arguments, env);
        let spawn = || dumps::allowed(|| command.spawn()).map(|child| (child.id(), child));
        interrupt::pass_on(spawn).map(Self).map_err(|error| program.not_started(error))
    }

    /// Waits for the command to end.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        // Until it is waited for, its process ID cannot become another process's.
        #[cfg(unix)]
        unix::until_ended(&self.0);
        #[cfg(unix)]
        interrupt::pass_on_no_more();
        let status = self.0.wait();
        interrupt::pass_on_no_more();
        status
    }
}

#[cfg(unix)]
mod unix {
    use std::process::Child;

    use rustix::io::Errno;
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    /// Waits without removing the process.
    pub(super) fn until_ended(child: &Child) {
        let id = WaitId::Pid(Pid::from_child(child));
        while waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
            .is_err_and(|e| e == Errno::INTR)
        {}
    }
}
