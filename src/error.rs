//! Why a command failed: one line, a kind that decides the exit code, hints, and the error behind it. Only this module and
//! its submodules know exit codes and hints; the adapters report what happened in small enums.

mod aws;
mod aws_files;
mod findings;
mod permission;
mod session_policy;
mod store;
mod system;

use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;

pub use aws::{RefusedCode, RefusedKeys};
pub use permission::denied;

use crate::model::again::Again;
use crate::model::google_export::GoogleExportError;
use crate::model::names::NameError;
use crate::model::place::Place;
use crate::model::serial::SerialError;
use crate::model::source::Source;
use crate::model::totp::SeedError;
use crate::ui::{Ui, remedies};

/// The kind of a failure; its number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Anything without a kind of its own.
    Failed = 1,
    /// The command line, or a typed value.
    Usage = 2,
    /// A profile, a file, or missing keys.
    Configuration = 3,
    /// AWS refused: a bad code, no permission, an invalid key.
    Refused = 4,
    /// The store is locked or unavailable.
    Store = 5,
    /// The network or AWS is unavailable.
    Network = 6,
    /// A command cannot be executed.
    CommandNotExecutable = 126,
    CommandNotFound = 127,
    Interrupted = 130,
}

/// Why a command failed, ready to be shown.
#[derive(Debug, Clone)]
pub struct CommandError {
    pub kind: ErrorKind,
    /// One line: what happened and why.
    pub message: String,
    /// What to do next, preferably a command to paste.
    pub hints: Vec<String>,
    /// The profiles to choose from if none was chosen; [`choose_profile`](Self::choose_profile) turns them into hints.
    pub choices: Vec<String>,
    /// Where the person can change what is wrong, if that is one place.
    pub place: Option<Box<Place>>,
    /// The error that this one was made from, for `-v`.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

pub type CommandResult<T = ()> = Result<T, CommandError>;

impl CommandError {
    /// A failure without hints.
    pub fn new(kind: ErrorKind, message: impl Display) -> Self {
        let message = one_line(message);
        Self { kind, message, hints: Vec::new(), choices: Vec::new(), place: None, source: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    /// Changes the kind.
    #[must_use]
    pub fn kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Keeps where the person can change what is wrong.
    #[must_use]
    pub fn placed(mut self, place: impl Into<Place>) -> Self {
        self.place = Some(Box::new(place.into()));
        self
    }

    /// Keeps the error that this one was made from.
    #[must_use]
    pub fn because(mut self, error: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(error));
        self
    }

    /// Says where it happened: `profile `dev`: …`.
    #[must_use]
    pub fn at(mut self, place: impl Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The chain of errors behind this one, without what the message already says.
    pub fn causes(&self) -> Vec<String> {
        let mut said = vec![self.message.clone()];
        let mut next = self.source();
        while let Some(error) = next {
            let text = one_line(error);
            if !said.iter().any(|said| said.contains(&text)) {
                said.push(text);
            }
            next = error.source();
        }
        said.split_off(1)
    }

    /// Shows it and returns the exit code.
    pub fn report(&self, ui: &Ui) -> u8 {
        ui.error(&self.message, &self.causes(), &self.hints);
        self.kind as u8
    }
}

/// One line, whatever a library's error prints.
fn one_line(text: impl Display) -> String {
    text.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// A setting with an invalid value, and where it is set.
pub fn invalid(at: &Source, error: impl Display) -> CommandError {
    CommandError::new(ErrorKind::Configuration, format!("{at}: {error}")).placed(at)
}

/// What to do if this computer's clock is wrong.
pub fn clock_hint() -> String {
    format!("set this computer's clock: `{}`", remedies::here().set_clock())
}

/// How many profiles a hint lists.
const MOST_CHOICES: usize = 8;

impl CommandError {
    /// Adds a hint that runs the command with one of the profiles to choose from.
    #[must_use]
    pub fn choose_profile(mut self, again: &Again) -> Self {
        let choices = std::mem::take(&mut self.choices);
        let Some(first) = choices.first() else { return self };
        let example = again.clone().profile(first).to_string();
        match choices.len() {
            1 => self.hint(example),
            count => {
                let named: Vec<String> =
                    choices.iter().take(MOST_CHOICES).map(|name| format!("`{name}`")).collect();
                let more = if count > MOST_CHOICES { ", …" } else { "" };
                let hint = format!("choose a profile ({}{more}): `{example}`", named.join(", "));
                self.hint(hint)
            }
        }
    }
}

impl Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<SerialError> for CommandError {
    fn from(error: SerialError) -> Self {
        // A serial that was typed; a caller that reads one from a file changes the kind.
        let this = Self::new(ErrorKind::Usage, &error);
        match error {
            SerialError::User { likely, .. } => this
                .hint(format!("use the device's ARN, often `{likely}`: `aws iam list-mfa-devices`")),
            SerialError::Fido(_) => {
                this.hint("add a virtual MFA device to the user and use its ARN")
            }
            SerialError::Malformed(_) => this.hint(
                "use a serial such as `arn:aws:iam::123456789012:mfa/alice`, or `GAHT12345678` for a hardware token",
            ),
        }
    }
}

impl From<NameError> for CommandError {
    fn from(error: NameError) -> Self {
        Self::new(ErrorKind::Usage, error)
    }
}

impl From<GoogleExportError> for CommandError {
    fn from(error: GoogleExportError) -> Self {
        let this = Self::new(ErrorKind::Usage, &error);
        match error {
            GoogleExportError::Malformed => this.hint("export again, and take a new picture of the QR code"),
            GoogleExportError::MissingParts { .. } => {
                this.hint("add the pictures of all QR codes, in any order: `--google-export FILE FILE …`")
            }
            GoogleExportError::SeveralExports => this.hint("give only the QR codes of one export"),
        }
    }
}

impl From<SeedError> for CommandError {
    fn from(error: SeedError) -> Self {
        let this = Self::new(ErrorKind::Usage, &error);
        match error {
            SeedError::Missing
            | SeedError::NotBase32
            | SeedError::Code
            | SeedError::NotAlone
            | SeedError::Mistyped(_)
            | SeedError::TooShort(_) => this.hint(
                "paste the complete secret key, and nothing else, as the console shows it under `Show secret key`",
            ),
            SeedError::NotOtpauth(_) => this.hint("use a URI such as `otpauth://totp/NAME?secret=BASE32`"),
            SeedError::Export => this.hint("import the export: `awsmfa device import --google-export FILE`"),
            SeedError::Hotp | SeedError::Foreign(_) => {
                this.hint("check that this secret belongs to an AWS MFA device")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{AwsError, AwsErrorKind};
    use crate::ui::PromptError;

    #[test]
    fn profiles_to_choose_from_become_a_command() {
        let hints = |names: &[&str]| {
            let choices = names.iter().map(|name| (*name).to_owned()).collect();
            let error = CommandError { choices, ..CommandError::new(ErrorKind::Configuration, "x") };
            error.choose_profile(&Again::new("awsmfa login")).hints
        };
        assert_eq!(hints(&[]), [""; 0]);
        assert_eq!(hints(&["a b"]), ["awsmfa login --profile 'a b'"]);
        assert_eq!(hints(&["a", "b"]), ["choose a profile (`a`, `b`): `awsmfa login --profile a`"]);
        let many = ["p"; 9];
        assert!(hints(&many)[0].contains("`p`, …)"), "{:?}", hints(&many));
    }

    #[test]
    fn causes_are_what_the_message_does_not_say() {
        let error = AwsError::new(AwsErrorKind::InvalidCode, "GetSessionToken", "MFA failed");
        let error = CommandError::from(error).at("profile `dev`");
        assert!(!error.message.contains("MFA failed"), "{error}");
        assert_eq!(error.causes(), ["GetSessionToken failed: MFA failed"]);
        let io = std::io::Error::other("no");
        assert_eq!(CommandError::new(ErrorKind::Failed, "cannot write: no").because(io).causes(), [""; 0]);
    }

    #[test]
    fn messages_are_one_line() {
        let error = CommandError::new(ErrorKind::Failed, "first\n  second").hint("do this");
        assert_eq!(error.message, "first second");
        assert_eq!(error.kind as u8, 1);
    }

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        let code = |kind| {
            let error = AwsError::new(kind, "GetSessionToken", "");
            CommandError::from(error).kind as u8
        };
        assert_eq!(code(AwsErrorKind::InvalidCode), 4);
        assert_eq!(code(AwsErrorKind::UnknownKey), 4);
        assert_eq!(code(AwsErrorKind::Unreachable), 6);
        assert_eq!(code(AwsErrorKind::NotAws), 6);
        assert_eq!(CommandError::from(PromptError::Interrupted).kind as u8, 130);
        assert_eq!(CommandError::from(SeedError::NotBase32).kind as u8, 2);
    }
}
