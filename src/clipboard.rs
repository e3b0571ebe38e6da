//! The clipboard, where codes are copied to.
//!
//! Under X11 and Wayland, the clipboard is empty as soon as the program that copied ends, and on every system something has to
//! clear it later. So another awsmfa ([`hold`]) copies the code, goes on by itself and clears the clipboard after
//! [`CLEARED_AFTER`], if the code is still there. It gets the code through a pipe.
//!
//! Over SSH without a display, the terminal copies the code ([`terminal`]). A terminal does not say what is on the clipboard,
//! so nothing is cleared: that could delete what the person has copied since. The code expires by itself.

pub mod hold;
mod paste;
mod terminal;

pub use paste::{PasteError, Pasted};

use std::io;
use std::time::Duration;

use crate::env::Env;
use crate::model::totp::Code;
use crate::process::Beside;

/// When the clipboard is cleared.
pub const CLEARED_AFTER: Duration = Duration::from_secs(30);

/// How long the clipboard may take to accept a code.
const LIMIT: Duration = Duration::from_secs(5);

/// The variables by which programs find the display and the libraries of the system.
const PASSED_ON: &[&str] =
    &["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "HOME", "SystemRoot", "windir"];

/// Which clipboard got the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// The desktop's. It is cleared later.
    Desktop,
    /// That of the computer where the terminal is, if the terminal supports it.
    Terminal {
        /// Whether tmux drops what programs copy.
        blocked_by_tmux: bool,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum ClipboardError {
    #[error("cannot copy: there is neither a display nor a terminal that can copy")]
    NoClipboard,
    #[error("cannot copy: {0}")]
    Refused(String),
    #[error("cannot copy: {0}")]
    Io(#[from] io::Error),
}

/// The clipboard that is reached from here.
pub struct Clipboard<'a> {
    env: &'a Env,
    /// Holds the last code. A process of ours, so that it can be replaced.
    holder: Option<Beside>,
}

impl<'a> Clipboard<'a> {
    /// Touches nothing yet.
    pub fn new(env: &'a Env) -> Self {
        Self { env, holder: None }
    }

    /// Whether there is a way to copy. A code that cannot be copied need not be used up.
    pub fn check(&self) -> Result<(), ClipboardError> {
        match self.has_display() || terminal::can_copy(self.env) {
            true => Ok(()),
            false => Err(ClipboardError::NoClipboard),
        }
    }

    pub fn copy(&mut self, code: &Code) -> Result<Copied, ClipboardError> {
        self.check()?;
        if self.has_display() {
            match self.hold(code) {
                // A display that was forwarded and is gone.
                Err(_) if self.is_remote() && terminal::can_copy(self.env) => {}
                held => return held.map(|()| Copied::Desktop),
            }
        }
        terminal::copy(code)?;
        Ok(Copied::Terminal { blocked_by_tmux: terminal::is_blocked_by_tmux(self.env) })
    }

    fn hold(&mut self, code: &Code) -> Result<(), ClipboardError> {
        let seconds = CLEARED_AFTER.as_secs().to_string();
        let passed_on = PASSED_ON.iter().filter_map(|name| Some((*name, self.env.path(name)?)));
        let (program, env) = (self.env.own_program()?, Env::from_pairs(passed_on));
        let (holder, answer) =
            Beside::start(&program, &[hold::COMMAND, &seconds], &env, code.expose(), LIMIT)?;
        match hold::read_answer(&answer) {
            Ok(()) => {
                // The clipboard must not be cleared at the time of the code before. That code is gone only now.
                if let Some(before) = self.holder.replace(holder) {
                    before.end();
                }
                Ok(())
            }
            Err(why) => {
                holder.end();
                Err(ClipboardError::Refused(why))
            }
        }
    }

    /// Whether a desktop's clipboard can be reached. Over SSH, the desktop of macOS and Windows is on the wrong computer, but an
    /// X11 display may be forwarded.
    fn has_display(&self) -> bool {
        match cfg!(any(windows, target_os = "macos")) {
            true => !self.is_remote(),
            false => ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| self.env.get(name).is_some()),
        }
    }

    fn is_remote(&self) -> bool {
        ["SSH_CONNECTION", "SSH_TTY"].iter().any(|name| self.env.get(name).is_some())
    }
}
