//! Reads large AWS files on threads while the process starts: with thousands of profiles, that takes as long as everything
//! else before the first request.

use std::fs;
use std::path::Path;
use std::thread::{Builder, JoinHandle};

use chrono::{DateTime, Utc};

use super::AwsFile;
use super::write::{self, FileError, Reading};

/// From this size on, parsing takes longer than starting a thread, in bytes.
const LARGE: u64 = 128 * 1024;

/// The files that are being read.
#[derive(Debug)]
pub struct Ahead {
    pub(super) config: Option<Reader>,
    pub(super) credentials: Option<Reader>,
}

impl Ahead {
    /// Starts to read both files, if they are large. A file that cannot be read is left to the first reader, which reports
    /// why; so are FIFOs, which deliver their content only once.
    pub fn start(config: &Path, credentials: &Path, now: DateTime<Utc>) -> Self {
        Self {
            config: Reader::start(config, AwsFile::Config, now),
            credentials: Reader::start(credentials, AwsFile::Credentials, now),
        }
    }

    /// Whether nothing is being read anymore.
    pub fn is_finished(&self) -> bool {
        [&self.config, &self.credentials].into_iter().flatten().all(|reader| reader.0.is_finished())
    }
}

/// A thread that reads a file.
#[derive(Debug)]
pub(super) struct Reader(JoinHandle<Result<Reading, FileError>>);

impl Reader {
    fn start(path: &Path, file: AwsFile, now: DateTime<Utc>) -> Option<Self> {
        if !fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > LARGE) {
            return None;
        }
        let path = path.to_owned();
        Builder::new().spawn(move || write::read_whole(&path, file, None, now)).ok().map(Self)
    }

    /// What the file held, if it could be read.
    pub(super) fn finish(self) -> Option<Reading> {
        self.0.join().ok()?.ok()
    }
}
