//! Failures of the secret stores and of the device registry.

use super::{CommandError, ErrorKind};
use crate::env::AWSMFA_PASSPHRASE_FILE;
use crate::store::StoreError;
use crate::store::plugin_problem::PluginProblem;
use crate::store::recipient::NotARecipient;
use crate::store::registry::RegistryError;
use crate::ui::remedies;

impl CommandError {
    /// A store that could not be used for long-term keys. What helps with a device's secret does not help here.
    pub fn about_keys(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::Locked | StoreError::TimedOut { .. } => {
                "unlock the keyring on the desktop and try again"
            }
            StoreError::Unavailable { .. } => "start the keyring service and try again",
            StoreError::Damaged { folder: None, .. } => "restore the file from a backup; nothing was changed",
            StoreError::NotText => "restore the secret from a backup: `awsmfa store restore FILE --force`",
            _ => return error.into(),
        };
        let mut this = Self::from(error);
        this.hints = vec![hint.to_owned()];
        this
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::about_device(error, "ARN")
    }
}

impl CommandError {
    /// A store that could not be used for the secret of the device with this ARN.
    pub fn about_device(error: StoreError, serial: &str) -> Self {
        let import = || {
            format!(
                "or import the secret key into a file: `awsmfa device import --serial {serial} --store file`"
            )
        };
        let kind = match error {
            StoreError::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Store,
        };
        let this = Self::new(kind, &error);
        let this = match &error {
            StoreError::Locked | StoreError::TimedOut { .. } => {
                this.hint("unlock the keyring on the desktop and try again").hint(import())
            }
            StoreError::NoPassphrase { .. } => this.hint(format!(
                "run the command in a terminal, or set `{AWSMFA_PASSPHRASE_FILE}` to a file with the passphrase"
            )),
            StoreError::NoNewPassphrase { variable: Some(variable), .. } => this.hint(format!(
                "run the command in a terminal, or set `{variable}` to a file with the new passphrase"
            )),
            StoreError::NoNewPassphrase { variable: None, .. } => this.hint("run the command in a terminal"),
            StoreError::Plugin(problem) => this.hint(about_plugin(problem)),
            StoreError::WrongPassphrase => {
                this.hint("try again with the right passphrase; nothing was changed")
            }
            StoreError::TooMuchWork { .. } => {
                this.hint("encrypt the file again with `age -p`, which uses 18; nothing was changed")
            }
            StoreError::Unavailable { .. } => {
                this.hint("start the keyring service and try again").hint(import())
            }
            // Nothing can be imported into such a store.
            StoreError::Damaged { folder: Some(folder), .. } => {
                let away = remedies::here().move_away(folder);
                this.hint("restore the file from a copy of the folder, if there is one")
                    .hint(format!("or move the folder away: `{away}`"))
                    .hint("then restore a backup: `awsmfa store restore FILE`, or import the secrets again")
            }
            StoreError::Damaged { .. } => {
                this.hint("restore the file from a backup, or import the secret again; nothing was changed")
            }
            StoreError::NotKept { kind } => this.hint(format!("use another store: `--store {}`", kind.other())),
            StoreError::NotText => this
                .hint("import the secret again, or restore it from a backup: `awsmfa store restore FILE --force`"),
            StoreError::Ambiguous { .. } => {
                this.hint("delete the wrong one with a program for the keyring, such as Seahorse; nothing was changed")
            }
            StoreError::Io(source) => this.kind(ErrorKind::Failed).hint_about(None, source),
            StoreError::Name(_) | StoreError::Interrupted => this,
        };
        this.because(error)
    }
}

fn about_plugin(problem: &PluginProblem) -> String {
    match problem {
        PluginProblem::Missing { program } => format!("install `{program}`, or add its folder to `PATH`"),
        PluginProblem::Failed { program, .. } | PluginProblem::Refused { program, .. } => {
            format!("check that the device of `{program}` works, and try again; nothing was changed")
        }
        PluginProblem::TimedOut { .. } => {
            "connect the device, touch it if it blinks, and try again; nothing was changed".to_owned()
        }
        PluginProblem::NeedsPerson { .. } => "run the command in a terminal".to_owned(),
        PluginProblem::NoPassphrase { .. } => {
            "to use another key, move the secrets to another store: `awsmfa store move --to keyring`"
                .to_owned()
        }
    }
}

impl From<NotARecipient> for CommandError {
    fn from(error: NotARecipient) -> Self {
        Self::new(ErrorKind::Usage, error).hint(match error {
            NotARecipient::Identity => "print the identity's recipient: `age-keygen -y FILE`",
            _ => "create a key and use the recipient that is printed: `age-keygen -o key.txt`",
        })
    }
}

impl From<RegistryError> for CommandError {
    fn from(error: RegistryError) -> Self {
        let this = Self::new(ErrorKind::Configuration, &error);
        let this = match &error {
            RegistryError::Newer { path, .. } => {
                this.placed(path.as_path()).hint("use the newer awsmfa that wrote the file")
            }
            RegistryError::Damaged { path, .. } => this
                .placed(path.as_path())
                .hint("rebuild the registry from what the stores hold: `awsmfa store rebuild`"),
            RegistryError::Io(source) => this.kind(ErrorKind::Failed).hint_about(None, source),
        };
        this.because(error)
    }
}
