//! Keeps an unlocked identity in the Linux kernel's memory, so that the user's next processes need no passphrase for a
//! while. Any failure means "not kept": containers often have no keyctl. Other systems never keep anything.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

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

/// A place for an unlocked identity, by the folder of its store and by where its passphrase came from.
#[derive(Debug, Clone, Copy)]
pub enum Slot<'a> {
    Typed(&'a Path),
    File(&'a Path),
}

impl Slot<'_> {
    /// The name of the key, which `keyctl show @u` lists. It includes the folder, so that stores do not mix, and a store can be
    /// locked whatever has become of its files.
    fn description(self) -> String {
        match self {
            Self::Typed(folder) => format!("awsmfa:typed:{}", folder.display()),
            Self::File(folder) => format!("awsmfa:file:{}", folder.display()),
        }
    }
}

/// An identity that is kept unlocked.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    pub identity: Secret<String>,
    /// What was passed to [`keep`].
    pub proof: String,
    pub until: DateTime<Utc>,
}

/// Keeps `identity` from `now` on for `duration`, together with `proof`, one word. Returns whether it is kept.
pub fn keep(
    slot: &Slot<'_>,
    identity: &Secret<String>,
    proof: &str,
    duration: Duration,
    now: DateTime<Utc>,
) -> bool {
    let head = format!("{} {} {proof}\n", now.timestamp(), duration.as_secs());
    let mut payload = String::with_capacity(head.len() + identity.expose().len());
    payload.push_str(&head);
    payload.push_str(identity.expose());
    duration.as_secs() > 0
        && platform::keep(&slot.description(), &Secret::locked(payload), duration).is_some()
}

/// The identity that is kept in the slot, if there is one. `longest` may be shorter than the duration for which it was kept, and
/// counts from then on: what is older is forgotten. So is what was kept at a time that has not come yet.
pub fn recall(slot: &Slot<'_>, longest: Duration, now: DateTime<Utc>) -> Option<Kept> {
    let description = slot.description();
    let payload = platform::recall(&description)?;
    let Some((kept, duration, age)) = read(&payload, longest, now) else {
        let _ = platform::forget(&description);
        return None;
    };
    if longest < duration {
        let _ = platform::shorten(&description, longest.saturating_sub(age));
    }
    Some(kept)
}

/// The kept identity, for how long it was kept, and for how long it has been kept; `None` if it must not serve.
fn read(
    payload: &Secret<String>,
    longest: Duration,
    now: DateTime<Utc>,
) -> Option<(Kept, Duration, Duration)> {
    let (head, identity) = payload.expose().split_once('\n')?;
    let mut words = head.split(' ');
    let since = DateTime::from_timestamp(words.next()?.parse().ok()?, 0)?;
    let duration = Duration::from_secs(words.next()?.parse().ok()?);
    let proof = words.next()?.to_owned();
    let (allowed, age) = (longest.min(duration), (now - since).to_std().ok()?);
    let until = since + chrono::TimeDelta::from_std(allowed).ok()?;
    (age < allowed)
        .then(|| (Kept { identity: Secret::locked(identity.to_owned()), proof, until }, duration, age))
}

/// Forgets the identity of the store in `folder`, whatever opened it. Returns whether there was one.
pub fn forget(folder: &Path) -> bool {
    let forgotten =
        [Slot::Typed(folder), Slot::File(folder)].map(|slot| platform::forget(&slot.description()));
    forgotten.iter().any(Option::is_some)
}

#[cfg(target_os = "linux")]
mod platform {
    use std::time::Duration;

    use linux_keyutils::{Key, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};

    use crate::model::secret::Secret;

    /// The user's keyring, shared by all processes of the user. Each login has a session keyring of its own, and a process
    /// without one gets one that others do not see.
    fn users_keyring() -> Option<KeyRing> {
        KeyRing::from_special_id(KeyRingIdentifier::User, false).ok()
    }

    pub(super) fn keep(description: &str, payload: &Secret<String>, duration: Duration) -> Option<()> {
        // Created in the process's keyring, which ends with the process, and shared only once its permissions and its
        // timeout are set. Replaces what was kept under the same description.
        let own = KeyRing::from_special_id(KeyRingIdentifier::Process, true).ok()?;
        let key = own.add_key(description, payload.expose().as_bytes()).ok()?;
        let finished = finish(key, duration);
        let _ = own.unlink_key(key);
        finished
    }

    fn finish(key: Key, duration: Duration) -> Option<()> {
        // Not all of the user's processes possess the user's keyring (it need not be linked to their session), so the user
        // ID gets the right to read the key and to shorten its timeout. No one else gets anything.
        let user = Permission::VIEW
            | Permission::READ
            | Permission::WRITE
            | Permission::SEARCH
            | Permission::SETATTR;
        let permissions = KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(user).build();
        set_timeout(key, duration)?;
        key.set_perms(permissions).ok()?;
        users_keyring()?.link_key(key).ok()
    }

    fn set_timeout(key: Key, duration: Duration) -> Option<()> {
        // Zero would mean no timeout.
        key.set_timeout(duration.as_secs().clamp(1, u32::MAX.into()).try_into().ok()?).ok()
    }

    /// The key is kept only for this long from now on.
    pub(super) fn shorten(description: &str, duration: Duration) -> Option<()> {
        set_timeout(users_keyring()?.search(description).ok()?, duration)
    }

    pub(super) fn recall(description: &str) -> Option<Secret<String>> {
        let key = users_keyring()?.search(description).ok()?;
        let bytes = Secret::locked(key.read_to_vec().ok()?);
        std::str::from_utf8(bytes.expose()).ok().map(|text| Secret::locked(text.to_owned()))
    }

    #[cfg(test)]
    pub(super) fn permissions(description: &str) -> Option<u32> {
        Some(users_keyring()?.search(description).ok()?.metadata().ok()?.get_perms().bits())
    }

    pub(super) fn forget(description: &str) -> Option<()> {
        let ring = users_keyring()?;
        let key = ring.search(description).ok()?;
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

    pub(super) fn shorten(_: &str, _: Duration) -> Option<()> {
        None
    }

    pub(super) fn forget(_: &str) -> Option<()> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn duration_is_read_from_the_environment() {
        let read = |value: &str| unlock_for(&Env::from_pairs([(AWSMFA_UNLOCK_FOR, value)]));
        assert_eq!(unlock_for(&Env::default()), Ok(DEFAULT_UNLOCK));
        assert_eq!(read("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(read("0"), Ok(Duration::ZERO));
        assert!(read("5minuets").is_err(), "a typo must not mean 8 hours");
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    const HOUR: Duration = Duration::from_secs(3600);

    /// A folder for a test of its own; `None` if this machine keeps nothing, as many containers do.
    #[allow(clippy::print_stderr, reason = "says why a test was skipped")]
    fn folder(test: &str) -> Option<PathBuf> {
        let folder = PathBuf::from(format!("/awsmfa-test/{}/{test}", std::process::id()));
        let works = keep(&Slot::Typed(&folder), &IDENTITY.into(), "-", HOUR, at(0));
        match works {
            true => Some(folder).filter(|folder| forget(folder)),
            false => {
                eprintln!("skipped: missing the kernel keyring");
                None
            }
        }
    }

    const IDENTITY: &str = "AGE-SECRET-KEY-1TEST";

    #[test]
    fn kept_identity_is_found_until_it_is_forgotten() {
        let Some(folder) = folder("kept") else { return };
        let (typed, file) = (Slot::Typed(&folder), Slot::File(&folder));
        assert!(!keep(&typed, &IDENTITY.into(), "-", Duration::ZERO, at(0)));
        assert_eq!(recall(&typed, HOUR, at(0)), None, "zero: not kept");
        assert!(keep(&typed, &IDENTITY.into(), "-", HOUR, at(0)));
        assert_eq!(
            recall(&typed, HOUR, at(60)).map(|kept| (kept.identity, kept.until)),
            Some((IDENTITY.into(), at(3600)))
        );
        assert_eq!(recall(&file, HOUR, at(0)), None);
        assert_eq!(recall(&Slot::Typed(Path::new("/another")), HOUR, at(0)), None);
        assert!(keep(&file, &IDENTITY.into(), "-", HOUR, at(0)));
        assert!(forget(&folder) && !forget(&folder));
        assert_eq!((recall(&typed, HOUR, at(0)), recall(&file, HOUR, at(0))), (None, None));
    }

    #[test]
    fn what_is_older_than_the_current_limit_is_forgotten() {
        let Some(folder) = folder("shortened") else { return };
        let slot = Slot::File(&folder);
        for (longest, now) in
            [(HOUR / 2, at(1800)), (Duration::ZERO, at(0)), (HOUR * 2, at(3600)), (HOUR, at(-60))]
        {
            assert!(keep(&slot, &IDENTITY.into(), "proof", HOUR, at(0)));
            assert_eq!(recall(&slot, HOUR / 2, at(1799)).unwrap().until, at(1800));
            assert_eq!(recall(&slot, longest, now), None, "{longest:?} {now}");
            assert_eq!(recall(&slot, HOUR, at(1)), None, "still there after {longest:?} {now}");
        }
        forget(&folder);
    }

    #[test]
    fn what_a_shorter_limit_leaves_is_not_prolonged_by_a_longer_one() {
        let Some(folder) = folder("timeout") else { return };
        let slot = Slot::Typed(&folder);
        assert!(keep(&slot, &IDENTITY.into(), "-", HOUR, at(0)));
        assert!(recall(&slot, Duration::from_secs(1), at(0)).is_some());
        // The kernel's clock cannot be set.
        let is_there = || recall(&slot, HOUR, at(0)).is_some();
        let is_gone = (0..300).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            !is_there()
        });
        assert!(is_gone, "it is kept for longer");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn every_process_of_the_user_can_read_the_key_and_shorten_its_timeout() {
        let Some(folder) = folder("permissions") else { return };
        let slot = Slot::Typed(&folder);
        assert!(keep(&slot, &IDENTITY.into(), "-", HOUR, at(0)));
        // A process whose session does not link the user's keyring has only the rights of the user ID: all but to link the key.
        assert_eq!(platform::permissions(&slot.description()), Some(0x3f2f_0000));
        forget(&folder);
    }

    #[test]
    fn payload_of_another_version_does_not_serve() {
        for payload in ["AGE-SECRET-KEY-1TEST", "", "x 1 y\nz", "1800000000 x y\nz", "1800000000 60\nz"] {
            assert!(read(&payload.into(), HOUR, at(0)).is_none(), "{payload}");
        }
        let (kept, duration, age) = read(&"1800000000 7200 ab\nz".into(), HOUR, at(10)).unwrap();
        assert_eq!((kept.proof.as_str(), duration, age.as_secs()), ("ab", HOUR * 2, 10));
    }
}
