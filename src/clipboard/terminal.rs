//! Copying through the terminal: an escape sequence, OSC 52, that the terminal takes from the output, also over SSH. Terminals
//! do not answer.

use std::io;
use std::time::Duration;

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
    let text = base64(code.expose().as_bytes());
    let sequence = Zeroizing::new(format!("\x1b]52;c;{}\x07", *text));
    tty::write(sequence.as_bytes())
}

/// Whether tmux, by its option, does not pass on what programs copy.
pub fn is_blocked_by_tmux(env: &Env) -> bool {
    let Some(_) = env.get("TMUX") else { return false };
    let option = process::run_silently("tmux show-options -sv set-clipboard", env, TMUX_LIMIT);
    option.is_ok_and(|value| value.expose().trim() != "on")
}

/// Base64 (RFC 4648 §4).
fn base64(bytes: &[u8]) -> Zeroizing<String> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > chunk.len() { '=' } else { letter.into() });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("\u{ff}?", "w78/"),
        ] {
            assert_eq!(*base64(bytes.as_bytes()), text);
        }
    }
}
