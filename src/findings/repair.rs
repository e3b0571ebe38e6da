//! What `doctor --fix` does by itself: only what loses nothing and leaves everyone's credentials alone.

use std::path::PathBuf;

use crate::aws_files::AwsFile;
use crate::aws_files::dialects;
use crate::aws_files::document::Document;
use crate::aws_files::session_edits::{self, SessionEditError};
use crate::context::Context;
use crate::error::{CommandError, CommandResult};
use crate::files;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Keep other users out of a file or folder.
    MakePrivate(PathBuf),
    /// Remove a file that a killed write left.
    Remove(PathBuf),
    /// Remove the byte order mark of an AWS file.
    RemoveMark(AwsFile),
    /// Remove an expired session of awsmfa's from the credentials file.
    RemoveSession { section: String },
    /// Remove a key from a section.
    RemoveKey { file: AwsFile, section: String, key: &'static str },
    /// Set a key in a section.
    SetKey { file: AwsFile, section: String, key: &'static str, value: String },
    /// Write a setting so that all SDKs read it alike.
    Normalize { file: AwsFile, section: String, key: String },
}

/// Applies repairs; each file is edited once. Returns the results in the same order.
pub fn apply(ctx: &Context, repairs: &[&Repair]) -> Vec<CommandResult> {
    let mut results: Vec<CommandResult> = repairs.iter().map(|repair| repair.apply(ctx)).collect();
    for file in [AwsFile::Config, AwsFile::Credentials] {
        let meant: Vec<usize> = (0..repairs.len()).filter(|at| repairs[*at].file() == Some(file)).collect();
        if meant.is_empty() {
            continue;
        }
        let edit = |document: &mut Document| -> Result<_, SessionEditError> {
            Ok(meant.iter().map(|at| repairs[*at].edit(document)).collect::<Vec<_>>())
        };
        match ctx.aws_files().edit(file, edit) {
            Ok(edited) => {
                for (at, result) in meant.iter().zip(edited) {
                    results[*at] = result.map_err(Into::into);
                }
            }
            Err(error) => {
                let error = CommandError::from(error);
                meant.iter().for_each(|at| results[*at] = Err(error.clone()));
            }
        }
    }
    results
}

impl Repair {
    /// The AWS file that is edited.
    fn file(&self) -> Option<AwsFile> {
        match self {
            Self::MakePrivate(_) | Self::Remove(_) | Self::RemoveMark(_) => None,
            Self::RemoveSession { .. } => Some(AwsFile::Credentials),
            Self::RemoveKey { file, .. } | Self::SetKey { file, .. } | Self::Normalize { file, .. } => {
                Some(*file)
            }
        }
    }

    /// Whatever does not edit an AWS file's text.
    fn apply(&self, ctx: &Context) -> CommandResult {
        match self {
            Self::RemoveMark(file) => ctx.aws_files().remove_mark(*file)?,
            Self::MakePrivate(path) => files::make_private(path)?,
            Self::Remove(path) => files::remove(path).map(drop)?,
            _ => {}
        }
        Ok(())
    }

    fn edit(&self, document: &mut Document) -> Result<(), SessionEditError> {
        match self {
            Self::MakePrivate(_) | Self::Remove(_) | Self::RemoveMark(_) => {}
            Self::RemoveSession { section } => {
                session_edits::remove_session(document, section, false)?;
            }
            Self::RemoveKey { section, key, .. } => {
                document.remove(section, key)?;
            }
            Self::SetKey { section, key, value, .. } => {
                document.set(section, key, value)?;
            }
            Self::Normalize { section, key, .. } => dialects::normalize(document, section, key)?,
        }
        Ok(())
    }
}
