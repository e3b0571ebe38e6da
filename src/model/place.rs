//! Where something is that a person can change: a variable, a file, or a line of a file.

use std::fmt;
use std::path::{Path, PathBuf};

use super::source::Source;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// An environment variable.
    Variable(String),
    /// A file or folder.
    File(PathBuf),
    /// A line of a file, from 1.
    Line(PathBuf, usize),
}

impl Place {
    /// The file or folder; `None` for a variable.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Variable(_) => None,
            Self::File(path) | Self::Line(path, _) => Some(path),
        }
    }

    /// The line, from 1, if it is known.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Line(_, line) => Some(*line),
            _ => None,
        }
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&Source> for Place {
    fn from(source: &Source) -> Self {
        match source {
            Source::Variable(name) => Self::Variable((*name).to_owned()),
            Source::Line { path, line, .. } => Self::Line(path.to_path_buf(), *line),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Line(path, line) => write!(f, "{}:{line}", path.display()),
        }
    }
}
