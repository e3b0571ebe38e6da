//! Several tasks at once, on threads of their own. The thread with the terminal shows their messages, which name the task, and
//! one line of progress a task. They prompt one after the other.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pending::CLEAR;
use super::prompt::{Prompt, PromptError};
use super::say::{Style, Ui};
use crate::model::secret::Secret;

/// What a task wants to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Lines that stay.
    Message(String),
    /// What the task is doing now; empty if nothing.
    Progress(String),
}

/// Passes on what a task writes. Every message is one write (see [`Ui`]).
struct Relay<F>(F);

impl<F: Fn(Line)> Write for Relay<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix(CLEAR).unwrap_or(&text);
        (self.0)(match text.strip_suffix('\n') {
            Some(message) => Line::Message(message.to_owned()),
            None => Line::Progress(text.to_owned()),
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Ui {
    /// Speaks on a thread that does not own the terminal.
    pub fn relayed(style: Style, to: impl Fn(Line) + 'static) -> Self {
        Self::new(style, Box::new(io::sink()), Box::new(Relay(to)))
    }

    /// Names what later messages and progress are about, such as a profile.
    pub fn set_task(&self, task: impl Into<String>) {
        self.task.replace(task.into());
    }
}

/// The screen that tasks share. Locked while a prompt is open.
#[derive(Debug, Clone, Default)]
pub struct Screen(Arc<Mutex<()>>);

impl Screen {
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A person whom the tasks ask one after the other.
    pub fn in_turn(&self, prompt: Arc<dyn Prompt>) -> Arc<dyn Prompt> {
        Arc::new(InTurn { prompt, screen: self.clone() })
    }
}

struct InTurn {
    prompt: Arc<dyn Prompt>,
    screen: Screen,
}

impl Prompt for InTurn {
    fn can_ask(&self) -> bool {
        self.prompt.can_ask()
    }

    fn can_ask_secret(&self) -> bool {
        self.prompt.can_ask_secret()
    }

    fn secret(&self, question: &str) -> Result<Secret<String>, PromptError> {
        let _screen = self.screen.lock();
        self.prompt.secret(question)
    }

    fn confirm(&self, question: &str) -> Result<bool, PromptError> {
        let _screen = self.screen.lock();
        self.prompt.confirm(question)
    }

    fn offer(&self, question: &str) -> Result<bool, PromptError> {
        let _screen = self.screen.lock();
        self.prompt.offer(question)
    }

    fn tell(&self, line: &str) {
        let _screen = self.screen.lock();
        self.prompt.tell(line);
    }

    fn retire(&self) {
        self.prompt.retire();
    }

    fn size(&self) -> Option<(u16, u16)> {
        self.prompt.size()
    }
}

/// The progress of the tasks at the end of the screen, below all messages.
pub struct Board<'a> {
    ui: &'a Ui,
    screen: Screen,
    rows: BTreeMap<usize, String>,
}

impl<'a> Board<'a> {
    pub fn new(ui: &'a Ui, screen: Screen) -> Self {
        Self { ui, screen, rows: BTreeMap::new() }
    }

    /// Shows what a task has to say.
    pub fn show(&mut self, task: usize, line: Line) {
        match line {
            Line::Message(text) => self.above(|ui| ui.write_line(&text)),
            Line::Progress(text) if text.is_empty() => self.finish(task),
            Line::Progress(text) => {
                self.rows.insert(task, text);
                self.draw();
            }
        }
    }

    /// Removes the progress of a task.
    pub fn finish(&mut self, task: usize) {
        self.rows.remove(&task);
        self.draw();
    }

    /// Shows messages of the thread with the terminal. Waits while a prompt is open.
    pub fn above<T>(&self, speak: impl FnOnce(&Ui) -> T) -> T {
        let spoken = {
            let _screen = self.screen.lock();
            speak(self.ui)
        };
        self.draw();
        spoken
    }

    /// Draws all rows, unless a prompt is open.
    fn draw(&self) {
        if let Ok(_screen) = self.screen.0.try_lock() {
            self.ui.draw_rows(self.rows.values().map(String::as_str));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::say::tests::said;
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[test]
    fn messages_name_their_task_and_stay_and_progress_does_not() {
        let live = Style { live: true, ..Style::default() };
        let lines = |style| {
            let lines = Rc::new(RefCell::new(Vec::new()));
            let kept = lines.clone();
            let ui = Ui::relayed(style, move |line| kept.borrow_mut().push(line));
            ui.set_task("profile `dev`");
            ui.doing("logging in");
            ui.warn("slow");
            ui.hint("wait");
            lines.take()
        };
        let message = |text: &str| Line::Message(text.to_owned());
        let messages = [message("warning: profile `dev`: slow"), message("hint: wait")];
        assert_eq!(lines(Style::default()), messages);
        let progress = Line::Progress("\u{b7} profile `dev`: logging in \u{2026}".to_owned());
        assert_eq!(lines(live), [&[progress], &messages[..]].concat());
    }

    #[test]
    fn rows_are_redrawn_below_messages() {
        let progress = |text: &str| Line::Progress(text.to_owned());
        let speak = |ui: &Ui| {
            let mut board = Board::new(ui, Screen::default());
            board.show(1, progress("one"));
            board.show(0, progress("zero"));
            board.show(1, Line::Message("done".to_owned()));
            board.finish(0);
            board.show(1, progress(""));
        };
        let live = Style { live: true, ..Style::default() };
        let above = "\r\x1b[1A\x1b[J";
        let drawn = [
            "one".to_owned(),
            format!("{CLEAR}zero\none"),
            format!("{above}done\n"),
            "zero\none".to_owned(),
            format!("{above}one"),
            CLEAR.to_owned(),
        ];
        assert_eq!(said(live, speak), drawn);
        assert_eq!(said(Style::default(), speak), ["done\n"]);
    }

    #[test]
    fn nothing_is_drawn_while_a_prompt_is_open() {
        struct Asked(Mutex<Vec<String>>);
        impl Prompt for Asked {
            fn can_ask(&self) -> bool {
                true
            }
            fn secret(&self, question: &str) -> Result<Secret<String>, PromptError> {
                self.0.lock().unwrap().push(question.to_owned());
                Ok(Secret::from("answer"))
            }
            fn confirm(&self, _: &str) -> Result<bool, PromptError> {
                Ok(true)
            }
        }
        let screen = Screen::default();
        let prompt = screen.in_turn(Arc::new(Asked(Mutex::default())));
        let drawn = said(Style { live: true, ..Style::default() }, |ui| {
            let mut board = Board::new(ui, screen.clone());
            let open = screen.lock();
            board.show(0, Line::Progress("hidden".to_owned()));
            drop(open);
            assert!(prompt.secret("code").is_ok());
            board.show(0, Line::Progress("visible".to_owned()));
        });
        assert_eq!(drawn, ["visible"]);
    }
}
