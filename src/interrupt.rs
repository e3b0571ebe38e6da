//! The end of the program by a signal: Ctrl-C, TERM, HUP. The person is told how to resume where something can be
//! resumed, the terminal is left as it was found, and the process dies by the signal, so that whoever started it knows:
//! a shell's loop stops at Ctrl-C only then.
//!
//! Nothing is undone here: what must not be lost is on the disk before it could be.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::files;
use crate::model::visible::visible;
use crate::tty;

/// What has to be known when the program ends.
struct State {
    hint: Option<String>,
    /// The terminal before a prompt that hides what is typed.
    settings: Option<tty::Settings>,
    /// Whether such a prompt is open.
    asking: bool,
    /// Whether the terminal shows its other screen.
    other_screen: bool,
    /// One line for an SDK.
    one_line: bool,
}

static STATE: Mutex<State> =
    Mutex::new(State { hint: None, settings: None, asking: false, other_screen: false, one_line: false });

/// To the terminal's other screen, which is empty and has no history, and back.
const OTHER_SCREEN: (&[u8], &[u8]) = (b"\x1b[?1049h\x1b[2J\x1b[H", b"\x1b[2J\x1b[?1049l");

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches for the end from now on; Ctrl-C says one line to an SDK. What whoever started us has ignored, as shells ignore
/// Ctrl-C in the background and `nohup` a hangup, stays ignored.
pub fn watch(one_line: bool) {
    state().one_line = one_line;
    // Refused where Ctrl-C is ignored or watched already: both are as they should be.
    let _ = ctrlc::try_set_handler(interrupted);
    #[cfg(unix)]
    unix::watch();
}

/// The hint that Ctrl-C shows from now on.
pub fn say(hint: &str) {
    state().hint = Some(hint.to_owned());
}

/// There is nothing to resume any longer.
pub fn forget() {
    state().hint = None;
}

/// Asks for something hidden, in such a way that the terminal shows again what is typed, whatever ends the program
/// meanwhile.
pub fn asking<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    {
        let mut state = state();
        (state.asking, state.settings) = (true, tty::Settings::current());
    }
    let answer = ask();
    let mut state = state();
    state.settings = None;
    // One Ctrl-C is one error, and the console hears of it twice: the prompt has it, and the watcher may come later.
    state.asking = answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted);
    answer
}

/// Shows something on the terminal's alternate screen. The main screen comes back however the program ends, and nothing
/// stays in the scrollback.
pub fn on_other_screen<T>(show: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    state().other_screen = true;
    let shown = tty::write(OTHER_SCREEN.0).and_then(|()| show());
    leave_other_screen();
    shown
}

fn leave_other_screen() {
    let was_there = std::mem::take(&mut state().other_screen);
    if was_there {
        // A terminal that has gone shows nothing.
        let _ = tty::write(OTHER_SCREEN.1);
    }
}

/// Ends the program that has said why it ends: by the signal where there are signals.
pub fn end(exit_code: u8) -> std::process::ExitCode {
    #[cfg(unix)]
    unix::die(signal_hook::consts::SIGINT);
    std::process::ExitCode::from(exit_code)
}

/// Restores the terminal as it was found.
pub fn restore_terminal() {
    let settings = state().settings.take();
    if let Some(settings) = settings {
        settings.restore();
    }
    leave_other_screen();
}

/// Ctrl-C, on the watcher's thread.
#[allow(clippy::disallowed_methods, reason = "the person wants an end, whatever the main thread waits for")]
fn interrupted() {
    // There, the prompt itself ends the program, for the console is as it was only after that.
    if cfg!(windows) && state().asking {
        return;
    }
    restore_terminal();
    files::remove_temp_files();
    // On a terminal `^C` stands on the line, and perhaps what is being done.
    let start = if io::stderr().is_terminal() { "\n" } else { "" };
    // In one piece, among what the main thread may be writing. Nobody is left to be told that stderr is closed.
    let _ = io::stderr().write_all(format!("{start}{}", last_words()).as_bytes());
    #[cfg(unix)]
    unix::die(signal_hook::consts::SIGINT);
    std::process::exit(130);
}

fn last_words() -> String {
    let state = state();
    let hint = state.hint.as_deref().map(visible);
    match (hint, state.one_line) {
        (Some(hint), true) => format!("awsmfa: interrupted; hint: {hint}\n"),
        (None, true) => "awsmfa: interrupted\n".to_owned(),
        (Some(hint), false) => format!("error: interrupted\nhint: {hint}\n"),
        (None, false) => "error: interrupted\n".to_owned(),
    }
}

#[cfg(unix)]
mod unix {
    use std::sync::Arc;

    use signal_hook::consts::{SIGHUP, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;

    /// Watches for TERM and HUP, which end the program without a word.
    #[allow(clippy::disallowed_methods, reason = "the kernel's own short text")]
    pub(super) fn watch() {
        fail_large_writes();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let signals = [SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal, &status));
        // Without a watcher they end the program all the same.
        let Ok(mut signals) = Signals::new(signals) else { return };
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                super::restore_terminal();
                crate::files::remove_temp_files();
                die(signal);
            }
        });
    }

    /// A write beyond `ulimit -f` is an error, which names the file, and not the end of the program. What it runs finds the
    /// signal as it was.
    fn fail_large_writes() {
        // That it came is known from the error.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    }

    /// Whether whoever started us has a signal ignored. Where the system does not say, a hangup may be: `nohup` does it.
    fn is_ignored(signal: i32, status: &str) -> bool {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        match mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
            Some(mask) => mask >> (signal - 1) & 1 == 1,
            None => signal == SIGHUP,
        }
    }

    /// Dies by a signal, as if nobody had watched for it.
    pub(super) fn die(signal: i32) {
        // It returns for unknown signals alone.
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn ignored_signals_are_read_from_the_mask() {
            let status = "SigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
            assert!(is_ignored(SIGHUP, status) && !is_ignored(SIGTERM, status));
            assert!(is_ignored(SIGHUP, "") && !is_ignored(SIGTERM, ""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test: the state is the process's.
    #[test]
    fn last_words_name_what_can_be_resumed() {
        assert_eq!(last_words(), "error: interrupted\n");
        say("resume");
        assert_eq!(last_words(), "error: interrupted\nhint: resume\n");
        state().one_line = true;
        assert_eq!(last_words(), "awsmfa: interrupted; hint: resume\n");
        forget();
        assert_eq!(last_words(), "awsmfa: interrupted\n");
        state().one_line = false;
    }
}
