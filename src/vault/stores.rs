//! The stores of a run, each opened at most once, and which of them new secrets go to.

use std::cell::{Cell, OnceCell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::attendant::PersonAtHand;
use super::passphrase::{self, FilePassphrase, Passphrases};
use crate::clock::SharedClock;
use crate::env::{AWSMFA_STORE, AWSMFA_UNLOCK_FOR, Env};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files::Lock;
use crate::model::secret::Secret;
use crate::paths::Paths;
use crate::store::age_file::AgeFileStore;
use crate::store::keyring::KeyringStore;
use crate::store::{self, SecretReader, SecretStore, StoreError, StoreKind, kernel_keyring};
use crate::ui::{Prompt, Ui};

/// The time limits of the OS keyring if a person can unlock it, and if not.
const KEYRING_LIMITS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(2));

/// The stores that are open. Threads share them.
#[derive(Clone, Default)]
pub struct Opened {
    keyring: Arc<OnceLock<KeyringStore>>,
    // Unlocked once, because that costs one scrypt, and maybe a prompt.
    age_file: Arc<OnceLock<AgeFileStore>>,
}

pub struct Stores {
    env: Env,
    /// The folder of the file store.
    folder: PathBuf,
    /// The lock of the file store.
    lock: PathBuf,
    ui: Rc<Ui>,
    prompt: Arc<dyn Prompt>,
    opened: Opened,
    // Determined once, because a locked keyring may take long to respond.
    default: OnceCell<StoreKind>,
    // Why the keyring is not used, for the person who chooses the file store's first passphrase.
    no_keyring: Arc<OnceLock<String>>,
    clock: SharedClock,
    /// The file of the lock that [`Hold`] has.
    held_path: PathBuf,
    held: RefCell<Option<Lock>>,
    holds: Cell<usize>,
}

/// The right to change what the stores hold: no other process changes them meanwhile. Nothing else opens a store for changes, so
/// no secret is saved, moved or deleted beside another command. A holder may get it again.
pub struct Hold<'a>(&'a Stores);

impl Hold<'_> {
    /// A store, to change it.
    pub fn get(&self, kind: StoreKind) -> CommandResult<&dyn SecretStore> {
        Ok(match kind {
            StoreKind::Keyring => self.0.keyring(),
            StoreKind::File => self.0.age_file()?,
        })
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.holds.set(self.0.holds.get() - 1);
        if self.0.holds.get() == 0 {
            self.0.held.take();
        }
    }
}

impl Stores {
    /// Touches nothing yet.
    pub fn new(
        env: &Env,
        paths: &Paths,
        clock: SharedClock,
        ui: Rc<Ui>,
        prompt: Arc<dyn Prompt>,
        opened: Opened,
    ) -> Self {
        Self {
            env: env.clone(),
            folder: paths.file_store(),
            lock: paths.locks().join("store.lock"),
            ui,
            prompt,
            opened,
            default: OnceCell::new(),
            no_keyring: Arc::default(),
            clock,
            held_path: paths.locks().join("custody.lock"),
            held: RefCell::default(),
            holds: Cell::default(),
        }
    }

    /// Waits until no other process changes what the stores hold.
    pub fn hold(&self) -> CommandResult<Hold<'_>> {
        if self.holds.get() == 0 {
            let waiting =
                || self.ui.say("waiting for another awsmfa process that is changing stored secrets");
            *self.held.borrow_mut() = Some(Lock::acquire_telling(&self.held_path, &*self.clock, waiting)?);
        }
        self.holds.set(self.holds.get() + 1);
        Ok(Hold(self))
    }

    /// The open stores, for another thread.
    pub fn opened(&self) -> Opened {
        self.opened.clone()
    }

    /// A store, to read what it has.
    pub fn get(&self, kind: StoreKind) -> CommandResult<&dyn SecretReader> {
        Ok(match kind {
            StoreKind::Keyring => self.keyring(),
            StoreKind::File => self.age_file()?,
        })
    }

    fn keyring(&self) -> &KeyringStore {
        let limit = || if self.prompt.can_ask() { KEYRING_LIMITS.0 } else { KEYRING_LIMITS.1 };
        self.opened.keyring.get_or_init(|| KeyringStore::new(limit()))
    }

    /// Whether secrets may have been saved in the OS keyring: no setting says otherwise.
    pub fn may_use_keyring(&self) -> bool {
        self.env.get(AWSMFA_STORE) != Some(StoreKind::File.name())
    }

    /// The items with these names that another program keeps in the OS keyring.
    pub fn items_of_another_program(
        &self,
        service: &'static str,
        names: Vec<String>,
    ) -> CommandResult<Vec<Option<Secret<String>>>> {
        self.keyring().items_of_another_program(service, names).map_err(CommandError::about_keys)
    }

    /// The file store, for what only it can do.
    pub fn age_file(&self) -> CommandResult<&AgeFileStore> {
        if self.opened.age_file.get().is_none() {
            let unlock_for = kernel_keyring::unlock_for(&self.env).map_err(|e| {
                CommandError::new(ErrorKind::Usage, format!("{AWSMFA_UNLOCK_FOR}: {e}"))
                    .hint("use a duration such as `8h`, or `0`")
            })?;
            let passphrases = Passphrases {
                env: self.env.clone(),
                prompt: self.prompt.clone(),
                folder: self.folder.clone(),
                unlock_for,
                no_keyring: self.no_keyring.clone(),
            };
            let attendant = PersonAtHand { env: self.env.clone(), prompt: self.prompt.clone() };
            let store = AgeFileStore::new(
                &self.folder,
                &self.lock,
                Box::new(passphrases),
                Box::new(attendant),
                unlock_for,
            );
            let _ = self.opened.age_file.set(store);
        }
        Ok(self.opened.age_file.get().expect("set above"))
    }

    /// Fails if `AWSMFA_PASSPHRASE_FILE` is set and certainly does not provide a passphrase.
    pub fn check_passphrase_file(&self) -> Result<(), StoreError> {
        passphrase::check_file(&self.env)
    }

    /// The passphrase for `what`: from the file that `variable` gives, else from a person.
    pub fn passphrase<'a>(&'a self, variable: Option<&'static str>, what: &'a str) -> FilePassphrase<'a> {
        FilePassphrase { env: &self.env, prompt: &*self.prompt, variable, what }
    }

    /// The store for new secrets: from the flag, else from `AWSMFA_STORE`, else the keyring if it works, else the file
    /// store.
    pub fn for_new(&self, flag: Option<StoreKind>) -> CommandResult<StoreKind> {
        if let Some(kind) = flag {
            return Ok(kind);
        }
        if let Some(text) = self.env.get(AWSMFA_STORE) {
            return text.parse().map_err(|error| {
                CommandError::new(ErrorKind::Usage, format!("{AWSMFA_STORE}: {error}"))
                    .hint(format!("{AWSMFA_STORE}=file"))
            });
        }
        if let Some(kind) = self.default.get() {
            return Ok(*kind);
        }
        let hold = self.hold()?;
        Ok(*self.default.get_or_init(|| self.choose_default(&hold)))
    }

    /// The keyring if it works, else the file store. An existing keyring that does not work is worth a warning.
    fn choose_default(&self, _: &Hold<'_>) -> StoreKind {
        let Err(why) = store::probe(self.keyring()) else { return StoreKind::Keyring };
        let _ = self.no_keyring.set(why.to_string());
        match why {
            StoreError::Unavailable { .. } => self.ui.detail(format_args!("{why}; using the file store")),
            why => self.ui.warn(format_args!("{why}; using the file store")),
        }
        StoreKind::File
    }
}
