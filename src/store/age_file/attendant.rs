//! What an age plugin needs of its surroundings.

use std::time::Duration;

use crate::env::Env;
use crate::model::secret::Secret;
use crate::store::StoreError;

/// Where a plugin runs, and the person whom it may prompt.
pub trait Attendant: Send + Sync {
    /// The environment in which the plugin is found and runs.
    fn env(&self) -> &Env;
    /// How long the plugin may take, without the time that a person takes to answer: its key may wait for a touch.
    fn limit(&self) -> Duration;
    /// Shows what the plugin says, such as that its key must be touched.
    fn tell(&self, line: &str);
    /// Asks for a PIN or the like.
    fn secret(&self, question: &str) -> Result<Secret<String>, StoreError>;
    /// Asks for one of two answers. Returns whether it was `yes`.
    fn confirm(&self, question: &str, yes: &str) -> Result<bool, StoreError>;
}
