//! stdout as it was handed to us. std opens `/dev/null` in place of a closed one before `main`, and takes writes to one
//! that cannot be written for done; a result that went nowhere must not pass for given.

use std::io::{self, Write};

/// How stdout was before std changed it.
#[cfg(unix)]
mod at_start {
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::{OFlags, fcntl_getfl};

    static UNWRITABLE: AtomicBool = AtomicBool::new(false);

    /// Runs before std: one system call, nothing from std.
    #[ctor::ctor]
    fn look() {
        let flags = fcntl_getfl(rustix::stdio::stdout());
        let unwritable = !flags.is_ok_and(|flags| flags & OFlags::RWMODE != OFlags::RDONLY);
        UNWRITABLE.store(unwritable, Ordering::Relaxed);
    }

    pub fn check() -> io::Result<()> {
        if UNWRITABLE.load(Ordering::Relaxed) { Err(rustix::io::Errno::BADF.into()) } else { Ok(()) }
    }
}

/// stdout; writes fail if it was closed.
#[derive(Debug)]
pub struct Stdout(io::Stdout);

pub fn stdout() -> Stdout {
    Stdout(io::stdout())
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(unix)]
        at_start::check()?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
