//! The person behind the age plugin that has the file store's key.

use std::sync::Arc;
use std::time::Duration;

use super::passphrase::unanswered;
use crate::env::Env;
use crate::model::secret::Secret;
use crate::store::StoreError;
use crate::store::age_file::attendant::Attendant;
use crate::ui::Prompt;

/// How long a plugin may take if a person can touch its key, and if not.
const LIMITS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(10));

/// Passes a plugin's prompts on.
pub struct PersonAtHand {
    pub env: Env,
    pub prompt: Arc<dyn Prompt>,
}

impl Attendant for PersonAtHand {
    fn env(&self) -> &Env {
        &self.env
    }

    fn limit(&self) -> Duration {
        if self.prompt.can_ask_secret() { LIMITS.0 } else { LIMITS.1 }
    }

    fn tell(&self, line: &str) {
        self.prompt.tell(line);
    }

    fn secret(&self, question: &str) -> Result<Secret<String>, StoreError> {
        self.prompt.secret(question.trim_end_matches([':', ' '])).map_err(unanswered)
    }

    fn confirm(&self, question: &str, yes: &str) -> Result<bool, StoreError> {
        self.prompt.confirm(&format!("{question} ({yes})")).map_err(unanswered)
    }
}
