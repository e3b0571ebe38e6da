//! Ctrl-C, whose one owner this is. At a question it ends the question and nothing else; anywhere else it ends the
//! program, which says how to go on where something is under way that can be gone on with.
//!
//! Nothing is undone here: what must not be lost is on the disk before it could be.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What Ctrl-C means now.
struct State {
    /// What to say at the end.
    hint: Option<String>,
    /// Whether a question is open, so that the terminal must be given its echo back first.
    asking: bool,
    /// Whether Ctrl-C was heard while it was open.
    heard: bool,
    /// Whether one is still to be heard that has ended a question already.
    answered: bool,
}

static STATE: Mutex<State> = Mutex::new(State { hint: None, asking: false, heard: false, answered: false });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches for Ctrl-C from now on, which then ends the program with this exit code. Where that cannot be had, Ctrl-C ends
/// the program without a word; and where whoever started us has it ignored, as shells do in the background, it stays so.
pub fn watch(exit_code: u8) {
    // Watched already, or not to be watched: both are as good as can be.
    let _ = ctrlc::try_set_handler(move || heed(exit_code));
}

/// What Ctrl-C says from now on.
pub fn say(hint: &str) {
    state().hint = Some(hint.to_owned());
}

/// There is nothing to go on with any more.
pub fn forget() {
    state().hint = None;
}

/// Asks in such a way that Ctrl-C ends the question and not the program: rpassword raises the signal while the terminal
/// is still without echo, and whoever ended there would leave it so. `ErrorKind::Interrupted` is Ctrl-C as an answer. For
/// a program that watches.
pub fn asking<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    {
        let mut state = state();
        (state.asking, state.heard, state.answered) = (true, false, false);
    }
    let answer = ask();
    let interrupted = answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted);
    let mut state = state();
    state.asking = false;
    // The watcher is a thread of its own and may hear of it only now.
    state.answered = interrupted && !state.heard;
    answer
}

fn heed(exit_code: u8) {
    if let Some(hint) = last_words() {
        end(exit_code, &hint);
    }
}

/// What Ctrl-C says now if it ends the program; `None` if it does not.
fn last_words() -> Option<String> {
    let mut state = state();
    if state.asking {
        state.heard = true;
        return None;
    }
    if std::mem::take(&mut state.answered) {
        return None;
    }
    Some(state.hint.take().map(|hint| format!("hint: {hint}\n")).unwrap_or_default())
}

#[allow(
    clippy::disallowed_methods,
    reason = "the person wants it to end now, whatever the main thread waits for"
)]
fn end(exit_code: u8, hint: &str) {
    // On a terminal `^C` stands on the line, and perhaps what is being done.
    let start = if io::stderr().is_terminal() { "\n" } else { "" };
    // In one piece, among what the main thread may be writing. Nobody is left to be told that stderr is closed.
    let _ = io::stderr().write_all(format!("{start}error: interrupted\n{hint}").as_bytes());
    std::process::exit(i32::from(exit_code));
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test: the state is the process's.
    #[test]
    fn ctrl_c_ends_a_question_or_the_program() {
        say("go on");
        assert_eq!(last_words().as_deref(), Some("hint: go on\n"));
        say("go on");
        forget();
        assert_eq!(last_words().as_deref(), Some(""));

        let interrupted = || Err::<(), _>(io::Error::from(io::ErrorKind::Interrupted));
        // The watcher hears of it while the question is open, or later; either way it is one Ctrl-C.
        let heard = asking(|| {
            assert_eq!(last_words(), None);
            interrupted()
        });
        assert!(heard.is_err());
        assert!(last_words().is_some(), "the next one is another");
        assert!(asking(interrupted).is_err());
        assert_eq!(last_words(), None, "the one that ended the question");
        assert!(last_words().is_some());
        assert!(asking(|| Ok(())).is_ok());
        assert!(last_words().is_some());
    }
}
