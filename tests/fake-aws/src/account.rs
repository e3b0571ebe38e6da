//! The state of one AWS account: users, keys, roles, sessions and devices, and how to find them.
//!
//! Operations are in `sts.rs` and `iam/`, the verification of codes in `mfa.rs`, permissions in `policy.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::ApiError;
use crate::mfa::{Device, Judge};
use crate::policy::Permissions;
use crate::random;
use crate::session::SessionEntry;
use crate::signin::SignIns;
use crate::view::{self, View};

/// Whether an access key can sign requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// The key works.
    Active,
    /// AWS rejects the key with InvalidClientTokenId.
    Inactive,
}

impl KeyStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct UserEntry {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) root: bool,
    pub(crate) created: DateTime<Utc>,
    /// When other IAM operations see the user, which can be seconds after CreateUser.
    pub(crate) known: DateTime<Utc>,
    pub(crate) login_profile: Option<DateTime<Utc>>,
    pub(crate) policies: Vec<String>,
    pub(crate) permissions: Permissions,
    pub(crate) denied: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct KeyEntry {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) user: String,
    pub(crate) status: KeyStatus,
    pub(crate) created: DateTime<Utc>,
    /// When requests can be signed with it.
    pub(crate) known: DateTime<Utc>,
    /// When lists show it.
    pub(crate) listed: DateTime<Utc>,
    pub(crate) last_used: Option<LastUse>,
}

#[derive(Clone, Debug)]
pub(crate) struct LastUse {
    pub(crate) at: DateTime<Utc>,
    pub(crate) service: String,
    pub(crate) region: String,
}

/// How a role can be assumed.
#[derive(Clone, Debug)]
pub struct RoleSpec {
    /// `/` or `/some/path/`.
    pub path: String,
    /// `MaxSessionDuration` in seconds. AWS allows 3600 to 43200. Default 3600.
    pub max_session_duration: i32,
    /// Users (by name) and roles (as `role/NAME`) that the trust policy allows. `None`: everyone in the account.
    pub trusted: Option<Vec<String>>,
    /// Whether the trust policy requires `aws:MultiFactorAuthPresent`. Default no.
    pub require_mfa: bool,
    /// The greatest `aws:MultiFactorAuthAge` that the trust policy accepts, in seconds. Default none.
    pub max_mfa_age: Option<i64>,
    /// The `sts:ExternalId` that the trust policy requires. Default none.
    pub external_id: Option<String>,
    /// What sessions of the role can do in IAM. Default [`Permissions::None`].
    pub permissions: Permissions,
}

impl Default for RoleSpec {
    fn default() -> Self {
        Self {
            path: "/".into(),
            max_session_duration: 3600,
            trusted: None,
            require_mfa: false,
            max_mfa_age: None,
            external_id: None,
            permissions: Permissions::None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct RoleEntry {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) spec: RoleSpec,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) partition: String,
    pub(crate) users: BTreeMap<String, UserEntry>,
    pub(crate) keys: Vec<KeyEntry>,
    pub(crate) roles: BTreeMap<String, RoleEntry>,
    pub(crate) sessions: BTreeMap<String, SessionEntry>,
    /// How long new sessions last, whatever the request asks for. Negative: they are issued expired.
    pub(crate) session_lifetime: Option<TimeDelta>,
    pub(crate) sign_ins: SignIns,
    /// What the portal of Identity Center and the containers' endpoint accept.
    pub(crate) portal_token: Option<String>,
    pub(crate) devices: Vec<Device>,
    pub(crate) judge: Judge,
    /// The devices as IAM lists them.
    pub(crate) lists: View,
    /// How long other IAM operations do not see a new user or device, and how long a new access key is unknown.
    pub(crate) creation_lag: Duration,
    /// Bytes to send instead of the seeds of new devices.
    pub(crate) odd_seed: Option<Vec<u8>>,
    pub(crate) page_size: usize,
}

impl Account {
    pub(crate) fn new(id: &str, partition: &str) -> Self {
        Self {
            id: id.into(),
            partition: partition.into(),
            users: BTreeMap::new(),
            keys: Vec::new(),
            roles: BTreeMap::new(),
            sessions: BTreeMap::new(),
            session_lifetime: None,
            sign_ins: SignIns::default(),
            portal_token: None,
            devices: Vec::new(),
            judge: Judge::default(),
            lists: View::default(),
            creation_lag: Duration::ZERO,
            odd_seed: None,
            page_size: 100,
        }
    }

    /// `arn:<partition>:<service>::<account>:<resource>`
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}::{}:{resource}", self.partition, self.id)
    }

    /// The ARN of a user by name, whether or not it exists.
    pub(crate) fn user_arn(&self, name: &str) -> String {
        let known = self.users.get(name).map(|user| user.arn.clone());
        known.unwrap_or_else(|| self.arn("iam", &format!("user/{name}")))
    }

    pub(crate) fn user(&self, name: &str) -> Result<&UserEntry, ApiError> {
        self.users.get(name).filter(|user| !user.root).ok_or_else(|| ApiError::no_such_user(name))
    }

    pub(crate) fn user_mut(&mut self, name: &str) -> Result<&mut UserEntry, ApiError> {
        self.users.get_mut(name).filter(|user| !user.root).ok_or_else(|| ApiError::no_such_user(name))
    }

    /// Adds a user. Names are unique regardless of case.
    pub(crate) fn create_user(
        &mut self,
        name: &str,
        path: &str,
        now: DateTime<Utc>,
    ) -> Result<&mut UserEntry, ApiError> {
        if self.users.keys().any(|taken| taken.eq_ignore_ascii_case(name)) {
            return Err(ApiError::exists(format!("User with name {name} already exists.")));
        }
        let user = UserEntry {
            name: name.into(),
            path: path.into(),
            id: random::id("AIDA", 21),
            arn: self.arn("iam", &format!("user{path}{name}")),
            root: false,
            created: now,
            known: view::after(self.creation_lag, now),
            login_profile: None,
            policies: Vec::new(),
            permissions: Permissions::None,
            denied: Vec::new(),
        };
        Ok(self.users.entry(name.into()).or_insert(user))
    }

    /// Adds an access key. A user has at most two.
    pub(crate) fn create_key(&mut self, user: &str, now: DateTime<Utc>) -> Result<&KeyEntry, ApiError> {
        if self.keys_of(user).count() >= 2 {
            return Err(ApiError::quota("AccessKeysPerUser", 2));
        }
        self.keys.push(KeyEntry {
            id: random::id("AKIA", 20),
            secret: random::secret(),
            user: user.into(),
            status: KeyStatus::Active,
            created: now,
            known: view::after(self.creation_lag, now),
            listed: view::after(self.lists.lag, now),
            last_used: None,
        });
        Ok(&self.keys[self.keys.len() - 1])
    }

    pub(crate) fn keys_of(&self, user: &str) -> impl Iterator<Item = &KeyEntry> {
        self.keys.iter().filter(move |key| key.user == user)
    }

    pub(crate) fn devices_of(&self, user: &str) -> impl Iterator<Item = &Device> {
        self.devices.iter().filter(move |device| device.user() == Some(user))
    }

    pub(crate) fn device(&self, serial: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.serial == serial)
    }

    pub(crate) fn device_mut(&mut self, serial: &str) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.serial == serial)
    }

    /// Makes a change to a device visible to STS and to the lists, each after its lag.
    pub(crate) fn publish(&mut self, serial: &str, now: DateTime<Utc>) {
        let device = self.device(serial).cloned();
        self.judge.view.publish(serial, device.clone(), now);
        self.lists.publish(serial, device, now);
    }

    /// Makes a change to a device visible at once.
    pub(crate) fn publish_at_once(&mut self, serial: &str) {
        let device = self.device(serial).cloned();
        self.judge.view.publish_at_once(serial, device.clone());
        self.lists.publish_at_once(serial, device);
    }

    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<&RoleEntry> {
        self.roles.values().find(|role| role.arn == arn)
    }
}
