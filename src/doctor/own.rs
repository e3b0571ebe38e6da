//! awsmfa's own files: who can use them, what killed writes left, and unfinished enrollments.

use std::io;
use std::path::{Path, PathBuf};

use crate::aws_files::AwsFile;
use crate::context::Context;
use crate::enrollment;
use crate::error::{CommandError, CommandResult};
use crate::files::{self, Oddity, Problem};
use crate::findings::{Finding, Repair};
use crate::model::session::timestamp;
use crate::rotation;
use crate::setup;
use crate::ui::{Severity, remedies};

pub fn check(ctx: &Context, found: &mut Vec<Finding>) {
    for folder in ctx.paths.own() {
        found.extend(files::check_own(folder).into_iter().map(exposed));
    }
    found.extend(ctx.paths.own().into_iter().filter_map(|folder| unwritable(ctx, folder)));
    leftovers(ctx, found);
    match enrollment::unfinished(ctx) {
        Ok(unfinished) => found.extend(unfinished.into_iter().map(|enrollment| {
            let (serial, user) = (&enrollment.serial, &enrollment.user);
            let since = timestamp(enrollment.began);
            Finding::warning(format!(
                "the enrollment of `{serial}` for `{user}`, started at {since}, is unfinished"
            ))
            .fix(format!("resume the enrollment: `{}`", enrollment.resume))
        })),
        Err(error) => found.push(error.into()),
    }
    match rotation::unfinished(ctx) {
        Ok(unfinished) => found.extend(unfinished.into_iter().map(|rotation| {
            let (old, user) = (&rotation.old, &rotation.user);
            let since = timestamp(rotation.began);
            Finding::warning(format!(
                "the rotation of access key `{old}` of `{user}`, started at {since}, is unfinished"
            ))
            .fix(format!("resume the rotation: `{}`", rotation.resume))
        })),
        Err(error) => found.push(error.into()),
    }
    damaged(ctx, found);
    let unreadable = setup::check_records(ctx).err();
    found.extend(unreadable.map(|error| Finding::from(error).severity(Severity::Warning)));
}

/// Records that awsmfa works without: what it did is then asked of AWS and the stores, or costs a rejected code.
fn damaged(ctx: &Context, found: &mut Vec<Finding>) {
    let finding = |path: &Path, of: &str| {
        let shown = path.display();
        Finding::warning(format!("{shown}, {of}, is damaged, or a newer awsmfa wrote it")).at(path)
    };
    let remove = |path: &Path| remedies::here().remove(path);
    let ledger = |path: PathBuf| {
        let finding = finding(&path, "the record of a device's used codes");
        finding.fix(format!("start a new record: `{}`", remove(&path))).repair(Repair::Remove(path))
    };
    let journal = |path: PathBuf, of: &str, again: &str| {
        let finding = finding(&path, &format!("the journal of an unfinished {of}"));
        let again = format!("resume the {of} with the same command: `{again}`");
        finding.fix(again).fix(format!("or, if the {of} is finished: `{}`", remove(&path)))
    };
    let all = |paths: CommandResult<Vec<PathBuf>>, finding: &dyn Fn(PathBuf) -> Finding| match paths {
        Ok(paths) => paths.into_iter().map(finding).collect(),
        Err(error) => vec![error.into()],
    };
    found.extend(all(ctx.ledgers().damaged().map_err(Into::into), &ledger));
    let enrollment = |path| journal(path, "enrollment", "awsmfa enroll");
    found.extend(all(enrollment::damaged_journals(ctx), &enrollment));
    let rotation = |path| journal(path, "rotation", "awsmfa keys rotate");
    found.extend(all(rotation::damaged_journals(ctx), &rotation));
}

/// The finding for a file that others can use. A mode can be fixed; an owner or a link cannot.
pub fn exposed(error: io::Error) -> Finding {
    let repair = match files::problem(&error) {
        Some(Problem::Odd { path, oddity: Oddity::Shared | Oddity::Writable | Oddity::GroupWritable }) => {
            Some(Repair::MakePrivate(path.clone()))
        }
        _ => None,
    };
    Finding { repair, ..CommandError::from(error).into() }
}

/// One of awsmfa's own folders that cannot be written. Without the state folder, there are no new sessions.
fn unwritable(ctx: &Context, folder: &Path) -> Option<Finding> {
    let error = files::check_writable_folder(folder).err()?;
    let needed = if folder == ctx.paths.state() { Severity::Error } else { Severity::Warning };
    let what = match files::problem(&error) {
        Some(Problem::System { path, source, .. }) if path != folder => {
            format!("cannot create `{}`: {source}", folder.display())
        }
        _ => error.to_string(),
    };
    Some(Finding { what, ..Finding::from(CommandError::from(error)).severity(needed) })
}

fn leftovers(ctx: &Context, found: &mut Vec<Finding>) {
    let mut folders: Vec<_> = ctx.paths.own().into_iter().flat_map(files::folders).collect();
    for file in [AwsFile::Config, AwsFile::Credentials] {
        folders.extend(files::folder_of_target(ctx.aws_files().path(file)));
    }
    folders.sort();
    folders.dedup();
    for path in folders.iter().flat_map(|folder| files::leftovers(folder, ctx.clock.now())) {
        let shown = path.display();
        let what = format!("{shown} was left by an awsmfa process that was killed, and may contain keys");
        let remove = remedies::here().remove(&path);
        found.push(Finding::warning(what).at(path.as_path()).fix(remove).repair(Repair::Remove(path)));
    }
}
