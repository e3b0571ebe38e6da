//! Temporary credentials: who they are for, which operation issued them, and when they expire.

use chrono::{DateTime, TimeDelta, Utc};

use crate::account::Account;
use crate::random;
use crate::session_policy::SessionPolicy;

/// The principal that signs a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    User(String),
    Role { role: String, session_name: String },
    Federated { name: String },
}

/// The operation that issued temporary credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    GetSessionToken {
        /// Whether the request proved MFA.
        mfa: bool,
    },
    AssumeRole {
        /// Whether the role was assumed with temporary credentials.
        chained: bool,
    },
    GetFederationToken,
}

#[derive(Clone, Debug)]
pub(crate) struct SessionEntry {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) issued: DateTime<Utc>,
    pub(crate) expires: DateTime<Utc>,
    pub(crate) principal: Principal,
    pub(crate) origin: Origin,
    /// The user's immutable ID: deleting a user ends the user's sessions, even if a new user gets the same name.
    pub(crate) user_id: Option<String>,
    /// What narrows the session.
    pub(crate) policy: Option<SessionPolicy>,
}

impl Account {
    /// Issues temporary credentials that expire `seconds` after `now`, or after the lifetime that a test has set.
    pub(crate) fn create_session(
        &mut self,
        principal: Principal,
        origin: Origin,
        now: DateTime<Utc>,
        seconds: i32,
    ) -> &mut SessionEntry {
        let access_key_id = random::id("ASIA", 20);
        let (token_bytes, user_id) = match &principal {
            Principal::User(name) => (264, self.users.get(name).map(|user| user.id.clone())),
            Principal::Role { .. } | Principal::Federated { .. } => (516, None),
        };
        let whole_seconds = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now);
        let lifetime = self.session_lifetime.unwrap_or(TimeDelta::seconds(seconds.into()));
        let session = SessionEntry {
            access_key_id: access_key_id.clone(),
            secret: random::secret(),
            token: random::session_token(token_bytes),
            issued: now,
            expires: whole_seconds + lifetime,
            principal,
            origin,
            user_id,
            policy: None,
        };
        self.sessions.entry(access_key_id).or_insert(session)
    }

    pub(crate) fn set_session_lifetime(&mut self, seconds: Option<i64>) {
        self.session_lifetime = seconds.map(TimeDelta::seconds);
    }

    /// The ARN and the user ID of a session's principal; `None` if the principal was deleted.
    pub(crate) fn identity(&self, session: &SessionEntry) -> Option<(String, String)> {
        Some(match &session.principal {
            Principal::User(name) => {
                let user = self.users.get(name).filter(|user| Some(&user.id) == session.user_id.as_ref())?;
                (user.arn.clone(), user.id.clone())
            }
            Principal::Role { role, session_name } => {
                let id = &self.roles.get(role)?.id;
                let resource = format!("assumed-role/{role}/{session_name}");
                (self.arn("sts", &resource), format!("{id}:{session_name}"))
            }
            Principal::Federated { name } => {
                (self.arn("sts", &format!("federated-user/{name}")), format!("{}:{name}", self.id))
            }
        })
    }
}
