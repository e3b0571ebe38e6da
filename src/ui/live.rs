//! The terminal's last line, which says what is being done, and a countdown that is drawn there.

use std::fmt::Display;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::color;
use super::say::{Ui, Verbosity};
use crate::clock::Clock;
use crate::model::duration::in_words;
use crate::model::visible::visible;

/// Takes the line away and starts it again.
const AGAIN: &str = "\r\x1b[K";

/// Whether the last line on the terminal says what is being done, to be replaced by what was done, or by a prompt.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending(Arc<AtomicBool>);

impl Pending {
    /// What takes such a line away, which then is none any more.
    pub(super) fn take(&self) -> &'static str {
        if self.0.swap(false, Ordering::Relaxed) { AGAIN } else { "" }
    }
}

impl Ui {
    /// Says what is being done now; on a terminal the line turns into [`done`](Self::done)'s tick.
    pub fn doing(&self, what: impl Display) {
        if !self.is_live() {
            return self.detail(what);
        }
        self.draw(&format!("\u{b7} {} \u{2026}", visible(&what.to_string())));
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

    /// Waits, saying for how long and what for; on a terminal the seconds count down.
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
        if !self.is_drawn() {
            self.say(words(duration));
            return clock.sleep(duration);
        }
        // What was slept counts, not what the clock says: that may be set while we wait.
        let mut left = duration;
        while !left.is_zero() {
            self.draw(&visible(&words(left)));
            // First what is over the whole seconds, so that each of them is shown for a second.
            let nap = left - (whole_seconds(left) - Duration::from_secs(1));
            clock.sleep(nap);
            left -= nap;
        }
        self.write(self.pending.take());
    }

    fn is_live(&self) -> bool {
        self.style.live && self.style.verbosity == Verbosity::Normal
    }

    fn is_drawn(&self) -> bool {
        self.style.live && self.style.verbosity >= Verbosity::Normal
    }

    /// Draws the last line. One that the terminal would wrap could not be taken away again.
    fn draw(&self, text: &str) {
        let columns = terminal_size::terminal_size_of(std::io::stderr()).map(|(columns, _)| columns.0);
        let room = columns.map_or(usize::MAX, |columns| usize::from(columns).saturating_sub(1));
        let line = text.chars().take(room).collect::<String>();
        let start = self.pending.take();
        self.write(&format!("{start}{line}"));
        self.pending.0.store(true, Ordering::Relaxed);
    }

    fn write(&self, text: &str) {
        let mut err = self.err.borrow_mut();
        // Nobody is left to be told that stderr is closed.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }
}

/// The seconds to show, counted up, so that nobody reads 0 while we still wait.
fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::say::Style;
    use super::*;
    use std::cell::RefCell;
    use std::io;
    use std::rc::Rc;

    /// What was written, write by write.
    #[derive(Clone, Default)]
    pub(in super::super) struct Captured(Rc<RefCell<Vec<String>>>);

    impl Captured {
        pub(in super::super) fn writes(&self) -> Vec<String> {
            self.0.borrow().clone()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().push(std::str::from_utf8(bytes).unwrap().to_owned());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(in super::super) fn said(style: Style, speak: impl Fn(&Ui)) -> Vec<String> {
        let err = Captured::default();
        speak(&Ui::new(style, Box::new(io::sink()), Box::new(err.clone())));
        err.writes()
    }

    #[test]
    fn stage_turns_into_a_tick_on_a_terminal_and_is_a_line_elsewhere() {
        let speak = |ui: &Ui| {
            ui.doing("creating");
            ui.done("created");
        };
        assert_eq!(said(Style::default(), speak), ["awsmfa: created\n"]);
        let live = said(Style { live: true, ..Style::default() }, speak);
        assert_eq!(live, ["\u{b7} creating \u{2026}", "\r\x1b[K\u{2713} created\n"]);
    }

    /// A clock that is set back while someone sleeps.
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
            assert!(naps.len() < 100, "it waits on and on");
        }
    }

    #[test]
    fn countdown_shows_each_second_once_and_never_zero() {
        let clock = SetBack(std::sync::Mutex::default());
        let wait = Duration::from_millis(3_300);
        let drawn =
            said(Style { live: true, ..Style::default() }, |ui| ui.wait(&clock, wait, "the next code"));
        let words = |seconds: u8| format!("waiting {seconds}s for the next code");
        let again = |seconds| format!("{AGAIN}{}", words(seconds));
        assert_eq!(drawn, [words(4), again(3), again(2), again(1), AGAIN.to_owned()]);
        let naps = clock.0.lock().unwrap();
        assert_eq!(
            naps.iter().sum::<Duration>(),
            wait,
            "it takes as long as it says, whatever the clock does"
        );
        assert!(naps.iter().all(|nap| *nap <= Duration::from_secs(1)), "the countdown stands still");
    }

    #[test]
    fn wait_elsewhere_is_one_line() {
        let clock = SetBack(std::sync::Mutex::default());
        let wait = |style| said(style, |ui| ui.wait(&clock, Duration::from_millis(61_300), "AWS"));
        assert_eq!(wait(Style::default()), ["awsmfa: waiting 1m 2s for AWS\n"]);
        assert!(wait(Style { one_line: true, ..Style::default() }).is_empty());
    }
}
