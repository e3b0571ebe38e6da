//! What `doctor --fix` does by itself: only what loses nothing and leaves everyone's credentials alone.

use std::path::PathBuf;

use crate::aws_files::AwsFile;
use crate::aws_files::document::{Document, UnsafeEdit};
use crate::aws_files::session_edits::{self, SessionEditError};
use crate::context::Context;
use crate::error::CommandResult;
use crate::files;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Keep other users out of a file or folder.
    MakePrivate(PathBuf),
    /// Remove a file that a killed write left.
    Remove(PathBuf),
    /// Remove an expired session of awsmfa's from the credentials file.
    RemoveSession { section: String },
    /// Remove a key from a section.
    RemoveKey { file: AwsFile, section: String, key: &'static str },
}

impl Repair {
    pub fn apply(&self, ctx: &Context) -> CommandResult {
        match self {
            Self::MakePrivate(path) => files::make_private(path)?,
            Self::Remove(path) => files::remove(path).map(drop)?,
            Self::RemoveSession { section } => {
                let edit = |document: &mut Document| -> Result<_, SessionEditError> {
                    session_edits::remove_session(document, section, false).map(drop)
                };
                ctx.aws_files().edit(AwsFile::Credentials, edit)?;
            }
            Self::RemoveKey { file, section, key } => {
                let edit =
                    |document: &mut Document| -> Result<_, UnsafeEdit> { document.remove(section, key) };
                ctx.aws_files().edit(*file, edit)?;
            }
        }
        Ok(())
    }
}
