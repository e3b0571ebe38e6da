use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::model::totp::Code;

/// Three devices in two accounts, at this second of a step.
struct Fixed {
    seconds_left: u64,
    copied: Vec<usize>,
}

impl Codes for Fixed {
    fn rows(&mut self) -> Vec<CodeRow> {
        let code = |text: &str| text.parse::<Code>().unwrap();
        let row = |place: usize, group: &str, name: &str, digits: &str, is_used| CodeRow {
            id: name.to_owned(),
            group: group.to_owned(),
            name: name.to_owned(),
            other_names: vec![format!("profile-{place}")],
            current: Ok(CurrentCode {
                code: code(digits),
                next: Some(code("999000")),
                seconds_left: self.seconds_left,
                is_used,
                is_copied: self.copied.contains(&place),
            }),
        };
        let mut rows = vec![
            row(0, "account 111111111111", "alice", "123456", false),
            row(1, "account 111111111111", "bob", "234567", true),
            row(2, "account 222222222222", "a device with a long label", "345678", false),
            row(3, "account 222222222222", "lost\u{1b}[2J", "000000", false),
        ];
        rows[3].current = Err("the secret of `lost` is missing from the file store".to_owned());
        rows
    }

    fn copy(&mut self, device: usize) -> Result<String, String> {
        self.copied.push(device);
        if device == 3 { Err("no code".to_owned()) } else { Ok(format!("copied code {device}")) }
    }

    fn until_change(&self) -> Duration {
        Duration::ZERO
    }
}

mod sizes;

/// What a terminal of this size shows after these keys.
fn frame(size: (u16, u16), seconds_left: u64, keys: &[KeyCode]) -> String {
    shown(&mut Fixed { seconds_left, copied: Vec::new() }, size, keys)
}

/// [`frame`] of these codes.
fn shown(codes: &mut dyn Codes, (columns, lines): (u16, u16), keys: &[KeyCode]) -> String {
    let mut view = CodesView::new(codes);
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    view.update(columns.into());
    for key in keys {
        terminal.draw(|frame| view.draw(frame, false)).unwrap();
        assert!(!view.key(*key));
    }
    terminal.draw(|frame| view.draw(frame, false)).unwrap();
    let buffer = terminal.backend().buffer();
    let cells: Vec<&str> = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
    let mut text = String::new();
    for line in cells.chunks(columns.into()) {
        let mut place = 0;
        // A wide character hides the cell after it.
        let visible = line.iter().enumerate().filter(|(cell, symbol)| {
            let is_visible = *cell >= place;
            if is_visible {
                place = cell + fit::columns(symbol).max(1);
            }
            is_visible
        });
        let line: String = visible.map(|(_, symbol)| *symbol).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

const DOWN: KeyCode = KeyCode::Down;

fn typed(text: &str) -> Vec<KeyCode> {
    text.chars().map(KeyCode::Char).collect()
}

#[test]
fn wide_terminal_has_a_column_for_notes() {
    insta::assert_snapshot!(frame((80, 9), 24, &[DOWN, DOWN]), @r"
    account 111111111111
      alice                       123 456  ██████████░░ 24s
      bob                         used     ██████████░░ 24s  next 999 000
    account 222222222222
    › a device with a long label  345 678  ██████████░░ 24s
      lost\u{1b}[2J               the secret of `lost` is missing from the file sto…


    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
    insta::assert_snapshot!(frame((80, 9), 9, &typed("c")), @r"
    account 111111111111
    › alice                       123 456  ████░░░░░░░░  9s  next 999 000
      bob                         used     ████░░░░░░░░  9s  next 999 000
    account 222222222222
      a device with a long label  345 678  ████░░░░░░░░  9s  next 999 000
      lost\u{1b}[2J               the secret of `lost` is missing from the file sto…

    copied code 0
    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
}

#[test]
fn forty_columns_are_enough() {
    insta::assert_snapshot!(frame((40, 9), 24, &[]), @r"
    account 111111111111
    › alice        123 456  ██████████░░ 24s
      bob          used     next 999 000 24s
    account 222222222222
      a device w…  345 678  ██████████░░ 24s
      lost\u{1b}…  the secret of `lost` is …


    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
    insta::assert_snapshot!(frame((40, 9), 10, &[]), @r"
    account 111111111111
    › alice        123 456  next 999 000 10s
      bob          used     next 999 000 10s
    account 222222222222
      a device w…  345 678  next 999 000 10s
      lost\u{1b}…  the secret of `lost` is …


    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
    insta::assert_snapshot!(frame((40, 12), 24, &[KeyCode::End]), @r"
    account 111111111111
      alice        123 456  ██████████░░ 24s
      bob          used     next 999 000 24s
    account 222222222222
      a device w…  345 678  ██████████░░ 24s
    › lost\u{1b}…  the secret of `lost` is …



    the secret of `lost` is missing from the
    file store
    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
}

#[test]
fn tiny_terminals_show_what_fits() {
    insta::assert_snapshot!(frame((24, 4), 24, &[DOWN, DOWN]), @"
      bob      used     24s
    account 222222222222
    › a devi…  345 678  24s
    q: quit, ↑ ↓: select, c:
    ");
    for size in [(1, 1), (2, 1), (1, 9), (5, 2), (12, 3)] {
        frame(size, 1, &[DOWN, KeyCode::Char('c'), KeyCode::Char('/'), KeyCode::Char('x')]);
    }
}

#[test]
fn selection_stays_in_view_and_below_its_heading() {
    insta::assert_snapshot!(frame((60, 4), 24, &[DOWN, DOWN]), @"
      bob                used     ██████████░░ 24s  next 999 000
    account 222222222222
    › a device with a …  345 678  ██████████░░ 24s             ↓
    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
    insta::assert_snapshot!(frame((60, 4), 24, &[KeyCode::End, KeyCode::Home]), @"
    account 111111111111
    › alice              123 456  ██████████░░ 24s
      bob                used     ██████████░░ 24s  next 999 000
    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
}

#[test]
fn filter_looks_at_every_name_and_escape_clears_it() {
    insta::assert_snapshot!(frame((60, 6), 24, &typed("/PROFILE-2")), @"
    account 222222222222
    › a device with a …  345 678  ██████████░░ 24s


    filter: PROFILE-2_
    Enter: keep, Esc: clear
    ");
    let kept = [typed("/bob"), vec![KeyCode::Enter], typed("c")].concat();
    insta::assert_snapshot!(frame((60, 6), 24, &kept), @"
    account 111111111111
    › bob                used     ██████████░░ 24s  next 999 000

    copied code 1
    filter: bob
    q: quit, c: copy, /: filter, Esc: clear
    ");
    insta::assert_snapshot!(frame((60, 4), 24, &typed("/qq")), @"
    no device matches `qq`

    filter: qq_
    Enter: keep, Esc: clear
    ");
    let all = frame((60, 9), 24, &[]);
    assert_eq!(frame((60, 9), 24, &[typed("/bo"), vec![KeyCode::Esc, KeyCode::Home]].concat()), all);
    let back = [typed("/b"), vec![KeyCode::Backspace, KeyCode::Backspace, KeyCode::Up]].concat();
    assert_eq!(frame((60, 9), 24, &back), all);
    let nothing_to_copy = [typed("/qq"), vec![KeyCode::Enter], typed("c")].concat();
    assert!(!frame((60, 6), 24, &nothing_to_copy).contains("copied"));
}

/// Devices that come and go.
struct Changing(Vec<&'static str>);

impl Codes for Changing {
    fn rows(&mut self) -> Vec<CodeRow> {
        let row = |name: &&str| CodeRow {
            id: (*name).to_owned(),
            group: String::new(),
            name: (*name).to_owned(),
            other_names: Vec::new(),
            current: Err("no code".to_owned()),
        };
        self.0.iter().map(row).collect()
    }

    fn copy(&mut self, device: usize) -> Result<String, String> {
        Ok(format!("copied {}", self.0[device]))
    }

    fn until_change(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn selected_device_stays_selected_while_others_come_and_go() {
    let copied_after = |devices: &[&'static str]| {
        let mut codes = Changing(vec!["alice", "bob", "carol"]);
        let mut view = CodesView::new(&mut codes);
        view.update(80);
        view.key(DOWN);
        let selected = view.selected;
        drop(view);
        let mut before = codes.rows();
        codes.0 = devices.to_vec();
        let mut view = CodesView::new(&mut codes);
        (view.selected, view.rows) = (selected, std::mem::take(&mut before));
        view.update(80);
        view.key(KeyCode::Enter);
        view.message().map(|(text, _)| text)
    };
    for devices in [&["bob"][..], &["bob", "carol"], &["adam", "alice", "bob"]] {
        assert_eq!(copied_after(devices).unwrap(), "copied bob", "{devices:?}");
    }
    assert_eq!(copied_after(&["alice", "carol"]).unwrap(), "copied carol");
    assert_eq!(copied_after(&[]), None);
}

#[test]
fn keys_quit_only_outside_of_the_filter() {
    let mut codes = Fixed { seconds_left: 5, copied: Vec::new() };
    let mut view = CodesView::new(&mut codes);
    view.update(80);
    assert!(!view.key(KeyCode::Esc) && view.key(KeyCode::Char('q')));
    view.key(KeyCode::Char('/'));
    assert!(!view.key(KeyCode::Char('q')));
}

#[test]
fn message_disappears_by_itself() {
    let mut codes = Fixed { seconds_left: 5, copied: Vec::new() };
    let mut view = CodesView::new(&mut codes);
    view.update(80);
    view.key(KeyCode::Enter);
    let shown = (0..20).take_while(|_| {
        view.update(80);
        view.message().is_some()
    });
    assert_eq!(shown.count(), MESSAGE_LIFE as usize);
}

#[test]
fn color_shows_urgency() {
    let style = |seconds_left, word: &str| {
        let mut codes = Fixed { seconds_left, copied: Vec::new() };
        let line = codes.rows()[0].line(&row::Columns::of(&codes.rows(), 80), true, true);
        line.spans.iter().find(|span| span.content.contains(word)).unwrap().style
    };
    assert_eq!(style(20, "123 456"), Style::new().bold());
    let colors = [11, 10, 5].map(|left| style(left, "s").fg);
    assert_eq!(colors, [Color::Green, Color::Yellow, Color::Red].map(Some));
}
