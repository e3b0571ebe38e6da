//! What a command ends with when it fails: one line, a kind that decides the exit code, and hints. This is the only
//! place, with its modules for what comes from AWS and from files, that knows exit codes and the words of hints; modules below say in small enums what happened.

mod aws;
mod aws_files;
mod findings;
mod permission;
mod store;
mod system;

pub use aws::{RefusedCode, RefusedKeys};

pub use permission::denied;

use crate::model::names::NameError;
use crate::model::serial::SerialError;
use crate::model::shell::quoted;
use crate::model::source::Source;
use crate::model::totp::SeedError;
use crate::ui::remedies;

/// The kind of a failure; its number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Anything that has no kind of its own.
    Failed = 1,
    /// The command line, or a value typed.
    Usage = 2,
    /// A profile, a file, or keys that are missing.
    Configuration = 3,
    /// AWS refused: a bad code, no permission, an invalid key.
    Refused = 4,
    /// The store is locked or unavailable.
    Store = 5,
    /// The network or AWS is unavailable.
    Network = 6,
    Interrupted = 130,
}

/// Why a command failed, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    pub kind: ErrorKind,
    /// One line: what and why.
    pub message: String,
    /// What to do next, best a command to paste.
    pub hints: Vec<String>,
    /// The profiles to choose from, where none was chosen: [`choose_profile`](Self::choose_profile) makes hints of them.
    pub choices: Vec<String>,
}

pub type CommandResult<T = ()> = Result<T, CommandError>;

impl CommandError {
    /// A failure without hints yet.
    pub fn new(kind: ErrorKind, message: impl std::fmt::Display) -> Self {
        // One line, whatever a source's Display does.
        let message = message.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ");
        Self { kind, message, hints: Vec::new(), choices: Vec::new() }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl std::fmt::Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }
}

/// A setting that cannot be right, with its place.
pub fn invalid(at: &Source, error: impl std::fmt::Display) -> CommandError {
    CommandError::new(ErrorKind::Configuration, format!("{at}: {error}"))
}

/// What to do if this computer's clock is wrong.
pub fn clock_hint() -> String {
    format!("set this computer's clock: `{}`", remedies::here().set_clock())
}

/// So many profiles are named in a hint.
const MOST_CHOICES: usize = 8;

impl CommandError {
    /// Adds how to run `command`, such as `awsmfa login`, with one of the profiles to choose from.
    #[must_use]
    pub fn choose_profile(self, command: &str) -> Self {
        let Some(first) = self.choices.first() else { return self };
        let example = format!("{command} --profile {}", quoted(first));
        match self.choices.len() {
            1 => self.hint(example),
            count => {
                let named: Vec<String> =
                    self.choices.iter().take(MOST_CHOICES).map(|name| format!("`{name}`")).collect();
                let more = if count > MOST_CHOICES { ", …" } else { "" };
                let hint = format!("choose a profile ({}{more}): `{example}`", named.join(", "));
                self.hint(hint)
            }
        }
    }
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CommandError {}

impl From<SerialError> for CommandError {
    fn from(error: SerialError) -> Self {
        // As typed; one that stands in a file is the configuration's fault, says whoever read it there.
        let this = Self::new(ErrorKind::Usage, &error);
        match error {
            SerialError::User { likely, .. } => this
                .hint(format!("the device's ARN is often `{likely}`; `aws iam list-mfa-devices` shows it")),
            SerialError::Fido(_) => {
                this.hint("add a virtual MFA device to the user beside it, and use that device's ARN")
            }
            SerialError::Malformed(_) => this.hint(
                "a serial looks like `arn:aws:iam::123456789012:mfa/alice`, or `GAHT12345678` on hardware",
            ),
        }
    }
}

impl From<NameError> for CommandError {
    fn from(error: NameError) -> Self {
        Self::new(ErrorKind::Usage, error)
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
                "paste the whole secret key that the console shows under `Show secret key`, and nothing else",
            ),
            SeedError::NotOtpauth(_) => this.hint("it looks like `otpauth://totp/NAME?secret=BASE32`"),
            SeedError::Export => {
                this.hint("paste the secret key itself, or the `otpauth://` URI of one account")
            }
            SeedError::Hotp | SeedError::Foreign(_) => {
                this.hint("check that this is the secret of an AWS MFA device")
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
            error.choose_profile("awsmfa login").hints
        };
        assert_eq!(hints(&[]), [""; 0]);
        assert_eq!(hints(&["a b"]), ["awsmfa login --profile 'a b'"]);
        assert_eq!(hints(&["a", "b"]), ["choose a profile (`a`, `b`): `awsmfa login --profile a`"]);
        let many = ["p"; 9];
        assert!(hints(&many)[0].contains("`p`, …)"), "{:?}", hints(&many));
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
