//! A device's line: its name, its code, and how long the code is valid.

use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use super::fit::{columns, fitted};
use crate::model::step::STEP_SECONDS;
use crate::model::totp::Code;
use crate::model::visible::visible;

/// A device on the screen.
#[derive(Debug, Clone)]
pub struct CodeRow {
    /// What distinguishes it from all other devices.
    pub id: String,
    /// The heading that it is shown under.
    pub group: String,
    pub name: String,
    /// What else the filter finds it by.
    pub other_names: Vec<String>,
    /// Its codes, or why there are none.
    pub current: Result<CurrentCode, String>,
}

/// A device's codes now.
#[derive(Debug, Clone)]
pub struct CurrentCode {
    pub code: Code,
    /// The next step's code, which AWS accepts already, unless it was used, too.
    pub next: Option<Code>,
    pub seconds_left: u64,
    /// Whether AWS rejects the code because it was used or shown.
    pub is_used: bool,
    /// Whether it was copied from this screen.
    pub is_copied: bool,
}

/// From then on, in seconds, the next code is shown: a person who starts to type now will not finish in time.
const SHOWS_NEXT: u64 = 10;
/// From then on, in seconds, the code is about to change.
const URGENT: u64 = 5;

/// The marker, a gap, the code.
const LEAST: usize = 2 + 2 + CODE;
/// The same with two more gaps and the seconds.
const FIXED: usize = LEAST + 2 + 1 + 3;
const CODE: usize = 7;
/// Also the width of `next 123 456`.
const BAR: usize = 12;
/// The shortest name worth showing.
const SHORT_NAME: usize = 6;

/// How a line fits the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    /// Those of the terminal.
    all: usize,
    name: usize,
    /// 0 where there is no room for it.
    bar: usize,
    /// Without them, there is more room for the names: the seconds of all devices are the same.
    has_seconds: bool,
    /// Whether there is a column for notes. Otherwise they replace the bar.
    has_notes: bool,
}

impl Columns {
    pub(super) fn of(rows: &[CodeRow], width: usize) -> Self {
        let longest = rows.iter().map(|row| columns(&visible(&row.name))).max().unwrap_or_default();
        let left = width.saturating_sub(FIXED);
        let has_seconds = left >= longest.min(SHORT_NAME);
        let left = if has_seconds { left } else { width.saturating_sub(LEAST) };
        let bar = if has_seconds && left >= BAR + longest.min(SHORT_NAME) { BAR } else { 0 };
        let has_notes = bar > 0 && left >= longest.min(2 * SHORT_NAME) + BAR + 2 + BAR;
        let notes = if has_notes { 2 + BAR } else { 0 };
        let name = longest.min(left.saturating_sub(bar + notes));
        Self { all: width, name, bar, has_seconds, has_notes }
    }
}

impl CodeRow {
    /// What the filter looks at.
    pub(super) fn words(&self) -> impl Iterator<Item = &String> {
        [&self.group, &self.name].into_iter().chain(&self.other_names)
    }

    pub(super) fn head(&self, color: bool) -> Line<'static> {
        Line::styled(visible(&self.group), if color { Style::new().bold() } else { Style::default() })
    }

    pub(super) fn line(&self, columns: &Columns, is_selected: bool, color: bool) -> Line<'static> {
        let style = |style: Style| if color { style } else { Style::default() };
        let marker = if is_selected { "\u{203a} " } else { "  " };
        let name = style(if is_selected { Style::new().bold() } else { Style::new() });
        let mut spans = vec![Span::raw(marker), Span::styled(fitted(&self.name, columns.name), name)];
        let current = match &self.current {
            Ok(current) => current,
            Err(why) => {
                let why = fitted(why, columns.all.saturating_sub(2 + columns.name + 2));
                spans.push(Span::styled(format!("  {why}"), style(Style::new().fg(Color::Red))));
                return Line::from(spans);
            }
        };
        let urgency = style(Style::new().fg(match current.seconds_left {
            left if left <= URGENT => Color::Red,
            left if left <= SHOWS_NEXT => Color::Yellow,
            _ => Color::Green,
        }));
        let code = if current.is_used { "used   ".to_owned() } else { spaced(&current.code) };
        let code_style = style(if current.is_used { Style::new().dim() } else { Style::new().bold() });
        spans.extend([Span::raw("  "), Span::styled(code, code_style)]);
        if !columns.has_seconds {
            return Line::from(spans);
        }
        spans.push(Span::raw("  "));
        let note = current.note();
        if columns.bar > 0 {
            spans.push(match note.as_ref().filter(|_| !columns.has_notes) {
                Some(note) => Span::raw(format!("{note:<BAR$}")),
                None => Span::styled(bar(current.seconds_left, columns.bar), urgency),
            });
            spans.push(Span::raw(" "));
        }
        spans.push(Span::styled(format!("{:>2}s", current.seconds_left), urgency));
        if let Some(note) = note.filter(|_| columns.has_notes) {
            spans.push(Span::raw(format!("  {note}")));
        }
        Line::from(spans)
    }
}

impl CurrentCode {
    fn note(&self) -> Option<String> {
        match self.is_used || self.seconds_left <= SHOWS_NEXT {
            true => self.next.as_ref().map(|next| format!("next {}", spaced(next))),
            false => self.is_copied.then(|| "copied".to_owned()),
        }
    }
}

/// A code in two groups of three.
fn spaced(code: &Code) -> String {
    let (first, second) = code.expose().split_at(3);
    format!("{first} {second}")
}

fn bar(seconds: u64, width: usize) -> String {
    let seconds = usize::try_from(seconds.min(STEP_SECONDS)).unwrap_or_default();
    let full = (seconds * width).div_ceil(STEP_SECONDS as usize);
    "\u{2588}".repeat(full) + &"\u{2591}".repeat(width - full)
}
