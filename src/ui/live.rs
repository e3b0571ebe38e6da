//! Progress on a terminal's last line: what is being done, and a countdown.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use super::color;
use super::say::{Ui, Verbosity};
use crate::clock::Clock;
use crate::model::duration::in_words;
use crate::model::visible::visible;

impl Ui {
    /// Shows what is being done now. On a terminal, [`done`](Self::done) replaces the line with a tick.
    pub fn doing(&self, what: impl Display) {
        if !self.is_live() {
            return self.detail(what);
        }
        self.draw(&format!("\u{b7} {} \u{2026}", self.of_task(&what)));
    }

    pub fn done(&self, what: impl Display) {
        if !self.is_live() {
            return self.say(what);
        }
        let tick = color::DONE;
        let (on, off) =
            if self.style.color { (format!("{tick}"), format!("{tick:#}")) } else { Default::default() };
        self.write_line(&format!("{on}\u{2713}{off} {}", visible(&what.to_string())));
    }

    /// Waits and shows for how long and why. On a terminal, the seconds count down.
    pub fn wait(&self, clock: &dyn Clock, duration: Duration, what: &str) {
        self.pause(clock, duration, |left| format!("waiting {left} for {what}"));
    }

    /// Waits before something is tried again, showing why.
    pub fn wait_to_retry(&self, clock: &dyn Clock, duration: Duration, why: &str) {
        self.pause(clock, duration, |left| format!("{why}; retrying in {left}"));
    }

    fn pause(&self, clock: &dyn Clock, duration: Duration, words: impl Fn(String) -> String) {
        if self.style.one_line {
            return clock.sleep(duration);
        }
        let words = |left: Duration| words(in_words(whole_seconds(left)));
        if self.lent.get() {
            self.detail(words(duration));
            return clock.sleep(duration);
        }
        if !self.is_drawn() {
            self.say(words(duration));
            return clock.sleep(duration);
        }
        // The time slept counts, not the clock, which may be set during the wait.
        let mut left = duration;
        while !left.is_zero() {
            self.draw(&self.of_task(&words(left)));
            // The fraction of a second comes first, so that each whole second is shown for a second.
            let nap = left - (whole_seconds(left) - Duration::from_secs(1));
            clock.sleep(nap);
            left -= nap;
        }
        self.write(&self.pending.take());
    }

    /// From now on, another program uses the terminal: progress is not drawn, and shown with `-v` only.
    pub fn lend_terminal(&self) {
        self.lent.set(true);
    }

    fn is_live(&self) -> bool {
        self.is_drawn() && self.style.verbosity == Verbosity::Normal
    }

    fn is_drawn(&self) -> bool {
        let is_free = !self.lent.get() && !self.muted.get();
        self.style.live && is_free && self.style.verbosity >= Verbosity::Normal
    }

    /// Draws the last line, cut to the terminal's width: a wrapped line could not be cleared.
    fn draw(&self, text: &str) {
        let columns = terminal_size::terminal_size_of(std::io::stderr()).map(|(columns, _)| columns.0);
        let room = columns.map_or(usize::MAX, |columns| usize::from(columns).saturating_sub(1));
        let line = text.chars().take(room).collect::<String>();
        self.draw_rows([line.as_str()].into_iter());
    }

    /// Draws the last lines, which are short enough, in one write.
    pub(super) fn draw_rows<'a>(&self, rows: impl ExactSizeIterator<Item = &'a str>) {
        let (start, count) = (self.pending.take(), rows.len());
        let text = start + &rows.collect::<Vec<_>>().join("\n");
        if self.is_drawn() && !text.is_empty() {
            self.write(&text);
            self.pending.set(count);
        }
    }

    fn write(&self, text: &str) {
        let mut err = self.err.borrow_mut();
        // If stderr is closed, there is nobody to tell.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }
}

/// The duration rounded up to whole seconds, so that a wait never shows 0.
fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::super::pending::CLEAR;
    use super::super::say::Style;
    use super::super::say::tests::said;
    use super::*;

    #[test]
    fn stage_becomes_a_tick_on_a_terminal_and_a_line_elsewhere() {
        let speak = |ui: &Ui| {
            ui.doing("creating");
            ui.done("created");
        };
        assert_eq!(said(Style::default(), speak), ["awsmfa: created\n"]);
        let live = said(Style { live: true, ..Style::default() }, speak);
        assert_eq!(live, ["\u{b7} creating \u{2026}", "\r\x1b[K\u{2713} created\n"]);
    }

    /// A clock that is set back during a sleep.
    #[derive(Debug)]
    struct SetBack(std::sync::Mutex<Vec<Duration>>);

    impl Clock for SetBack {
        fn now(&self) -> chrono::DateTime<chrono::Utc> {
            let naps = i64::try_from(self.0.lock().unwrap().len()).unwrap();
            chrono::DateTime::UNIX_EPOCH - chrono::TimeDelta::minutes(20 * naps)
        }
        fn sleep(&self, duration: Duration) {
            let mut naps = self.0.lock().unwrap();
            naps.push(duration);
            assert!(naps.len() < 100, "the wait does not end");
        }
    }

    #[test]
    fn countdown_shows_each_second_once_and_never_zero() {
        let clock = SetBack(std::sync::Mutex::default());
        let wait = Duration::from_millis(3_300);
        let drawn =
            said(Style { live: true, ..Style::default() }, |ui| ui.wait(&clock, wait, "the next code"));
        let words = |seconds: u8| format!("waiting {seconds}s for the next code");
        let again = |seconds| format!("{CLEAR}{}", words(seconds));
        assert_eq!(drawn, [words(4), again(3), again(2), again(1), CLEAR.to_owned()]);
        // As long as announced, whatever the clock does, and a second for each whole second shown.
        let naps = [300, 1_000, 1_000, 1_000].map(Duration::from_millis);
        assert_eq!(*clock.0.lock().unwrap(), naps);
    }

    #[test]
    fn progress_is_drawn_unless_it_is_unwanted() {
        let shown = |verbosity| {
            let style = Style { live: true, verbosity, ..Style::default() };
            let doing = said(style, |ui| ui.doing("creating"));
            let clock = SetBack(std::sync::Mutex::default());
            (doing, said(style, |ui| ui.wait(&clock, Duration::from_secs(1), "AWS")))
        };
        let countdown = vec!["waiting 1s for AWS".to_owned(), CLEAR.to_owned()];
        assert_eq!(
            shown(Verbosity::Normal),
            (vec!["\u{b7} creating \u{2026}".to_owned()], countdown.clone())
        );
        assert_eq!(shown(Verbosity::Verbose), (vec!["awsmfa: creating\n".to_owned()], countdown));
        assert_eq!(shown(Verbosity::Quiet), (vec![], vec![]));
    }

    #[test]
    fn names_in_progress_cannot_control_the_terminal() {
        let style = Style { live: true, ..Style::default() };
        assert_eq!(said(style, |ui| ui.doing("a\x1b[2Jb")), ["\u{b7} a\\u{1b}[2Jb \u{2026}"]);
        let clock = SetBack(std::sync::Mutex::default());
        let drawn = said(style, |ui| ui.wait(&clock, Duration::from_secs(1), "a\nb"));
        assert_eq!(drawn[0], "waiting 1s for a\\nb");
    }

    #[test]
    fn wait_elsewhere_is_one_line() {
        let clock = SetBack(std::sync::Mutex::default());
        let wait = |style| said(style, |ui| ui.wait(&clock, Duration::from_millis(61_300), "AWS"));
        assert_eq!(wait(Style::default()), ["awsmfa: waiting 1m 2s for AWS\n"]);
        assert!(wait(Style { one_line: true, ..Style::default() }).is_empty());
    }
}
