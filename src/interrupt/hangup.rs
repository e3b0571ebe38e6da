//! A terminal that is closed. Usually a signal ends the program then, but `nohup` makes it ignore the signal. A live screen has
//! nothing left to do without its terminal, and crossterm would read from it without end.

#[cfg(unix)]
pub use unix::end_without_terminal;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use crate::clock::{Clock, SystemClock};
    use crate::{interrupt, tty};

    /// How often to look. The kernel need not wake who waits for nothing but the end.
    const PERIOD: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
    /// How long the program may take to end by itself, with an error: it does if it draws.
    const GRACE: Duration = Duration::from_secs(2);

    /// Ends the program when its terminal is closed.
    pub fn end_without_terminal() {
        // Without a device that can be waited for, it works as if nobody looked.
        let Ok(device) = tty::open_input() else { return };
        let _ = std::thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            if closes(&device) {
                SystemClock.sleep(GRACE);
                interrupt::end_at_once(None);
            }
        });
    }

    /// Waits until the terminal is closed. `false` if the system cannot wait for a terminal.
    fn closes(device: &File) -> bool {
        loop {
            let mut fds = [PollFd::new(device, PollFlags::empty())];
            match poll(&mut fds, Some(&PERIOD)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR),
                Err(_) => return false,
            }
        }
    }
}

/// A process on a Windows console ends with it.
#[cfg(not(unix))]
pub fn end_without_terminal() {}
