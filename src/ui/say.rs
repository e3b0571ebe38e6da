//! Results on stdout, messages on stderr.

use std::cell::{Cell, RefCell};
use std::fmt::{Display, Write as _};
use std::io::{self, Write};

use serde::Serialize;

use super::color;
use super::pending::Pending;
use crate::model::visible::{visible, visible_hint, visible_json};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    Quiet,
    /// Messages and warnings.
    #[default]
    Normal,
    /// Every step, never secrets.
    Verbose,
}

/// Where messages go and how they look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    pub verbosity: Verbosity,
    pub color: bool,
    /// Whether to color results.
    pub color_results: bool,
    /// Whether to color what is drawn on the terminal device, wherever stderr goes.
    pub color_on_device: bool,
    /// Whether stderr is a terminal on which a line can be redrawn.
    pub live: bool,
    /// Whether the terminal device can show a live screen.
    pub live_screen: bool,
    /// Whether a live screen has to do with ASCII.
    pub ascii: bool,
    /// Errors take one line, for SDKs that show stderr.
    pub one_line: bool,
}

/// A result that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the result to stdout: {0}")]
pub struct OutputError(#[from] io::Error);

/// The streams on which a command speaks.
pub struct Ui {
    pub(super) style: Style,
    out: RefCell<Box<dyn Write>>,
    pub(super) err: RefCell<Box<dyn Write>>,
    pub(super) pending: Pending,
    /// What messages are about, while several things are done at once.
    pub(super) task: RefCell<String>,
    /// Whether messages are dropped, because they would end up in the middle of a live screen.
    pub(super) muted: Cell<bool>,
    /// Whether another program uses the terminal, so that nothing on it can be redrawn.
    pub(super) lent: Cell<bool>,
}

impl std::fmt::Debug for Ui {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ui").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Ui {
    /// Writes to these; in the program they are stdout and stderr.
    pub fn new(style: Style, out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self {
            style,
            out: RefCell::new(out),
            err: RefCell::new(err),
            pending: Pending::default(),
            task: RefCell::default(),
            muted: Cell::new(false),
            lent: Cell::new(false),
        }
    }

    pub fn style(&self) -> Style {
        self.style
    }

    /// Prints a result on stdout, exactly as given. A reader that went away is not an error.
    pub fn result(&self, text: &str) -> Result<(), OutputError> {
        let mut out = self.out.borrow_mut();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done?),
        }
    }

    /// Prints a result as a line of JSON.
    pub fn json(&self, value: &impl Serialize) -> Result<(), OutputError> {
        let json = serde_json::to_string(value).map_err(io::Error::from)?;
        self.result(&format!("{}\n", visible_json(&json)))
    }

    /// Prints a result as JSON on several lines.
    pub fn pretty_json(&self, value: &impl Serialize) -> Result<(), OutputError> {
        let json = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        self.result(&format!("{}\n", visible_json(&json)))
    }

    pub fn say(&self, message: impl Display) {
        self.line(Verbosity::Normal, "awsmfa", color::SAYING, &message);
    }

    /// Shows a step, or where a value came from; only with `-v`.
    pub fn detail(&self, message: impl Display) {
        self.line(Verbosity::Verbose, "awsmfa", color::DETAIL, &message);
    }

    /// Warns about something that the person can act on.
    pub fn warn(&self, message: impl Display) {
        self.line(Verbosity::Normal, "warning", color::WARNING, &message);
    }

    /// Shows a command to paste, or what else to do next.
    pub fn hint(&self, message: impl Display) {
        self.line(Verbosity::Normal, "hint", color::HINT, &message);
    }

    /// Shows why a command failed and what to do, at every verbosity; with `-v`, also what caused it.
    pub fn error(&self, message: &str, causes: &[String], hints: &[String]) {
        let mut text = String::new();
        if self.style.one_line {
            let hints =
                hints.iter().map(|hint| format!("; hint: {}", visible_hint(hint))).collect::<String>();
            let _ = write!(text, "{} {}{hints}", self.label("awsmfa", color::ERROR), visible(message));
            return self.write_line(&text);
        }
        let _ = write!(text, "{} {}", self.label("error", color::ERROR), visible(message));
        for cause in causes.iter().filter(|_| self.style.verbosity == Verbosity::Verbose) {
            let _ = write!(text, "\n{} caused by: {}", self.label("awsmfa", color::DETAIL), visible(cause));
        }
        for hint in hints {
            let _ = write!(text, "\n{} {}", self.label("hint", color::HINT), visible_hint(hint));
        }
        self.write_line(&text);
    }

    /// Shows several lines, such as clap's: styled if color is wanted and nothing has to be escaped.
    pub fn text(&self, plain: &str, styled: &str) {
        match plain.lines().all(|line| visible(line) == line) && self.style.color {
            true => self.write_line(styled.trim_end()),
            false => self.write_line(&plain.trim_end().lines().map(visible).collect::<Vec<_>>().join("\n")),
        }
    }

    fn line(&self, least: Verbosity, label: &str, style: anstyle::Style, message: &dyn Display) {
        if self.style.verbosity >= least && !self.muted.get() {
            // A hint follows the message that it belongs to.
            let message = match style == color::HINT {
                true => visible_hint(&message.to_string()),
                false => self.of_task(message),
            };
            let label = self.label(label, style);
            self.write_line(&format!("{label} {message}"));
        }
    }

    /// The text, escaped, after what it is about.
    pub(super) fn of_task(&self, text: &dyn Display) -> String {
        let task = self.task.borrow();
        match task.is_empty() {
            true => visible(&text.to_string()),
            false => visible(&format!("{task}: {text}")),
        }
    }

    fn label(&self, label: &str, style: anstyle::Style) -> String {
        if self.style.color { format!("{style}{label}:{style:#}") } else { format!("{label}:") }
    }

    /// Writes a line, already escaped, at once.
    pub(super) fn write_line(&self, text: &str) {
        let start = self.pending.take();
        // If stderr is closed, there is nobody to tell.
        let mut err = self.err.borrow_mut();
        let _ = err.write_all(format!("{start}{text}\n").as_bytes()).and_then(|()| err.flush());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::rc::Rc;

    /// What was written, write by write.
    #[derive(Clone, Default)]
    pub(in crate::ui) struct Captured(Rc<RefCell<Vec<String>>>);

    impl Captured {
        pub(in crate::ui) fn writes(&self) -> Vec<String> {
            self.0.borrow().clone()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().push(std::str::from_utf8(bytes).unwrap().to_owned());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(in crate::ui) fn said(style: Style, speak: impl Fn(&Ui)) -> Vec<String> {
        let err = Captured::default();
        speak(&Ui::new(style, Box::new(io::sink()), Box::new(err.clone())));
        err.writes()
    }

    #[test]
    fn verbosity_decides_what_is_shown() {
        let speak = |ui: &Ui| {
            ui.say("happened");
            ui.detail("step");
            ui.warn("careful");
            ui.error("broken", &["worn\tout".to_owned()], &["fix".to_owned()]);
        };
        let at = |verbosity| said(Style { verbosity, ..Style::default() }, speak).concat();
        assert_eq!(at(Verbosity::Quiet), "error: broken\nhint: fix\n");
        assert_eq!(at(Verbosity::Normal), "awsmfa: happened\nwarning: careful\nerror: broken\nhint: fix\n");
        let verbose = at(Verbosity::Verbose);
        assert!(verbose.contains("step"), "{verbose}");
        assert!(verbose.ends_with("error: broken\nawsmfa: caused by: worn\\tout\nhint: fix\n"), "{verbose}");
    }

    #[test]
    fn sdk_gets_one_line() {
        let style = Style { one_line: true, ..Style::default() };
        let text = said(style, |ui| ui.error("bro\nken", &[], &["fix\r\nit".into(), "or not".into()]));
        assert_eq!(text, ["awsmfa: bro\\nken; hint: fix\\r\\nit; hint: or not\n"]);
    }

    #[test]
    fn message_is_one_write_with_its_hints_and_colors() {
        let style = Style { color: true, live: true, ..Style::default() };
        let writes = said(style, |ui| {
            ui.doing("creating");
            ui.warn("careful\x1b[2J");
            ui.error("broken", &[], &["fix".into(), "or not".into()]);
        });
        assert_eq!(
            writes[1..],
            [
                "\r\x1b[K\x1b[33mwarning:\x1b[0m careful\\u{1b}[2J\n",
                "\x1b[31merror:\x1b[0m broken\n\x1b[36mhint:\x1b[0m fix\n\x1b[36mhint:\x1b[0m or not\n",
            ]
        );
    }

    #[test]
    fn text_is_styled_or_escaped() {
        let text =
            |color, plain, styled| said(Style { color, ..Style::default() }, |ui| ui.text(plain, styled));
        assert_eq!(text(true, "a\n\nb\n", "\x1b[1ma\x1b[0m\n\nb\n"), ["\x1b[1ma\x1b[0m\n\nb\n"]);
        assert_eq!(text(false, "a\n\nb\n", "\x1b[1ma\x1b[0m\n\nb\n"), ["a\n\nb\n"]);
        assert_eq!(text(true, "a\x1b\nb", "\x1b[1ma\x1b"), ["a\\u{1b}\nb\n"]);
    }

    #[test]
    fn unwritable_result_is_an_error_and_a_closed_pipe_is_not() {
        struct Broken(io::ErrorKind);
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let ui = |kind| Ui::new(Style::default(), Box::new(Broken(kind)), Box::new(io::sink()));
        assert!(ui(io::ErrorKind::BrokenPipe).result("x").is_ok());
        assert!(ui(io::ErrorKind::StorageFull).result("x").is_err());
    }

    #[test]
    fn json_is_safe_on_a_terminal() {
        let out = Captured::default();
        let ui = Ui::new(Style::default(), Box::new(out.clone()), Box::new(io::sink()));
        ui.json(&["\u{9b}2J"]).unwrap();
        ui.pretty_json(&["\u{202e}"]).unwrap();
        assert_eq!(out.writes().concat(), "[\"\\u009b2J\"]\n[\n  \"\\u202e\"\n]\n");
    }
}
