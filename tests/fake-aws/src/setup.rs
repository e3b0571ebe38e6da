//! What tests add to the account and look up in it, without requests and permissions.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::account::{Account, KeyStatus, RoleEntry, RoleSpec, UserEntry};
use crate::mfa::{Assignment, DeviceKind};
use crate::policy::Permissions;
use crate::server::FakeAws;
use crate::session::{Origin, Principal};
use crate::{mfa, random, totp};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// The name, without the path.
    pub name: String,
    /// The ARN.
    pub arn: String,
}

/// A long-term access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// The secret access key.
    pub secret: String,
}

/// An MFA device and its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// An ARN, or a serial number for hardware.
    pub serial: String,
    /// The secret in Base32, 64 characters. Empty for FIDO.
    pub seed: String,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    /// The name, without the path.
    pub name: String,
    /// The ARN.
    pub arn: String,
}

/// Temporary credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKeys {
    /// `ASIA…`
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The session token.
    pub session_token: String,
    /// When they expire.
    pub expiration: DateTime<Utc>,
}

/// A device as it is in IAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceState {
    /// An ARN, or a serial number for hardware.
    pub serial: String,
    /// Virtual, hardware or FIDO.
    pub kind: DeviceKind,
    /// The user it is enabled for.
    pub user: Option<String>,
    /// Keys and values.
    pub tags: Vec<(String, String)>,
    /// How many steps IAM believes the device's clock to be ahead.
    pub drift: i64,
}

/// Users. All methods that take the name of a user panic if the user does not exist.
impl FakeAws {
    /// Adds a user with [`Permissions::SelfManageMfa`].
    pub fn add_user(&self, name: &str) -> User {
        self.add_user_with_path(name, "/")
    }

    /// Adds a user under a path such as `/eng/`.
    pub fn add_user_with_path(&self, name: &str, path: &str) -> User {
        let now = self.shared.clock.now();
        let mut account = self.shared.account();
        let user = account.create_user(name, path, now).expect("the user does not exist yet");
        user.permissions = Permissions::SelfManageMfa;
        user.known = DateTime::UNIX_EPOCH;
        User { name: user.name.clone(), arn: user.arn.clone() }
    }

    /// Adds a user with [`Permissions::Admin`].
    pub fn add_admin(&self, name: &str) -> User {
        let user = self.add_user(name);
        self.set_permissions(name, Permissions::Admin);
        user
    }

    /// Adds the root user, so that it can have keys and devices. Other methods call it `root`.
    pub fn add_root(&self) -> User {
        let now = self.shared.clock.now();
        let mut account = self.shared.account();
        let user = UserEntry {
            name: "root".into(),
            path: "/".into(),
            id: account.id.clone(),
            arn: account.arn("iam", "root"),
            root: true,
            created: now,
            known: now,
            login_profile: None,
            policies: Vec::new(),
            permissions: Permissions::Admin,
            denied: Vec::new(),
        };
        let added = User { name: user.name.clone(), arn: user.arn.clone() };
        account.users.insert(user.name.clone(), user);
        added
    }

    /// Changes a user's permissions.
    pub fn set_permissions(&self, user: &str, permissions: Permissions) {
        self.with_user(user, |user| user.permissions = permissions);
    }

    /// Denies an action, such as `iam:ListMFADevices`, with an inline policy.
    pub fn deny(&self, user: &str, action: &str) {
        self.with_user(user, |user| user.denied.push(action.into()));
    }

    /// Takes [`deny`](Self::deny) back.
    pub fn permit(&self, user: &str, action: &str) {
        self.with_user(user, |user| user.denied.retain(|denied| denied != action));
    }

    /// Whether a user with this name exists.
    pub fn has_user(&self, name: &str) -> bool {
        self.shared.account().users.contains_key(name)
    }

    /// Adds an active access key that is known and listed at once.
    pub fn add_access_key(&self, user: &str) -> AccessKey {
        let now = self.shared.clock.now();
        let mut account = self.shared.account();
        assert!(account.users.contains_key(user), "unknown user: `{user}`");
        account.create_key(user, now).expect("a user has at most two keys");
        let key = account.keys.last_mut().expect("it was just added");
        (key.known, key.listed) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        AccessKey { id: key.id.clone(), secret: key.secret.clone() }
    }

    /// Activates or deactivates an access key.
    pub fn set_key_status(&self, id: &str, status: KeyStatus) {
        let mut account = self.shared.account();
        account.keys.iter_mut().find(|key| key.id == id).expect("the key exists").status = status;
    }

    /// Deletes an access key.
    pub fn delete_access_key(&self, id: &str) {
        self.shared.account().keys.retain(|key| key.id != id);
    }

    /// The IDs and states of a user's access keys, oldest first.
    pub fn access_keys(&self, user: &str) -> Vec<(String, KeyStatus)> {
        self.shared.account().keys_of(user).map(|key| (key.id.clone(), key.status)).collect()
    }

    fn with_user(&self, name: &str, change: impl FnOnce(&mut UserEntry)) {
        let mut account = self.shared.account();
        change(account.users.get_mut(name).unwrap_or_else(|| panic!("unknown user: `{name}`")));
    }
}

/// Devices.
impl FakeAws {
    /// Adds a virtual device that is enabled for a user and visible to STS.
    pub fn add_device(&self, user: &str, device_name: &str) -> Device {
        let serial = self.shared.account().arn("iam", &format!("mfa/{device_name}"));
        self.put_device(DeviceKind::Virtual, serial, Some(user))
    }

    /// Adds an unassigned virtual device, as an interrupted enrollment leaves it behind.
    pub fn add_unassigned_device(&self, device_name: &str) -> Device {
        let serial = self.shared.account().arn("iam", &format!("mfa/{device_name}"));
        self.put_device(DeviceKind::Virtual, serial, None)
    }

    /// Adds a hardware token with a serial number such as `GAHT12345678`.
    pub fn add_hardware_device(&self, user: &str, serial: &str) -> Device {
        self.put_device(DeviceKind::Hardware, serial.into(), Some(user))
    }

    /// Adds a FIDO security key, which IAM lists but STS does not accept.
    pub fn add_fido_device(&self, user: &str, name: &str) -> Device {
        let resource = format!("u2f/user/{user}/{name}-{}", random::id("", 26));
        let serial = self.shared.account().arn("iam", &resource);
        self.put_device(DeviceKind::Fido, serial, Some(user))
    }

    /// Removes a device. The change is visible at once.
    pub fn remove_device(&self, serial: &str) {
        let mut account = self.shared.account();
        account.devices.retain(|device| device.serial != serial);
        account.publish_at_once(serial);
    }

    /// All devices, oldest first.
    pub fn devices(&self) -> Vec<DeviceState> {
        let account = self.shared.account();
        let state = |device: &mfa::Device| DeviceState {
            serial: device.serial.clone(),
            kind: device.kind,
            user: device.user().map(str::to_owned),
            tags: device.tags.clone(),
            drift: device.drift,
        };
        account.devices.iter().map(state).collect()
    }

    /// The serial numbers of a user's devices.
    pub fn devices_of(&self, user: &str) -> Vec<String> {
        self.shared.account().devices_of(user).map(|device| device.serial.clone()).collect()
    }

    /// The secret of a device in Base32.
    pub fn seed(&self, serial: &str) -> String {
        totp::encode_seed(&find(&self.shared.account(), serial).seed)
    }

    /// A device's code for a step.
    pub fn code(&self, serial: &str, step: i64) -> String {
        totp::code(&find(&self.shared.account(), serial).seed, step)
    }

    /// A device's current code.
    pub fn code_now(&self, serial: &str) -> String {
        self.code(serial, self.shared.clock.step())
    }

    /// Marks a step as used, as if another computer had used its code.
    pub fn consume(&self, serial: &str, step: i64) {
        let mut account = self.shared.account();
        let uid = find(&account, serial).uid;
        account.judge.consume(uid, step);
    }

    /// Counts verifications in the current three-minute window, as if another computer had sent codes.
    pub fn spend_budget(&self, serial: &str, verifications: u32) {
        let now = self.shared.clock.now();
        self.shared.account().judge.spend(serial, verifications, now);
    }

    fn put_device(&self, kind: DeviceKind, serial: String, user: Option<&str>) -> Device {
        let now = self.shared.clock.now();
        let mut account = self.shared.account();
        assert!(user.is_none_or(|user| account.users.contains_key(user)), "unknown user: {user:?}");
        assert!(account.device(&serial).is_none(), "device {serial} already exists");
        let seed = if kind == DeviceKind::Fido { Vec::new() } else { random::bytes(40) };
        let device = mfa::Device {
            uid: account.judge.next_uid(),
            serial: serial.clone(),
            kind,
            seed: seed.clone(),
            known: DateTime::UNIX_EPOCH,
            assigned: user.map(|user| Assignment { user: user.into(), since: now }),
            tags: Vec::new(),
            drift: 0,
            last_pair: None,
        };
        account.devices.push(device);
        account.publish_at_once(&serial);
        Device { serial, seed: totp::encode_seed(&seed) }
    }
}

/// Roles and sessions.
impl FakeAws {
    /// Adds a role.
    pub fn add_role(&self, name: &str, spec: RoleSpec) -> Role {
        let mut account = self.shared.account();
        let arn = account.arn("iam", &format!("role{}{name}", spec.path));
        let entry = RoleEntry { name: name.into(), id: random::id("AROA", 21), arn: arn.clone(), spec };
        account.roles.insert(name.into(), entry);
        Role { name: name.into(), arn }
    }

    /// Adds a session of twelve hours, as if GetSessionToken had issued it.
    pub fn add_session(&self, user: &str, mfa: bool) -> SessionKeys {
        assert!(self.has_user(user), "unknown user: `{user}`");
        self.put_session(Principal::User(user.into()), Origin::GetSessionToken { mfa }, 43_200)
    }

    /// Adds a session of one hour, as if AssumeRole had issued it.
    pub fn add_role_session(&self, role: &str, session_name: &str) -> SessionKeys {
        let principal = Principal::Role { role: role.into(), session_name: session_name.into() };
        self.put_session(principal, Origin::AssumeRole { chained: false }, 3600)
    }

    /// Sets the token that the portal of Identity Center (`/federation/credentials`) and the endpoint of containers
    /// (`/container/ROLE`) accept. With it they give out sessions of every role.
    pub fn set_portal_token(&self, token: &str) {
        self.shared.account().portal_token = Some(token.into());
    }

    fn put_session(&self, principal: Principal, origin: Origin, seconds: i32) -> SessionKeys {
        let now = self.shared.clock.now();
        let mut account = self.shared.account();
        let session = account.create_session(principal, origin, now, seconds);
        SessionKeys {
            access_key_id: session.access_key_id.clone(),
            secret_access_key: session.secret.clone(),
            session_token: session.token.clone(),
            expiration: session.expires,
        }
    }

    /// The account ID.
    pub fn account_id(&self) -> String {
        self.shared.account().id.clone()
    }
}

fn find<'a>(account: &'a Account, serial: &str) -> &'a mfa::Device {
    account.device(serial).unwrap_or_else(|| panic!("unknown device: {serial}"))
}
