//! A list on a live screen: it is updated every second and scrolls.

use ratatui::Frame;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Style;
use ratatui::text::Line;

use super::live_screen::{ScreenError, View};
use super::say::Ui;
use super::table::Page;

impl Ui {
    /// Shows a page on the whole terminal and updates it every second, until the person quits. `page` is given the terminal's
    /// columns.
    pub fn live(&self, page: impl FnMut(usize) -> Page) -> Result<(), ScreenError> {
        self.show_live(&mut PageView { page, shown: Page::default(), top: 0, room: 0 })
    }
}

struct PageView<F> {
    page: F,
    shown: Page,
    /// The first line below the head that is shown.
    top: usize,
    /// The number of lines between the head and the footer.
    room: usize,
}

impl<F: FnMut(usize) -> Page> View for PageView<F> {
    fn update(&mut self, columns: usize) {
        self.shown = (self.page)(columns);
    }

    fn draw(&mut self, frame: &mut Frame, color: bool) {
        let area = frame.area();
        self.room = usize::from(area.height).saturating_sub(1 + self.shown.head.iter().len());
        // The page may have become shorter.
        self.scroll(0);
        let (head, dim) = match color {
            true => (Style::new().bold(), Style::new().dim()),
            false => Default::default(),
        };
        let Page { head: names, lines } = &self.shown;
        let lines_below = lines.iter().skip(self.top).take(self.room).map(|line| Line::raw(line.as_str()));
        let names = names.iter().map(|names| Line::styled(names.as_str(), head));
        for (line, row) in names.chain(lines_below).zip(area.rows()) {
            frame.render_widget(line, row);
        }
        let footer = if lines.len() > self.room { "q: quit, \u{2191} \u{2193}: scroll" } else { "q: quit" };
        if let Some(row) = area.rows().next_back().filter(|_| area.height > 2) {
            frame.render_widget(Line::styled(footer, dim), row);
        }
    }

    fn key(&mut self, key: KeyCode) -> bool {
        let page = self.room.try_into().unwrap_or(isize::MAX);
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Up | KeyCode::Char('k') => self.scroll(-1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll(1),
            KeyCode::PageUp => self.scroll(-page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll(page),
            KeyCode::Home => self.scroll(isize::MIN),
            KeyCode::End => self.scroll(isize::MAX),
            _ => {}
        }
        false
    }
}

impl<F> PageView<F> {
    fn scroll(&mut self, by: isize) {
        let last = self.shown.lines.len().saturating_sub(self.room);
        self.top = self.top.saturating_add_signed(by).min(last);
    }
}
