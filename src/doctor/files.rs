//! The two AWS files: whether they can be read, by whom, and what some SDK reads differently than others.

use std::path::Path;

use super::own::exposed;
use crate::aws_files::dialects::{self, Dialect, Difference};
use crate::aws_files::document::{Document, UnsafeEdit};
use crate::aws_files::profiles::{Ignored, Profiles};
use crate::aws_files::resolve::ResolveError;
use crate::aws_files::syntax::{Problem, is_identifier};
use crate::aws_files::write::{EditError, FileError};
use crate::aws_files::{AwsFile, header_of};
use crate::context::Context;
use crate::error::CommandError;
use crate::files;
use crate::findings::{self, Finding, Repair};
use crate::model::place::Place;
use crate::ui::Severity;

/// Sections of the config file that are no profiles: settings of the AWS CLI itself.
const NOT_PROFILES: [&str; 2] = ["plugins", "preview"];

/// The profiles, if both files can be read.
pub fn check(ctx: &Context, found: &mut Vec<Finding>) -> Option<Profiles> {
    let mut readable = true;
    for file in [AwsFile::Config, AwsFile::Credentials] {
        let path = ctx.aws_files().path(file);
        match ctx.aws_files().read(file) {
            Ok(document) => {
                check_access(path, &document, found);
                found.extend(document.obstacles().iter().map(|o| syntax(path, file, o)));
                found.extend(document.odd_headers().iter().map(|o| findings::of_syntax(path, o)));
                found.extend(irreplaceable(ctx, file));
                found.extend(dialects::differences(&document).into_iter().map(|d| difference(path, file, d)));
            }
            Err(error) => {
                readable = false;
                found.push(CommandError::from(error).into());
            }
        }
    }
    let profiles = ctx.profiles().ok().filter(|_| readable)?;
    found.extend(profiles.ignored().into_iter().filter(is_meant_as_profile).filter_map(ignored));
    Some(profiles)
}

/// What is wrong with the syntax. A byte order mark is not part of the text, so it can be removed.
fn syntax(path: &Path, file: AwsFile, obstacle: &UnsafeEdit) -> Finding {
    let finding = findings::of_syntax(path, obstacle);
    match obstacle {
        UnsafeEdit::Syntax(error) if error.problem == Problem::ByteOrderMark => {
            finding.repair(Repair::RemoveMark(file))
        }
        _ => finding,
    }
}

/// Who can read and write the file and its folder. Only a file with keys must be closed to readers.
fn check_access(path: &Path, document: &Document, found: &mut Vec<Finding>) {
    let sections = document.sections();
    let secret = document.file() == AwsFile::Credentials
        || sections.iter().any(|section| document.has(section, "aws_secret_access_key"));
    let warn = |error| exposed(error).severity(Severity::Warning);
    found.extend(files::check_users(path, secret).err().map(warn));
    if let Some(folder) = files::folder_of_target(path) {
        found.extend(files::check_users(&folder, false).err().map(warn));
    }
}

/// Settings in which `#` or `;` after a space can only start a comment.
const PLAIN: [&str; 8] = [
    "region",
    "output",
    "mfa_serial",
    "role_arn",
    "source_profile",
    "duration_seconds",
    "aws_access_key_id",
    "aws_secret_access_key",
];

/// A setting that SDKs read differently.
fn difference(path: &Path, file: AwsFile, difference: Difference) -> Finding {
    let Difference { line, section, key, kind } = difference;
    let finding = Finding::warning(format!("`{key}` in [{section}] {kind}"));
    let finding = finding.at(Place::Line(path.to_owned(), line)).fix(match kind {
        Dialect::Comment => "move the comment to a line of its own",
        Dialect::Capitals => "write the key in lower case",
        Dialect::Quotes => "remove the quotes",
    });
    let is_safe = match kind {
        Dialect::Comment => PLAIN.contains(&key.as_str()),
        Dialect::Capitals => true,
        Dialect::Quotes => false,
    };
    Finding { repair: is_safe.then_some(Repair::Normalize { file, section, key }), ..finding }
}

/// A file that no command could write.
fn irreplaceable(ctx: &Context, file: AwsFile) -> Option<Finding> {
    let rehearsed = ctx.aws_files().rehearse(file, |_| Ok::<(), UnsafeEdit>(()));
    match rehearsed {
        Err(EditError::File(error @ FileError::Irreplaceable { .. })) => {
            Some(Finding::from(CommandError::from(error)).severity(Severity::Warning))
        }
        _ => None,
    }
}

fn is_meant_as_profile(section: &Ignored) -> bool {
    !(section.file == AwsFile::Config && NOT_PROFILES.contains(&section.header.as_str()))
}

/// A section that the SDKs ignore. `None` for a [default] beside [profile default], which is another finding.
fn ignored(section: Ignored) -> Option<Finding> {
    let name = section.header.strip_prefix("profile ").unwrap_or(&section.header).to_owned();
    if header_of(section.file, &name) == section.header && is_identifier(&name) {
        return None;
    }
    let error = CommandError::from(ResolveError::Ignored { name, section });
    Some(Finding::from(error).severity(Severity::Warning))
}
