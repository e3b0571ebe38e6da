//! The person who types the file store's passphrase.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::model::duration::in_words;
use crate::model::secret::Secret;
use crate::store::passphrase::AskPassphrase;
use crate::store::{StoreError, kernel_keyring};
use crate::ui::{Prompt, PromptError};

/// Prompts for the passphrase.
pub struct Person {
    pub prompt: Arc<dyn Prompt>,
    /// The folder of the file store.
    pub folder: PathBuf,
    pub unlock_for: Duration,
    /// Why the keyring is not used, once that is known.
    pub no_keyring: Arc<OnceLock<String>>,
}

impl AskPassphrase for Person {
    fn ask(&self, prompt: &str) -> Result<Secret<String>, StoreError> {
        self.prompt.secret(prompt).map_err(|error| match error {
            PromptError::Interrupted => StoreError::Interrupted,
            other => StoreError::NoPassphrase { why: other.to_string() },
        })
    }

    fn introduce(&self) {
        if let Some(why) = self.no_keyring.get() {
            self.prompt.tell(&format!("{why}, so the secret goes to the file store"));
        }
        let folder = self.folder.display();
        self.prompt.tell(&format!("the file store keeps secrets in {folder}, encrypted with a passphrase"));
        self.prompt.tell(&if kernel_keyring::IS_EXPECTED && !self.unlock_for.is_zero() {
            format!("once typed, the passphrase is not asked for again for {}", in_words(self.unlock_for))
        } else {
            "the passphrase is asked for whenever a secret is needed".to_owned()
        });
    }

    fn hint(&self, hint: &str) {
        self.prompt.tell(hint);
    }
}
