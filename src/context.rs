//! What a command works with: the environment, the clock, the person, and the adapters created from them.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use crate::aws::{Aws, Network, Settings};
use crate::aws_files::door::AwsFiles;
use crate::aws_files::profiles::Profiles;
use crate::cache::Cache;
use crate::clock::SharedClock;
use crate::env::Env;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::ledger::{DeviceLedger, Ledgers};
use crate::model::serial::Serial;
use crate::paths::{NoHome, Paths};
use crate::ui::{Prompt, PromptError, Ui};
use crate::vault::{Opened, Stores, Vault};

pub struct Context {
    pub env: Env,
    pub paths: Paths,
    pub clock: SharedClock,
    pub ui: Rc<Ui>,
    pub prompt: Arc<dyn Prompt>,
    pub vault: Vault,
    // One for the whole run, because it remembers what it has read.
    aws_files: AwsFiles,
    // Reported once, although the files are read several times.
    told_obstacles: Cell<bool>,
    network: Network,
}

/// What contexts on several threads share.
#[derive(Clone)]
pub struct Parts {
    env: Env,
    clock: SharedClock,
    prompt: Arc<dyn Prompt>,
    opened: Opened,
}

impl Context {
    /// Touches nothing yet.
    pub fn new(
        env: Env,
        clock: SharedClock,
        ui: impl Into<Rc<Ui>>,
        prompt: Arc<dyn Prompt>,
    ) -> Result<Self, NoHome> {
        Self::of(Parts { env, clock, prompt, opened: Opened::default() }, ui)
    }

    /// A context on another thread than the one that `parts` come from.
    pub fn of(parts: Parts, ui: impl Into<Rc<Ui>>) -> Result<Self, NoHome> {
        let Parts { env, clock, prompt, opened } = parts;
        let (paths, ui) = (Paths::of(&env)?, ui.into());
        let stores = Stores::new(&env, &paths, clock.clone(), ui.clone(), prompt.clone(), opened);
        let vault = Vault::new(&paths, stores, ui.clone());
        let (config, credentials) = (paths.config().to_owned(), paths.credentials().to_owned());
        let aws_files = AwsFiles::new(config, credentials, paths.state(), clock.clone());
        let (told_obstacles, network) = (Cell::new(false), Network::default());
        Ok(Self { env, paths, clock, ui, prompt, vault, aws_files, told_obstacles, network })
    }

    /// What a context on another thread needs. `prompt` lets the threads prompt one after the other.
    pub fn parts(&self, prompt: Arc<dyn Prompt>) -> Parts {
        Parts { env: self.env.clone(), clock: self.clock.clone(), prompt, opened: self.vault.stores.opened() }
    }

    /// Asks the person for a yes. A no is an error, and so is no answer: `unanswered` says what to do about it.
    pub fn confirm(
        &self,
        question: &str,
        unanswered: impl FnOnce(PromptError) -> CommandError,
    ) -> CommandResult {
        match self.prompt.confirm(question) {
            Ok(true) => Ok(()),
            Ok(false) => Err(CommandError::new(ErrorKind::Failed, "canceled; nothing was changed")),
            Err(error @ PromptError::Interrupted) => Err(error.into()),
            Err(error) => Err(unanswered(error)),
        }
    }

    /// Both AWS files, read now.
    pub fn profiles(&self) -> CommandResult<Profiles> {
        // Without a readable registry, no keys are stored; a command that needs keys then says why there are none.
        let stored = self.vault.stored_keys().unwrap_or_default();
        let stored = stored.into_iter().map(|key| (key.profile, key.access_key_id)).collect();
        let profiles = self.aws_files.profiles()?.with_stored(stored);
        if !self.told_obstacles.replace(true) {
            for (path, obstacle) in profiles.obstacles() {
                self.ui.detail(format_args!("{}: {obstacle}", path.display()));
            }
        }
        Ok(profiles)
    }

    /// The two AWS files, to read and to edit.
    pub fn aws_files(&self) -> &AwsFiles {
        &self.aws_files
    }

    /// The way to AWS under these settings.
    pub fn aws(&self, settings: Settings) -> CommandResult<Arc<Aws>> {
        Ok(self.network.aws(settings, &self.clock)?)
    }

    pub fn cache(&self) -> Cache {
        Cache::new(self.paths.cache(), self.paths.state())
    }

    /// The ledgers of all devices.
    pub fn ledgers(&self) -> Ledgers {
        Ledgers::new(self.paths.ledgers())
    }

    /// A device's ledger, locked. While another process has it, this waits and says so.
    pub fn open_ledger(&self, serial: &Serial) -> CommandResult<DeviceLedger> {
        let waiting =
            || self.ui.say(format_args!("another awsmfa process is using `{serial}`; waiting for it"));
        Ok(self.ledgers().open(serial, &*self.clock, waiting)?)
    }
}
