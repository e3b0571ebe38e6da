//! Keys that sign requests.

use crate::model::secret::Secret;
use crate::model::session::{LongTermKeys, Session, UnusableKey, check_keys};

/// Keys that sign a request.
#[derive(Debug, Clone)]
pub struct Keys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret<String>,
    pub(super) session_token: Option<Secret<String>>,
}

impl Keys {
    /// With a token, the keys are those of a session.
    pub fn new(access_key_id: &str, secret: Secret<String>, token: Option<Secret<String>>) -> Self {
        Self { access_key_id: access_key_id.to_owned(), secret_access_key: secret, session_token: token }
    }

    /// Whether a request can be signed with them.
    pub fn check(&self) -> Result<(), UnusableKey> {
        let token = self.session_token.as_ref().map(|token| token.expose().as_str());
        check_keys(&self.access_key_id, self.secret_access_key.expose(), token)
    }

    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Long-term keys, unless these are the keys of a session.
    pub fn long_term(&self) -> Option<LongTermKeys> {
        let secret_access_key = self.secret_access_key.clone();
        let keys = LongTermKeys { access_key_id: self.access_key_id.clone(), secret_access_key };
        self.session_token.is_none().then_some(keys)
    }
}

impl From<&LongTermKeys> for Keys {
    fn from(keys: &LongTermKeys) -> Self {
        Self {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.clone(),
            session_token: None,
        }
    }
}

impl From<&Session> for Keys {
    fn from(session: &Session) -> Self {
        Self {
            access_key_id: session.access_key_id.clone(),
            secret_access_key: session.secret_access_key.clone(),
            session_token: Some(session.session_token.clone()),
        }
    }
}
