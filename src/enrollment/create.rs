//! Creating the device, and keeping its seed before anything else is done.

use super::choose::NAMES;
use super::journal::{Journal, Stage, UserJournal};
use super::{Run, hints};
use crate::aws::{AwsErrorKind, NewDevice};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::{Seed, SeedError};
use crate::store::registry::Registration;
use crate::vault::Vault;

/// What stands before a device's serial in the name of a secret that could not be read.
const UNREADABLE: &str = "unreadable:";

/// So often a request is sent whose answer was lost.
const LOST: usize = 3;

impl Run<'_> {
    /// CreateVirtualMFADevice; the seed is in the store when this returns, and the journal says so.
    pub(super) fn create(&mut self, file: &UserJournal, journal: &mut Journal) -> CommandResult {
        let mut lost = 0;
        loop {
            self.serial = Some(journal.serial.clone());
            self.ctx.ui.doing(format_args!("creating `{}`", journal.serial));
            let (name, path) = (journal.name.clone(), journal.path.clone());
            let tags = self.wishes.tags.clone();
            let created = self.call(|aws| aws.create_virtual_mfa_device(name.as_str(), path.as_str(), &tags));
            let error = match created {
                Ok(device) => return self.keep(journal, &device),
                Err(error) => error,
            };
            match error.kind {
                AwsErrorKind::Exists => match self.ours(&journal.serial)? {
                    Some(store) => {
                        (journal.stage, journal.store) = (Stage::Stored, store);
                        return self.register(journal, None);
                    }
                    None => self.make_room(file, journal)?,
                },
                // AWS may have created it; the next answer tells.
                AwsErrorKind::Lost if lost < LOST => {
                    self.wait_after_loss(lost);
                    lost += 1;
                }
                AwsErrorKind::LimitExceeded => {
                    return Err(CommandError::from(error).hint(format!(
                        "the account has as many virtual devices as it may; `{}` shows those that are nobody's",
                        self.aws("iam list-virtual-mfa-devices --assignment-status Unassigned")
                    )));
                }
                _ => return Err(self.refused_device(error, &journal.serial)),
            }
        }
    }

    /// There is a device of the name whose secret nobody has: delete it if that is wished, else choose another name.
    fn make_room(&mut self, file: &UserJournal, journal: &mut Journal) -> CommandResult {
        let reserved = self.reserved(&journal.serial)?;
        if reserved.is_none() && self.may_replace(&journal.serial) {
            return self.delete(&journal.serial);
        }
        let base = self.base_name()?;
        let number = (1..=NAMES).find(|n| base.numbered(*n) == journal.name).unwrap_or(1) + 1;
        match reserved {
            None => self.pass_by(&journal.serial, &base.numbered(number), &mut journal.stale),
            Some(user) if self.wishes.device_name.is_some() => {
                return Err(self.taken(&journal.serial, &user));
            }
            Some(_) => {}
        }
        let begun = self.choose(&base, number, &mut journal.stale)?;
        journal.take(begun);
        Ok(file.save(journal)?)
    }

    /// The only time that AWS tells the seed: into the store with it.
    fn keep(&mut self, journal: &mut Journal, device: &NewDevice) -> CommandResult {
        let serial = device.serial.clone().unwrap_or_else(|| journal.serial.clone());
        let text = std::str::from_utf8(device.seed.expose());
        let seed = match text.map_err(|_| SeedError::NotBase32).and_then(Seed::from_base32) {
            Ok(seed) => seed,
            Err(why) => return Err(self.keep_unreadable(journal, &serial, &device.seed, &why)),
        };
        let saved = self.store_of(journal).and_then(|store| Ok(Vault::save_seed(store, &serial, &seed)?));
        if let Err(error) = saved {
            return Err(self.take_back(journal, error));
        }
        journal.serial = serial;
        journal.stage = Stage::Stored;
        self.made_device = true;
        self.register(journal, None)?;
        self.ctx
            .ui
            .done(format_args!("created `{}`; its secret is in the {} store", journal.serial, journal.store));
        Ok(())
    }

    /// AWS shows a secret once, so one that cannot be read is kept all the same, for a person to make sense of.
    fn keep_unreadable(
        &mut self,
        journal: &Journal,
        serial: &Serial,
        seed: &Secret<Vec<u8>>,
        why: &SeedError,
    ) -> CommandError {
        // Again would create another device with the same end.
        self.given_up = true;
        let name = format!("{UNREADABLE}{serial}");
        let saved = self.store_of(journal).and_then(|store| Ok(store.put(&name, &as_text(seed))?));
        if let Err(error) = saved {
            return self.take_back(journal, error);
        }
        let message = format!(
            "cannot use the secret that AWS sent for `{serial}` ({why}); the {} store keeps the secret unchanged as `{name}`",
            journal.store
        );
        let this = CommandError::new(ErrorKind::Failed, message);
        let command = self.store_of(journal).ok().and_then(|store| store.reading_command(&name));
        let this = match command {
            Some(command) => this.hint(format!("show the secret: `{command}`")),
            None => this,
        };
        this.hint(format!("the device is not enabled; delete it: `{}`", hints::delete_command(serial)))
    }

    /// The store failed after all: without its secret the device is of no use to anybody.
    fn take_back(&mut self, journal: &Journal, error: CommandError) -> CommandError {
        let serial = &journal.serial;
        let deleted = self.call(|aws| aws.delete_virtual_mfa_device(serial));
        let what = match deleted {
            Ok(()) => format!("`{serial}` was deleted again"),
            Err(_) => format!("`{serial}` is left, of no use; `{}`", hints::delete_command(serial)),
        };
        error.hint(what)
    }

    /// Whether a device that is in the way is to be deleted; not over and over.
    pub(super) fn may_replace(&self, serial: &Serial) -> bool {
        self.wishes.replace && !self.replaced.contains(serial)
    }

    /// Deletes a device that is nobody's.
    pub(super) fn delete(&mut self, serial: &Serial) -> CommandResult {
        self.ctx.ui.doing(format_args!("deleting `{serial}`"));
        self.replaced.push(serial.clone());
        let mut lost = 0;
        loop {
            let deleted = self.call(|aws| aws.delete_virtual_mfa_device(serial));
            match deleted {
                Ok(()) => break,
                Err(error) => match error.kind {
                    AwsErrorKind::NotFound => break,
                    AwsErrorKind::Lost if lost < LOST => {
                        self.wait_after_loss(lost);
                        lost += 1;
                    }
                    AwsErrorKind::DeleteConflict => {
                        let message = format!("`{serial}` is somebody's device; it was not replaced");
                        return Err(CommandError::new(ErrorKind::Refused, message)
                            .hint("choose another name: `--device-name NAME`"));
                    }
                    AwsErrorKind::Lost => return Err(error.into()),
                    _ => {
                        let refused = self.refused_device(error, serial);
                        return Err(refused.hint("or leave it and take another name: without `--replace`"));
                    }
                },
            }
        }
        self.ctx.ui.done(format_args!("deleted `{serial}`, whose secret nobody had"));
        Ok(())
    }

    /// Enters the device into the register: from here on its seed is found.
    pub(super) fn register(&self, journal: &Journal, profile: Option<&str>) -> CommandResult {
        let new = Registration::of(&journal.serial, journal.store);
        self.ctx.vault.register(Registration { user: Some(&journal.user), profile, ..new })
    }
}

/// The text of a secret, or its bytes in hexadecimal.
fn as_text(seed: &Secret<Vec<u8>>) -> Secret<String> {
    use std::fmt::Write;

    let bytes = seed.expose();
    let mut text = String::with_capacity(bytes.len() * 2 + 4);
    match std::str::from_utf8(bytes) {
        Ok(utf8) => text.push_str(utf8),
        Err(_) => {
            text.push_str("hex:");
            for byte in bytes {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
            }
        }
    }
    Secret::new(text)
}
