//! The OS keyring through the `keyring` crate: Keychain, Credential Manager or Secret Service. Every call has a deadline,
//! because a keyring may wait for a person who is not there.

use std::error::Error as _;
use std::time::Duration;

use keyring_core::{Entry, Error};

use super::{SecretReader, SecretStore, StoreError, StoreKind, check_name};
use crate::model::secret::Secret;
use crate::model::shell::quoted;
use crate::model::visible::visible;

mod calls;
#[cfg(all(unix, not(target_os = "macos")))]
mod secret_service;
#[cfg(all(unix, not(target_os = "macos")))]
use secret_service as platform;

use calls::Calls;
use platform::Service;

/// The service of every item; the item's user is the secret's name.
const SERVICE: &str = "awsmfa";

#[derive(Debug)]
pub struct KeyringStore {
    calls: Calls,
}

impl KeyringStore {
    /// The keyring, with `limit` for each call. Touches nothing yet.
    pub fn new(limit: Duration) -> Self {
        Self { calls: Calls::new(limit) }
    }

    /// The items with these names that a program with keytar keeps, as Node.js programs do, in the order of the names.
    pub fn items_of_another_program(
        &self,
        service: &'static str,
        names: Vec<String>,
    ) -> Result<Vec<Option<Secret<String>>>, StoreError> {
        let read = move |keyring: &Service| {
            names.iter().map(|name| value_of(keyring.entry_of_keytar(service, name)?)).collect()
        };
        self.calls.bounded(move || with_service(&read))
    }
}

impl SecretReader for KeyringStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Keyring
    }

    fn get(&self, name: &str) -> Result<Option<Secret<String>>, StoreError> {
        check_name(name)?;
        let name = name.to_owned();
        self.calls.bounded(move || with_service(|service| read(service, &name)))
    }

    fn has(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.get(name)?.is_some())
    }

    fn names(&self) -> Result<Option<Vec<String>>, StoreError> {
        self.calls.bounded(|| with_service(Service::names))
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn reading_command(&self, name: &str) -> Option<String> {
        if cfg!(target_os = "macos") {
            Some(format!("security find-generic-password -s {SERVICE} -a {} -w", quoted(name)))
        } else if cfg!(windows) {
            None
        } else {
            Some(format!("secret-tool lookup service {SERVICE} username {}", quoted(name)))
        }
    }
}

impl SecretStore for KeyringStore {
    fn write(&self, name: &str, value: &Secret<String>) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.clone());
        self.calls.bounded(move || with_service(|service| write(service, &name, value.expose())))
    }

    fn delete(&self, name: &str) -> Result<bool, StoreError> {
        check_name(name)?;
        let name = name.to_owned();
        self.calls.bounded(move || with_service(|service| delete(service, &name)))
    }
}

fn with_service<T>(work: impl Fn(&Service) -> Result<T, Error>) -> Result<T, StoreError> {
    platform::with_service(work).map_err(translate)
}

fn read(service: &Service, name: &str) -> Result<Option<Secret<String>>, Error> {
    let found = match service.entry(name)?.get_password() {
        Err(Error::Ambiguous(items)) => common_value(items).map(|(value, _)| value),
        found => found.map(Secret::locked),
    };
    match found {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(service: &Service, name: &str, value: &str) -> Result<(), Error> {
    match service.new_entry(name)?.set_password(value) {
        Err(Error::Ambiguous(items)) => {
            let (_, items) = common_value(items)?;
            items.iter().try_for_each(|item| item.set_password(value))
        }
        written => written,
    }
}

fn delete(service: &Service, name: &str) -> Result<bool, Error> {
    let deleted = match service.entry(name)?.delete_credential() {
        Err(Error::Ambiguous(items)) => {
            let (_, items) = common_value(items)?;
            items.iter().try_for_each(Entry::delete_credential)
        }
        deleted => deleted,
    };
    match deleted {
        Ok(()) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The text of another program's item, if it exists. The first of several counts, as it does for keytar.
fn value_of(entry: Option<Entry>) -> Result<Option<Secret<String>>, Error> {
    match entry.map(|entry| entry.get_secret()) {
        None => Ok(None),
        Some(Ok(bytes)) => {
            let bytes = Secret::locked(bytes);
            Ok(std::str::from_utf8(bytes.expose()).ok().map(|text| Secret::locked(text.to_owned())))
        }
        Some(Err(error)) if is_gone(&error) => Ok(None),
        Some(Err(error)) => Err(error),
    }
}

/// What several items with the same name all have. If they differ, nobody knows which one counts.
fn common_value(items: Vec<Entry>) -> Result<(Secret<String>, Vec<Entry>), Error> {
    let values: Vec<_> =
        items.iter().map(|item| item.get_password().map(Secret::locked)).collect::<Result<_, _>>()?;
    match values.first() {
        Some(first) if values.iter().all(|value| value == first) => Ok((first.clone(), items)),
        _ => Err(Error::Ambiguous(items)),
    }
}

/// Whether there is no such item, or no longer.
fn is_gone(error: &Error) -> bool {
    matches!(error, Error::NoEntry)
        || matches!(error, Error::PlatformFailure(_) if says(error, ".NoSuchObject"))
}

/// Keychain and Credential Manager: both show the service and the name, and do not list items by service.
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod platform {
    use keyring_core::{Entry, Error};

    use super::SERVICE;

    pub(super) struct Service;

    pub(super) fn with_service<T>(work: impl Fn(&Service) -> Result<T, Error>) -> Result<T, Error> {
        // `Entry::new` reports only that there is no store; the status has the reason.
        match keyring::Entry::store_status() {
            Ok(()) => work(&Service),
            Err(error) => Err(Error::PlatformFailure(super::one_line(error).into())),
        }
    }

    impl Service {
        pub(super) fn entry(&self, name: &str) -> Result<Entry, Error> {
            Ok(keyring::Entry::new(SERVICE, name)?.inner)
        }

        pub(super) fn new_entry(&self, name: &str) -> Result<Entry, Error> {
            self.entry(name)
        }

        pub(super) fn names(&self) -> Result<Option<Vec<String>>, Error> {
            Ok(None)
        }

        /// keytar's item. On Windows, it chooses another target than `keyring`.
        pub(super) fn entry_of_keytar(&self, service: &str, name: &str) -> Result<Option<Entry>, Error> {
            let entry = keyring::Entry::new(service, name)?.inner;
            if cfg!(not(windows)) {
                return Ok(Some(entry));
            }
            let target = format!("{service}/{name}");
            let modifiers = std::collections::HashMap::from([("target", target.as_str())]);
            Entry::new_with_modifiers(service, name, &modifiers).map(Some)
        }
    }
}

fn translate(error: Error) -> StoreError {
    let unavailable = |reason: String| StoreError::Unavailable { reason };
    match error {
        // `secret_service::Error::NoResult` is recognizable only by its message.
        Error::NoStorageAccess(_) if says(&error, "not returned") => {
            unavailable("it has no default collection".to_owned())
        }
        Error::NoStorageAccess(_) => StoreError::Locked,
        Error::PlatformFailure(_) if wants_a_person(&error) => StoreError::Locked,
        Error::PlatformFailure(_) if says(&error, "DBus.Error.NoReply") => {
            unavailable("its service ended before it replied".to_owned())
        }
        Error::PlatformFailure(_) if says(&error, "DBus.Error.ServiceUnknown") => {
            unavailable("its service is not running".to_owned())
        }
        // These carry the secret: it is wiped and never shown.
        Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) => {
            drop(Secret::new(bytes));
            StoreError::NotText
        }
        Error::Ambiguous(items) => StoreError::Ambiguous { count: items.len() },
        Error::Invalid(what, why) => {
            unavailable(format!("it does not accept `{}`: {}", visible(&what), visible(&why)))
        }
        Error::TooLong(what, limit) => {
            unavailable(format!("its limit for `{}` is {limit} characters", visible(&what)))
        }
        error => unavailable(one_line(&error)),
    }
}

/// Whether the platform's error has these words in its message.
fn says(error: &Error, words: &str) -> bool {
    error.source().is_some_and(|source| source.to_string().contains(words))
}

/// Whether the keyring is locked, or a prompt was denied. The platforms report both as failures, too.
fn wants_a_person(error: &Error) -> bool {
    if !cfg!(target_os = "macos") {
        return says(error, "Secret.Error.IsLocked") || says(error, "prompt dismissed");
    }
    // errSecInteractionNotAllowed, errSecAuthFailed, errSecUserCanceled
    const STATUSES: [&str; 3] = ["-25308", "-25293", "-128,"];
    let shown = error.source().map(|source| format!("{source:?}")).unwrap_or_default();
    STATUSES.iter().any(|status| shown.contains(status))
}

/// What the platform said, on one line and without the name of the library that reported it.
fn one_line(error: &Error) -> String {
    let text = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let text = text
        .trim_start_matches("zbus error: ")
        .trim_start_matches("SS error: ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_distinguished_and_show_no_secret() {
        let boxed = |text: &str| -> Box<dyn std::error::Error + Send + Sync> { text.into() };
        assert!(matches!(translate(Error::NoStorageAccess(boxed("object locked"))), StoreError::Locked));
        let none = translate(Error::NoStorageAccess(boxed("SS error: result not returned from SS API")));
        assert!(matches!(none, StoreError::Unavailable { .. }));
        let multi = translate(Error::PlatformFailure(boxed("one\n  two")));
        assert_eq!(multi.to_string(), "the keyring is not available: one two");
        let bad = translate(Error::BadEncoding(b"JBSWY3DP\xff".to_vec()));
        assert!(matches!(bad, StoreError::NotText));
        assert!(!format!("{bad} {bad:?}").contains("JBSW"));
    }

    #[test]
    fn invalid_names_are_rejected_before_the_keyring_is_asked() {
        let store = KeyringStore::new(Duration::ZERO);
        for name in ["", "a\nb", &"a".repeat(513)] {
            assert!(matches!(store.get(name), Err(StoreError::Name(_))), "{name:?}");
        }
        let rejected = store.get("a\n\u{1b}b").unwrap_err().to_string();
        assert_eq!(rejected, r"`a\n\u{1b}b` cannot be the name of a secret");
    }

    #[test]
    fn names_are_quoted_in_messages_and_commands() {
        let invalid = translate(Error::Invalid("user\n".to_owned(), "cannot be empty".to_owned()));
        assert_eq!(
            invalid.to_string(),
            r"the keyring is not available: it does not accept `user\n`: cannot be empty"
        );
        let long = translate(Error::TooLong("password".to_owned(), 2560));
        assert_eq!(
            long.to_string(),
            "the keyring is not available: its limit for `password` is 2560 characters"
        );
        let store = KeyringStore::new(Duration::ZERO);
        if let Some(command) = store.reading_command("it's; rm -rf x") {
            let words = shlex::split(&command).unwrap();
            assert!(words.contains(&"it's; rm -rf x".to_owned()), "{command}");
        }
    }
}
