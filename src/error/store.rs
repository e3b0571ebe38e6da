//! Failures of the secret stores and of the device registry.

use super::{CommandError, ErrorKind};
use crate::env::AWSMFA_PASSPHRASE_FILE;
use crate::store::StoreError;
use crate::store::registry::RegistryError;
use crate::ui::remedies;

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let kind = match error {
            StoreError::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Store,
        };
        let this = Self::new(kind, &error);
        match error {
            StoreError::Locked | StoreError::TimedOut { .. } => {
                this.hint("unlock the keyring on the desktop and try again").hint(
                    "or import its secret key into a file: `awsmfa device import --serial ARN --store file`",
                )
            }
            StoreError::NoPassphrase { .. } => this.hint(format!(
                "run it once on a terminal, or name a file with the passphrase: `{AWSMFA_PASSPHRASE_FILE}=…`"
            )),
            StoreError::WrongPassphrase => this.hint("nothing was changed; try again with the right one"),
            StoreError::Unavailable { .. } => this.hint(
                "import its secret key into a file instead: `awsmfa device import --serial ARN --store file`",
            ),
            StoreError::Damaged { .. } => {
                this.hint("nothing was changed; bring the file back from a backup, or import again")
            }
            StoreError::Io(source) => source.into(),
            StoreError::Name(_) | StoreError::Interrupted => this,
        }
    }
}

impl From<RegistryError> for CommandError {
    fn from(error: RegistryError) -> Self {
        let this = Self::new(ErrorKind::Configuration, &error);
        match error {
            RegistryError::Newer { .. } => this.hint("use the newer awsmfa that wrote it"),
            RegistryError::Damaged { path, .. } => {
                this.hint(format!("move it away and import again: `{}`", remedies::here().move_away(&path)))
            }
            RegistryError::Io(source) => source.into(),
        }
    }
}
