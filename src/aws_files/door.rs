//! The only entrance to the two AWS files: it knows where they are, locks them, and copes with other programs that
//! write them.
//!
//! Other programs take no lock. Many truncate a file and then write it (the AWS CLI, many editors), others replace it
//! with a new file (`sed -i`), and both may have read the file before we replaced it. Therefore:
//!
//! - If a file holds less than before, we wait and read it again; if it still does, an edit is refused.
//! - Right before the replacement, the old file must be what was read: by its fingerprint or, if that is too young, by its
//!   content. Right after it, the content is compared in any case.
//! - The replaced file stays open for a moment. If another program still writes to it, that text is restored and the
//!   edit is repeated on it. The same happens if another program overwrites ours without our change.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::{SharedClock, Stopwatch};
use crate::files::{self, Expected, Lock, Replaced};
use crate::model::secret::Secret;

use super::AwsFile;
use super::ahead::Ahead;
use super::document::Document;
use super::profiles::Profiles;
use super::syntax;
use super::write::{self, EditError, FileError, Reading, changed_lately};
use state::{FileState, Foreign, Known};
use watch::{After, Aftermath, NAP, Patience};

mod state;
mod watch;

/// The total time to wait for other programs: an editor that truncates a file has written it by then.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often an edit is repeated while other programs write the file, too.
const ROUNDS: usize = 30;
/// After this many rounds, the new content is put in place first and synced to disk afterward, because syncing takes
/// most of an edit's time.
const UNHURRIED_ROUNDS: usize = 10;
/// How long to wait for a file that looks half-written: one that ends within a line, and an empty one. A program that
/// truncates a file writes it immediately afterward, unless it is suspended.
const DOUBTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// The user's two AWS files. One instance serves a whole command, so each file is parsed once.
pub struct AwsFiles {
    config: FileState,
    credentials: FileState,
    clock: SharedClock,
    profiles: RefCell<Option<Profiles>>,
}

/// What a change would do: the file's text before and after it.
pub struct Preview<T> {
    pub result: T,
    pub old: Secret<String>,
    pub new: Secret<String>,
}

impl AwsFiles {
    /// The files at these paths, with their locks in `state_dir`. Does not touch the disk.
    pub fn new(config: PathBuf, credentials: PathBuf, state_dir: &Path, clock: SharedClock) -> Self {
        Self {
            config: FileState::new(AwsFile::Config, config, state_dir),
            credentials: FileState::new(AwsFile::Credentials, credentials, state_dir),
            clock,
            profiles: RefCell::default(),
        }
    }

    /// Takes over what was read ahead.
    pub fn take(&self, ahead: Ahead) {
        self.config.ahead.replace(ahead.config);
        self.credentials.ahead.replace(ahead.credentials);
    }

    /// The path of one of the files.
    pub fn path(&self, file: AwsFile) -> &Path {
        &self.state(file).path
    }

    /// Both files, merged, as they are now.
    pub fn profiles(&self) -> Result<Profiles, FileError> {
        let (config, credentials) = (self.read(AwsFile::Config)?, self.read(AwsFile::Credentials)?);
        let mut last = self.profiles.borrow_mut();
        if let Some(profiles) = last.as_ref().filter(|profiles| profiles.are_of(&config, &credentials)) {
            return Ok(profiles.clone());
        }
        let profiles =
            Profiles::from_documents((&config, &self.config.path), (&credentials, &self.credentials.path));
        Ok(last.insert(profiles).clone())
    }

    /// One of the files as it is now. It is parsed only if its content changed since the last time.
    pub fn read(&self, file: AwsFile) -> Result<Document, FileError> {
        let state = self.state(file);
        if let Some(written) = state.just_written() {
            return Ok(written);
        }
        let mut patience = Patience { clock: &self.clock, left: DOUBTS.1 * 2 };
        match self.read_settled(state, None, &mut patience) {
            // Only an edit must not continue.
            Err(FileError::Shrunk { .. }) => write::read(&state.path, file),
            read => Ok(read?.document),
        }
    }

    /// Does everything that [`edit`](Self::edit) does except for the lock, the guard and the write, to find out before
    /// a code is used whether the edit will work. Takes the same `change`, with placeholder values, and applies it to a
    /// copy.
    pub fn rehearse<T, E>(
        &self,
        file: AwsFile,
        change: impl FnOnce(&mut Document) -> Result<T, E>,
    ) -> Result<T, EditError<E>> {
        let path = self.path(file);
        write::check_replaceable(path)?;
        write::change(path, &mut self.read(file)?, change)
    }

    /// Returns what an edit would do to a file, checked by the guard.
    pub fn preview<T, E>(
        &self,
        file: AwsFile,
        change: impl FnOnce(&mut Document) -> Result<T, E>,
    ) -> Result<Preview<T>, EditError<E>> {
        let (path, mut document) = (self.path(file), self.read(file)?);
        let old = document.to_text();
        let result = write::change(path, &mut document, change)?;
        let new = write::checked_text(path, &document)?.unwrap_or_else(|| old.clone());
        Ok(Preview { result, old, new })
    }

    /// Edits a file. If nothing changes, nothing is written, but temp files of killed writes are removed. `change` is
    /// called again if another program writes the file at the same time. Returns the result of the last call that was
    /// written.
    pub fn edit<T, E>(
        &self,
        file: AwsFile,
        mut change: impl FnMut(&mut Document) -> Result<T, E>,
    ) -> Result<T, EditError<E>> {
        let state = self.state(file);
        let mut patience = Patience { clock: &self.clock, left: PATIENCE };
        let (mut foreign, mut written, mut result): (Option<Foreign>, Option<Document>, _) =
            (None, None, None);
        for round in 0..ROUNDS {
            let lock = state.lock()?;
            files::remove_leftovers(&state.path);
            let active = self.is_active(state, &lock) || result.is_some();
            let now = self.read_settled(state, Some(&lock), &mut patience)?;
            let mut document = state.with_foreign(&now, foreign.as_ref(), written.as_ref())?;
            let value = write::change(&state.path, &mut document, &mut change)?;
            let text = write::checked_text(&state.path, &document)?;
            let Some(text) = text.or_else(|| differs(&document, &now)) else {
                return Ok(result.unwrap_or(value));
            };
            write::check_replaceable(&state.path)?;
            let bytes = text.expose().as_bytes();
            let hurried = round >= UNHURRIED_ROUNDS;
            let replaced = files::replace_users_file(&state.path, now.expected(), bytes, hurried);
            let Replaced::Yes(displaced, own) = replaced.map_err(|source| state.write_error(source))? else {
                // No need to wait: the other program has just finished writing.
                state.distrust();
                continue;
            };
            let since = Stopwatch::start();
            written = Some(state.note_own(&lock, (own, since), &now, document.settled(text)));
            drop(lock);
            result = Some(value);
            let after = After { before: &now, ours: &document, own, displaced, since, active };
            match watch::watch(state, after, &mut patience)? {
                Aftermath::Quiet => return Ok(result.unwrap_or_else(|| unreachable!("it has just been set"))),
                Aftermath::Wrote(theirs) => foreign = Some(Foreign { base: now.document, theirs }),
                Aftermath::Overwritten => foreign = None,
            }
        }
        Err(FileError::Contended { path: state.path.clone() }.into())
    }

    /// Removes what killed writes left beside a file: it may have keys that the file no longer has.
    pub fn clean(&self, file: AwsFile) -> Result<(), FileError> {
        let state = self.state(file);
        let _lock = state.lock()?;
        files::remove_leftovers(&state.path);
        Ok(())
    }

    /// Puts an earlier content of a file back (`None`: there was no file), if the file holds `expected` and nothing else.
    /// Returns whether it did.
    pub fn put_back(
        &self,
        file: AwsFile,
        expected: &[u8],
        earlier: Option<&[u8]>,
    ) -> Result<bool, FileError> {
        let state = self.state(file);
        let mut patience = Patience { clock: &self.clock, left: PATIENCE };
        let lock = state.lock()?;
        files::remove_leftovers(&state.path);
        let active = self.is_active(state, &lock);
        let now = self.read_settled(state, Some(&lock), &mut patience)?;
        if now.bytes() != Some(expected) {
            return Ok(false);
        }
        write::check_replaceable(&state.path)?;
        let Some(earlier) = earlier else {
            files::remove(&state.path).map_err(|source| state.write_error(source))?;
            state.forget();
            return Ok(true);
        };
        let replaced = files::replace_users_file(&state.path, now.expected(), earlier, false);
        let Replaced::Yes(displaced, own) = replaced.map_err(|source| state.write_error(source))? else {
            state.distrust();
            return Ok(false);
        };
        let since = Stopwatch::start();
        let ours = write::parse(&state.path, file, earlier.to_vec().into())?;
        let ours = state.note_own(&lock, (own, since), &now, ours);
        let after = After { before: &now, ours: &ours, own, displaced, since, active };
        if let Aftermath::Wrote(theirs) = watch::watch(state, after, &mut patience)? {
            // Another program was still writing to the file, which therefore was not as expected.
            let ours = Expected::content(earlier);
            let back = files::replace_users_file(&state.path, ours, &theirs, false);
            back.map_err(|source| state.write_error(source))?;
            state.forget();
            return Ok(false);
        }
        Ok(true)
    }

    /// Removes a file's byte order mark.
    pub fn remove_mark(&self, file: AwsFile) -> Result<(), FileError> {
        let document = self.read(file)?;
        let Some(content) = document.bytes().strip_prefix(syntax::bytes::MARK) else { return Ok(()) };
        match self.put_back(file, document.bytes(), Some(content))? {
            true => Ok(()),
            false => Err(FileError::Contended { path: self.path(file).to_owned() }),
        }
    }

    fn state(&self, file: AwsFile) -> &FileState {
        match file {
            AwsFile::Config => &self.config,
            AwsFile::Credentials => &self.credentials,
        }
    }

    /// Whether another program has just written the file.
    fn is_active(&self, state: &FileState, lock: &Lock) -> bool {
        changed_lately(&state.path, self.clock.now()) && !state.is_own(lock)
    }

    /// Reads a file, and reads it again while it holds less than before or looks half-written.
    fn read_settled(
        &self,
        state: &FileState,
        lock: Option<&Lock>,
        patience: &mut Patience,
    ) -> Result<Reading, FileError> {
        let mut waited = Duration::ZERO;
        loop {
            let read = state.read(self.clock.now());
            let is_own = match lock {
                Some(lock) => state.is_own(lock),
                // Nothing is written based on this reading, so it is enough that the text is the one we wrote.
                None => read.as_ref().is_ok_and(|reading| state.is_known(&reading.document)),
            };
            if !is_own && waited < self.doubt(state, &read) && patience.nap() {
                waited += NAP;
                continue;
            }
            let reading = read?;
            let known = state.known.borrow();
            let missing =
                known.as_ref().filter(|_| !is_own).and_then(|known| known.missing_in(&reading.document));
            drop(known);
            match missing {
                None => {
                    state.known.replace(Some(Known::read(reading.clone())));
                    return Ok(reading);
                }
                Some(_) if patience.nap() => {}
                Some(missing) => return Err(FileError::Shrunk { path: state.path.clone(), missing }),
            }
        }
    }

    /// How long to wait for a file with this content.
    fn doubt(&self, state: &FileState, read: &Result<Reading, FileError>) -> Duration {
        let doubt = match read {
            Ok(read) => match read.bytes() {
                Some([]) => DOUBTS.1,
                Some(bytes) if !bytes.ends_with(b"\n") => DOUBTS.0,
                _ => return Duration::ZERO,
            },
            // A truncated text may not parse.
            Err(FileError::Syntax { .. }) => DOUBTS.0,
            Err(_) => return Duration::ZERO,
        };
        if changed_lately(&state.path, self.clock.now()) { doubt } else { Duration::ZERO }
    }
}

/// The document's text, if it differs from the file's.
fn differs(document: &Document, now: &Reading) -> Option<Secret<String>> {
    if document.is_same(&now.document) {
        return None;
    }
    let text = document.to_text();
    (text.expose().as_bytes() != now.bytes().unwrap_or_default()).then_some(text)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
