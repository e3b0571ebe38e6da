//! The terminal's alternate screen. A signal may end the program while another thread draws on it, so one lock guards both:
//! nothing is drawn after the main screen is back.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tty;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Main,
    Other,
    /// The program ends, so the other screen is not shown again.
    MainForGood,
}

static SCREEN: Mutex<Screen> = Mutex::new(Screen::Main);

/// Switch to the alternate screen, which is empty and has no history, and back. What is shown there may hide the cursor.
const SWITCH: (&[u8], &[u8]) = (b"\x1b[?1049h\x1b[2J\x1b[H", b"\x1b[2J\x1b[?25h\x1b[?1049l");

fn screen() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows the alternate screen.
pub fn enter() -> io::Result<()> {
    let mut screen = screen();
    if *screen == Screen::MainForGood {
        return Ok(());
    }
    *screen = Screen::Other;
    tty::write(SWITCH.0)
}

/// Draws on the alternate screen, if it is still shown.
pub fn draw(device: &mut File, bytes: &[u8]) -> io::Result<()> {
    match *screen() {
        Screen::Other => device.write_all(bytes),
        Screen::Main | Screen::MainForGood => Ok(()),
    }
}

/// Shows the main screen again.
pub fn leave() {
    leave_to(Screen::Main);
}

/// Like [`leave`], and nothing is drawn from now on.
pub fn leave_for_good() {
    leave_to(Screen::MainForGood);
}

fn leave_to(next: Screen) {
    let mut screen = screen();
    if *screen == Screen::Other {
        // If the terminal is gone, there is nothing to restore.
        let _ = tty::write(SWITCH.1);
    }
    if *screen != Screen::MainForGood {
        *screen = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A single test, because the state is global.
    #[test]
    fn nothing_is_drawn_after_the_main_screen_is_back_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("terminal");
        let mut device = File::options().create(true).append(true).open(&path).unwrap();
        *screen() = Screen::Other;
        draw(&mut device, b"first").unwrap();
        *screen() = Screen::Main;
        draw(&mut device, b"second").unwrap();
        leave_for_good();
        enter().unwrap();
        draw(&mut device, b"third").unwrap();
        leave();
        assert_eq!(*screen(), Screen::MainForGood);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "first");
    }
}
