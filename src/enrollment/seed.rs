//! The device's seed and record on this computer.

use super::hints;
use super::journal::{Journal, Stage, UserJournal};
use super::state::Enrollment;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::registry::Registration;
use crate::store::{SecretReader, StoreKind};

impl Enrollment<'_> {
    pub(super) fn store_of(&self, journal: &Journal) -> CommandResult<&dyn SecretReader> {
        self.ctx.vault.stores.get(journal.store)
    }

    pub(super) fn seed(&self, journal: &Journal) -> CommandResult<Seed> {
        if let Some(seed) = self.ctx.vault.seed_in(journal.store, &journal.serial)? {
            return Ok(seed);
        }
        // It may have been moved since it was saved.
        let moved = self.ctx.vault.record(&journal.serial)?.filter(|record| record.store != journal.store);
        if let Some(record) = moved
            && let Some(seed) = self.ctx.vault.seed_in(record.store, &journal.serial)?
        {
            return Ok(seed);
        }
        let message =
            format!("the secret of `{}` is missing from the {} store", journal.serial, journal.store);
        Err(CommandError::new(ErrorKind::Store, message)
            .hint(format!("enroll another device: `{}`", hints::command(&self.another()))))
    }

    /// Registers the device, so that its seed is found, and assigns it to the profile if there is one.
    pub(super) fn register(&self, journal: &Journal, profile: Option<&str>) -> CommandResult {
        let _hold = self.ctx.vault.hold()?;
        let mut store = journal.store;
        // It may have been moved since it was saved.
        if let Some(record) = self.ctx.vault.record(&journal.serial)?
            && record.store != store
            && !self.store_of(journal)?.has(journal.serial.as_str())?
        {
            store = record.store;
        }
        let new = Registration::of(&journal.serial, store);
        self.ctx.vault.register(Registration { user: Some(&journal.user), profile, ..new })
    }

    /// Plans the enrollment again if the store lost the device's secret.
    pub(super) fn check_kept(&self, file: &UserJournal, journal: &mut Journal) -> CommandResult {
        if journal.stage == Stage::Planned {
            return Ok(());
        }
        let registered = self.ctx.vault.record(&journal.serial)?.map(|record| record.store);
        journal.store = registered.unwrap_or(journal.store);
        if self.store_of(journal)?.get(journal.serial.as_str())?.is_none() {
            self.ctx.ui.warn(format_args!(
                "the {} store no longer has the secret of `{}`; starting its unfinished enrollment over",
                journal.store, journal.serial
            ));
            journal.stage = Stage::Planned;
            file.save(journal)?;
        }
        Ok(())
    }

    /// The other user for whom an unassigned device was created.
    pub(super) fn reserved_for(&self, serial: &Serial) -> CommandResult<Option<String>> {
        let user = self.ctx.vault.record(serial)?.and_then(|record| record.user);
        Ok(user.filter(|user| !user.eq_ignore_ascii_case(&self.target.user)))
    }

    /// The store that has the device's secret, unless the device was created for another user.
    pub(super) fn stored_for_target(&self, serial: &Serial) -> CommandResult<Option<StoreKind>> {
        if self.reserved_for(serial)?.is_some() { Ok(None) } else { self.stored(serial) }
    }

    /// The store that has the device's secret.
    pub(super) fn stored(&self, serial: &Serial) -> CommandResult<Option<StoreKind>> {
        let registered = self.ctx.vault.record(serial)?.map(|record| record.store);
        // A run that was killed may have saved the secret and not registered the device.
        let kind = match registered {
            Some(kind) => kind,
            None => self.ctx.vault.stores.for_new(self.request.store)?,
        };
        let value = self.ctx.vault.stores.get(kind)?.get(serial.as_str())?;
        Ok(value.filter(|uri| Seed::from_uri(uri.expose()).is_ok()).map(|_| kind))
    }
}
