//! Requests to AWS on the way: repeated where that is right, signed for AWS's time, and with MFA if AWS wants that.

use std::time::Duration;

use super::Run;
use crate::aws::{AwsError, AwsErrorKind, MfaDevice, Reply, Signer};
use crate::error::{CommandError, denied};
use crate::model::serial::Serial;
use crate::retry::Wait;

/// A policy that is not there looks like a user who is not there yet; it is not waited for as long.
const POLICY_WAIT: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Sends a request, again if AWS was too busy for it, does not know yet what was made just now, or wants MFA. A request
    /// whose answer was lost is not repeated: what then is right, its sender knows.
    pub(super) fn call<T>(&mut self, send: impl Fn(Signer<'_>) -> Reply<T>) -> Result<T, AwsError> {
        self.call_while(Wait::transient, send)
    }

    /// Sends a request that does another thing the second time. Where it may have been done, its sender knows what is right.
    pub(super) fn call_once<T>(&mut self, send: impl Fn(Signer<'_>) -> Reply<T>) -> Result<T, AwsError> {
        self.call_while(|error| Wait::transient(error).filter(|_| !error.may_have_acted()), send)
    }

    fn call_while<T>(
        &mut self,
        transient: impl Fn(&AwsError) -> Option<Wait>,
        send: impl Fn(Signer<'_>) -> Reply<T>,
    ) -> Result<T, AwsError> {
        let new = match (self.made_user, self.made_device) {
            (true, _) => Some(Wait::For("AWS to recognize the new user")),
            (false, true) => Some(Wait::For("AWS to recognize the new device")),
            (false, false) => None,
        };
        let reason = |error: &AwsError, wait: Duration| {
            let not_yet = error.kind == AwsErrorKind::NotFound
                && (error.operation != "AttachUserPolicy" || wait <= POLICY_WAIT);
            transient(error).or(new.filter(|_| not_yet))
        };
        match self.caller.send_while(self.ctx, reason, &send) {
            Err(error) if error.kind == AwsErrorKind::AccessDenied && self.prove_mfa() => {
                self.caller.send_while(self.ctx, reason, &send)
            }
            other => other,
        }
    }

    /// Signs with MFA from now on, if the caller's profile has a device other than the new one. Tried once: many a policy
    /// denies administrators without MFA everything.
    fn prove_mfa(&mut self) -> bool {
        if std::mem::replace(&mut self.proved, true) {
            return false;
        }
        let serials: Vec<Serial> = match self.caller.known_devices(self.ctx) {
            Ok(serials) => serials.into_iter().filter(|s| Some(s) != self.serial.as_ref()).collect(),
            Err(_) => return false,
        };
        let registered = self.ctx.vault.devices().unwrap_or_default();
        let stored: Vec<Serial> =
            serials.into_iter().filter(|s| registered.iter().any(|device| device.serial == *s)).collect();
        match self.caller.use_mfa(self.ctx, &stored) {
            Ok(done) => done,
            Err(error) => {
                self.ctx.ui.detail(format_args!("no session with MFA: {error}"));
                false
            }
        }
    }

    /// Waits before a request is sent again, the longer the more answers were lost.
    pub(super) fn wait_after_loss(&self, lost: usize) {
        self.ctx.ui.wait_to_retry(&*self.ctx.clock, Duration::from_secs(1 << lost), "no response from AWS");
    }

    /// The user's devices; `None` where the caller may not know. `Err` for anything else than a missing permission.
    pub(super) fn devices_of_target(&mut self) -> Result<Option<Vec<MfaDevice>>, AwsError> {
        let user = self.target.user.clone();
        match self.call(|aws| aws.list_mfa_devices(Some(&user))) {
            Ok(devices) => Ok(Some(devices)),
            Err(error) if error.kind == AwsErrorKind::AccessDenied => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A refusal of a request about the user, in words.
    pub(super) fn refused_user(&self, error: AwsError) -> CommandError {
        if error.kind == AwsErrorKind::NotFound {
            return self.no_such_user();
        }
        denied(error, &self.target.arn, &self.caller.identity.arn)
    }

    /// A refusal of a request about a device, in words.
    pub(super) fn refused_device(&self, error: AwsError, serial: &Serial) -> CommandError {
        denied(error, serial.as_str(), &self.caller.identity.arn)
    }
}
