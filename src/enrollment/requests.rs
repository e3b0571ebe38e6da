//! Requests of an enrollment: sent again where that is right, and signed with MFA if AWS wants that.

use std::time::Duration;

use super::state::Enrollment;
use crate::aws::{AwsError, AwsErrorKind, Reply, Signer};
use crate::error::{CommandError, CommandResult, denied};
use crate::model::serial::Serial;
use crate::retry::{self, Answered, Wait};

/// A missing policy looks like a user whom AWS does not recognize yet, so it is waited for only this long.
const POLICY_WAIT: Duration = Duration::from_secs(1);

impl Enrollment<'_> {
    /// Sends a request, and again if AWS was too busy, does not recognize yet what this run created, or wants MFA. A request
    /// whose response was lost is not sent again.
    pub(super) fn call<T>(&mut self, send: impl Fn(Signer<'_>) -> Reply<T>) -> Result<T, AwsError> {
        self.call_while(Wait::transient, send)
    }

    /// Like [`call`](Self::call), but never sends again what AWS may have done.
    pub(super) fn call_once<T>(&mut self, send: impl Fn(Signer<'_>) -> Reply<T>) -> Result<T, AwsError> {
        self.call_while(|error| Wait::transient(error).filter(|_| !error.may_have_acted()), send)
    }

    /// Makes a change. If the response is lost, AWS's answer to the next request shows whether the change was made.
    pub(super) fn change<T>(&mut self, send: impl Fn(Signer<'_>) -> Reply<T>) -> CommandResult<Answered<T>> {
        retry::change(self.ctx, self, |this| this.call_once(&send), retry::ask_again)
    }

    fn call_while<T>(
        &mut self,
        transient: impl Fn(&AwsError) -> Option<Wait>,
        send: impl Fn(Signer<'_>) -> Reply<T>,
    ) -> Result<T, AwsError> {
        let new = if self.made.user {
            Some(Wait::For("AWS to recognize the new user"))
        } else {
            self.made.device.then_some(Wait::For("AWS to recognize the new device"))
        };
        let reason = |error: &AwsError, wait: Duration| {
            let not_yet = error.kind == AwsErrorKind::NotFound
                && (error.operation != "AttachUserPolicy" || wait <= POLICY_WAIT);
            transient(error).or(new.filter(|_| not_yet))
        };
        match self.caller.send_while(self.ctx, reason, &send) {
            Err(error) if error.kind == AwsErrorKind::AccessDenied && self.sign_with_known_device() => {
                self.caller.send_while(self.ctx, reason, &send)
            }
            other => other,
        }
    }

    /// Signs with MFA from now on if a device other than the new one is known for the caller's profile. Tried once: policies
    /// often deny administrators everything without MFA.
    fn sign_with_known_device(&mut self) -> bool {
        if std::mem::replace(&mut self.facts.tried_mfa, true) {
            return false;
        }
        let Ok(known) = self.caller.known_devices(self.ctx) else { return false };
        let registered = self.ctx.vault.devices().unwrap_or_default();
        let is_stored = |serial: &Serial| registered.iter().any(|device| device.serial == *serial);
        let is_new = |serial: &Serial| Some(serial) == self.facts.serial.as_ref();
        let usable: Vec<Serial> =
            known.into_iter().filter(|serial| is_stored(serial) && !is_new(serial)).collect();
        self.caller.use_mfa(self.ctx, &usable).unwrap_or_else(|error| {
            self.ctx.ui.detail(format_args!("no session with MFA: {error}"));
            false
        })
    }

    /// Signs with MFA from now on, with one of these devices, because AWS demands it.
    pub(super) fn sign_with(&mut self, serials: &[Serial], new: &Serial) -> CommandResult {
        let others: Vec<Serial> = serials.iter().filter(|serial| *serial != new).cloned().collect();
        self.facts.tried_mfa = true;
        if self.caller.use_mfa(self.ctx, &others)? {
            Ok(())
        } else {
            Err(self.needs_mfa(others.first().map(Serial::as_str)))
        }
    }

    /// The error for a refused request about the user.
    pub(super) fn refused_user(&self, error: AwsError) -> CommandError {
        if error.kind == AwsErrorKind::NotFound {
            return self.no_such_user();
        }
        denied(error, &self.target.arn, &self.caller.identity.arn)
    }

    /// The error for a refused request about a device.
    pub(super) fn refused_device(&self, error: AwsError, serial: &Serial) -> CommandError {
        denied(error, serial.as_str(), &self.caller.identity.arn)
    }

    /// Adds the hint about this computer's clock.
    pub(super) fn check_clock(&self, this: CommandError) -> CommandError {
        let now = crate::model::session::timestamp(self.ctx.clock.now());
        this.hint(format!("check this computer's clock; it shows {now}"))
    }
}
