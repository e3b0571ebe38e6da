//! Reading a path that the user gives: a file, a FIFO, `<(…)`, a device. Reading is limited in size and, for anything but a
//! file, in time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use zeroize::Zeroizing;

/// The largest file that the user can give, in bytes. Large companies' AWS files and CA bundles have about 100 kB.
pub const LIMIT: u64 = 16 * 1024 * 1024;

/// Reads a path that the user gives, at most `limit` bytes. A FIFO delivers its content only once; this process can read it
/// again.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    #[cfg(unix)]
    return unix::read(path, limit, unix::PATIENCE);
    #[cfg(not(unix))]
    regular(&open(path)?, limit)
}

/// Reads a regular file from the current position to its end.
pub(super) fn regular(file: &File, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let size = file.metadata()?.len();
    let room = usize::try_from(size).ok().filter(|_| size <= limit).ok_or_else(|| too_large(limit))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
    file.take(limit + 1).read_to_end(&mut bytes)?;
    // The file may have grown, and special files may report no size.
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// Whether a file holds this and nothing else. It is read in pieces: it can be large, and is compared several times.
pub(super) fn holds(mut file: &File, expected: &[u8]) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut rest = expected;
    let mut piece = Zeroizing::new([0; 32 * 1024]);
    loop {
        match file.read(piece.as_mut_slice()) {
            Ok(0) => return Ok(rest.is_empty()),
            Ok(count) => match rest.strip_prefix(&piece[..count]) {
                Some(after) => rest = after,
                None => return Ok(false),
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Appends so that a buffer that is too small is wiped when it is replaced.
pub fn append(content: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    if content.capacity() - content.len() < bytes.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * (content.len() + bytes.len())));
        larger.extend_from_slice(content);
        *content = larger;
    }
    content.extend_from_slice(bytes);
}

fn too_large(limit: u64) -> io::Error {
    let limit = if limit < 1 << 20 { format!("{} KiB", limit >> 10) } else { format!("{} MiB", limit >> 20) };
    io::Error::new(io::ErrorKind::InvalidData, format!("it is larger than {limit}"))
}

#[cfg(not(unix))]
#[allow(clippy::disallowed_methods, reason = "read within a limit")]
fn open(path: &Path) -> io::Result<File> {
    super::busy::open(|| File::open(path))
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    use std::path::PathBuf;
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::OFlags;

    use super::*;
    use crate::clock::Stopwatch;

    /// How long a FIFO or a device may take to deliver its content.
    pub(super) const PATIENCE: Duration = Duration::from_secs(5);

    type Content = Zeroizing<Vec<u8>>;

    /// The content that FIFOs have delivered.
    static DELIVERED: Mutex<Vec<(PathBuf, Content)>> = Mutex::new(Vec::new());

    pub(super) fn read(path: &Path, limit: u64, patience: Duration) -> io::Result<Content> {
        let delivered = || DELIVERED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = content_of(path, &delivered()) {
            return Ok(content);
        }
        let file = open(path)?;
        let kind = file.metadata()?.file_type();
        if kind.is_file() {
            return regular(&file, limit);
        }
        if kind.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut delivered = delivered();
        if let Some(content) = content_of(path, &delivered) {
            return Ok(content);
        }
        let content = stream(&file, limit, patience)?;
        if kind.is_fifo() {
            delivered.push((path.to_owned(), content.clone()));
        }
        Ok(content)
    }

    fn content_of(path: &Path, delivered: &[(PathBuf, Content)]) -> Option<Content> {
        delivered.iter().find(|(from, _)| from == path).map(|(_, content)| content.clone())
    }

    /// Opens without waiting for a writer, and without making a terminal the controlling one.
    #[allow(clippy::disallowed_methods, reason = "opened for reading only")]
    fn open(path: &Path) -> io::Result<File> {
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
    }

    fn stream(mut file: &File, limit: u64, patience: Duration) -> io::Result<Content> {
        let watch = Stopwatch::start();
        let mut content = Content::default();
        let mut chunk = Zeroizing::new([0; 16 * 1024]);
        loop {
            wait(file, patience.saturating_sub(watch.elapsed()), patience)?;
            match file.read(chunk.as_mut_slice()) {
                Ok(0) => return Ok(content),
                Ok(count) if (content.len() + count) as u64 > limit => return Err(too_large(limit)),
                Ok(count) => append(&mut content, &chunk[..count]),
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn is_transient(error: &io::Error) -> bool {
        matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
    }

    /// Waits until there is something to read or the last writer has gone. A FIFO that never had a writer has neither.
    fn wait(file: &File, left: Duration, patience: Duration) -> io::Result<()> {
        let limit = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let ready =
            if left.is_zero() { Ok(0) } else { poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&limit)) };
        match ready {
            Ok(0) => {
                let message = format!("the content did not arrive within {} s", patience.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn fifo(home: &tempfile::TempDir, name: &str) -> PathBuf {
            let path = home.path().join(name);
            assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
            path
        }

        #[test]
        fn fifo_is_read_until_its_writer_ends_and_kept() {
            let home = tempfile::tempdir().unwrap();
            let path = fifo(&home, "config");
            let text = "[default]\n".repeat(20_000);
            std::thread::scope(|scope| {
                scope.spawn(|| std::fs::write(&path, &text));
                for _ in 0..2 {
                    let content = read(&path, LIMIT, Duration::from_secs(60)).unwrap();
                    assert!(*content == text.as_bytes());
                }
            });
        }

        #[test]
        fn endless_content_is_an_error() {
            let home = tempfile::tempdir().unwrap();
            let error =
                |path: &Path, patience| read(path, 64 * 1024, patience).map(|_| ()).unwrap_err().to_string();
            assert_eq!(error(Path::new("/dev/zero"), PATIENCE), "it is larger than 64 KiB");
            let silent = fifo(&home, "silent");
            assert_eq!(error(&silent, Duration::from_millis(50)), "the content did not arrive within 0 s");
            let large = home.path().join("large");
            File::create(&large).unwrap().set_len(1 << 40).unwrap();
            assert_eq!(error(&large, PATIENCE), "it is larger than 64 KiB");
            assert_eq!(*read(Path::new("/dev/null"), 0, PATIENCE).unwrap(), b"");
        }
    }
}
