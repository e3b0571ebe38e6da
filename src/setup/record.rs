//! The record of a setup, by which it is undone. It is on disk before the first write. What is still somewhere in the changed
//! file, such as a long-term key that moved, is stored as a line number, so the record holds no long-term secret.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::aws_files::differences::{Difference, differences};
use crate::aws_files::document::Document;
use crate::aws_files::key_edits::take_out_and_put_back;
use crate::aws_files::{AwsFile, keeps_keys_of};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files::{self, Lock, digest};
use crate::model::secret::Secret;

const VERSION: u32 = 1;

/// One file before and after a change.
pub(super) struct FileChange {
    pub(super) file: AwsFile,
    pub(super) old: Secret<String>,
    pub(super) new: Secret<String>,
}

impl FileChange {
    pub(super) fn is_changed(&self) -> bool {
        self.old != self.new
    }

    /// The change as an undo finds it: keys that come back from a store have other lines than before.
    fn after_undoing(&self, stored: &[String]) -> Self {
        let new = Document::parse(self.file, self.new.expose().as_bytes()).ok().and_then(|mut document| {
            stored.iter().try_for_each(|name| take_out_and_put_back(&mut document, name)).ok()?;
            Some(document.to_text())
        });
        Self { file: self.file, old: self.old.clone(), new: new.unwrap_or_else(|| self.new.clone()) }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    pub(super) at: DateTime<Utc>,
    pub(super) profiles: Vec<String>,
    /// The changed files, in the order in which they were written.
    pub(super) files: Vec<FileRecord>,
    /// The profiles whose long-term keys were moved into a store afterward.
    #[serde(default)]
    pub(super) stored: Vec<String>,
    #[serde(skip)]
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FileRecord {
    is_config: bool,
    pub(super) path: PathBuf,
    /// Whether the file existed before the setup.
    existed: bool,
    /// Digests of the contents before and after the setup.
    before: String,
    after: String,
    /// The content before the setup, in terms of the one after it.
    pieces: Vec<Piece>,
    pub(super) differences: Vec<Difference>,
}

/// A part of the content before a setup.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Piece {
    /// Lines of the content after it: the first one and how many.
    Lines([usize; 2]),
    /// One of its lines, with another line ending.
    Line(usize, String),
    /// A line that is no longer there, or a part of it.
    Text(String),
    /// A part of one of the lines: where it starts and how many bytes it has.
    Part { line: usize, part: [usize; 2] },
}

/// A removed session is a secret, even if it is about to expire.
impl Drop for Piece {
    fn drop(&mut self) {
        if let Self::Text(text) = self {
            text.zeroize();
        }
    }
}

/// What a file holds now, compared with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// What it held before the setup.
    Before,
    /// What the setup wrote.
    After,
    /// Something else.
    Other,
}

impl Record {
    /// Keeps other setups away while the records or the files are changed.
    pub(super) fn lock(ctx: &Context) -> io::Result<Lock> {
        Lock::acquire(&ctx.paths.locks().join("setup.lock"))
    }

    /// Saves the record of a change that is about to be written. If the change completes an interrupted setup, that one's
    /// record counts, because it knows the files from before.
    pub(super) fn save(
        ctx: &Context,
        profiles: &[String],
        changes: &[FileChange],
        stored: &[String],
    ) -> CommandResult {
        let (all, folder) = (Self::all(ctx)?, ctx.paths.setups());
        if all.first().is_some_and(|last| last.stored == stored && last.is_completed_by(changes)) {
            return Ok(());
        }
        let number = all.first().and_then(Self::number).unwrap_or_default() + 1;
        let changed = changes.iter().map(|change| change.after_undoing(stored));
        let changed = changed.filter(FileChange::is_changed);
        let files = changed.map(|change| FileRecord::of(ctx, &change)).collect();
        let path = folder.join(format!("{number:06}.json"));
        let record = Self {
            version: VERSION,
            at: ctx.clock.now(),
            profiles: profiles.to_vec(),
            files,
            stored: stored.to_vec(),
            path,
        };
        let bytes = Zeroizing::new(serde_json::to_vec(&record).map_err(io::Error::other)?);
        Ok(files::write_private(&record.path, &bytes)?)
    }

    /// The records for the current AWS files, newest first.
    pub(super) fn all(ctx: &Context) -> CommandResult<Vec<Self>> {
        let mut paths = files::list(&ctx.paths.setups())?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort_unstable_by(|a, b| b.cmp(a));
        let mut found = Vec::new();
        for path in paths {
            let bytes = Zeroizing::new(files::read_own(&path)?.unwrap_or_default());
            let record =
                serde_json::from_slice::<Self>(&bytes).ok().filter(|record| record.version == VERSION);
            let Some(mut record) = record else {
                let message = format!("{} is damaged, or a newer awsmfa wrote it", path.display());
                return Err(CommandError::new(ErrorKind::Failed, message)
                    .hint("update awsmfa, or remove the file if you do not want to undo that setup"));
            };
            record.path = path;
            let is_here = |file: &FileRecord| absolute(ctx.aws_files().path(file.file())) == file.path;
            if record.files.iter().all(is_here) {
                found.push(record);
            }
        }
        Ok(found)
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        files::remove(&self.path).map(drop)
    }

    fn number(&self) -> Option<u32> {
        self.path.file_stem()?.to_str()?.parse().ok()
    }

    fn is_completed_by(&self, changes: &[FileChange]) -> bool {
        let of = |record: &FileRecord| changes.iter().find(|change| change.file == record.file());
        let is_interrupted = |record: &FileRecord| {
            of(record).is_some_and(|change| {
                record.state(change.old.expose()) != State::Other
                    && record.state(change.new.expose()) == State::After
            })
        };
        let is_known = |change: &FileChange| self.files.iter().any(|record| record.file() == change.file);
        self.files.iter().all(is_interrupted)
            && changes.iter().filter(|change| change.is_changed()).all(is_known)
    }
}

impl FileRecord {
    fn of(ctx: &Context, change: &FileChange) -> Self {
        let (path, old, new) = (ctx.aws_files().path(change.file), change.old.expose(), change.new.expose());
        let parse = |text: &str| Document::parse(change.file, text.as_bytes());
        let (differences, secrets) = match (parse(old), parse(new)) {
            (Ok(before), Ok(after)) => (differences(&before, &after), long_term_secrets(&after)),
            // Both have just been parsed.
            _ => (Vec::new(), Vec::new()),
        };
        Self {
            is_config: change.file == AwsFile::Config,
            path: absolute(path),
            existed: exists(path),
            before: digest(old.as_bytes()),
            after: digest(new.as_bytes()),
            pieces: pieces(old, new, &secrets),
            differences,
        }
    }

    pub(super) fn file(&self) -> AwsFile {
        if self.is_config { AwsFile::Config } else { AwsFile::Credentials }
    }

    /// The profiles whose long-term keys moved to another section.
    pub(super) fn moved_keys(&self) -> impl Iterator<Item = &str> {
        self.differences.iter().filter_map(|difference| match difference {
            Difference::Moved { to, key, .. } if key == "aws_access_key_id" => {
                keeps_keys_of(to.strip_prefix("profile ").unwrap_or(to))
            }
            _ => None,
        })
    }

    pub(super) fn state(&self, now: &str) -> State {
        let now = digest(now.as_bytes());
        match () {
            () if now == self.after => State::After,
            () if now == self.before => State::Before,
            () => State::Other,
        }
    }

    /// The content before the setup; `None` if there was no file. `now` must be the content after it.
    pub(super) fn content_before(&self, now: &str) -> CommandResult<Option<Secret<String>>> {
        let text =
            assembled(&self.pieces, now).filter(|text| digest(text.expose().as_bytes()) == self.before);
        let text = text.ok_or_else(|| {
            let message = format!("the record of the setup does not fit {}", self.path.display());
            CommandError::new(ErrorKind::Failed, message)
        })?;
        Ok(self.existed.then_some(text))
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn split(line: &str) -> (&str, &str) {
    line.split_at(line.trim_end_matches(['\r', '\n']).len())
}

fn long_term_secrets(document: &Document) -> Vec<Secret<String>> {
    let sections = document.sections().into_iter();
    let secrets = sections.filter_map(|section| document.get(&section, "aws_secret_access_key"));
    secrets.filter(|secret| !secret.expose().is_empty()).collect()
}

/// `old` in terms of the lines of `new`, without the secrets that `new` has.
fn pieces(old: &str, new: &str, secrets: &[Secret<String>]) -> Vec<Piece> {
    let lines: Vec<&str> = new.split_inclusive('\n').collect();
    let whole: HashMap<&str, usize> = lines.iter().enumerate().map(|(at, line)| (*line, at)).collect();
    let bodies: HashMap<&str, usize> =
        lines.iter().enumerate().map(|(at, line)| (split(line).0, at)).collect();
    let mut pieces: Vec<Piece> = Vec::new();
    for line in old.split_inclusive('\n') {
        if let Some(Piece::Lines([from, count])) = pieces.last_mut()
            && lines.get(*from + *count) == Some(&line)
        {
            *count += 1;
            continue;
        }
        let (body, ending) = split(line);
        match (whole.get(line), bodies.get(body)) {
            (Some(at), _) => pieces.push(Piece::Lines([*at, 1])),
            (None, Some(at)) => pieces.push(Piece::Line(*at, ending.to_owned())),
            (None, None) => pieces.extend(parts(line, &lines, secrets)),
        }
    }
    pieces
}

/// A line that `lines` do not have, with references to them in place of secrets: the same key may be there in another spelling.
fn parts(line: &str, lines: &[&str], secrets: &[Secret<String>]) -> Vec<Piece> {
    for secret in secrets.iter().map(|secret| secret.expose().as_str()) {
        let Some((before, after)) = line.split_once(secret) else { continue };
        let mut found = lines.iter().enumerate().filter_map(|(at, line)| Some((at, line.find(secret)?)));
        let Some((at, start)) = found.next() else { continue };
        let mut all = parts(before, lines, secrets);
        all.push(Piece::Part { line: at, part: [start, secret.len()] });
        all.extend(parts(after, lines, secrets));
        return all;
    }
    vec![Piece::Text(line.to_owned())]
}

fn assembled(pieces: &[Piece], new: &str) -> Option<Secret<String>> {
    let lines: Vec<&str> = new.split_inclusive('\n').collect();
    let mut old = Zeroizing::new(String::with_capacity(new.len() * 2));
    for piece in pieces {
        match piece {
            Piece::Lines([from, count]) => {
                lines.get(*from..from.checked_add(*count)?)?.iter().for_each(|line| old.push_str(line));
            }
            Piece::Line(at, ending) => {
                old.push_str(split(lines.get(*at)?).0);
                old.push_str(ending);
            }
            Piece::Text(text) => old.push_str(text),
            Piece::Part { line, part: [start, count] } => {
                old.push_str(lines.get(*line)?.get(*start..start.checked_add(*count)?)?);
            }
        }
    }
    Some(Secret::from(old.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn content_is_assembled_from_its_pieces(
            old in "([ab=\\[]{0,2}(\n|\r\n)?){0,8}",
            new in "([ab=\\[]{0,2}(\n|\r\n)?){0,8}",
            secrets in prop::collection::vec("[ab]{1,2}", 0..3),
        ) {
            let secrets: Vec<_> = secrets.into_iter().map(Secret::new).collect();
            let pieces = pieces(&old, &new, &secrets);
            prop_assert_eq!(assembled(&pieces, &new).unwrap(), Secret::from(old));
        }
    }

    #[test]
    fn moved_lines_are_not_stored() {
        let old = "[dev]\naws_secret_access_key = s3cret\n[other]\nregion = x";
        let new = "[other]\nregion = x\n[dev-long-term]\naws_secret_access_key = s3cret";
        let stored = serde_json::to_string(&pieces(old, new, &[])).unwrap();
        assert!(!stored.contains("s3cret"), "{stored}");
    }

    #[test]
    fn secret_in_another_spelling_is_not_stored() {
        let old =
            "[dev]\naws_secret_access_key=s3cret # mine\n[dev-long-term]\naws_secret_access_key = s3cret\n";
        let new = "[dev-long-term]\naws_secret_access_key = s3cret\n";
        let pieces = pieces(old, new, &["s3cret".into()]);
        let stored = serde_json::to_string(&pieces).unwrap();
        assert!(!stored.contains("s3cret"), "{stored}");
        let read: Vec<Piece> = serde_json::from_str(&stored).unwrap();
        assert_eq!(assembled(&read, new).unwrap().expose(), old);
    }
}
