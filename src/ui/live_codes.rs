//! The codes of several devices on a live screen: `code --watch`.

mod fit;
mod row;

use std::time::Duration;

use ratatui::Frame;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::Line;
pub use row::{CodeRow, CurrentCode};

use super::live_screen::{ScreenError, View};
use super::say::Ui;
use crate::model::visible::visible;

/// Where the codes come from, and what is done with them.
pub trait Codes {
    /// The devices, in the order in which they are shown. Those of a group follow each other.
    fn rows(&mut self) -> Vec<CodeRow>;
    /// Copies the code of the device at this place, and says so.
    fn copy(&mut self, device: usize) -> Result<String, String>;
    /// When the rows change next.
    fn until_change(&self) -> Duration;
}

/// How often a message is still shown when the screen is updated.
const MESSAGE_LIFE: u32 = 6;
/// How many lines a message may take from the list.
const MESSAGE_LINES: usize = 4;

impl Ui {
    /// Shows codes on the whole terminal until the person quits.
    pub fn live_codes(&self, codes: &mut dyn Codes) -> Result<(), ScreenError> {
        self.show_live(&mut CodesView::new(codes))
    }
}

/// What the person filters by.
#[derive(Debug, Default)]
struct Filter {
    text: String,
    /// Whether keys are added to the text.
    is_open: bool,
}

impl Filter {
    /// The end of a long text, where the person types.
    fn line(&self, width: usize) -> String {
        let (name, cursor) = ("filter: ", if self.is_open { "_" } else { "" });
        let room = width.saturating_sub(name.len() + cursor.len());
        format!("{name}{}{cursor}", fit::tail(&visible(&self.text), room))
    }
}

struct CodesView<'a> {
    codes: &'a mut dyn Codes,
    rows: Vec<CodeRow>,
    selected: usize,
    filter: Filter,
    message: Option<(Result<String, String>, u32)>,
    /// The first line of the list that is shown.
    top: usize,
    /// The number of lines of the list.
    room: usize,
}

impl View for CodesView<'_> {
    fn update(&mut self, _columns: usize) {
        self.read_rows();
        self.message = self.message.take().filter(|(_, life)| *life > 0).map(|(text, life)| (text, life - 1));
        self.select(0);
    }

    fn until_update(&self) -> Duration {
        self.codes.until_change()
    }

    fn draw(&mut self, frame: &mut Frame, color: bool) {
        let message = self.message();
        let (text, is_error) = message.unwrap_or_default();
        let width = usize::from(frame.area().width);
        let mut text = fit::wrapped(&text, width);
        text.truncate(MESSAGE_LINES);
        let height = u16::try_from(text.len()).unwrap_or(u16::MAX);
        let filter = u16::from(self.filter.is_open || !self.filter.text.is_empty());
        // The list comes first where there is little room.
        let parts =
            [Constraint::Min(1), Constraint::Max(height), Constraint::Max(filter), Constraint::Max(1)];
        let [list, below, typed, footer] = Layout::vertical(parts).areas(frame.area());
        self.draw_list(frame, list, color);
        let style = |style: Style| if color { style } else { Style::default() };
        let red = style(if is_error { Style::new().fg(Color::Red) } else { Style::new() });
        for (line, row) in text.into_iter().zip(below.rows()) {
            frame.render_widget(Line::styled(line, red), row);
        }
        frame.render_widget(Line::raw(self.filter.line(width)), typed);
        frame.render_widget(Line::styled(self.footer(), style(Style::new().dim())), footer);
    }

    fn key(&mut self, key: KeyCode) -> bool {
        self.message = None;
        if self.filter.is_open {
            self.type_filter(key);
            return false;
        }
        let page = self.room.try_into().unwrap_or(isize::MAX);
        match key {
            KeyCode::Char('q') => return true,
            KeyCode::Esc => self.filter.text.clear(),
            KeyCode::Char('/') => self.filter.is_open = true,
            KeyCode::Up | KeyCode::Char('k') => self.select(-1),
            KeyCode::Down | KeyCode::Char('j') => self.select(1),
            KeyCode::PageUp => self.select(-page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.select(page),
            KeyCode::Home => self.select(isize::MIN),
            KeyCode::End => self.select(isize::MAX),
            KeyCode::Enter | KeyCode::Char('c') => self.copy(),
            _ => {}
        }
        false
    }
}

impl<'a> CodesView<'a> {
    fn new(codes: &'a mut dyn Codes) -> Self {
        let (rows, filter) = (Vec::new(), Filter::default());
        Self { codes, rows, selected: 0, filter, message: None, top: 0, room: 0 }
    }

    /// The places of the rows that the filter lets through.
    fn matching(&self) -> Vec<usize> {
        let text = self.filter.text.to_lowercase();
        let matches = |row: &CodeRow| row.words().any(|word| word.to_lowercase().contains(&text));
        (0..self.rows.len()).filter(|place| matches(&self.rows[*place])).collect()
    }

    /// Moves the selection by this many rows. It stays on a row that is shown.
    fn select(&mut self, by: isize) {
        let matching = self.matching();
        let now = matching.iter().position(|place| *place >= self.selected);
        let now = now.unwrap_or(matching.len().saturating_sub(1));
        let then = now.saturating_add_signed(by).min(matching.len().saturating_sub(1));
        self.selected = matching.get(then).copied().unwrap_or(self.selected);
    }

    fn copy(&mut self) {
        if self.matching().contains(&self.selected) {
            self.message = Some((self.codes.copy(self.selected), MESSAGE_LIFE));
            self.read_rows();
        }
    }

    /// The selected device stays selected while others come and go.
    fn read_rows(&mut self) {
        let before = std::mem::replace(&mut self.rows, self.codes.rows());
        let selected = before.get(self.selected).map(|row| &row.id);
        let place = self.rows.iter().position(|row| Some(&row.id) == selected);
        self.selected = place.unwrap_or(self.selected);
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Esc => self.filter = Filter::default(),
            KeyCode::Enter => self.filter.is_open = false,
            KeyCode::Backspace if self.filter.text.is_empty() => self.filter.is_open = false,
            KeyCode::Backspace => drop(self.filter.text.pop()),
            KeyCode::Char(letter) if self.filter.text.len() < 64 => self.filter.text.push(letter),
            KeyCode::Up => self.select(-1),
            KeyCode::Down => self.select(1),
            _ => {}
        }
        self.select(0);
    }

    /// What happened, or why the selected device has no code; and whether it is an error.
    fn message(&self) -> Option<(String, bool)> {
        if let Some((result, _)) = &self.message {
            return Some(match result {
                Ok(text) => (visible(text), false),
                Err(text) => (visible(text), true),
            });
        }
        let selected = self.matching().contains(&self.selected).then(|| &self.rows[self.selected])?;
        selected.current.as_ref().err().map(|why| (visible(why), true))
    }

    fn footer(&self) -> &'static str {
        match (self.filter.is_open, self.filter.text.is_empty()) {
            (true, _) => "Enter: keep, Esc: clear",
            (false, false) => "q: quit, c: copy, /: filter, Esc: clear",
            (false, true) => "q: quit, \u{2191} \u{2193}: select, c: copy, /: filter",
        }
    }

    fn draw_list(&mut self, frame: &mut Frame, area: Rect, color: bool) {
        let matching = self.matching();
        if matching.is_empty() {
            let text = match self.rows.is_empty() {
                true => "no device is stored here anymore".to_owned(),
                false => format!("no device matches `{}`", visible(&self.filter.text)),
            };
            return frame.render_widget(Line::raw(text), area);
        }
        let columns = row::Columns::of(&self.rows, area.width.into());
        let (mut lines, mut selected, mut group) = (Vec::new(), 0..1, None);
        for place in matching {
            let row = &self.rows[place];
            let start = lines.len();
            if group != Some(&row.group) {
                group = Some(&row.group);
                lines.push(row.head(color));
            }
            lines.push(row.line(&columns, place == self.selected, color));
            if place == self.selected {
                // A group's name is shown with its first device.
                selected = start..lines.len();
            }
        }
        self.room = area.height.into();
        let last = lines.len().saturating_sub(self.room);
        let least = selected.end.saturating_sub(self.room);
        self.top = self.top.clamp(least, selected.start.max(least)).min(last);
        let (is_above, is_below) = (self.top > 0, self.top < last);
        for (line, row) in lines.into_iter().skip(self.top).zip(area.rows()) {
            frame.render_widget(line, row);
        }
        if is_above {
            mark(frame, area.rows().next(), "\u{2191}");
        }
        if is_below {
            mark(frame, area.rows().next_back(), "\u{2193}");
        }
    }
}

/// Shows at the end of a line, if there is room, that the list goes on there.
fn mark(frame: &mut Frame, line: Option<Rect>, symbol: &str) {
    let Some((end, y)) = line.and_then(|line| Some((line.right().checked_sub(1)?, line.y))) else { return };
    let buffer = frame.buffer_mut();
    let is_free = |x: u16| buffer.cell((x, y)).is_some_and(|cell| cell.symbol() == " ");
    if end.checked_sub(1).is_some_and(is_free) && is_free(end) {
        buffer[(end, y)].set_symbol(symbol);
    }
}

#[cfg(test)]
mod tests;
