//! Many devices, small terminals, and names that are wider than their characters.

use super::*;

/// Forty devices in four accounts.
struct Many;

impl Codes for Many {
    fn rows(&mut self) -> Vec<CodeRow> {
        let row = |place: usize| CodeRow {
            id: place.to_string(),
            group: format!("account {}", 111_111_111_111 * (place / 10 + 1)),
            name: format!("device-{place}"),
            other_names: Vec::new(),
            current: Ok(CurrentCode {
                code: "123456".parse::<Code>().unwrap(),
                next: None,
                seconds_left: 24,
                is_used: false,
                is_copied: false,
            }),
        };
        (0..40).map(row).collect()
    }

    fn copy(&mut self, device: usize) -> Result<String, String> {
        Ok(format!("copied the code for device-{device}; the clipboard is cleared in 30 s"))
    }

    fn until_change(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn selected_device_is_always_in_view() {
    for size in [(80, 24), (20, 5), (9, 2), (20, 1)] {
        for (keys, device) in [
            (vec![], 0),
            (vec![KeyCode::End], 39),
            (vec![KeyCode::End, KeyCode::Home], 0),
            ([vec![DOWN; 25], vec![KeyCode::Up; 11]].concat(), 14),
            ([vec![DOWN; 12], typed("/DEVICE-2")].concat(), 20),
            // Without the filter, the device stays selected.
            ([typed("/-3"), vec![KeyCode::Enter, KeyCode::End, KeyCode::Esc]].concat(), 39),
            ([vec![KeyCode::End, KeyCode::Up], typed("c")].concat(), 38),
        ] {
            let frame = shown(&mut Many, size, &keys);
            let selected: Vec<&str> = frame.lines().filter(|line| line.starts_with('\u{203a}')).collect();
            let [line] = selected[..] else { panic!("{size:?}, {keys:?}:\n{frame}") };
            let name = if size.0 < 20 { "\u{203a}".to_owned() } else { format!("\u{203a} device-{device} ") };
            assert!(line.starts_with(&name), "{size:?}, {keys:?}: {line:?}");
        }
    }
}

#[test]
fn pages_follow_each_other() {
    insta::assert_snapshot!(shown(&mut Many, (50, 6), &[KeyCode::PageDown, KeyCode::PageDown]), @"
      device-7   123 456  ██████████░░ 24s           ↑
      device-8   123 456  ██████████░░ 24s
      device-9   123 456  ██████████░░ 24s
    account 222222222222
    › device-10  123 456  ██████████░░ 24s           ↓
    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
    insta::assert_snapshot!(shown(&mut Many, (50, 6), &[KeyCode::End, KeyCode::PageUp]), @"
    › device-34  123 456  ██████████░░ 24s           ↑
      device-35  123 456  ██████████░░ 24s
      device-36  123 456  ██████████░░ 24s
      device-37  123 456  ██████████░░ 24s
      device-38  123 456  ██████████░░ 24s           ↓
    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
}

#[test]
fn twenty_columns_and_five_lines_are_enough() {
    insta::assert_snapshot!(shown(&mut Many, (20, 5), &[DOWN; 11]), @"
      device-9   123 456
    account 222222222222
      device-10  123 456
    › device-11  123 456
    q: quit, ↑ ↓: select
    ");
    insta::assert_snapshot!(shown(&mut Many, (20, 5), &typed("c")), @"
    › device-0   123 456
    copied the code for
    device-0; the
    clipboard is cleared
    q: quit, ↑ ↓: select
    ");
    insta::assert_snapshot!(shown(&mut Many, (20, 5), &typed("/device-27")), @"
    account 333333333333
    › device-27  123 456

    filter: device-27_
    Enter: keep, Esc: cl
    ");
    insta::assert_snapshot!(frame((20, 9), 24, &[KeyCode::End]), @r"
      alice      123 456
      bob        used
    account 222222222222
      a device…  345 678
    › lost\u{1…  the se…
    the secret of `lost`
    is missing from the
    file store
    q: quit, ↑ ↓: select
    ");
}

/// Devices whose names have characters of two columns, accents and flags.
struct Wide;

impl Codes for Wide {
    fn rows(&mut self) -> Vec<CodeRow> {
        let names = ["日本語のアカウント", "🔑 prod", "Zoe\u{308}", "🇩🇪 Köln", "plain"];
        let rows = Many.rows().into_iter().zip(names);
        rows.map(|(row, name)| CodeRow { name: name.to_owned(), ..row }).collect()
    }

    fn copy(&mut self, device: usize) -> Result<String, String> {
        Ok(format!("copied the code for {}", self.rows()[device].name))
    }

    fn until_change(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn wide_names_leave_the_codes_in_line() {
    insta::assert_snapshot!(shown(&mut Wide, (50, 8), &typed("c")), @"
    account 111111111111
    › 日本語のアカウント  123 456  ██████████░░ 24s
      🔑 prod             123 456  ██████████░░ 24s
      Zoë                 123 456  ██████████░░ 24s
      🇩🇪 Köln             123 456  ██████████░░ 24s
      plain               123 456  ██████████░░ 24s
    copied the code for 日本語のアカウント
    q: quit, ↑ ↓: select, c: copy, /: filter
    ");
    insta::assert_snapshot!(shown(&mut Wide, (24, 8), &typed("/アカ")), @"
    account 111111111111
    › 日本語…  123 456  24s




    filter: アカ_
    Enter: keep, Esc: clear
    ");
    for columns in [1, 2, 5, 16, 17, 19, 22, 33] {
        shown(&mut Wide, (columns, 8), &typed("c"));
    }
}
