//! Watching who opens a file.

use std::mem::MaybeUninit;
use std::path::Path;

use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

/// How often a file was opened since this value was made. It notices who tries again and again to get a lock.
pub struct Opened(rustix::fd::OwnedFd, usize);

impl Opened {
    pub fn of(path: &Path) -> Self {
        let watch = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        add_watch(&watch, path, WatchFlags::OPEN).unwrap();
        Self(watch, 0)
    }

    pub fn count(&mut self) -> usize {
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut events = Reader::new(&self.0, &mut buffer);
        while events.next().is_ok() {
            self.1 += 1;
        }
        self.1
    }
}
