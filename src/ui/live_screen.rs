//! A whole terminal that is redrawn every second until the person quits.

use std::io::{self, IsTerminal};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use super::say::Ui;
use super::table::Page;
use crate::interrupt;
use crate::tty::{self, Reach};

/// Why nothing is shown, or not anymore.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    #[error("a terminal is needed to show it")]
    NoTerminal,
    #[error("interrupted")]
    Interrupted,
    #[error("cannot show it on the terminal: {0}")]
    Io(#[from] io::Error),
}

/// How often the text is updated.
const PERIOD: Duration = Duration::from_secs(1);

/// The size of a terminal that does not know its own.
const USUAL_SIZE: (u16, u16) = (80, 24);

impl Ui {
    /// Shows a page on the whole terminal and updates it every second, until the person quits. `page` is given the terminal's
    /// columns. The terminal is restored however this ends.
    pub fn live(&self, page: impl FnMut(usize) -> Page) -> Result<(), ScreenError> {
        if !io::stdout().is_terminal() || tty::reach() != Reach::Person {
            return Err(ScreenError::NoTerminal);
        }
        let output = tty::open_output()?;
        self.muted.set(true);
        let ended = interrupt::on_live_screen(|| {
            let options = TerminalOptions { viewport: Viewport::Fixed(area()) };
            let terminal = Terminal::with_options(CrosstermBackend::new(output), options)?;
            Ok(View { page, shown: Page::default(), top: 0, color: self.style.color_on_device }.run(terminal))
        });
        self.muted.set(false);
        ended?
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

/// What a key means.
enum Wish {
    Quit,
    Interrupt,
    /// Scroll by this many lines.
    Scroll(isize),
    Nothing,
}

fn wish(key: KeyEvent, page: usize) -> Wish {
    let page = page.try_into().unwrap_or(isize::MAX);
    match key.code {
        _ if key.kind == KeyEventKind::Release => Wish::Nothing,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Wish::Interrupt,
        KeyCode::Char('q') | KeyCode::Esc => Wish::Quit,
        KeyCode::Up | KeyCode::Char('k') => Wish::Scroll(-1),
        KeyCode::Down | KeyCode::Char('j') => Wish::Scroll(1),
        KeyCode::PageUp => Wish::Scroll(-page),
        KeyCode::PageDown | KeyCode::Char(' ') => Wish::Scroll(page),
        KeyCode::Home => Wish::Scroll(isize::MIN),
        KeyCode::End => Wish::Scroll(isize::MAX),
        _ => Wish::Nothing,
    }
}

struct View<F> {
    page: F,
    shown: Page,
    /// The first line below the head that is shown.
    top: usize,
    color: bool,
}

impl<F: FnMut(usize) -> Page> View<F> {
    fn run<W: io::Write>(mut self, mut terminal: Terminal<CrosstermBackend<W>>) -> Result<(), ScreenError> {
        let mut drawn = Rect::default();
        loop {
            let area = area();
            if area != drawn {
                terminal.resize(area)?;
                drawn = area;
            }
            self.shown = (self.page)(area.width.into());
            loop {
                terminal.draw(|frame| self.draw(frame))?;
                if !event::poll(PERIOD)? {
                    break;
                }
                let page = self.room(area.height);
                match event::read()? {
                    Event::Key(key) => match wish(key, page) {
                        Wish::Quit => return Ok(()),
                        Wish::Interrupt => return Err(ScreenError::Interrupted),
                        Wish::Scroll(by) => self.scroll(by, page),
                        Wish::Nothing => {}
                    },
                    Event::Resize(..) => break,
                    _ => {}
                }
            }
        }
    }

    /// The number of lines between the head and the footer.
    fn room(&self, height: u16) -> usize {
        usize::from(height).saturating_sub(1 + self.shown.head.iter().len())
    }

    fn scroll(&mut self, by: isize, room: usize) {
        let last = self.shown.lines.len().saturating_sub(room);
        self.top = self.top.saturating_add_signed(by).min(last);
    }

    fn draw(&mut self, frame: &mut Frame) {
        let area = frame.area();
        let room = self.room(area.height);
        // The page may have become shorter.
        self.scroll(0, room);
        let (head, dim) = match self.color {
            true => (Style::new().bold(), Style::new().dim()),
            false => Default::default(),
        };
        let Page { head: names, lines } = &self.shown;
        let lines_below = lines.iter().skip(self.top).take(room).map(|line| Line::raw(line.as_str()));
        let names = names.iter().map(|names| Line::styled(names.as_str(), head));
        for (line, row) in names.chain(lines_below).zip(area.rows()) {
            frame.render_widget(line, row);
        }
        let footer = if lines.len() > room { "q: quit, \u{2191} \u{2193}: scroll" } else { "q: quit" };
        if let Some(row) = area.rows().next_back().filter(|_| area.height > 2) {
            frame.render_widget(Line::styled(footer, dim), row);
        }
    }
}
