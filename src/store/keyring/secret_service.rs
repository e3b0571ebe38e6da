//! The Secret Service, over D-Bus. Its items have labels, and can be listed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use zbus_secret_service_keyring_store::Store;

use super::{SERVICE, says};
use crate::model::item_label::item_label;

/// The connection to the service. `keyring` would keep its first one, or the lack of one, until the process ends, but `serve`
/// runs longer than a service that is restarted.
static CONNECTION: Mutex<Option<Arc<Store>>> = Mutex::new(None);

pub(super) struct Service(Arc<Store>);

/// Does `work` with the service. If it was restarted since the last time, connects again.
pub(super) fn with_service<T>(work: impl Fn(&Service) -> Result<T, Error>) -> Result<T, Error> {
    let set = |store| *CONNECTION.lock().unwrap_or_else(PoisonError::into_inner) = store;
    let earlier = CONNECTION.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(store) = earlier {
        let done = work(&Service(store));
        if let Err(Error::PlatformFailure(_)) = done {
            set(None);
        }
        if !done.as_ref().is_err_and(is_from_before) {
            return done;
        }
    }
    let store = Store::new()?;
    let done = work(&Service(store.clone()));
    if !matches!(done, Err(Error::PlatformFailure(_))) {
        set(Some(store));
    }
    done
}

/// Whether the service does not know the session that an earlier one opened, so it did nothing.
fn is_from_before(error: &Error) -> bool {
    says(error, "Secret.Error.NoSession") || says(error, "DBus.Error.ServiceUnknown")
}

impl Service {
    pub(super) fn entry(&self, name: &str) -> Result<Entry, Error> {
        self.0.build(SERVICE, name, None)
    }

    /// The item called `name`. If it does not exist yet, it gets a label that a person recognizes.
    pub(super) fn new_entry(&self, name: &str) -> Result<Entry, Error> {
        let label = item_label(name);
        self.0.build(SERVICE, name, Some(&HashMap::from([("label", label.as_str())])))
    }

    pub(super) fn names(&self) -> Result<Option<Vec<String>>, Error> {
        let found = self.0.search(&HashMap::from([("service", SERVICE)]))?;
        let mut names: Vec<String> = found.iter().filter_map(|item| Some(item.get_specifiers()?.1)).collect();
        names.sort();
        names.dedup();
        Ok(Some(names))
    }

    /// keytar's item, if it exists.
    pub(super) fn entry_of_keytar(&self, service: &str, name: &str) -> Result<Option<Entry>, Error> {
        let found = self.0.search(&HashMap::from([("service", service), ("account", name)]))?;
        Ok(found.into_iter().next())
    }
}
