//! Talking with the person. The rules:
//!
//! - stdout carries results and nothing else; words for people go to stderr.
//! - Messages are lowercase, without a final period, one line; names stand in backquotes; then come `hint:` lines.
//! - Everything reads the same without colour. A warning is given only if the person can act on it.
//! - Questions use the terminal device, never stdin or stdout: both may belong to an SDK that runs us.
//! - Only `-v` tells the steps, and no level tells a secret.

pub mod qr;

use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::Clock;
use crate::env::{AWSMFA_NO_INPUT, Env};
use crate::interrupt;
use crate::model::duration::in_words;
use crate::model::secret::Secret;
use crate::tty::{self, Reach};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Only errors.
    Quiet,
    /// What happened, and warnings.
    #[default]
    Normal,
    /// Every step, without secrets.
    Verbose,
}

/// Where words go and how they look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// How much is said.
    pub verbosity: Verbosity,
    /// Whether labels are coloured.
    pub color: bool,
    /// Whether what is drawn on the terminal device is, wherever stderr goes.
    pub color_on_device: bool,
    /// Whether stderr is a terminal, where a countdown can be drawn.
    pub live: bool,
    /// Errors take one line, for SDKs that show what we write.
    pub one_line: bool,
}

/// The person at the other end.
pub struct Ui {
    style: Style,
    out: RefCell<Box<dyn Write>>,
    err: RefCell<Box<dyn Write>>,
    pending: Pending,
}

/// Whether the last line on the terminal says what is being done, to be replaced by what was done, or by a question.
#[derive(Debug, Clone, Default)]
struct Pending(Arc<AtomicBool>);

impl Pending {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn clear(&self, err: &mut dyn Write) {
        if self.0.swap(false, Ordering::Relaxed) {
            let _ = write!(err, "\r\x1b[K").and_then(|()| err.flush());
        }
    }
}

impl std::fmt::Debug for Ui {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ui").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Ui {
    /// Speaks through these; in the program they are stdout and stderr.
    pub fn new(style: Style, out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self { style, out: RefCell::new(out), err: RefCell::new(err), pending: Pending::default() }
    }

    /// How it speaks.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Prints a result on stdout, exactly as given. A reader that went away is no error.
    pub fn result(&self, text: &str) -> io::Result<()> {
        let mut out = self.out.borrow_mut();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }

    /// Says what happened.
    pub fn say(&self, message: impl std::fmt::Display) {
        if self.style.verbosity >= Verbosity::Normal {
            self.line("awsmfa", "1", &message);
        }
    }

    /// Says a step or where a value came from; only with `-v`.
    pub fn detail(&self, message: impl std::fmt::Display) {
        if self.style.verbosity >= Verbosity::Verbose {
            self.line("awsmfa", "2", &message);
        }
    }

    /// Says what is being done now; on a terminal the line turns into [`done`](Self::done)'s tick.
    pub fn doing(&self, what: impl std::fmt::Display) {
        if !self.is_live() {
            return self.detail(what);
        }
        self.clear_pending();
        let mut err = self.err.borrow_mut();
        let _ = write!(err, "\u{b7} {what} \u{2026}").and_then(|()| err.flush());
        self.pending.set();
    }

    /// Says what was done.
    pub fn done(&self, what: impl std::fmt::Display) {
        if !self.is_live() {
            return self.say(what);
        }
        self.clear_pending();
        let (on, off) = if self.style.color { ("\x1b[32m", "\x1b[0m") } else { ("", "") };
        let _ = writeln!(self.err.borrow_mut(), "{on}\u{2713}{off} {what}");
    }

    fn is_live(&self) -> bool {
        self.style.live && self.style.verbosity == Verbosity::Normal
    }

    fn clear_pending(&self) {
        self.pending.clear(&mut *self.err.borrow_mut());
    }

    /// Says something that the person can act on.
    pub fn warn(&self, message: impl std::fmt::Display) {
        if self.style.verbosity >= Verbosity::Normal {
            self.line("warning", "33", &message);
        }
    }

    /// Says a command to paste, or what else to do next.
    pub fn hint(&self, message: impl std::fmt::Display) {
        if self.style.verbosity >= Verbosity::Normal {
            self.line("hint", "36", &message);
        }
    }

    /// Says why it failed and what to do; every verbosity has it.
    pub fn error(&self, message: &str, hints: &[String]) {
        if self.style.one_line {
            let hints = hints.iter().map(|h| format!("; hint: {h}")).collect::<String>();
            return self.line("awsmfa", "31", &format!("{message}{hints}"));
        }
        self.line("error", "31", &message);
        for hint in hints {
            self.line("hint", "36", hint);
        }
    }

    fn line(&self, label: &str, color: &str, message: &dyn std::fmt::Display) {
        self.clear_pending();
        let mut err = self.err.borrow_mut();
        // Nobody is left to be told that stderr is closed.
        let _ = match self.style.color {
            true => writeln!(err, "\x1b[{color}m{label}:\x1b[0m {message}"),
            false => writeln!(err, "{label}: {message}"),
        };
    }

    /// Waits, saying for how long and what for; on a terminal the seconds count down.
    pub fn wait(&self, clock: &dyn Clock, duration: Duration, what: &str) {
        if self.style.one_line {
            return clock.sleep(duration);
        }
        if !self.style.live || self.style.verbosity < Verbosity::Normal {
            let seconds = Duration::from_secs(whole_seconds(duration));
            self.say(format_args!("waiting {} for {what}", in_words(seconds)));
            return clock.sleep(duration);
        }
        self.clear_pending();
        let bar = indicatif::ProgressBar::new(whole_seconds(duration)).with_style(countdown_style());
        bar.set_message(format!("for {what}"));
        // What was slept counts, not what the clock says: that may be set while we wait.
        let mut left = duration;
        while !left.is_zero() {
            bar.set_position(whole_seconds(left));
            bar.tick();
            let nap = left.min(Duration::from_secs(1));
            clock.sleep(nap);
            left -= nap;
        }
        bar.finish_and_clear();
    }
}

/// The seconds to show, counted up, so that nobody reads 0 while we still wait.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn countdown_style() -> indicatif::ProgressStyle {
    let template = "{spinner} waiting {pos} s {msg}";
    indicatif::ProgressStyle::with_template(template)
        .unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner())
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// There is no terminal to ask on, or asking is forbidden.
    #[error("{0}")]
    CannotAsk(&'static str),
    /// The person pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The terminal failed.
    #[error("the terminal cannot be read: {0}")]
    Io(io::Error),
}

/// Someone who can be asked.
pub trait Prompt: Send + Sync {
    /// Whether a question would reach a person.
    fn can_ask(&self) -> bool;
    /// Asks for something that must not be seen on the screen.
    fn secret(&self, question: &str) -> Result<Secret<String>, PromptError>;
    /// Asks for a yes or a no; anything but a yes is a no.
    fn confirm(&self, question: &str) -> Result<bool, PromptError>;
    /// Whether [`show`](Self::show) would reach a screen.
    fn can_show(&self) -> bool {
        false
    }
    /// Shows something that only the person may see; neither stdout nor stderr has it.
    fn show(&self, _text: &Secret<String>) -> Result<(), PromptError> {
        Err(PromptError::CannotAsk("there is no terminal to show it on"))
    }
    /// The columns and lines of the terminal to draw on; `None` without one, or if it does not tell.
    fn size(&self) -> Option<(u16, u16)> {
        None
    }
}

/// The person at the terminal device, whatever stdin and stdout are.
#[derive(Debug)]
pub struct Terminal {
    forbidden: bool,
    pending: Pending,
}

impl Terminal {
    /// Asks unless `AWSMFA_NO_INPUT` forbids it. What `ui` says is being done makes room for a question.
    pub fn new(env: &Env, ui: &Ui) -> Self {
        Self { forbidden: env.flag(AWSMFA_NO_INPUT), pending: ui.pending.clone() }
    }

    fn begin(&self) -> Result<(), PromptError> {
        match (self.forbidden, tty::reach()) {
            (true, _) => Err(PromptError::CannotAsk("nobody can be asked (`AWSMFA_NO_INPUT` is set)")),
            (false, Reach::None) => Err(PromptError::CannotAsk("nobody can be asked (there is no terminal)")),
            (false, Reach::Background) => {
                Err(PromptError::CannotAsk("nobody can be asked (awsmfa runs in the background)"))
            }
            (false, Reach::Person) => {
                // A line is pending only where stderr is a terminal.
                self.pending.clear(&mut io::stderr());
                Ok(())
            }
        }
    }
}

impl Prompt for Terminal {
    fn can_ask(&self) -> bool {
        !self.forbidden && tty::reach() == Reach::Person
    }

    fn secret(&self, question: &str) -> Result<Secret<String>, PromptError> {
        self.begin()?;
        match interrupt::asking(|| tty::read_hidden(&format!("{question}: "))) {
            Ok(answer) => Ok(answer),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => Err(PromptError::Interrupted),
                _ => Err(PromptError::Io(error)),
            },
        }
    }

    fn confirm(&self, question: &str) -> Result<bool, PromptError> {
        self.begin()?;
        // Seen while typed: the dialogue stays readable in the scrollback.
        let mut answer = String::new();
        tty::open_output()
            .and_then(|mut terminal| terminal.write_all(format!("{question} [y/N] ").as_bytes()))
            .and_then(|()| tty::open_input())
            .and_then(|terminal| io::BufReader::new(terminal).read_line(&mut answer))
            .map_err(PromptError::Io)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    // Nothing is asked: `AWSMFA_NO_INPUT` does not forbid it.
    fn can_show(&self) -> bool {
        tty::open_output().is_ok() || io::stderr().is_terminal()
    }

    fn show(&self, text: &Secret<String>) -> Result<(), PromptError> {
        self.pending.clear(&mut io::stderr());
        let written = match tty::open_output() {
            Ok(mut terminal) => writeln!(terminal, "{}", text.expose()),
            // A process without a controlling terminal may still have one for stderr.
            Err(_) if io::stderr().is_terminal() => writeln!(io::stderr(), "{}", text.expose()),
            Err(_) => return Err(PromptError::CannotAsk("there is no terminal to show it on")),
        };
        written.map_err(PromptError::Io)
    }

    fn size(&self) -> Option<(u16, u16)> {
        let size = match tty::open_output() {
            Ok(terminal) => terminal_size::terminal_size_of(terminal),
            Err(_) => terminal_size::terminal_size_of(io::stderr()),
        };
        size.map(|(columns, lines)| (columns.0, lines.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct Captured(Rc<RefCell<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn said(style: Style, speak: impl Fn(&Ui)) -> String {
        let err = Captured::default();
        speak(&Ui::new(style, Box::new(io::sink()), Box::new(err.clone())));
        String::from_utf8(err.0.borrow().clone()).unwrap()
    }

    #[test]
    fn verbosity_decides_what_is_said() {
        let speak = |ui: &Ui| {
            ui.say("happened");
            ui.detail("step");
            ui.warn("careful");
            ui.error("broken", &["mend".to_owned()]);
        };
        let at = |verbosity| said(Style { verbosity, ..Style::default() }, speak);
        assert_eq!(at(Verbosity::Quiet), "error: broken\nhint: mend\n");
        assert_eq!(at(Verbosity::Normal), "awsmfa: happened\nwarning: careful\nerror: broken\nhint: mend\n");
        assert!(at(Verbosity::Verbose).contains("step"));
    }

    #[test]
    fn a_stage_turns_into_a_tick_on_a_terminal_and_is_a_line_elsewhere() {
        let speak = |ui: &Ui| {
            ui.doing("creating");
            ui.done("created");
        };
        assert_eq!(said(Style::default(), speak), "awsmfa: created\n");
        let live = said(Style { live: true, ..Style::default() }, speak);
        assert_eq!(live, "\u{b7} creating \u{2026}\r\x1b[K\u{2713} created\n");
    }

    /// A clock that is set back while someone sleeps.
    #[derive(Debug)]
    struct SetBack(std::sync::Mutex<Vec<Duration>>);

    impl Clock for SetBack {
        fn now(&self) -> chrono::DateTime<chrono::Utc> {
            let naps = i64::try_from(self.0.lock().unwrap().len()).unwrap();
            assert!(naps < 100, "it waits on and on");
            chrono::DateTime::UNIX_EPOCH - chrono::TimeDelta::minutes(20 * naps)
        }
        fn sleep(&self, duration: Duration) {
            self.0.lock().unwrap().push(duration);
        }
    }

    #[test]
    fn a_wait_takes_as_long_as_it_says_whatever_the_clock_does() {
        let clock = SetBack(std::sync::Mutex::default());
        let wait = Duration::from_millis(12_300);
        said(Style { live: true, ..Style::default() }, |ui| ui.wait(&clock, wait, "AWS"));
        let naps = clock.0.lock().unwrap();
        assert_eq!(naps.iter().sum::<Duration>(), wait);
        assert!(naps.iter().all(|nap| *nap <= Duration::from_secs(1)), "the countdown stands still");
    }

    #[test]
    fn an_sdk_gets_one_line() {
        let style = Style { one_line: true, ..Style::default() };
        let text = said(style, |ui| ui.error("broken", &["mend".into(), "or not".into()]));
        assert_eq!(text, "awsmfa: broken; hint: mend; hint: or not\n");
    }
}
