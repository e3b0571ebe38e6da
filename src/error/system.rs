//! Failures of the system: awsmfa's own files, programs, the terminal, stdout.

use std::io;
use std::path::Path;

use super::{CommandError, ErrorKind};
use crate::files::{self, Doing, Oddity, Problem};
use crate::model::place::Place;
use crate::paths::NoHome;
use crate::process::{ProcessError, StartError};
use crate::ui::{OutputError, PromptError, ScreenError, remedies};

impl From<NoHome> for CommandError {
    fn from(error: NoHome) -> Self {
        Self::new(ErrorKind::Configuration, error).hint("set HOME to your home folder")
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::new(ErrorKind::Failed, &error).hint_about(None, &error).because(error)
    }
}

impl CommandError {
    /// `--watch` could not show anything. The hint says what to do without a terminal.
    pub fn of_watch(error: ScreenError, hint: &str) -> Self {
        match error {
            ScreenError::NoTerminal => Self::new(ErrorKind::Usage, "`--watch` needs a terminal").hint(hint),
            ScreenError::PlainTerminal => {
                let message = "`--watch` needs a terminal that can be redrawn (`TERM` is `dumb` or not set)";
                Self::new(ErrorKind::Usage, message).hint(hint)
            }
            ScreenError::Interrupted => Self::new(ErrorKind::Interrupted, error),
            ScreenError::Io(_) => Self::new(ErrorKind::Failed, error),
        }
    }

    /// Adds what to do if the system does not let awsmfa read or write a file, if that is known. The error may name the
    /// file itself.
    pub fn hint_about(self, path: Option<&Path>, error: &io::Error) -> Self {
        let hint = match files::problem(error) {
            Some(Problem::System { doing, path, source }) => {
                let lock_hint = Some(source).filter(|_| *doing == Doing::Lock).and_then(lock_hint);
                lock_hint.or_else(|| taken_hint(path, source)).or_else(|| hint(Some(path), source))
            }
            Some(Problem::Odd { path, oddity }) => Some(odd_hint(path, *oddity)),
            None => hint(path, error),
        };
        let at = match files::problem(error) {
            Some(Problem::System { path, .. } | Problem::Odd { path, .. }) => Some(path.as_path()),
            None => path,
        };
        let this = Self { place: at.map(|path| Box::new(Place::from(path))).or(self.place.clone()), ..self };
        match hint {
            Some(hint) => this.hint(hint),
            None => this,
        }
    }
}

fn hint(path: Option<&Path>, error: &io::Error) -> Option<String> {
    let (remedies, path) = (remedies::here(), path.unwrap_or(Path::new(".")));
    Some(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("free some space: `{}`", remedies.show_space(path))
        }
        io::ErrorKind::FileTooLarge => format!("check the file size limit: `{}`", remedies.show_file_limit()),
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("check how the disk is mounted: `{}`", remedies.show_mount(path))
        }
        io::ErrorKind::PermissionDenied => {
            format!("check the owner and permissions: `{}`", remedies.show_owner(&[path]))
        }
        _ => return None,
    })
}

/// For a file in the user's folder that belongs to someone else, as an older version left it when run with `sudo`.
fn taken_hint(path: &Path, error: &io::Error) -> Option<String> {
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    denied.then(|| files::taken(path)).flatten().map(|taken| take_back(&taken))
}

fn take_back(path: &Path) -> String {
    format!("make yourself the owner: `{}`", remedies::here().take_back(path))
}

/// For file systems without locks, such as some network homes.
fn lock_hint(error: &io::Error) -> Option<String> {
    #[cfg(unix)]
    let none_left = error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error());
    #[cfg(not(unix))]
    let none_left = false;
    (none_left || error.kind() == io::ErrorKind::Unsupported).then(|| {
        let command = remedies::here().set("XDG_STATE_HOME", "/path/on/a/local/disk");
        format!("keep awsmfa's locks on a local disk: `{command}`")
    })
}

fn odd_hint(path: &Path, oddity: Oddity) -> String {
    let remedies = remedies::here();
    match oddity {
        Oddity::Owner(_) => match files::taken(path) {
            Some(taken) => take_back(&taken),
            None => format!("check the owner: `{}`", remedies.show_owner(&[path])),
        },
        Oddity::Writable if path.is_file() => odd_hint(path, Oddity::Shared),
        Oddity::Shared => format!("make the file private: `{}`", remedies.make_private(path, "600")),
        Oddity::Writable | Oddity::GroupWritable => {
            format!("make the folder private: `{}`", remedies.make_private(path, "700"))
        }
        _ => format!("move it away: `{}`", remedies.move_away(path)),
    }
}

impl From<PromptError> for CommandError {
    fn from(error: PromptError) -> Self {
        let kind = match error {
            PromptError::CannotAsk(_) => ErrorKind::Usage,
            PromptError::Unanswered(_) => ErrorKind::Store,
            PromptError::Interrupted => ErrorKind::Interrupted,
            PromptError::Io(_) => ErrorKind::Failed,
        };
        Self::new(kind, error)
    }
}

impl From<OutputError> for CommandError {
    fn from(error: OutputError) -> Self {
        Self::new(ErrorKind::Failed, error)
    }
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> Self {
        let kind = match error {
            StartError::NotFound(_) => ErrorKind::CommandNotFound,
            StartError::NotExecutable { .. } => ErrorKind::CommandNotExecutable,
        };
        Self::new(kind, &error).because(error)
    }
}

impl From<ProcessError> for CommandError {
    fn from(error: ProcessError) -> Self {
        Self::new(ErrorKind::Failed, error)
    }
}
