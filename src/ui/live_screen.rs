//! A whole terminal that is redrawn until the person quits.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use super::ascii;
use super::say::{Style, Ui};
use crate::clock::Stopwatch;
use crate::interrupt::{self, Stops};
use crate::tty::{self, Reach};

/// Why nothing is shown, or not anymore.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    #[error("a terminal is needed to show it")]
    NoTerminal,
    #[error("the terminal cannot be redrawn")]
    PlainTerminal,
    #[error("interrupted")]
    Interrupted,
    #[error("cannot show it on the terminal: {0}")]
    Io(#[from] io::Error),
}

/// The size of a terminal that does not know its own.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// What a live screen shows.
pub(super) trait View {
    /// Gets what is to be shown now, on a terminal with this many columns.
    fn update(&mut self, columns: usize);
    fn draw(&mut self, frame: &mut Frame, color: bool);
    /// Handles a key. Returns whether the person quits.
    fn key(&mut self, key: KeyCode) -> bool;
    /// When the next update is due.
    fn until_update(&self) -> Duration {
        Duration::from_secs(1)
    }
}

impl Ui {
    /// Whether a live screen can be shown. What it shows may need a passphrase first, so this is worth knowing before.
    pub fn check_live(&self) -> Result<(), ScreenError> {
        if !io::stdout().is_terminal() || tty::reach() != Reach::Person {
            return Err(ScreenError::NoTerminal);
        }
        if self.style.live_screen { Ok(()) } else { Err(ScreenError::PlainTerminal) }
    }

    /// Shows a view until the person quits. The terminal is restored however this ends, and while it is stopped with Ctrl-Z.
    pub(super) fn show_live(&self, view: &mut dyn View) -> Result<(), ScreenError> {
        self.check_live()?;
        let output = Frames { device: tty::open_output()?, frame: Vec::new() };
        tty::read_keys_from_device()?;
        interrupt::end_without_terminal();
        self.muted.set(true);
        let ended = interrupt::on_live_screen(|| {
            let options = TerminalOptions { viewport: Viewport::Fixed(area()) };
            let terminal = Terminal::with_options(CrosstermBackend::new(output), options)?;
            Ok(run(view, terminal, self.style))
        });
        self.muted.set(false);
        ended?
    }
}

/// Writes to the terminal, frame by frame.
struct Frames {
    device: File,
    frame: Vec<u8>,
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let drawn = interrupt::draw(&mut self.device, &self.frame);
        self.frame.clear();
        drawn
    }
}

/// The whole terminal.
fn area() -> Rect {
    let size = tty::open_output().ok().and_then(terminal_size::terminal_size_of);
    let (columns, lines) = size.map(|(columns, lines)| (columns.0, lines.0)).unwrap_or(USUAL_SIZE);
    match columns == 0 || lines == 0 {
        true => Rect::new(0, 0, USUAL_SIZE.0, USUAL_SIZE.1),
        false => Rect::new(0, 0, columns, lines),
    }
}

fn run(
    view: &mut dyn View,
    mut terminal: Terminal<CrosstermBackend<Frames>>,
    style: Style,
) -> Result<(), ScreenError> {
    let stops = Stops::watch();
    let mut drawn = Rect::default();
    loop {
        if stops.stop_if_asked()? {
            drawn = Rect::default();
        }
        let area = area();
        if area != drawn {
            terminal.resize(area)?;
            drawn = area;
        }
        view.update(area.width.into());
        let (shown, period) = (Stopwatch::start(), view.until_update());
        loop {
            terminal.draw(|frame| {
                view.draw(frame, style.color_on_device);
                if style.ascii {
                    ascii::replace(frame.buffer_mut());
                }
            })?;
            // Keys do not delay the next update, however many are typed.
            let left = period.saturating_sub(shown.elapsed());
            if left.is_zero() || !event::poll(left)? {
                break;
            }
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Release => {}
                Event::Key(key) => match control(key) {
                    Some('c') => return Err(ScreenError::Interrupted),
                    Some('z') => {
                        stops.stop_all();
                        break;
                    }
                    Some(_) => {}
                    None if view.key(key.code) => return Ok(()),
                    None => {}
                },
                Event::Resize(..) => break,
                _ => {}
            }
        }
    }
}

/// The letter that was typed with Ctrl.
fn control(key: KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(letter) if key.modifiers.contains(KeyModifiers::CONTROL) => Some(letter),
        _ => None,
    }
}
