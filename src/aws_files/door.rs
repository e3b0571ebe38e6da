//! The one entrance to the two AWS files: it knows where they are, locks them, and holds its own against other programs
//! that write them.
//!
//! Those take no lock. Many truncate a file and then write it (the AWS CLI, many editors), others put a new file in its
//! place (`sed -i`), and either may have read the file before we replaced it. Hence:
//!
//! - A reading that finds less than the one before waits and reads again; an edit then refuses.
//! - The file is compared with what was read right before it is replaced, and what was replaced is compared again after.
//! - The replaced file stays open for a moment. What another program still writes into it is brought back, and the edit
//!   is made again on it; so it is where another program writes a text without our change over ours.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use zeroize::Zeroizing;

use crate::clock::SharedClock;
use crate::files::{self, Displaced, Fingerprint, Lock, Replaced};
use crate::model::secret::Secret;

use super::document::Document;
use super::profiles::Profiles;
use super::seen::Seen;
use super::write::{self, EditError, FileError, Reading};
use super::{AwsFile, merge};

/// How long other programs are waited for in all: an editor that truncates a file has written it by then.
const PATIENCE: Duration = Duration::from_secs(5);
const NAP: Duration = Duration::from_millis(5);
/// How long a file that was just replaced is watched: programs read a file and write it within a few milliseconds. Longer
/// where another program was writing it a moment ago.
const WATCH: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(120));
/// How often an edit is made while other programs write the file, too.
const ROUNDS: usize = 30;
/// After so many of them the new content is put in place first and then waited for to be on the disk: what else slows
/// an edit down is small.
const UNHURRIED_ROUNDS: usize = 10;
/// How long a file is waited for that looks as if it were being written: one that ends within a line, and an empty one.
/// What follows a truncation follows at once, unless the other program is not let run.
const DOUBTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// A file that changed this lately may be in the middle of being written.
const LATELY: TimeDelta = TimeDelta::seconds(2);

/// The two AWS files of a person.
pub struct AwsFiles {
    config: FileState,
    credentials: FileState,
    clock: SharedClock,
}

struct FileState {
    kind: AwsFile,
    path: PathBuf,
    lock: PathBuf,
    seen: RefCell<Option<Seen>>,
}

/// What another program wrote into a file that we replaced, and what it had read there.
struct Foreign {
    base: Option<Zeroizing<Vec<u8>>>,
    theirs: Zeroizing<Vec<u8>>,
}

/// What became of the file after it was replaced.
enum Aftermath {
    Quiet,
    /// Another program went on writing the file that we replaced.
    Wrote(Zeroizing<Vec<u8>>),
    /// Another program wrote over ours, without our change.
    Overwritten,
}

/// A replacement to watch.
struct After<'a> {
    before: &'a Reading,
    ours: &'a Document,
    /// The fingerprint under which ours was put in place.
    own: Option<Fingerprint>,
    displaced: Option<Displaced>,
    active: bool,
}

/// Time to wait for other programs, which runs out.
struct Patience<'a> {
    clock: &'a SharedClock,
    left: Duration,
}

impl Patience<'_> {
    /// Sleeps a moment; `false` if there is no patience left.
    fn nap(&mut self) -> bool {
        if self.left.is_zero() {
            return false;
        }
        self.clock.sleep(NAP);
        self.left = self.left.saturating_sub(NAP);
        true
    }
}

impl AwsFiles {
    /// The files at these paths, whose locks are in `state_dir`. Touches nothing yet.
    pub fn new(config: PathBuf, credentials: PathBuf, state_dir: &Path, clock: SharedClock) -> Self {
        let place = |kind, path: PathBuf| {
            let lock = lock_path(state_dir, &path);
            FileState { kind, path, lock, seen: RefCell::default() }
        };
        Self {
            config: place(AwsFile::Config, config),
            credentials: place(AwsFile::Credentials, credentials),
            clock,
        }
    }

    /// The path of one of the files.
    pub fn path(&self, kind: AwsFile) -> &Path {
        &self.place(kind).path
    }

    /// Both files, read now.
    pub fn profiles(&self) -> Result<Profiles, FileError> {
        let (config, credentials) = (self.read(AwsFile::Config)?, self.read(AwsFile::Credentials)?);
        Ok(Profiles::from_documents((&config, &self.config.path), (&credentials, &self.credentials.path)))
    }

    /// One of the files, read now.
    pub fn read(&self, kind: AwsFile) -> Result<Document, FileError> {
        let place = self.place(kind);
        let mut patience = Patience { clock: &self.clock, left: DOUBTS.1 * 2 };
        match self.read_settled(place, None, &mut patience) {
            // Nothing is written from it; whoever edits finds out.
            Err(FileError::Shrunk { .. }) => write::read(&place.path, kind),
            read => Ok(read?.document),
        }
    }

    /// Everything that [`edit`](Self::edit) does, but for the lock and the write: says before a code is used whether the
    /// edit will work. The same `change`, with values made up, is rehearsed on a copy.
    pub fn rehearse<T, E>(
        &self,
        kind: AwsFile,
        change: impl FnOnce(&mut Document) -> Result<T, E>,
    ) -> Result<T, EditError<E>> {
        let path = self.path(kind);
        write::check_replaceable(path)?;
        Ok(write::change_text(path, &mut self.read(kind)?, change)?.0)
    }

    /// Edits a file. Without a change nothing is written, but what killed writes left goes. `change` is made again where
    /// another program writes the file at the same time. Returns what the last `change` that was written returned.
    pub fn edit<T, E>(
        &self,
        kind: AwsFile,
        mut change: impl FnMut(&mut Document) -> Result<T, E>,
    ) -> Result<T, EditError<E>> {
        let place = self.place(kind);
        let mut patience = Patience { clock: &self.clock, left: PATIENCE };
        let (mut foreign, mut written, mut result): (Option<Foreign>, Option<Zeroizing<Vec<u8>>>, _) =
            (None, None, None);
        for round in 0..ROUNDS {
            let lock = place.lock()?;
            files::remove_leftovers(&place.path);
            let active = self.is_active(place, &lock) || result.is_some();
            let now = self.read_settled(place, Some(&lock), &mut patience)?;
            let mut document = place.with_foreign(&now, foreign.as_ref(), written.as_deref())?;
            let (value, text) = write::change_text(&place.path, &mut document, &mut change)?;
            let Some(text) = text.or_else(|| place.differs(&document, &now)) else {
                return Ok(result.unwrap_or(value));
            };
            write::check_replaceable(&place.path)?;
            let bytes = now.bytes.as_ref().map(|bytes| bytes.as_slice());
            let hurried = round >= UNHURRIED_ROUNDS;
            let replaced = files::replace_users_file(&place.path, bytes, text.expose().as_bytes(), hurried);
            let Replaced::Yes(displaced, own) = replaced.map_err(|source| place.write_error(source))? else {
                // At once: the other program has just written.
                continue;
            };
            place.note_own(&lock, own, &now.document, &document);
            drop(lock);
            result = Some(value);
            let after = After { before: &now, ours: &document, own, displaced, active };
            match self.watch(place, after, &mut patience)? {
                Aftermath::Quiet => return Ok(result.unwrap_or_else(|| unreachable!("it was just set"))),
                Aftermath::Wrote(theirs) => foreign = Some(Foreign { base: now.bytes, theirs }),
                Aftermath::Overwritten => foreign = None,
            }
            written = Some(Zeroizing::new(text.expose().as_bytes().to_vec()));
        }
        Err(FileError::Contended { path: place.path.clone() }.into())
    }

    fn place(&self, kind: AwsFile) -> &FileState {
        match kind {
            AwsFile::Config => &self.config,
            AwsFile::Credentials => &self.credentials,
        }
    }

    /// Whether another program wrote the file a moment ago.
    fn is_active(&self, place: &FileState, lock: &Lock) -> bool {
        changed_lately(&place.path, self.clock.now()) && !place.is_own(lock)
    }

    /// Reads a file, and again while it holds less than it held before, or looks as if it were being written.
    fn read_settled(
        &self,
        place: &FileState,
        lock: Option<&Lock>,
        patience: &mut Patience,
    ) -> Result<Reading, FileError> {
        let mut waited = Duration::ZERO;
        loop {
            let read = write::read_whole(&place.path, place.kind);
            let is_own = lock.is_some_and(|lock| place.is_own(lock));
            if !is_own && waited < self.doubt(place, &read) && patience.nap() {
                waited += NAP;
                continue;
            }
            let read = read?;
            let now = Seen::of(&read.document);
            let before = place.seen.borrow();
            let missing = before.as_ref().and_then(|before| before.missing_in(&now));
            let missing = missing.filter(|_| !is_own);
            drop(before);
            match missing {
                None => {
                    place.seen.replace(Some(now));
                    return Ok(read);
                }
                Some(_) if patience.nap() => {}
                Some(missing) => return Err(FileError::Shrunk { path: place.path.clone(), missing }),
            }
        }
    }

    /// How long to wait for a file that reads like this.
    fn doubt(&self, place: &FileState, read: &Result<Reading, FileError>) -> Duration {
        let doubt = match read {
            Ok(read) => match read.bytes.as_ref().map(|bytes| bytes.as_slice()) {
                Some([]) => DOUBTS.1,
                Some(bytes) if !bytes.ends_with(b"\n") => DOUBTS.0,
                _ => return Duration::ZERO,
            },
            // A text that is cut off may not parse.
            Err(FileError::Syntax { .. }) => DOUBTS.0,
            Err(_) => return Duration::ZERO,
        };
        if changed_lately(&place.path, self.clock.now()) { doubt } else { Duration::ZERO }
    }

    /// Watches a file that was just replaced.
    fn watch(
        &self,
        place: &FileState,
        after: After<'_>,
        patience: &mut Patience,
    ) -> Result<Aftermath, FileError> {
        let After { before, ours, own, displaced, active } = after;
        let mut left = if active { WATCH.1 } else { WATCH.0 };
        loop {
            if let Some(displaced) = &displaced {
                let content = displaced.content().map_err(|source| place.write_error(source))?;
                if before.bytes.as_ref() != Some(&content) {
                    return Ok(self.await_writer(place, displaced, before, patience));
                }
            }
            if files::fingerprint(&place.path) != own {
                let now = write::read(&place.path, place.kind);
                if !now.is_ok_and(|now| merge::is_applied(ours, &now)) {
                    return Ok(Aftermath::Overwritten);
                }
            }
            if left.is_zero() {
                return Ok(Aftermath::Quiet);
            }
            self.clock.sleep(NAP);
            left = left.saturating_sub(NAP);
        }
    }

    /// Waits until the program that writes the file that was replaced has written it. One that leaves less than there was
    /// has nothing to bring back.
    fn await_writer(
        &self,
        place: &FileState,
        displaced: &Displaced,
        before: &Reading,
        patience: &mut Patience,
    ) -> Aftermath {
        let seen = Seen::of(&before.document);
        let mut last = None;
        loop {
            let content = displaced.content().ok();
            let document = content.as_ref().and_then(|bytes| Document::parse(place.kind, bytes).ok());
            let is_whole = document.is_some_and(|now| seen.missing_in(&Seen::of(&now)).is_none());
            match content {
                Some(content) if is_whole && last.as_ref() == Some(&content) => {
                    return Aftermath::Wrote(content);
                }
                content => last = content,
            }
            if !patience.nap() {
                return Aftermath::Quiet;
            }
        }
    }
}

impl FileState {
    fn lock(&self) -> Result<Lock, FileError> {
        Lock::acquire(&self.lock).map_err(FileError::Lock)
    }

    /// The document to edit: what is there now, with what another program wrote into the file that we replaced.
    fn with_foreign(
        &self,
        now: &Reading,
        foreign: Option<&Foreign>,
        written: Option<&Vec<u8>>,
    ) -> Result<Document, FileError> {
        let Some(foreign) = foreign else { return Ok(now.document.clone()) };
        let parse = |bytes: &[u8]| write::parse(&self.path, self.kind, bytes);
        let theirs = parse(&foreign.theirs)?;
        if now.bytes.as_ref().map(|bytes| bytes.as_slice()) == written.map(Vec::as_slice) {
            return Ok(theirs);
        }
        // Meanwhile somebody has written over ours, too.
        let base = parse(foreign.base.as_ref().map_or(b"", |bytes| bytes.as_slice()))?;
        let mut document = now.document.clone();
        let merged = merge::bring_back(&base, &theirs, &mut document);
        merged.map_err(|source| FileError::Unsafe { path: self.path.clone(), source })?;
        // The log is of the change to come.
        parse(document.to_text().expose().as_bytes())
    }

    /// The document's text, if the file holds another.
    fn differs(&self, document: &Document, now: &Reading) -> Option<Secret<String>> {
        let text = document.to_text();
        let bytes = now.bytes.as_ref().map_or(&b""[..], |bytes| bytes.as_slice());
        (text.expose().as_bytes() != bytes).then_some(text)
    }

    /// Notes that the file is now as we wrote it, and so whole.
    fn note_own(&self, lock: &Lock, own: Option<Fingerprint>, before: &Document, after: &Document) {
        self.seen.replace(Some(Seen::of(before).kept_in(&Seen::of(after))));
        // Without the note, the next edit only looks more closely.
        let _ = lock.leave_note(&own.map(note).unwrap_or_default());
    }

    /// Whether the file is as the last edit of ours left it.
    fn is_own(&self, lock: &Lock) -> bool {
        let now = files::fingerprint(&self.path).map(note);
        now.is_some_and(|now| lock.note().is_ok_and(|noted| noted == now))
    }

    fn write_error(&self, source: std::io::Error) -> FileError {
        FileError::Write { path: self.path.clone(), source }
    }
}

fn note(of: Fingerprint) -> String {
    format!("{} {} {}", of.modified_ns, of.size, of.inode)
}

fn changed_lately(path: &Path, now: DateTime<Utc>) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| (now - DateTime::<Utc>::from(at)).abs() < LATELY)
}

/// Where the lock of a file lives: in our state folder, named by a digest of the file's real path, so that nothing is
/// left beside the user's files and a symlink has the lock of what it points to.
fn lock_path(state_dir: &Path, file: &Path) -> PathBuf {
    // As far as the path is there: it must have the same lock before and after the file is made.
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

#[cfg(test)]
#[cfg(unix)]
mod tests;
