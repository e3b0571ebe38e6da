//! Ctrl-C while something is under way that can be gone on with: the program ends as ever, and says how to go on.
//!
//! Nothing is undone here: what must not be lost is on the disk before it could be.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// What to say.
static HINT: Mutex<Option<String>> = Mutex::new(None);

/// Watches for Ctrl-C from now on, which then ends the program with this exit code. Where that cannot be had, Ctrl-C ends the program without a word.
pub fn watch(exit_code: u8) {
    // Watched already, or not to be watched: both are as good as can be.
    let _ = ctrlc::set_handler(move || end(exit_code));
}

/// What Ctrl-C says from now on.
pub fn say(hint: &str) {
    *HINT.lock().unwrap_or_else(PoisonError::into_inner) = Some(hint.to_owned());
}

/// There is nothing to go on with any more.
pub fn forget() {
    *HINT.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

#[allow(
    clippy::disallowed_methods,
    reason = "the person wants it to end now, whatever the main thread waits for"
)]
fn end(exit_code: u8) {
    let hint = HINT.lock().unwrap_or_else(PoisonError::into_inner).take();
    let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    // Nobody is left to be told that stderr is closed.
    let _ = write!(std::io::stderr(), "\nerror: interrupted\n{hint}");
    std::process::exit(i32::from(exit_code));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_is_not_gone_on_with() {
        say("go on");
        assert!(HINT.lock().unwrap().is_some());
        forget();
        assert!(HINT.lock().unwrap().is_none());
    }
}
