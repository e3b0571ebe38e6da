//! Exiting on a signal: Ctrl-C, TERM, HUP and the like. If something can be resumed, a hint says how. The terminal is restored, and the
//! process dies by the signal, so that its parent knows: only then does Ctrl-C stop a loop in a shell.
//!
//! While a command runs in the foreground, signals are for the command, and awsmfa ends when the command ends, as it ended:
//! a Ctrl-C that both got is not awsmfa's, even if awsmfa handles it later.
//!
//! Nothing is undone here: anything that must not be lost is already on disk.

mod hangup;
mod screen;
mod stops;

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use hangup::end_without_terminal;
pub use screen::draw;
pub use stops::Stops;

use crate::files;
use crate::model::visible::visible;
use crate::tty;

/// What is needed when the program is interrupted.
struct State {
    hint: Option<String>,
    /// The terminal's settings before something that hides input.
    settings: Option<tty::Settings>,
    /// Whether such a prompt is open.
    asking: bool,
    /// Whether the program ends, so that the terminal's settings are not changed again.
    ending: bool,
    /// Whether the message is one line, for an SDK.
    one_line: bool,
    /// Whether a signal is the usual end, which needs no message.
    expected: bool,
    /// The process ID of the command that gets the signals.
    command: Option<u32>,
    /// Whether that command has ended, so that the program is about to end, too.
    ended: bool,
}

static STATE: Mutex<State> = Mutex::new(State {
    hint: None,
    settings: None,
    asking: false,
    ending: false,
    one_line: false,
    expected: false,
    command: None,
    ended: false,
});

/// How long restoring the terminal may take before a signal ends the program: a terminal that is held takes no output.
const RESTORE_LIMIT: Duration = Duration::from_secs(1);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Handles signals from now on. Signals that the parent ignores stay ignored: shells ignore Ctrl-C for background jobs, and
/// `nohup` ignores hangups.
pub fn watch(one_line: bool) {
    state().one_line = one_line;
    // Fails if Ctrl-C is ignored or already handled; both are fine.
    let _ = ctrlc::try_set_handler(interrupted);
    #[cfg(unix)]
    unix::watch();
}

/// Sets the hint that Ctrl-C shows from now on.
pub fn say(hint: &str) {
    state().hint = Some(hint.to_owned());
}

/// Removes the hint: there is nothing to resume anymore.
pub fn forget() {
    state().hint = None;
}

/// From now on, Ctrl-C is the usual end.
pub fn expect() {
    state().expected = true;
}

/// Starts a command, which returns its process ID, and passes signals on to it from now on.
pub fn pass_on<T>(start: impl FnOnce() -> io::Result<(u32, T)>) -> io::Result<T> {
    // A signal that arrives in the meantime waits.
    let mut state = state();
    let (command, started) = start()?;
    state.command = Some(command);
    Ok(started)
}

/// The command has ended, and the program ends at once. There is nobody left to pass signals on to.
pub fn pass_on_no_more() {
    let mut state = state();
    (state.command, state.ended) = (None, true);
}

/// Ends the program as a command ended: on Unix, by the same signal. Returns the exit code if there was no signal.
pub fn end_like(status: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        unix::die(signal);
        // For a signal that does not end programs.
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    let code = status.code().unwrap_or(1);
    u8::try_from(code).unwrap_or_else(|_| exit(code))
}

/// Ends the program as a command ended, whatever the main thread waits for.
pub fn end_at_once(status: Option<std::process::ExitStatus>) {
    tidy_up();
    exit(status.map_or(1, end_like).into())
}

/// Runs a prompt that hides input. Echo is restored even if a signal ends the program in the meantime.
pub fn asking<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    {
        let mut state = state();
        (state.asking, state.settings) = (true, tty::Settings::current());
    }
    let answer = ask();
    let mut state = state();
    state.settings = None;
    // A Windows console reports one Ctrl-C to both the prompt and the handler, which may run later. Only one may print an error.
    state.asking = answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted);
    answer
}

/// Shows something on the terminal's alternate screen. The main screen is restored however the program ends, and nothing
/// stays in the scrollback.
pub fn on_other_screen<T>(show: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let shown = screen::enter().and_then(|()| show());
    screen::leave();
    shown
}

/// Like [`on_other_screen`], for something that reads single keys: they are not shown and need no Enter.
pub fn on_live_screen<T>(show: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let shown = enter_live_screen().and_then(|()| show());
    leave_live_screen();
    shown
}

fn enter_live_screen() -> io::Result<()> {
    {
        // Held until the settings are changed, so that a signal does not restore them before.
        let mut state = state();
        if state.ending {
            return Ok(());
        }
        state.settings = tty::Settings::current();
        tty::read_single_keys()?;
    }
    screen::enter()
}

fn leave_live_screen() {
    restore_settings();
    screen::leave();
}

fn restore_settings() {
    let settings = state().settings.take();
    if let Some(settings) = settings {
        settings.restore();
    }
}

/// Ends an interrupted program that has already printed its error: on Unix, by the signal.
pub fn end(exit_code: u8) -> std::process::ExitCode {
    #[cfg(unix)]
    unix::die(signal_hook::consts::SIGINT);
    std::process::ExitCode::from(exit_code)
}

/// Restores the terminal's settings and its main screen, because the program ends.
pub fn restore_terminal() {
    state().ending = true;
    restore_settings();
    screen::leave_for_good();
}

/// Leaves nothing behind, as far as that is possible in a second.
fn tidy_up() {
    let (sender, done) = mpsc::channel();
    let tidy_up = || {
        restore_terminal();
        files::remove_temp_files();
    };
    let work = move || {
        tidy_up();
        // Nobody waits for it if it is late.
        let _ = sender.send(());
    };
    match std::thread::Builder::new().name("end".to_owned()).spawn(work) {
        Ok(_) => drop(done.recv_timeout(RESTORE_LIMIT)),
        Err(_) => tidy_up(),
    }
}

/// Handles Ctrl-C, on the handler's thread.
#[allow(clippy::disallowed_methods, reason = "Ctrl-C must work whatever the main thread waits for")]
fn interrupted() {
    // On Windows, the prompt itself ends the program, after it restores the console.
    if cfg!(windows) && state().asking {
        return;
    }
    #[cfg(unix)]
    let is_passed_on = unix::was_passed_on(signal_hook::consts::SIGINT);
    // The console gives it to the command, too.
    #[cfg(not(unix))]
    let is_passed_on = {
        let state = state();
        state.command.is_some() || state.ended
    };
    if is_passed_on {
        return;
    }
    tidy_up();
    // On a terminal, the line already contains `^C`, and maybe a progress message.
    let start = if io::stderr().is_terminal() { "\n" } else { "" };
    // One write, because the main thread may be writing, too. If stderr is closed, there is no place for an error.
    let _ = io::stderr().write_all(format!("{start}{}", last_words()).as_bytes());
    #[cfg(unix)]
    unix::die(signal_hook::consts::SIGINT);
    std::process::exit(130);
}

/// Codes of Windows can be larger than those of [`std::process::ExitCode`].
#[allow(clippy::disallowed_methods, reason = "nothing is left to be done")]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}

fn last_words() -> String {
    let state = state();
    if state.expected {
        return String::new();
    }
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

    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
    use signal_hook::iterator::Signals;

    use crate::tty::{self, Reach};

    /// Handles what ends the program without a message, and what a command may expect.
    pub(super) fn watch() {
        fail_large_writes();
        handle(&[SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2]);
    }

    /// Handles those of the signals that the parent does not ignore.
    #[allow(clippy::disallowed_methods, reason = "the kernel's own short text")]
    fn handle(signals: &[i32]) {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let signals = signals.iter().filter(|signal| !is_ignored(**signal, &status));
        // Without a handler, they end the program anyway.
        let Ok(mut signals) = Signals::new(signals) else { return };
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever().filter(|signal| !was_passed_on(*signal)) {
                super::tidy_up();
                die(signal);
            }
        });
    }

    /// Passes a signal on to the command, if there is or was one.
    pub(super) fn was_passed_on(signal: i32) -> bool {
        // Held until the signal was sent: after that, the command may be waited for, and its process ID used again.
        let state = super::state();
        let Some(command) = state.command else { return state.ended };
        // The terminal's keys send these to everyone in the foreground.
        let is_from_terminal = matches!(signal, SIGINT | SIGQUIT) && tty::reach() == Reach::Person;
        let command = i32::try_from(command).ok().and_then(Pid::from_raw);
        if let (Some(command), Some(signal), false) =
            (command, Signal::from_named_raw(signal), is_from_terminal)
        {
            // If that fails, the command has just ended, or has become another user's.
            let _ = kill_process(command, signal);
        }
        true
    }

    /// Makes a write beyond `ulimit -f` an error that names the file, instead of the end of the program. Child processes have
    /// the default behavior.
    fn fail_large_writes() {
        // The flag is not needed: the write returns an error.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    }

    /// Whether the parent process ignores a signal. If the system does not say, assume so for HUP, because of `nohup`.
    fn is_ignored(signal: i32, status: &str) -> bool {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        match mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
            Some(mask) => mask >> (signal - 1) & 1 == 1,
            None => signal == SIGHUP,
        }
    }

    /// Dies by a signal, as if it were not handled.
    pub(super) fn die(signal: i32) {
        // This returns only for unknown signals.
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

    // A single test, because the state is global.
    #[test]
    fn last_words_contain_the_hint() {
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
