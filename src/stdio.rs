//! stdout as it was handed to us. std opens `/dev/null` in place of a closed one before `main`, and takes writes to one
//! that cannot be written for done; a result that went nowhere must not pass for given.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static UNWRITABLE: AtomicBool = AtomicBool::new(false);

/// Looks before std does: one system call, nothing of std's.
#[cfg(unix)]
#[ctor::ctor]
fn look() {
    use rustix::fs::{OFlags, fcntl_getfl};
    let flags = fcntl_getfl(rustix::stdio::stdout());
    let unwritable = !flags.is_ok_and(|flags| flags & OFlags::RWMODE != OFlags::RDONLY);
    UNWRITABLE.store(unwritable, Ordering::Relaxed);
}

/// stdout, whose writes fail if it was closed.
#[derive(Debug)]
pub struct Stdout(io::Stdout);

pub fn stdout() -> Stdout {
    Stdout(io::stdout())
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(unix)]
        if UNWRITABLE.load(Ordering::Relaxed) {
            return Err(rustix::io::Errno::BADF.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
