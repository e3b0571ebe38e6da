//! Unlocking the store, and keeping it unlocked: the kernel has the identity for a while, so that the next processes need no
//! passphrase. While a person is prompted, other processes wait: what the person types there unlocks the store for them, too.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::sealing::Identity;
use crate::clock::{Clock, SystemClock};
use crate::files::{self, Lock};
use crate::model::secret::Secret;
use crate::store::StoreError;
use crate::store::kernel_keyring::{self, Slot};
use crate::store::passphrase::{self, Origin, PassphraseSource};

/// How long a process waits before it says for what.
const MOMENT: Duration = Duration::from_secs(1);
/// How long a process waits while another one prompts: three windows, each open for a minute.
const TURN: Duration = Duration::from_secs(180);

/// What decides whether and for how long an identity is kept.
pub(super) struct Keeper<'a> {
    /// The folder of the store.
    pub folder: &'a Path,
    pub passphrases: &'a dyn PassphraseSource,
    pub unlock_for: Duration,
}

impl Keeper<'_> {
    /// The identity that is kept unlocked, else the one in `identity.age`, which is kept from now on.
    pub(super) fn unlock(&self, sealed: &[u8], path: &Path, turns: &Path) -> Result<Identity, StoreError> {
        let origin = self.passphrases.origin();
        // A file is read every time: what it unlocked serves only as long as it has the passphrase of `identity.age`.
        let read = (origin == Origin::File).then(|| self.passphrases.existing(1)).transpose()?;
        let recall = || self.recall(sealed, read.as_ref()).map(|(identity, _)| identity);
        if let Some(identity) = recall() {
            return Ok(identity);
        }
        let turn = (origin == Origin::Person).then(|| self.turn(turns)).flatten();
        // Another process may have unlocked it in the meantime.
        if let Some(identity) = turn.as_ref().and_then(|_| recall()) {
            return Ok(identity);
        }
        let identity = match &read {
            Some(passphrase) => Identity::open(sealed, passphrase, path)?,
            None => passphrase::open_with(self.passphrases, |p| Identity::open(sealed, p, path))?,
        };
        self.keep(&identity, sealed, read.as_ref());
        Ok(identity)
    }

    /// Waits until no other process prompts a person for the passphrase, but not forever: the person may be at another terminal.
    fn turn(&self, path: &Path) -> Option<Lock> {
        if !self.passphrases.can_answer() {
            return None;
        }
        // Reading needs no folder that can be written to, so a failure only means that nobody waits.
        let within = |limit| Lock::acquire_within(path, limit, &SystemClock);
        match within(MOMENT) {
            Ok(None) => {
                self.passphrases.is_waiting();
                within(TURN).ok().flatten()
            }
            lock => lock.ok().flatten(),
        }
    }

    /// The identity that the kernel keeps, and until when. It serves only with the bytes of `identity.age` that it was kept with:
    /// otherwise it would hide for hours that the file is damaged, and the store lost.
    pub(super) fn recall(
        &self,
        sealed: &[u8],
        read: Option<&Secret<String>>,
    ) -> Option<(Identity, DateTime<Utc>)> {
        let slot = self.slot()?;
        let kept = kernel_keyring::recall(&slot, self.unlock_for, SystemClock.now())?;
        let identity = Identity::parse(&kept.identity)?;
        (kept.proof == proof(&identity, sealed, read)).then_some((identity, kept.until))
    }

    /// Keeps an identity unlocked if the person wants that. If a passphrase was typed, and the system should be able to keep
    /// the identity but is not, as in many containers, every command would prompt, so a message says what to do instead.
    pub(super) fn keep(&self, identity: &Identity, sealed: &[u8], read: Option<&Secret<String>>) {
        let Some(slot) = self.slot().filter(|_| !self.unlock_for.is_zero()) else { return };
        let proof = proof(identity, sealed, read);
        let kept = kernel_keyring::keep(&slot, identity.secret(), &proof, self.unlock_for, SystemClock.now());
        if !kept && self.passphrases.origin() == Origin::Person && kernel_keyring::IS_EXPECTED {
            self.passphrases.not_kept();
        }
    }

    /// Where an identity is kept after a passphrase of this origin has opened it. A command may ask a person each time, or give
    /// the passphrase only for a while, so nothing is kept for it.
    fn slot(&self) -> Option<Slot<'_>> {
        match self.passphrases.origin() {
            Origin::Person => Some(Slot::Typed(self.folder)),
            Origin::File => Some(Slot::File(self.folder)),
            Origin::Command => None,
        }
    }
}

/// Proves which bytes of `identity.age` were opened, and by which passphrase if it came from a file. Only someone who has the
/// identity, and thus needs no passphrase, can test a passphrase against it.
fn proof(identity: &Identity, sealed: &[u8], read: Option<&Secret<String>>) -> String {
    let passphrase = read.map_or(&[][..], |passphrase| passphrase.expose().as_bytes());
    let parts = [identity.secret().expose().as_bytes(), passphrase, sealed];
    let mut all = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        all.extend_from_slice(&part.len().to_be_bytes());
        all.extend_from_slice(part);
    }
    files::digest(Secret::locked(all).expose())
}
