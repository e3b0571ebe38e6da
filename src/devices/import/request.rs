//! What a person asked to import, and the command for it with other options.

use std::path::PathBuf;

use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::shell::CommandLine;
use crate::store::{StoreError, StoreKind};
use crate::ui::PromptError;

#[derive(Debug, Clone)]
pub struct ImportRequest {
    pub profile: Option<String>,
    pub serial: Option<String>,
    pub label: Option<String>,
    pub store: Option<StoreKind>,
    pub input: Input,
    /// Which account to import, if the input has several.
    pub account: Option<String>,
    /// Whether to check that AWS accepts the secret's codes.
    pub verify: bool,
    /// Whether the answer to all questions is yes.
    pub yes: bool,
}

/// Where the secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Prompt,
    SecretStdin,
    UriStdin,
    /// Pictures of QR codes.
    Images(Vec<PathBuf>),
    /// Pictures of the QR codes that Google Authenticator exports.
    GoogleExport(Vec<PathBuf>),
    /// A secret key, a URI or a picture that a person copied.
    Clipboard,
    /// A file that another app exported.
    Export(PathBuf),
    /// What awspass keeps in the OS keyring.
    Awspass,
}

impl Input {
    /// Whether the secret is piped in.
    fn is_piped(&self) -> bool {
        matches!(self, Self::SecretStdin | Self::UriStdin)
    }
}

impl ImportRequest {
    /// Whether a flag determines the device.
    pub(super) fn has_device(&self) -> bool {
        self.profile.is_some() || self.serial.is_some()
    }

    /// Whether the input can only be the secret of one device, which is known beforehand: the prompt contains its ARN.
    pub(super) fn is_for_one_device(&self) -> bool {
        match self.input {
            // The device is stored with the secret, and the profile chooses one of them.
            Input::Awspass => self.serial.is_some(),
            _ => self.has_device() || self.input == Input::Prompt,
        }
    }

    /// Asks the person for a yes, unless `--yes` answered already.
    pub(super) fn confirm(
        &self,
        ctx: &Context,
        question: &str,
        unanswered: impl FnOnce(PromptError) -> CommandError,
    ) -> CommandResult {
        match self.yes {
            true => Ok(()),
            false => ctx.confirm(question, unanswered),
        }
    }

    /// The same command with this store.
    pub(super) fn command(&self, store: Option<StoreKind>) -> String {
        let line = CommandLine::new("awsmfa device import")
            .option("--profile", self.profile.as_deref())
            .option("--serial", self.serial.as_deref())
            .option("--label", self.label.as_deref())
            .option("--store", store.map(|store| store.to_string()))
            .switch("--secret-stdin", self.input == Input::SecretStdin)
            .switch("--clipboard", self.input == Input::Clipboard)
            .switch("--uri-stdin", self.input == Input::UriStdin)
            .switch("--awspass", self.input == Input::Awspass)
            .option("--account", self.account.as_deref());
        let line = self
            .files()
            .into_iter()
            .fold(line, |line, (flag, path)| line.option(flag, Some(path.to_string_lossy())));
        let line = line.switch("--no-verify", !self.verify).switch("--yes", self.yes);
        match self.input.is_piped() {
            true => format!("… | {line}"),
            false => line.to_string(),
        }
    }

    fn files(&self) -> Vec<(&'static str, &PathBuf)> {
        match &self.input {
            Input::Images(paths) => paths.iter().map(|path| ("--image", path)).collect(),
            Input::GoogleExport(paths) => paths.iter().map(|path| ("--google-export", path)).collect(),
            Input::Export(path) => vec![("--export", path)],
            Input::Prompt | Input::SecretStdin | Input::UriStdin | Input::Clipboard | Input::Awspass => {
                Vec::new()
            }
        }
    }

    /// A store's error. If the keyring is not accessible, the file store is one flag away.
    pub(super) fn store_error(&self, error: StoreError) -> CommandError {
        if !error.is_inaccessible() {
            return error.into();
        }
        let this = CommandError::new(ErrorKind::Store, &error);
        let in_file = self.command(Some(StoreKind::File));
        match error {
            StoreError::Unavailable { .. } => {
                this.hint(format!("store the secret in a file instead: `{in_file}`"))
            }
            _ => this
                .hint("unlock the keyring on the desktop and try again")
                .hint(format!("or store the secret in a file: `{in_file}`")),
        }
    }
}
