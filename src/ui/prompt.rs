//! Prompts for the person at the terminal.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::pending::Pending;
use super::pinentry;
use super::say::Ui;
use crate::clock::SystemClock;
use crate::env::{AWSMFA_NO_INPUT, Env};
use crate::files::Lock;
use crate::interrupt;
use crate::model::secret::Secret;
use crate::model::visible::visible;
use crate::paths::Paths;
use crate::tty::{self, Reach};

/// Why a prompt got no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// There is no terminal, or prompts are turned off.
    #[error("{0}")]
    CannotAsk(&'static str),
    /// A person saw the prompt, or should have, and did not answer.
    #[error("{0}")]
    Unanswered(String),
    #[error("interrupted")]
    Interrupted,
    #[error("cannot read from the terminal: {0}")]
    Io(io::Error),
}

/// Answers prompts: a person at the terminal, or a test.
pub trait Prompt: Send + Sync {
    /// Whether a prompt would reach a person.
    fn can_ask(&self) -> bool;
    /// Whether [`secret`](Self::secret) would reach a person. A window can ask for that much where there is no terminal.
    fn can_ask_secret(&self) -> bool {
        self.can_ask()
    }
    /// Prompts for something that must not be visible on the screen.
    fn secret(&self, question: &str) -> Result<Secret<String>, PromptError>;
    /// Prompts for a line of text that may be visible.
    fn answer(&self, _question: &str) -> Result<String, PromptError> {
        Err(PromptError::CannotAsk("cannot prompt (there is no terminal)"))
    }
    /// Prompts for yes or no; anything but yes is a no.
    fn confirm(&self, question: &str) -> Result<bool, PromptError>;
    /// Prompts for yes or no if yes is the better answer: anything but no is a yes.
    fn offer(&self, question: &str) -> Result<bool, PromptError> {
        self.confirm(question)
    }
    /// Shows what a prompt is about, right before it and in the same place.
    fn tell(&self, _line: &str) {}
    /// Whether another process prompts on the same terminal. Nothing should be written into its prompt.
    fn is_taken(&self) -> bool {
        false
    }
    /// Whether [`show`](Self::show) would reach a screen.
    fn can_show(&self) -> bool {
        false
    }
    /// Shows something that only the person may see, exactly as given and neither on stdout nor on stderr.
    fn show(&self, _text: &Secret<String>) -> Result<(), PromptError> {
        Err(PromptError::CannotAsk("a terminal is needed to show it"))
    }
    /// Whether [`show_until_enter`](Self::show_until_enter) can clear what it shows.
    fn can_clear(&self) -> bool {
        false
    }
    /// Shows it until the person presses Enter; nothing of it stays on the screen or in its history.
    fn show_until_enter(&self, text: &Secret<String>, _question: &str) -> Result<(), PromptError> {
        self.show(text)
    }
    /// Never prompts again: the terminal belongs to a command from now on.
    fn retire(&self) {}
    /// The terminal's columns and lines; `None` without a terminal, or if its size is unknown.
    fn size(&self) -> Option<(u16, u16)> {
        None
    }
}

/// Every prompt begins with this: it may appear in the middle of `aws`'s or `terraform`'s output.
const TOOL: &str = "awsmfa";

/// How long a prompt waits for those of other processes: three windows, each open for a minute.
const TURN: Duration = Duration::from_secs(180);

/// The person at the terminal device, whatever stdin and stdout are.
#[derive(Debug)]
pub struct Terminal {
    forbidden: bool,
    /// Whether the terminal belongs to a command.
    retired: AtomicBool,
    /// Whether the terminal may lack an alternate screen.
    plain: bool,
    pending: Pending,
    env: Env,
    /// The folder with the locks of the processes that prompt.
    locks: Option<PathBuf>,
}

impl Terminal {
    /// Prompts unless `AWSMFA_NO_INPUT` is set. A prompt replaces the line on which `ui` shows what is being done.
    pub fn new(env: &Env, ui: &Ui) -> Self {
        let plain = cfg!(unix) && env.get("TERM").is_none_or(|terminal| terminal == "dumb");
        Self {
            forbidden: env.flag(AWSMFA_NO_INPUT),
            retired: AtomicBool::new(false),
            plain,
            pending: ui.pending.clone(),
            env: env.clone(),
            locks: Paths::of(env).ok().map(|paths| paths.locks()),
        }
    }

    /// The programs that can prompt in a window, which is for when no terminal can.
    fn windows(&self) -> Vec<String> {
        let is_allowed = !self.forbidden && !self.retired.load(Ordering::Relaxed);
        match is_allowed && tty::reach() != Reach::Person {
            true => pinentry::programs(&self.env),
            false => Vec::new(),
        }
    }

    /// Waits until no other process prompts for a secret in this place. Of two prompts, a person sees one, and may type the code
    /// of the other prompt's device; and what is typed on a terminal goes to any process that reads it.
    fn turn(&self, place: &str) -> Option<Lock> {
        // If this fails, two prompts are better than none.
        Lock::acquire_within(&self.lock(place)?, TURN, &SystemClock).ok().flatten()
    }

    fn lock(&self, place: &str) -> Option<PathBuf> {
        Some(self.locks.as_ref()?.join(format!("{place}.lock")))
    }

    /// The name of the terminal's lock.
    fn place() -> Option<String> {
        tty::number().map(|number| format!("terminal-{number}"))
    }

    fn begin(&self) -> Result<(), PromptError> {
        if self.retired.load(Ordering::Relaxed) {
            return Err(PromptError::CannotAsk("cannot prompt (the terminal is in use by the command)"));
        }
        match (self.forbidden, tty::reach()) {
            (true, _) => Err(PromptError::CannotAsk("cannot prompt (`AWSMFA_NO_INPUT` is set)")),
            (false, Reach::None) => Err(PromptError::CannotAsk("cannot prompt (there is no terminal)")),
            (false, Reach::Background) => {
                Err(PromptError::CannotAsk("cannot prompt (awsmfa runs in the background)"))
            }
            (false, Reach::Person) => {
                self.make_room();
                Ok(())
            }
        }
    }

    /// What the person typed, in lowercase.
    fn choose(&self, question: &str, choices: &str) -> Result<String, PromptError> {
        let answer = self.line(&format!("{question} [{choices}]"))?;
        // Ctrl-D is not an answer, so it is not a yes.
        Ok(answer.map_or_else(|| "n".to_owned(), |answer| answer.to_ascii_lowercase()))
    }

    /// What the person typed; `None` for Ctrl-D.
    fn line(&self, question: &str) -> Result<Option<String>, PromptError> {
        self.begin()?;
        // Visible while typed: the dialog stays readable in the scrollback.
        let mut answer = String::new();
        let read = tty::write(format!("{TOOL}: {} ", visible(question)).as_bytes())
            .and_then(|()| tty::open_input())
            .and_then(|terminal| io::BufReader::new(terminal).read_line(&mut answer))
            .map_err(PromptError::Io)?;
        Ok((read > 0).then(|| answer.trim().to_owned()))
    }

    fn make_room(&self) {
        // A line is pending only where stderr is a terminal.
        let _ = io::stderr().write_all(self.pending.take().as_bytes());
    }
}

fn unanswered(error: io::Error) -> PromptError {
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => PromptError::Interrupted,
        _ => PromptError::Io(error),
    }
}

impl Prompt for Terminal {
    fn can_ask(&self) -> bool {
        !self.forbidden && !self.retired.load(Ordering::Relaxed) && tty::reach() == Reach::Person
    }

    fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    fn can_ask_secret(&self) -> bool {
        self.can_ask() || !self.windows().is_empty()
    }

    fn secret(&self, question: &str) -> Result<Secret<String>, PromptError> {
        let windows = self.windows();
        if !windows.is_empty() {
            let _turn = self.turn("window");
            return pinentry::ask(&windows, &self.env, question).map_err(PromptError::Unanswered);
        }
        // The other process's prompt stays as it is, so nothing is written before.
        let place = if self.can_ask() { Self::place() } else { None };
        let _turn = place.and_then(|place| self.turn(&place));
        self.begin()?;
        match interrupt::asking(|| tty::read_hidden(&format!("{TOOL}: {}: ", visible(question)))) {
            Ok(answer) => Ok(answer),
            Err(error) => Err(unanswered(error)),
        }
    }

    fn answer(&self, question: &str) -> Result<String, PromptError> {
        self.line(question)?.ok_or(PromptError::Interrupted)
    }

    fn confirm(&self, question: &str) -> Result<bool, PromptError> {
        let answer = self.choose(question, "y/N")?;
        Ok(matches!(answer.as_str(), "y" | "yes"))
    }

    fn offer(&self, question: &str) -> Result<bool, PromptError> {
        let answer = self.choose(question, "Y/n")?;
        Ok(matches!(answer.as_str(), "" | "y" | "yes"))
    }

    fn tell(&self, line: &str) {
        self.make_room();
        // If this fails, so does the prompt that follows, and says why.
        let _ = tty::write(format!("{TOOL}: {}\n", visible(line)).as_bytes());
    }

    fn is_taken(&self) -> bool {
        let lock = Self::place().and_then(|place| self.lock(&place));
        lock.is_some_and(|lock| matches!(Lock::try_acquire(&lock), Ok(None)))
    }

    // This does not prompt, so `AWSMFA_NO_INPUT` does not matter.
    fn can_show(&self) -> bool {
        tty::can_write()
    }

    fn show(&self, text: &Secret<String>) -> Result<(), PromptError> {
        self.make_room();
        match tty::can_write() {
            true => {
                tty::write(text.expose().as_bytes()).and_then(|()| tty::write(b"\n")).map_err(PromptError::Io)
            }
            false => Err(PromptError::CannotAsk("a terminal is needed to show it")),
        }
    }

    fn can_clear(&self) -> bool {
        self.can_ask() && !self.plain
    }

    fn show_until_enter(&self, text: &Secret<String>, question: &str) -> Result<(), PromptError> {
        self.begin()?;
        let shown = interrupt::on_other_screen(|| {
            tty::write(text.expose().as_bytes())?;
            interrupt::asking(|| tty::read_hidden(&format!("{TOOL}: {} ", visible(question))))
        });
        match shown {
            Ok(_) => Ok(()),
            Err(error) => Err(unanswered(error)),
        }
    }

    fn size(&self) -> Option<(u16, u16)> {
        let size = match tty::open_output() {
            Ok(terminal) => terminal_size::terminal_size_of(terminal),
            Err(_) => terminal_size::terminal_size_of(io::stderr()),
        };
        size.map(|(columns, lines)| (columns.0, lines.0))
    }
}
