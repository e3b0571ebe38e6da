//! The runtime that drives the requests.

use std::future::Future;

/// Drives requests to their end. Dropping it waits for nothing: a name lookup cannot be canceled, and where DNS is dead the
/// system takes up to a minute to give up.
pub(super) struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    pub(super) fn new() -> std::io::Result<Self> {
        tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| Self(Some(runtime)))
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("only the drop takes it"),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn drop_does_not_wait_for_a_name_lookup() {
        let runtime = Runtime::new().unwrap();
        let (started, is_started) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        // The resolver does the same: it blocks a thread of the runtime.
        runtime.block_on(async {
            tokio::task::spawn_blocking(move || {
                started.send(()).unwrap();
                released.recv()
            });
        });
        is_started.recv().unwrap();
        let (ended, is_ended) = mpsc::channel();
        let dropping = std::thread::spawn(move || {
            drop(runtime);
            ended.send(()).unwrap();
        });
        let ended = is_ended.recv_timeout(Duration::from_secs(20));
        drop(release);
        dropping.join().unwrap();
        assert!(ended.is_ok(), "it waited");
    }
}
