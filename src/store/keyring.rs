//! The OS keyring through the `keyring` crate: Keychain, Credential Manager or Secret Service. Every call has a deadline,
//! because a keyring may wait for a person who is not there.

use std::error::Error as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use keyring::{Entry, Error};

use super::{SecretStore, StoreError, StoreKind, check_name};
use crate::model::secret::Secret;

/// The service of every item; the item's user is the secret's name.
const SERVICE: &str = "awsmfa";

#[derive(Debug)]
pub struct KeyringStore {
    limit: Duration,
    /// The thread of a call that missed its deadline. While it runs, another call would only wait for it.
    abandoned: Mutex<Option<JoinHandle<()>>>,
}

impl KeyringStore {
    /// The keyring, with `limit` for each call. Touches nothing yet.
    pub fn new(limit: Duration) -> Self {
        Self { limit, abandoned: Mutex::default() }
    }

    /// Does `work` on a thread of its own and waits for it up to the limit. After that the thread is abandoned, because a
    /// keyring call cannot be interrupted and the process ends soon.
    fn bounded<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let timed_out = || StoreError::TimedOut { seconds: self.limit.as_secs() };
        if self.is_stuck() {
            return Err(timed_out());
        }
        let (sender, receiver) = mpsc::channel();
        let worker = std::thread::Builder::new()
            .name("keyring".to_owned())
            // After the deadline there is no receiver, and what was read is wiped with the message.
            .spawn(move || drop(sender.send(work())))
            .map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        match receiver.recv_timeout(self.limit) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                *self.abandoned.lock().unwrap_or_else(PoisonError::into_inner) = Some(worker);
                Err(timed_out())
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(StoreError::Unavailable { reason: "its client crashed".to_owned() })
            }
        }
    }

    fn is_stuck(&self) -> bool {
        let abandoned = self.abandoned.lock().unwrap_or_else(PoisonError::into_inner);
        abandoned.as_ref().is_some_and(|worker| !worker.is_finished())
    }
}

impl SecretStore for KeyringStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Keyring
    }

    fn get(&self, name: &str) -> Result<Option<Secret<String>>, StoreError> {
        check_name(name)?;
        let name = name.to_owned();
        self.bounded(move || read(&entry(&name)?))
    }

    fn has(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.get(name)?.is_some())
    }

    fn names(&self) -> Result<Option<Vec<String>>, StoreError> {
        self.bounded(platform::names)
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn write(&self, name: &str, value: &Secret<String>) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.clone());
        self.bounded(move || platform::new_entry(&name)?.set_password(value.expose()).map_err(translate))
    }

    fn reading_command(&self, name: &str) -> Option<String> {
        if cfg!(target_os = "macos") {
            Some(format!("security find-generic-password -s {SERVICE} -a '{name}' -w"))
        } else if cfg!(windows) {
            None
        } else {
            Some(format!("secret-tool lookup service {SERVICE} username '{name}'"))
        }
    }

    fn delete(&self, name: &str) -> Result<bool, StoreError> {
        check_name(name)?;
        let name = name.to_owned();
        self.bounded(move || match entry(&name)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(translate(error)),
        })
    }
}

fn entry(name: &str) -> Result<Entry, StoreError> {
    // `Entry::new` reports only that there is no store; the status has the reason.
    if let Err(error) = Entry::store_status() {
        return Err(StoreError::Unavailable { reason: one_line(error) });
    }
    Entry::new(SERVICE, name).map_err(translate)
}

/// The Secret Service: items have labels, and can be listed.
#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use std::collections::HashMap;

    use super::{SERVICE, StoreError, entry, translate};
    use crate::model::item_label::item_label;

    /// The item called `name`. If it does not exist yet, it gets a label that a person recognizes.
    pub(super) fn new_entry(name: &str) -> Result<keyring_core::Entry, StoreError> {
        entry(name)?;
        let label = item_label(name);
        let modifiers = HashMap::from([("label", label.as_str())]);
        keyring_core::Entry::new_with_modifiers(SERVICE, name, &modifiers).map_err(translate)
    }

    pub(super) fn names() -> Result<Option<Vec<String>>, StoreError> {
        // Connects.
        entry("any")?;
        let found = keyring_core::Entry::search(&HashMap::from([("service", SERVICE)])).map_err(translate)?;
        let mut names: Vec<String> = found.iter().filter_map(|item| Some(item.get_specifiers()?.1)).collect();
        names.sort();
        names.dedup();
        Ok(Some(names))
    }
}

/// Keychain and Credential Manager: both show the service and the name, and do not list items by service.
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod platform {
    use super::{StoreError, entry};

    pub(super) fn new_entry(name: &str) -> Result<keyring_core::Entry, StoreError> {
        Ok(entry(name)?.inner)
    }

    pub(super) fn names() -> Result<Option<Vec<String>>, StoreError> {
        Ok(None)
    }
}

fn read(entry: &Entry) -> Result<Option<Secret<String>>, StoreError> {
    match entry.get_password() {
        Ok(value) => Ok(Some(Secret::locked(value))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(translate(error)),
    }
}

fn translate(error: Error) -> StoreError {
    match error {
        Error::NoStorageAccess(_) if no_collection(&error) => {
            StoreError::Unavailable { reason: "it has no default collection".to_owned() }
        }
        Error::NoStorageAccess(_) => StoreError::Locked,
        Error::PlatformFailure(_) if wants_a_person(&error) => StoreError::Locked,
        // These carry the secret: it is wiped and never shown.
        Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) => {
            drop(Secret::new(bytes));
            StoreError::damaged("the keyring's item is not text")
        }
        Error::Ambiguous(items) => {
            StoreError::damaged(format!("the keyring has {} items with the same name", items.len()))
        }
        error => StoreError::Unavailable { reason: one_line(&error) },
    }
}

/// Secret Service without a default collection: `secret_service::Error::NoResult`, recognizable only by its message.
fn no_collection(error: &Error) -> bool {
    error.source().is_some_and(|source| source.to_string().contains("not returned"))
}

/// Keychain statuses for a locked keychain or a denied prompt; the `keyring` crate reports them as failures.
fn wants_a_person(error: &Error) -> bool {
    // errSecInteractionNotAllowed, errSecAuthFailed, errSecUserCanceled
    const STATUSES: [&str; 3] = ["-25308", "-25293", "-128,"];
    let Some(source) = error.source().filter(|_| cfg!(target_os = "macos")) else { return false };
    let shown = format!("{source:?}");
    STATUSES.iter().any(|status| shown.contains(status))
}

/// What the platform said, on one line and without the name of the library that reported it.
fn one_line(error: &Error) -> String {
    let text = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let text = text.trim_start_matches("zbus error: ").split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hanging_call_is_abandoned_and_the_next_fails_at_once() {
        let store = KeyringStore::new(Duration::from_millis(20));
        let (release, blocked) = mpsc::channel::<()>();
        let hung = store.bounded(move || {
            let _ = blocked.recv();
            Ok(())
        });
        assert!(matches!(hung, Err(StoreError::TimedOut { .. })));
        let (started, was_started) = mpsc::channel();
        let next = store.bounded(move || started.send(()).map_err(|_| StoreError::Locked));
        assert!(matches!(next, Err(StoreError::TimedOut { .. })));
        assert!(was_started.recv().is_err(), "it was started nonetheless");
        // Once the abandoned thread has ended, the keyring is asked again.
        release.send(()).unwrap();
        while store.is_stuck() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn errors_are_distinguished_and_show_no_secret() {
        let boxed = |text: &str| -> Box<dyn std::error::Error + Send + Sync> { text.into() };
        assert!(matches!(translate(Error::NoStorageAccess(boxed("object locked"))), StoreError::Locked));
        let none = translate(Error::NoStorageAccess(boxed("SS error: result not returned from SS API")));
        assert!(matches!(none, StoreError::Unavailable { .. }));
        let multi = translate(Error::PlatformFailure(boxed("one\n  two")));
        assert_eq!(multi.to_string(), "the keyring is not available: one two");
        let bad = translate(Error::BadEncoding(b"JBSWY3DP\xff".to_vec()));
        assert!(matches!(bad, StoreError::Damaged { .. }));
        assert!(!format!("{bad} {bad:?}").contains("JBSW"));
    }

    #[test]
    fn invalid_names_are_rejected_before_the_keyring_is_asked() {
        let store = KeyringStore::new(Duration::ZERO);
        for name in ["", "a\nb", &"a".repeat(513)] {
            assert!(matches!(store.get(name), Err(StoreError::Name(_))), "{name:?}");
        }
    }
}
