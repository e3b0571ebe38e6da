//! Stopping a live screen, as Ctrl-Z does, and continuing it, as the shell's `fg` does. While awsmfa is stopped, the terminal is
//! as it was before.

#[cfg(unix)]
pub use unix::Stops;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::process::{Signal, getpgrp, getsid, kill_process_group};
    use signal_hook::SigId;
    use signal_hook::consts::{SIGCONT, SIGTSTP};
    use signal_hook::{flag, low_level};

    use crate::interrupt::{enter_live_screen, leave_live_screen};

    /// Notices the signals for as long as it exists.
    pub struct Stops {
        asked: Arc<AtomicBool>,
        continued: Arc<AtomicBool>,
        handlers: Vec<SigId>,
    }

    impl Stops {
        pub fn watch() -> Self {
            let (asked, continued) = (Arc::default(), Arc::default());
            let watched = [(SIGTSTP, &asked), (SIGCONT, &continued)];
            // Without a handler, the program stops with the live screen, which does no harm.
            let handlers = watched.map(|(signal, flag)| flag::register(signal, Arc::clone(flag)).ok());
            Self { handlers: handlers.into_iter().flatten().collect(), asked, continued }
        }

        /// Asks everything that runs in the foreground to stop, as the terminal does for Ctrl-Z.
        pub fn stop_all(&self) {
            if can_continue() {
                // It fails if the group is gone, but this process belongs to it.
                let _ = kill_process_group(getpgrp(), Signal::TSTP);
            }
        }

        /// Stops here if asked to. Returns whether the live screen has to be drawn again, because the terminal has shown
        /// something else.
        pub fn stop_if_asked(&self) -> io::Result<bool> {
            if self.asked.swap(false, Ordering::SeqCst) && can_continue() {
                leave_live_screen();
                // Returns when the process continues.
                let _ = low_level::emulate_default_handler(SIGTSTP);
                self.continued.store(true, Ordering::SeqCst);
            }
            let again = self.continued.swap(false, Ordering::SeqCst);
            if again {
                leave_live_screen();
                enter_live_screen()?;
            }
            Ok(again)
        }
    }

    impl Drop for Stops {
        fn drop(&mut self) {
            for handler in self.handlers.drain(..) {
                low_level::unregister(handler);
            }
        }
    }

    /// Whether a shell would continue what stops: not if awsmfa, or the script that runs it, is all there is on the terminal.
    fn can_continue() -> bool {
        getsid(None).is_ok_and(|leader| leader != getpgrp())
    }
}

/// Other systems do not stop programs.
#[cfg(not(unix))]
pub struct Stops;

#[cfg(not(unix))]
impl Stops {
    pub fn watch() -> Self {
        Self
    }

    pub fn stop_all(&self) {}

    pub fn stop_if_asked(&self) -> std::io::Result<bool> {
        Ok(false)
    }
}
