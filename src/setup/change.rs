//! The change of both files: previewed, shown, checked and written.

use crate::aws_files::document::Document;
use crate::aws_files::door::Preview;
use crate::aws_files::profiles::Profiles;
use crate::aws_files::winner::{Cause, Claim};
use crate::aws_files::{AwsFile, winner, wiring};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::ui::Verbosity;

use super::diff::diff;
use super::plan::Plan;
use super::record::{FileChange, Record};
use super::request::SetupRequest;

/// The files in the order in which they are written. With awsmfa in the config file, SDKs still have the keys in the
/// credentials file; the other way around, they would have nothing in between.
const ORDER: [AwsFile; 2] = [AwsFile::Config, AwsFile::Credentials];

pub(super) struct Change<'a> {
    plan: &'a Plan,
    /// Every file, changed or not, in [`ORDER`].
    files: Vec<FileChange>,
    paths: [String; 2],
}

/// Shows a diff and asks whether to make the changes.
pub(super) fn confirm(ctx: &Context, request: &SetupRequest, diff: &str) -> CommandResult {
    // Even with `--quiet`, a person has to see what the question is about.
    let is_shown = !request.yes || ctx.ui.style().verbosity != Verbosity::Quiet;
    if is_shown && !diff.is_empty() {
        ctx.ui.text(diff, diff);
    }
    if request.yes {
        return Ok(());
    }
    ctx.confirm("make these changes?", |error| {
        CommandError::from(error)
            .kind(ErrorKind::Usage)
            .hint("use `--yes` to make the changes without confirmation")
    })
}

impl<'a> Change<'a> {
    /// What the plan would change, checked like every edit.
    pub(super) fn of(ctx: &Context, plan: &'a Plan) -> CommandResult<Self> {
        let all = ctx.aws_files();
        let mut files = Vec::new();
        for file in ORDER {
            let Preview { old, new, .. } =
                all.preview(file, |document| wiring::apply(&plan.wirings, document))?;
            if old != new {
                // Fails as the write would.
                all.rehearse(file, |document| wiring::apply(&plan.wirings, document))?;
            }
            files.push(FileChange { file, old, new });
        }
        let paths = ORDER.map(|file| all.path(file).display().to_string());
        Ok(Self { plan, files, paths })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changed().next().is_none()
    }

    fn changed(&self) -> impl Iterator<Item = &FileChange> {
        self.files.iter().filter(|file| file.is_changed())
    }

    /// A unified diff of both files, without secrets.
    pub(super) fn diff(&self) -> String {
        self.files
            .iter()
            .zip(&self.paths)
            .map(|(f, path)| diff(path, f.old.expose(), f.new.expose()))
            .collect()
    }

    /// Fails if some SDK would not get awsmfa's session from the changed files.
    pub(super) fn check(&self, ctx: &Context, plan: &Plan) -> CommandResult {
        let files = ctx.aws_files();
        let after = |file: AwsFile| {
            let change = self.files.iter().find(|change| change.file == file)?;
            Some((Document::parse(file, change.new.expose().as_bytes()).ok()?, files.path(file)))
        };
        let (Some(config), Some(credentials)) = (after(AwsFile::Config), after(AwsFile::Credentials)) else {
            return Ok(());
        };
        let profiles = Profiles::from_documents((&config.0, config.1), (&credentials.0, credentials.1));
        for (profile, claim) in plan.claims() {
            let found = winner::findings(&profiles, &winner::Variables::default(), profile, claim);
            let blocking = found.iter().find(|finding| !matches!(finding.cause, Cause::Environment(_)));
            // In a file, `Claim::Written` is about the session that login has written.
            let blocking = blocking.filter(|_| matches!(claim, Claim::Served { .. }));
            if let Some(finding) = blocking {
                let error = CommandError::new(ErrorKind::Configuration, finding.message());
                return Err(finding.hints().into_iter().fold(error, CommandError::hint));
            }
        }
        Ok(())
    }

    /// Writes the record by which the change can be undone, then the files.
    pub(super) fn write(&self, ctx: &Context, names: &[String], stored: &[String]) -> CommandResult {
        let _lock = Record::lock(ctx)?;
        Record::save(ctx, names, &self.files, stored)?;
        for FileChange { file, .. } in self.changed() {
            ctx.aws_files().edit(*file, |document| wiring::apply(&self.plan.wirings, document))?;
        }
        Ok(())
    }
}
