//! Keeps an unlocked identity in the Linux kernel's memory, so that the user's next processes need no passphrase for a
//! while. Any failure means "not kept": containers often have no keyctl. Other systems never keep anything.

use std::time::Duration;

use crate::env::{AWSMFA_UNLOCK_FOR, Env};
use crate::model::duration::{DurationError, parse_seconds};
use crate::model::secret::Secret;

/// Whether this platform can keep an identity.
pub const IS_EXPECTED: bool = cfg!(target_os = "linux");

/// How long an identity is kept unless `AWSMFA_UNLOCK_FOR` says otherwise: 8 hours, a working day.
pub const DEFAULT_UNLOCK: Duration = Duration::from_secs(8 * 3600);

/// How long an unlocked identity is kept: `AWSMFA_UNLOCK_FOR`, else 8 hours; zero means not at all.
pub fn unlock_for(env: &Env) -> Result<Duration, DurationError> {
    match env.get(AWSMFA_UNLOCK_FOR) {
        None => Ok(DEFAULT_UNLOCK),
        Some(text) => {
            let seconds = parse_seconds(text).ok_or_else(|| DurationError::Malformed(text.to_owned()))?;
            Ok(Duration::from_secs(seconds))
        }
    }
}

/// Keeps `identity`, which belongs to `recipient`, for `duration`. Returns whether it is kept.
pub fn keep(recipient: &str, identity: &Secret<String>, duration: Duration) -> bool {
    duration.as_secs() > 0 && platform::keep(recipient, identity, duration).is_some()
}

/// The identity kept for `recipient`, if there is one.
pub fn recall(recipient: &str) -> Option<Secret<String>> {
    platform::recall(recipient)
}

/// Forgets the identity kept for `recipient`. Returns whether there was one.
pub fn forget(recipient: &str) -> bool {
    platform::forget(recipient).is_some()
}

#[cfg(target_os = "linux")]
mod platform {
    use std::time::Duration;

    use linux_keyutils::{Key, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};

    use crate::model::secret::Secret;

    /// Includes the recipient, so that stores do not mix.
    fn description(recipient: &str) -> String {
        format!("awsmfa:identity:{recipient}")
    }

    /// The user's keyring, shared by all processes of the user. Each login has a session keyring of its own, and a process
    /// without one gets one that others do not see.
    fn users_keyring() -> Option<KeyRing> {
        KeyRing::from_special_id(KeyRingIdentifier::User, false).ok()
    }

    pub(super) fn keep(recipient: &str, identity: &Secret<String>, duration: Duration) -> Option<()> {
        // Created in the process's keyring, which ends with the process, and shared only once its permissions and its
        // timeout are set. Replaces what was kept under the same description.
        let own = KeyRing::from_special_id(KeyRingIdentifier::Process, true).ok()?;
        let key = own.add_key(&description(recipient), identity.expose().as_bytes()).ok()?;
        let finished = finish(key, duration);
        let _ = own.unlink_key(key);
        finished
    }

    fn finish(key: Key, duration: Duration) -> Option<()> {
        // Not all of the user's processes possess the user's keyring (it need not be linked to their session), so the user
        // ID gets the right to read. No one else gets anything.
        let user = Permission::VIEW | Permission::READ | Permission::SEARCH | Permission::WRITE;
        let permissions = KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(user).build();
        key.set_timeout(duration.as_secs().min(u32::MAX.into()).try_into().ok()?).ok()?;
        key.set_perms(permissions).ok()?;
        users_keyring()?.link_key(key).ok()
    }

    pub(super) fn recall(recipient: &str) -> Option<Secret<String>> {
        let key = users_keyring()?.search(&description(recipient)).ok()?;
        let bytes = Secret::new(key.read_to_vec().ok()?);
        std::str::from_utf8(bytes.expose()).ok().map(Secret::from)
    }

    pub(super) fn forget(recipient: &str) -> Option<()> {
        let ring = users_keyring()?;
        let key = ring.search(&description(recipient)).ok()?;
        // Takes effect at once, even for a process that is about to read it.
        key.invalidate().or_else(|_| ring.unlink_key(key)).ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::time::Duration;

    use crate::model::secret::Secret;

    pub(super) fn keep(_: &str, _: &Secret<String>, _: Duration) -> Option<()> {
        None
    }

    pub(super) fn recall(_: &str) -> Option<Secret<String>> {
        None
    }

    pub(super) fn forget(_: &str) -> Option<()> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_read_from_the_environment() {
        let read = |value: &str| unlock_for(&Env::from_pairs([(AWSMFA_UNLOCK_FOR, value)]));
        assert_eq!(unlock_for(&Env::default()), Ok(DEFAULT_UNLOCK));
        assert_eq!(read("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(read("0"), Ok(Duration::ZERO));
        assert!(read("5minuets").is_err(), "a typo must not mean 8 hours");
    }

    #[test]
    fn kept_identity_is_found_until_it_is_forgotten() {
        let recipient = format!("test-{}", std::process::id());
        let identity = Secret::from("AGE-SECRET-KEY-1TEST");
        assert!(!keep(&recipient, &identity, Duration::ZERO));
        assert_eq!(recall(&recipient), None, "zero: not kept");
        // If the kernel refuses, nothing is kept, which is correct too.
        if keep(&recipient, &identity, Duration::from_secs(60)) {
            assert_eq!(recall(&recipient), Some(identity));
            assert_eq!(recall("another"), None);
            assert!(forget(&recipient));
        }
        assert_eq!(recall(&recipient), None);
        assert!(!forget(&recipient));
    }
}
