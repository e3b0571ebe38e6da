//! Creating the device, and saving its seed before anything else.

use super::hints;
use super::journal::{Candidate, Journal, Stage};
use super::state::{Enrollment, Failure, Next, Transition};
use crate::aws::{AwsErrorKind, NewDevice};
use crate::error::{CommandError, ErrorKind};
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::{Seed, SeedError};

/// Precedes a device's serial in the name of a secret that could not be read.
const UNREADABLE: &str = "unreadable:";

impl Enrollment<'_> {
    /// CreateVirtualMFADevice. The seed is in the store when this returns.
    pub(super) fn create(&mut self, journal: &Journal) -> Transition {
        self.ctx.ui.doing(format_args!("creating `{}`", journal.serial));
        let (name, path) = (journal.name.as_str(), journal.path.as_str());
        let tags = self.request.tags.clone();
        let created = self.change(|aws| aws.create_virtual_mfa_device(name, path, &tags))?;
        let error = match created.result {
            Ok(device) => return self.keep(journal, &device),
            Err(error) => error,
        };
        match error.kind {
            AwsErrorKind::Exists => match self.stored_for_target(&journal.serial)? {
                Some(store) => {
                    let candidate = journal.candidate();
                    Ok(Next::Device(Candidate { stage: Stage::Stored, store, ..candidate }))
                }
                None => self.choose_next(journal),
            },
            AwsErrorKind::LimitExceeded => {
                let list =
                    self.aws(&["iam", "list-virtual-mfa-devices", "--assignment-status", "Unassigned"]);
                Err(CommandError::from(error)
                    .hint(format!(
                        "the account has as many virtual devices as AWS allows; find unassigned ones: `{list}`"
                    ))
                    .into())
            }
            _ => Err(self.refused_device(error, &journal.serial).into()),
        }
    }

    /// AWS shows the seed only now.
    fn keep(&mut self, journal: &Journal, device: &NewDevice) -> Transition {
        let serial = device.serial.clone().unwrap_or_else(|| journal.serial.clone());
        let text = std::str::from_utf8(device.seed.expose());
        let seed = match text.map_err(|_| SeedError::NotBase32).and_then(Seed::from_base32) {
            Ok(seed) => seed,
            Err(why) => return Err(self.keep_unreadable(journal, &serial, &device.seed, &why)),
        };
        let vault = &self.ctx.vault;
        let saved =
            vault.hold().and_then(|hold| Ok(vault.save_seed(hold.get(journal.store)?, &serial, &seed)?));
        if let Err(error) = saved {
            return Err(self.take_back(journal, error).into());
        }
        self.made.device = true;
        self.ctx
            .ui
            .done(format_args!("created `{serial}` and saved its secret in the {} store", journal.store));
        Ok(Next::Device(Candidate { stage: Stage::Stored, serial, ..journal.candidate() }))
    }

    /// AWS shows a secret once, so a secret that cannot be used is saved anyway, for a person to look at.
    fn keep_unreadable(
        &mut self,
        journal: &Journal,
        serial: &Serial,
        seed: &Secret<Vec<u8>>,
        why: &SeedError,
    ) -> Failure {
        let name = format!("{UNREADABLE}{serial}");
        let hold = self.ctx.vault.hold();
        let saved = hold.and_then(|hold| Ok(hold.get(journal.store)?.put(&name, &as_text(seed))?));
        if let Err(error) = saved {
            return Failure::Final(self.take_back(journal, error));
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
        let delete = hints::delete_command(serial);
        // Another run would create another device and fail in the same way.
        Failure::Final(this.hint(format!("the device is not enabled; delete it: `{delete}`")))
    }

    /// The store failed. Without its secret, the device is useless.
    fn take_back(&mut self, journal: &Journal, error: CommandError) -> CommandError {
        let serial = &journal.serial;
        let deleted = self.call(|aws| aws.delete_virtual_mfa_device(serial));
        error.hint(match deleted {
            Ok(()) => format!("the new device `{serial}` was deleted"),
            Err(_) => {
                format!("`{serial}` is left without a secret; delete it: `{}`", hints::delete_command(serial))
            }
        })
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
