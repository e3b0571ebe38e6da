//! Requests to AWS on the way: repeated where that is right, signed for AWS's time, and with MFA if AWS wants that.

use std::time::Duration;

use chrono::TimeDelta;

use super::Run;
use crate::aws::{Aws, AwsError, AwsErrorKind, Keys, MfaDevice, Reply};
use crate::error::{CommandError, refused};
use crate::model::serial::Serial;

/// Waits between the tries of a request that AWS was too busy for, or that came before AWS knew a new user everywhere.
const WAITS: [u64; 4] = [1, 2, 4, 8];
/// The `Date` header has whole seconds; a difference up to this is none.
const TOLERANCE: TimeDelta = TimeDelta::seconds(10);

/// A policy that is not there looks like a user who is not there yet; it is not waited for as long.
fn longest(error: &AwsError) -> u64 {
    if error.kind == AwsErrorKind::NotFound && error.operation == "AttachUserPolicy" { 1 } else { 8 }
}

impl Run<'_> {
    /// Sends a request, again if AWS was too busy or its signature was made for another time. A request whose answer was
    /// lost is not repeated: what then is right, its sender knows.
    pub(super) fn call<T>(
        &mut self,
        send: impl Fn(&Aws, &Keys, TimeDelta) -> Reply<T>,
    ) -> Result<T, AwsError> {
        let mut waits = WAITS.into_iter();
        let mut corrected = false;
        loop {
            let reply = send(&self.caller.aws, &self.caller.keys, self.caller.offset);
            let moved = self.observe(&reply);
            let error = match reply.result {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            self.ctx.ui.detail(&error);
            match error.kind {
                AwsErrorKind::ClockSkew if moved && !corrected => corrected = true,
                AwsErrorKind::AccessDenied if self.prove_mfa() => {}
                _ => match self.reason_to_wait(&error).zip(waits.next().filter(|s| *s <= longest(&error))) {
                    Some((reason, seconds)) => {
                        self.ctx.ui.wait(&*self.ctx.clock, Duration::from_secs(seconds), reason);
                    }
                    None => return Err(error),
                },
            }
        }
    }

    fn reason_to_wait(&self, error: &AwsError) -> Option<&'static str> {
        match error.kind {
            AwsErrorKind::Throttled => Some("AWS, which is throttling"),
            AwsErrorKind::Busy => Some("another change to end"),
            AwsErrorKind::Unavailable => Some("AWS to recover"),
            AwsErrorKind::NotFound if self.made_user => Some("AWS to learn of the new user"),
            _ => None,
        }
    }

    /// Learns AWS's time from a reply. Returns whether it was another than we thought.
    fn observe<T>(&mut self, reply: &Reply<T>) -> bool {
        let Some(aws_time) = reply.server_time else { return false };
        let measured = aws_time - self.ctx.clock.now();
        let measured = if measured.abs() <= TOLERANCE { TimeDelta::zero() } else { measured };
        let moved = (measured - self.caller.offset).abs() > TOLERANCE;
        if moved {
            let seconds = measured.num_seconds();
            self.ctx.ui.detail(format_args!("AWS's clock differs from this computer's by {seconds:+} s"));
            self.caller.offset = measured;
        }
        moved
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
        let registered = self.ctx.registry().and_then(|registry| Ok(registry.load()?)).unwrap_or_default();
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

    /// The user's devices; `None` where the caller may not know. `Err` for anything else than a missing permission.
    pub(super) fn devices_of_target(&mut self) -> Result<Option<Vec<MfaDevice>>, AwsError> {
        let user = self.target.user.clone();
        match self.call(|aws, keys, offset| aws.list_mfa_devices(keys, Some(&user), offset)) {
            Ok(devices) => Ok(Some(devices)),
            Err(error) if error.kind == AwsErrorKind::AccessDenied => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A refusal of a request about the user, in words.
    pub(super) fn refused_user(&self, error: AwsError) -> CommandError {
        if error.kind == AwsErrorKind::NotFound {
            return super::words::no_such_user(&self.target.user, &self.caller.identity.account);
        }
        refused(error, &self.target.arn, &self.caller.identity.arn)
    }

    /// A refusal of a request about a device, in words.
    pub(super) fn refused_device(&self, error: AwsError, serial: &Serial) -> CommandError {
        refused(error, serial.as_str(), &self.caller.identity.arn)
    }
}
