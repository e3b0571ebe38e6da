//! Undoing a setup: every byte is given back if the files are as the setup left them. Otherwise the setup's own changes are taken
//! back where nothing else has changed the same settings.

use crate::aws_files::AwsFile;
use crate::aws_files::differences::take_back;
use crate::aws_files::document::UnsafeEdit;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::key_storage;
use crate::model::secret::Secret;
use crate::model::shell::CommandLine;

use super::change;
use super::diff::diff;
use super::record::{FileRecord, Record, State};
use super::request::SetupRequest;

/// What an undo did, or would do.
pub struct Undone {
    /// The profiles of the setup.
    pub profiles: Vec<String>,
    /// Whether the files are as before the setup, byte for byte.
    pub exactly: bool,
    /// What could not be taken back, in words.
    pub left: Vec<String>,
    /// With `dry_run`: the change, as a diff without secrets.
    pub planned: Option<String>,
}

/// How one file is restored.
struct Step<'a> {
    record: &'a FileRecord,
    file: AwsFile,
    old: Secret<String>,
    /// What the file holds afterward; `None` if there is no file then.
    new: Option<Secret<String>>,
    is_exact: bool,
    left: Vec<String>,
}

/// Undoes the last setup, or the last one of the given profiles.
pub fn undo(ctx: &Context, request: &SetupRequest) -> CommandResult<Undone> {
    let _lock = Record::lock(ctx)?;
    let records = Record::all(ctx)?;
    let is_wanted = |record: &&Record| {
        request.profiles.is_empty() || request.profiles.iter().any(|name| record.profiles.contains(name))
    };
    for record in records.iter().filter(is_wanted) {
        let stored = stored_keys(ctx, record)?;
        check_moved_keys(ctx, record, &stored)?;
        let mut request = request.clone();
        if !stored.is_empty() {
            // The files must have the keys again before anything else is compared.
            bring_back(ctx, &request, &stored)?;
            request.yes = true;
        }
        let steps = if request.dry_run && !stored.is_empty() { Vec::new() } else { steps(ctx, record)? };
        // Without anything to do, the setup was interrupted before it wrote anything.
        if !steps.is_empty() || !stored.is_empty() {
            return undo_one(ctx, &request, record, &steps);
        }
        if !request.dry_run {
            record.remove()?;
        }
    }
    let of = request.profiles.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
    let of = if of.is_empty() { of } else { format!(" of {of}") };
    Err(CommandError::new(ErrorKind::Failed, format!("there is no setup{of} to undo")))
}

/// The profiles of a setup that still have their long-term keys in a store.
fn stored_keys(ctx: &Context, record: &Record) -> CommandResult<Vec<String>> {
    let mut stored = Vec::new();
    for profile in &record.stored {
        if ctx.vault.stored_key(profile)?.is_some() {
            stored.push(profile.clone());
        }
    }
    Ok(stored)
}

/// Fails if long-term keys that the setup moved are in a store now, apart from those `known` ones that come back anyway. Without
/// them, the profile would have neither keys nor awsmfa.
fn check_moved_keys(ctx: &Context, record: &Record, known: &[String]) -> CommandResult {
    let moved = record.files.iter().flat_map(FileRecord::moved_keys);
    for profile in moved.filter(|profile| !known.iter().any(|name| name == profile)) {
        let Some(key) = ctx.vault.stored_key(profile)? else { continue };
        let message = format!(
            "the long-term keys of profile `{profile}` have moved to the {} store since the setup",
            key.store
        );
        let restore = CommandLine::new("awsmfa keys restore").profile(profile);
        return Err(CommandError::new(ErrorKind::Failed, message)
            .hint(format!("move the keys back to the file first: `{restore}`")));
    }
    Ok(())
}

/// Moves long-term keys from a store back to the files.
fn bring_back(ctx: &Context, request: &SetupRequest, profiles: &[String]) -> CommandResult {
    for profile in profiles {
        ctx.ui.say(format_args!("the long-term keys of `{profile}` move from the store back to the file"));
    }
    if request.dry_run {
        return Ok(());
    }
    change::confirm(ctx, request, "")?;
    for profile in profiles {
        key_storage::restore(ctx, Named::Flag(profile))?;
    }
    Ok(())
}

fn undo_one(ctx: &Context, request: &SetupRequest, record: &Record, steps: &[Step]) -> CommandResult<Undone> {
    let planned: String = steps.iter().map(|step| shown(ctx, step)).collect();
    let mut undone = Undone {
        profiles: record.profiles.clone(),
        exactly: steps.iter().all(|step| step.is_exact),
        left: steps.iter().flat_map(|step| step.left.clone()).collect(),
        planned: None,
    };
    if request.dry_run {
        return Ok(Undone { planned: Some(planned), ..undone });
    }
    change::confirm(ctx, request, &planned)?;
    undone.left.clear();
    for step in steps {
        if let Some(left) = restore(ctx, step)? {
            undone.exactly = false;
            undone.left.extend(left);
        }
    }
    record.remove()?;
    Ok(undone)
}

/// The files to restore, in the opposite order of the setup.
fn steps<'a>(ctx: &Context, record: &'a Record) -> CommandResult<Vec<Step<'a>>> {
    let mut steps = Vec::new();
    for record in record.files.iter().rev() {
        let (files, file) = (ctx.aws_files(), record.file());
        let old = files.read(file)?.to_text();
        let step = match record.state(old.expose()) {
            State::Before => continue,
            State::After => {
                let new = record.content_before(old.expose())?;
                files.rehearse(file, |_| Ok::<_, UnsafeEdit>(()))?;
                Step { record, file, old, new, is_exact: true, left: Vec::new() }
            }
            State::Other => {
                let taken = files.preview(file, |document| take_back(document, &record.differences))?;
                Step { record, file, old, new: Some(taken.new), is_exact: false, left: taken.result }
            }
        };
        steps.push(step);
    }
    Ok(steps)
}

fn shown(ctx: &Context, step: &Step) -> String {
    let path = ctx.aws_files().path(step.file).display().to_string();
    diff(&path, step.old.expose(), step.new.as_ref().map_or("", |new| new.expose()))
}

/// Restores a file. Returns what stays, or `None` if every byte was given back.
fn restore(ctx: &Context, step: &Step) -> CommandResult<Option<Vec<String>>> {
    let files = ctx.aws_files();
    let earlier = step.new.as_ref().map(|new| new.expose().as_bytes());
    if step.is_exact && files.put_back(step.file, step.old.expose().as_bytes(), earlier)? {
        return Ok(None);
    }
    // Not as it was a moment ago, or not since the setup.
    Ok(Some(files.edit(step.file, |document| take_back(document, &step.record.differences))?))
}
