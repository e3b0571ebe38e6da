//! Calls of the keyring, each with a deadline: it may wait for a person who is not there.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::store::StoreError;

/// How long a keyring that did not respond is left alone, the first time.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct Calls {
    limit: Duration,
    patience: Duration,
    abandoned: Mutex<Option<Abandoned>>,
}

/// The thread of a call that missed its deadline. While it runs, another call would only wait for the same: that a person
/// answers a prompt, say. But if the keyring was restarted, nobody will ever answer. So it is asked again, at ever longer
/// intervals, because each call may add a prompt to those on the desktop.
#[derive(Debug)]
struct Abandoned {
    worker: JoinHandle<()>,
    since: Stopwatch,
    patience: Duration,
}

impl Abandoned {
    fn is_running(&self) -> bool {
        !self.worker.is_finished()
    }
}

impl Calls {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, patience: PATIENCE, abandoned: Mutex::default() }
    }

    /// Does `work` on a thread of its own and waits for it up to the limit. After that the thread is abandoned, because a
    /// keyring call cannot be interrupted and the process ends soon.
    pub(super) fn bounded<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let timed_out = || StoreError::TimedOut { seconds: self.limit.as_secs() };
        if self.is_stuck() {
            return Err(timed_out());
        }
        let (sender, receiver) = mpsc::channel();
        let worker = std::thread::Builder::new()
            .name("keyring".to_owned())
            // After the deadline there is no receiver, and what was read is wiped with the message.
            .spawn(move || drop(sender.send(work())))
            .map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        match receiver.recv_timeout(self.limit) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                self.abandon(worker);
                Err(timed_out())
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(StoreError::Unavailable { reason: "its client crashed".to_owned() })
            }
        }
    }

    fn abandon(&self, worker: JoinHandle<()>) {
        let mut abandoned = self.abandoned.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = abandoned.take().filter(Abandoned::is_running);
        let patience = earlier.map_or(self.patience, |earlier| earlier.patience.saturating_mul(2));
        *abandoned = Some(Abandoned { worker, since: Stopwatch::start(), patience });
    }

    fn is_stuck(&self) -> bool {
        let abandoned = self.abandoned.lock().unwrap_or_else(PoisonError::into_inner);
        abandoned.as_ref().is_some_and(|last| last.is_running() && last.since.elapsed() < last.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hanging_call_is_abandoned_and_the_next_fails_at_once() {
        let calls = Calls::new(Duration::from_millis(20));
        let (release, blocked) = mpsc::channel::<()>();
        let hung = calls.bounded(move || {
            let _ = blocked.recv();
            Ok(())
        });
        assert!(matches!(hung, Err(StoreError::TimedOut { .. })));
        let (started, was_started) = mpsc::channel();
        let next = calls.bounded(move || started.send(()).map_err(|_| StoreError::Locked));
        assert!(matches!(next, Err(StoreError::TimedOut { .. })));
        assert!(was_started.recv().is_err(), "it was started nonetheless");
        // Once the abandoned thread has ended, the keyring is asked again.
        release.send(()).unwrap();
        while calls.is_stuck() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn call_that_never_ends_does_not_block_the_keyring_forever() {
        let patience = Duration::from_millis(30);
        let calls = Calls { patience, ..Calls::new(Duration::from_millis(5)) };
        let (_never, blocked) = mpsc::channel::<()>();
        let blocked = std::sync::Arc::new(Mutex::new(blocked));
        let hang = || {
            let blocked = blocked.clone();
            calls.bounded(move || {
                let _ = blocked.lock().map(|blocked| blocked.recv());
                Ok(())
            })
        };
        for times in [1, 2, 4] {
            let watch = Stopwatch::start();
            assert!(hang().is_err());
            while calls.is_stuck() {
                std::thread::yield_now();
            }
            assert!(watch.elapsed() >= patience * times, "{times}: {:?}", watch.elapsed());
        }
        let answering = Calls { limit: Duration::from_secs(60), ..calls };
        assert_eq!(answering.bounded(|| Ok(7)).unwrap(), 7);
    }
}
