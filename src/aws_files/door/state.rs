//! What is known about one of the files: its last content, its lock, and whether it is still as we wrote it.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use crate::clock::Stopwatch;
use crate::files::{self, Fingerprint, Lock};

use super::super::ahead::Reader;
use super::super::document::Document;
use super::super::seen::Seen;
use super::super::write::{self, FileError, Reading};
use super::super::{AwsFile, merge};

/// What another program wrote to the file that we replaced, and what it had read there.
pub(super) struct Foreign {
    pub(super) base: Document,
    pub(super) theirs: Zeroizing<Vec<u8>>,
}

pub(super) struct FileState {
    pub(super) file: AwsFile,
    pub(super) path: PathBuf,
    lock: PathBuf,
    pub(super) known: RefCell<Option<Known>>,
    /// The thread that reads the file for the first time.
    pub(super) ahead: RefCell<Option<Reader>>,
}

/// A file as it was last read or written by us.
pub(super) struct Known {
    pub(super) reading: Reading,
    /// The file before our edit, if we wrote it. What our edit added may disappear, because another program may
    /// overwrite it.
    pub(super) edited: Option<Document>,
    /// Our file's fingerprint, and when we wrote it.
    written: Option<(Fingerprint, Stopwatch)>,
}

/// How long the content that we wrote is taken for the file's while the fingerprint is the same. Another write within the
/// same tick of the file system's clock may not change that.
const RECENTLY: Duration = Duration::from_millis(100);

impl Known {
    pub(super) fn read(reading: Reading) -> Self {
        Self { reading, edited: None, written: None }
    }

    /// What the file held before and no longer holds.
    pub(super) fn missing_in(&self, now: &Document) -> Option<String> {
        let known = &self.reading.document;
        if known.is_same(now) {
            return None;
        }
        let seen = match &self.edited {
            Some(before) => Seen::of(before).kept_in(&Seen::of(known)),
            None => Seen::of(known),
        };
        seen.missing_in(&Seen::of(now))
    }
}

impl FileState {
    pub(super) fn new(file: AwsFile, path: PathBuf, state_dir: &Path) -> Self {
        let lock = lock_path(state_dir, &path);
        Self { file, path, lock, known: RefCell::default(), ahead: RefCell::default() }
    }

    pub(super) fn lock(&self) -> Result<Lock, FileError> {
        Lock::acquire(&self.lock).map_err(FileError::Lock)
    }

    /// Reads the file, unless it certainly did not change since the last time.
    pub(super) fn read(&self, now: DateTime<Utc>) -> Result<Reading, FileError> {
        if let Some(reading) = self.ahead.take().and_then(Reader::finish) {
            self.known.replace(Some(Known::read(reading)));
        }
        let known = self.known.borrow();
        write::read_whole(&self.path, self.file, known.as_ref().map(|known| &known.reading), now)
    }

    /// What we wrote to the file a moment ago, if it still looks like that. Not for edits.
    pub(super) fn just_written(&self) -> Option<Document> {
        let known = self.known.borrow();
        let known = known.as_ref()?;
        let (fingerprint, _) = known.written.filter(|(_, since)| since.elapsed() < RECENTLY)?;
        (files::fingerprint(&self.path) == Some(fingerprint)).then(|| known.reading.document.clone())
    }

    /// Whether this is the file's last known content.
    pub(super) fn is_known(&self, document: &Document) -> bool {
        self.known.borrow().as_ref().is_some_and(|known| known.reading.document.is_same(document))
    }

    /// Makes the next reading ignore the fingerprint.
    pub(super) fn distrust(&self) {
        if let Some(known) = &mut *self.known.borrow_mut() {
            known.reading.fingerprint = None;
        }
    }

    /// Forgets the last known content: the file holds less now, and that is right.
    pub(super) fn forget(&self) {
        self.known.replace(None);
    }

    /// The document to edit: the current one, plus what another program wrote to the file that we replaced.
    pub(super) fn with_foreign(
        &self,
        now: &Reading,
        foreign: Option<&Foreign>,
        written: Option<&Document>,
    ) -> Result<Document, FileError> {
        let Some(foreign) = foreign else { return Ok(now.document.clone()) };
        let theirs = write::parse(&self.path, self.file, foreign.theirs.clone())?;
        if written.is_some_and(|written| now.bytes() == Some(written.bytes())) {
            return Ok(theirs);
        }
        // In the meantime, another program has overwritten our file, too.
        let mut document = now.document.clone();
        let merged = merge::bring_back(&foreign.base, &theirs, &mut document);
        merged.map_err(|source| FileError::Unsafe { path: self.path.clone(), source })?;
        // The log is for the change that follows.
        let text = document.to_text();
        Ok(document.settled(text))
    }

    /// Remembers that the file is now as we wrote it, so it is complete.
    pub(super) fn note_own(
        &self,
        lock: &Lock,
        (own, since): (Option<Fingerprint>, Stopwatch),
        before: &Reading,
        after: Document,
    ) -> Document {
        let reading = Reading { exists: true, document: after.clone(), fingerprint: None };
        let (edited, written) = (Some(before.document.clone()), own.map(|own| (own, since)));
        self.known.replace(Some(Known { reading, edited, written }));
        // Without the note, the next edit is only more careful.
        let _ = lock.leave_note(&own.map(note).unwrap_or_default());
        after
    }

    /// Whether the file is still as our last edit wrote it.
    pub(super) fn is_own(&self, lock: &Lock) -> bool {
        let now = files::fingerprint(&self.path).map(note);
        now.is_some_and(|now| lock.note().is_ok_and(|noted| noted == now))
    }

    pub(super) fn write_error(&self, source: std::io::Error) -> FileError {
        FileError::Write { path: self.path.clone(), source }
    }
}

fn note(of: Fingerprint) -> String {
    format!("{} {} {}", of.modified_ns, of.size, of.inode)
}

/// A file's lock: in our state folder, so that nothing is left beside the user's files, and named after a digest of the
/// file's real path, so that a symlink shares the lock of its target.
pub(super) fn lock_path(state_dir: &Path, file: &Path) -> PathBuf {
    // Only the existing part of the path can be resolved: the lock must be the same before and after the file is
    // created.
    let real = file.ancestors().find_map(|ancestor| {
        let there = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
        let rest = file.strip_prefix(ancestor).ok()?;
        let real = fs::canonicalize(there).ok()?;
        Some(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
    });
    let real = real.unwrap_or_else(|| file.to_owned());
    let name = files::digest(real.as_os_str().as_encoded_bytes());
    state_dir.join("locks").join(format!("{name}.lock"))
}
