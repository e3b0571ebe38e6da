//! Other people's code that reads what anyone may have made, such as decoders of pictures. It runs on a thread of its own, which
//! is left behind if it panics or takes too long.
//!
//! Unwinding would not do: the release profile aborts on panic, after it has called the panic hook. So the hook of a contained
//! thread tells the waiting thread, and never returns. After that, nothing may set another panic hook: that would wait
//! for this one to return.

use std::cell::Cell;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    Panicked,
    TimedOut,
}

type Report = Box<dyn FnOnce()>;

thread_local! {
    /// What to do about a panic on this thread, if it is a contained one.
    static REPORT: Cell<Option<Report>> = const { Cell::new(None) };
}

/// Runs the work and waits for its result until the limit.
pub fn run<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Lost> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let report = sender.clone();
        // If nobody waits for the answer, it is too late for it.
        REPORT.set(Some(Box::new(move || drop(report.send(Err(Lost::Panicked))))));
        let result = work();
        REPORT.set(None);
        let _ = sender.send(Ok(result));
    });
    match receiver.recv_timeout(limit) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(Lost::TimedOut),
        // A panic without our hook.
        Err(RecvTimeoutError::Disconnected) => Err(Lost::Panicked),
    }
}

/// Ends a contained thread that panics, silently; on other threads, it does nothing. For the panic hook.
pub fn end_if_contained() {
    let report = REPORT.try_with(Cell::take);
    if let Ok(Some(report)) = report {
        report();
        loop {
            std::thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn result_panic_and_timeout_are_told_apart() {
        assert_eq!(run(LONG, || 7), Ok(7));
        assert_eq!(run(LONG, || -> u8 { panic!("on purpose") }), Err(Lost::Panicked));
        // As the program's hook does, which the tests do not set.
        let returned = run(LONG, || {
            end_if_contained();
            7
        });
        assert_eq!(returned, Err(Lost::Panicked));
        end_if_contained();
        let (_sender, receiver) = mpsc::channel::<u8>();
        assert_eq!(run(Duration::from_millis(1), move || receiver.recv()), Err(Lost::TimedOut));
    }
}
