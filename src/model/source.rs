//! Where a setting comes from, so that an error can say where to change it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Variable(&'static str),
    /// A line in one of the AWS files.
    Line {
        key: &'static str,
        path: Arc<PathBuf>,
        /// From 1.
        line: usize,
    },
}

impl Source {
    /// The variable, or the file and line.
    pub fn place(&self) -> String {
        match self {
            Self::Variable(name) => (*name).to_owned(),
            Self::Line { path, line, .. } => format!("{}:{line}", path.display()),
        }
    }

    /// A hint to set another value there.
    pub fn set_to(&self, value: &str) -> String {
        match self {
            Self::Variable(name) => format!("set `{name}={value}`"),
            Self::Line { key, .. } => format!("write `{key} = {value}`"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Line { key, .. } => write!(f, "{key} ({})", self.place()),
        }
    }
}

/// A text and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced {
    pub text: String,
    pub at: Source,
}

impl Sourced {
    /// The parsed value, or the source and the error.
    pub fn parse<T: FromStr>(&self) -> Result<T, (Source, T::Err)> {
        self.text.parse().map_err(|error| (self.at.clone(), error))
    }
}
