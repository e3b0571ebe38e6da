//! Keeping the store unlocked: the kernel has the identity for a while, so that the next processes need no passphrase.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::sealing::Identity;
use crate::clock::{Clock, SystemClock};
use crate::files;
use crate::model::secret::Secret;
use crate::store::kernel_keyring::{self, Slot};
use crate::store::passphrase::{Origin, PassphraseSource};

/// What decides whether and for how long an identity is kept.
pub(super) struct Keeper<'a> {
    pub passphrases: &'a dyn PassphraseSource,
    pub unlock_for: Duration,
}

impl Keeper<'_> {
    /// The identity that the kernel keeps for `recipient`, and until when.
    pub(super) fn recall(
        &self,
        recipient: &str,
        sealed: &[u8],
        read: Option<&Secret<String>>,
    ) -> Option<(Identity, DateTime<Utc>)> {
        let slot = slot(self.passphrases.origin(), recipient)?;
        let kept = kernel_keyring::recall(&slot, self.unlock_for, SystemClock.now())?;
        let identity = Identity::parse(&kept.identity)?;
        let is_current = identity.recipient() == recipient && kept.proof == proof(&identity, sealed, read);
        is_current.then_some((identity, kept.until))
    }

    /// Keeps an identity unlocked if the person wants that. If a passphrase was typed, and the system should be able to keep
    /// the identity but is not, as in many containers, every command would prompt, so a message says what to do instead.
    pub(super) fn keep(&self, identity: &Identity, sealed: &[u8], read: Option<&Secret<String>>) {
        let origin = self.passphrases.origin();
        let Some(slot) = slot(origin, identity.recipient()).filter(|_| !self.unlock_for.is_zero()) else {
            return;
        };
        let proof = proof(identity, sealed, read);
        let kept = kernel_keyring::keep(&slot, identity.secret(), &proof, self.unlock_for, SystemClock.now());
        if !kept && origin == Origin::Person && kernel_keyring::IS_EXPECTED {
            self.passphrases.not_kept();
        }
    }
}

/// Where an identity is kept after a passphrase of this origin has opened it. A command may ask a person each time, or give the
/// passphrase only for a while, so nothing is kept for it.
fn slot(origin: Origin, recipient: &str) -> Option<Slot<'_>> {
    match origin {
        Origin::Person => Some(Slot::Typed(recipient)),
        Origin::File => Some(Slot::File(recipient)),
        Origin::Command => None,
    }
}

/// Proves that a passphrase from a file has opened these bytes of `identity.age`; empty for a typed one. Only someone who has
/// the identity, and thus needs no passphrase, can test a passphrase against it.
fn proof(identity: &Identity, sealed: &[u8], read: Option<&Secret<String>>) -> String {
    let Some(passphrase) = read else { return String::new() };
    let parts = [identity.secret().expose().as_bytes(), passphrase.expose().as_bytes(), sealed];
    let mut all = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        all.extend_from_slice(&part.len().to_be_bytes());
        all.extend_from_slice(part);
    }
    files::digest(Secret::new(all).expose())
}
