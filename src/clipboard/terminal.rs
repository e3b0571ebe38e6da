//! Copying through the terminal: an escape sequence, OSC 52, that the terminal takes from the output, also over SSH. Terminals
//! do not answer.

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::env::Env;
use crate::model::totp::Code;
use crate::process;
use crate::tty::{self, Reach};

/// How long tmux may take to print an option.
const TMUX_LIMIT: Duration = Duration::from_secs(1);

/// Whether there is a terminal that may support it.
pub fn can_copy(env: &Env) -> bool {
    // The consoles of Linux and of old terminals have no clipboard.
    let is_capable = !matches!(env.get("TERM"), None | Some("dumb" | "linux"));
    (is_capable || cfg!(windows)) && tty::reach() == Reach::Person
}

pub fn copy(code: &Code) -> io::Result<()> {
    let text = Zeroizing::new(BASE64_STANDARD.encode(code.expose()));
    let sequence = Zeroizing::new(format!("\x1b]52;c;{}\x07", *text));
    tty::write(sequence.as_bytes())
}

/// Whether tmux, by its option, does not pass on what programs copy.
pub fn is_blocked_by_tmux(env: &Env) -> bool {
    let Some(_) = env.get("TMUX") else { return false };
    let option = process::run_silently("tmux show-options -sv set-clipboard", env, TMUX_LIMIT);
    option.is_ok_and(|value| value.expose().trim() != "on")
}
