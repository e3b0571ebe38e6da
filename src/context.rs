//! What a command is given: the environment, the clock, the person, and the adapters made from them on first use.

use std::cell::{Cell, OnceCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::aws::{Aws, Network, Settings};
use crate::aws_files::door::AwsFiles;
use crate::aws_files::profiles::Profiles;
use crate::cache::Cache;
use crate::clock::SharedClock;
use crate::env::{AWSMFA_STORE, Env};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::ledger::{DeviceLedger, Ledgers};
use crate::model::duration::in_words;
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::age_file::AgeFileStore;
use crate::store::keyring::KeyringStore;
use crate::store::passphrase::{AskPassphrase, EnvPassphrase};
use crate::store::registry::Registry;
use crate::store::{self, SecretStore, StoreError, StoreKind, kernel_keyring};
use crate::ui::{Prompt, PromptError, Ui};

/// How long the OS keyring may take where a person can be asked to unlock it, and where not.
const KEYRING_LIMITS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(2));

/// Everything a command works with.
pub struct Context {
    pub env: Env,
    pub clock: SharedClock,
    /// Where words and results go.
    pub ui: Ui,
    pub prompt: Arc<dyn Prompt>,
    // One for the whole run: it unlocks at the price of one scrypt.
    file_store: OnceCell<Rc<dyn SecretStore>>,
    // One answer for the whole run: a locked keyring takes its time to say so.
    usual_store: OnceCell<StoreKind>,
    // Why the keyring is not used, for the person who is asked for the file store's first passphrase.
    no_keyring: Arc<OnceLock<String>>,
    // Said once, though the files are read several times.
    told_obstacles: Cell<bool>,
    // One for the whole run: it knows what it has seen in the files.
    aws_files: OnceCell<AwsFiles>,
    network: Network,
}

impl Context {
    pub fn new(env: Env, clock: SharedClock, ui: Ui, prompt: Arc<dyn Prompt>) -> Self {
        Self {
            env,
            clock,
            ui,
            prompt,
            file_store: OnceCell::new(),
            usual_store: OnceCell::new(),
            no_keyring: Arc::default(),
            told_obstacles: Cell::new(false),
            aws_files: OnceCell::new(),
            network: Network::default(),
        }
    }

    /// The AWS config file's path.
    pub fn config_path(&self) -> CommandResult<PathBuf> {
        self.env.aws_config_file().ok_or_else(no_home)
    }

    /// The AWS credentials file's path.
    pub fn credentials_path(&self) -> CommandResult<PathBuf> {
        self.env.aws_credentials_file().ok_or_else(no_home)
    }

    /// The folder of ledgers, locks and journals.
    pub fn state_dir(&self) -> CommandResult<PathBuf> {
        self.env.state_dir().ok_or_else(no_home)
    }

    /// Both AWS files, read now.
    pub fn profiles(&self) -> CommandResult<Profiles> {
        let profiles = self.aws_files()?.profiles()?;
        if !self.told_obstacles.replace(true) {
            for (path, obstacle) in profiles.obstacles() {
                self.ui.detail(format_args!("{}: {obstacle}", path.display()));
            }
        }
        Ok(profiles)
    }

    /// The two AWS files, to read and to edit.
    pub fn aws_files(&self) -> CommandResult<&AwsFiles> {
        if self.aws_files.get().is_none() {
            let (config, credentials) = (self.config_path()?, self.credentials_path()?);
            let files = AwsFiles::new(config, credentials, &self.state_dir()?, self.clock.clone());
            return Ok(self.aws_files.get_or_init(|| files));
        }
        self.aws_files.get().ok_or_else(no_home)
    }

    /// The way to AWS under these settings.
    pub fn aws(&self, settings: Settings) -> CommandResult<Arc<Aws>> {
        Ok(self.network.aws(settings, &self.clock)?)
    }

    pub fn cache(&self) -> CommandResult<Cache> {
        Ok(Cache::new(&self.env.cache_dir().ok_or_else(no_home)?, &self.state_dir()?))
    }

    /// The ledgers of all devices.
    pub fn ledgers(&self) -> CommandResult<Ledgers> {
        Ok(Ledgers::new(self.state_dir()?.join("ledgers")))
    }

    /// A device's ledger, locked. Whoever has it is waited for, and a person told so.
    pub fn open_ledger(&self, serial: &Serial) -> CommandResult<DeviceLedger> {
        let waiting =
            || self.ui.say(format_args!("another awsmfa is asking AWS with `{serial}`; waiting for it"));
        Ok(self.ledgers()?.open(serial, &*self.clock, waiting)?)
    }

    pub fn registry(&self) -> CommandResult<Registry> {
        let path = self.env.data_dir().ok_or_else(no_home)?.join("devices.json");
        Ok(Registry::new(path, self.state_dir()?.join("locks/registry.lock")))
    }

    /// A store, of which the file store is unlocked at most once.
    pub fn store(&self, kind: StoreKind) -> CommandResult<Rc<dyn SecretStore>> {
        match kind {
            StoreKind::Keyring => Ok(Rc::new(self.keyring())),
            StoreKind::File => self.file_store(),
        }
    }

    /// The store for new secrets: the one asked for by flag or variable, else the keyring if it works, else the file.
    pub fn store_for_new(&self, flag: Option<StoreKind>) -> CommandResult<StoreKind> {
        let variable = self.env.get(AWSMFA_STORE).map(str::parse).transpose();
        let requested = match flag {
            Some(kind) => Some(kind),
            None => {
                let hint = format!("{AWSMFA_STORE}=file");
                variable.map_err(|e| {
                    CommandError::new(ErrorKind::Usage, format!("{AWSMFA_STORE}: {e}")).hint(hint)
                })?
            }
        };
        Ok(requested.unwrap_or_else(|| *self.usual_store.get_or_init(|| self.choose_store())))
    }

    /// The keyring if it works, else the file; a keyring that is there was expected to be used.
    fn choose_store(&self) -> StoreKind {
        let Err(why) = store::probe(&self.keyring()) else { return StoreKind::Keyring };
        let _ = self.no_keyring.set(why.to_string());
        match why {
            StoreError::Unavailable { .. } => self.ui.detail(format_args!("{why}; using the file store")),
            why => self.ui.warn(format_args!("{why}; using the file store")),
        }
        StoreKind::File
    }

    /// A device's seed, if one is registered.
    pub fn seed(&self, serial: &Serial) -> CommandResult<Option<Seed>> {
        let Some(record) = self.registry()?.find(serial)? else { return Ok(None) };
        self.ui.detail(format_args!("the secret of `{serial}` is in the {} store", record.store));
        let Some(uri) = self.store(record.store)?.get(serial.as_str())? else {
            let message =
                format!("the {} store has no secret for `{serial}`, though it was put there", record.store);
            return Err(CommandError::new(ErrorKind::Store, message)
                .hint(format!("import it again: `awsmfa device import --serial {serial}`")));
        };
        let seed = Seed::from_uri(uri.expose()).map_err(|error| {
            CommandError::new(
                ErrorKind::Store,
                format!("the stored secret of `{serial}` is damaged: {error}"),
            )
            .hint(format!("import it again: `awsmfa device import --serial {serial} --yes`"))
        })?;
        Ok(Some(seed))
    }

    fn keyring(&self) -> KeyringStore {
        KeyringStore::new(if self.prompt.can_ask() { KEYRING_LIMITS.0 } else { KEYRING_LIMITS.1 })
    }

    fn file_store(&self) -> CommandResult<Rc<dyn SecretStore>> {
        if let Some(store) = self.file_store.get() {
            return Ok(store.clone());
        }
        let folder = self.env.data_dir().ok_or_else(no_home)?.join("store");
        let lock = self.state_dir()?.join("locks/store.lock");
        let unlock_for = kernel_keyring::unlock_for(&self.env).map_err(|e| {
            CommandError::new(ErrorKind::Usage, format!("AWSMFA_UNLOCK_FOR: {e}"))
                .hint("write it as `8h` or `0`")
        })?;
        let person = Person {
            prompt: self.prompt.clone(),
            folder: folder.clone(),
            unlock_for,
            no_keyring: self.no_keyring.clone(),
        };
        let passphrases = EnvPassphrase::new(self.env.clone(), person);
        let store = AgeFileStore::new(folder, lock, Box::new(passphrases), unlock_for);
        Ok(self.file_store.get_or_init(|| Rc::new(store)).clone())
    }
}

/// Asks for the file store's passphrase.
struct Person {
    prompt: Arc<dyn Prompt>,
    folder: PathBuf,
    unlock_for: Duration,
    no_keyring: Arc<OnceLock<String>>,
}

impl AskPassphrase for Person {
    fn ask(&self, prompt: &str) -> Result<Secret<String>, StoreError> {
        self.prompt.secret(prompt).map_err(|error| match error {
            PromptError::Interrupted => StoreError::Interrupted,
            other => StoreError::NoPassphrase { why: other.to_string() },
        })
    }

    fn introduce(&self) {
        if let Some(why) = self.no_keyring.get() {
            self.prompt.tell(&format!("{why}, so the secret goes to the file store"));
        }
        let folder = self.folder.display();
        self.prompt.tell(&format!("the file store keeps secrets in {folder}, encrypted with a passphrase"));
        self.prompt.tell(&match kernel_keyring::IS_EXPECTED && !self.unlock_for.is_zero() {
            true => {
                format!("once typed, the passphrase is not asked for again for {}", in_words(self.unlock_for))
            }
            false => "the passphrase is asked for whenever a secret is needed".to_owned(),
        });
    }

    fn hint(&self, hint: &str) {
        self.prompt.tell(hint);
    }
}

fn no_home() -> CommandError {
    CommandError::new(
        ErrorKind::Configuration,
        "there is no home folder: neither HOME nor USERPROFILE is set",
    )
    .hint("set HOME to your home folder")
}
