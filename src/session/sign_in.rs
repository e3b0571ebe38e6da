//! The one place that sends codes to STS: how often, and what to do when AWS rejects one or does not respond. `next_code`
//! chooses the codes.

mod next_code;
mod state;

use state::{MAX_SDK_COLLISIONS, SignIn};

use std::time::Duration;

use chrono::TimeDelta;

use super::base::User;
use super::code::{self, CodeSource};
use super::device::Device;
use super::error::{SessionError, codes, no_code};
use super::request::Request;
use crate::aws::{AssumeRole, Aws, AwsError, AwsErrorKind, Keys, Mfa, Reply};
use crate::ledger::DeviceLedger;
use crate::model::duration::SessionDuration;
use crate::model::session::Session;
use crate::model::step::Step;
use crate::model::totp::Code;
use crate::retry::{Backoff, Wait};

/// The most codes sent for one session, unless other computers use up the device's codes.
const MAX_TRIES: usize = 3;

/// How often a person's sign-in may collide with other computers before it gives up. The limit is lower if AWS never accepted
/// a code from this computer, because the stored secret may be wrong. Eight computers that start together need five tries.
const MAX_COLLISIONS: (usize, usize) = (6, 10);

/// AWS says "unable to validate" when the device's budget is spent, but also when the user no longer has the device. If the
/// user's devices cannot be listed, only the latter is likely after a wait for the next window.
const MAX_UNVALIDATED: usize = 2;

const PROGRAM_REJECTED: &str = "AWS rejected the code that `mfa_process` printed: it is wrong, or another computer used it; \
     running `mfa_process` again for the next code";

type Send<'a> = dyn Fn(&Mfa, TimeDelta) -> Reply<Session> + 'a;

/// Which session a user gets with MFA.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// The user's own.
    Own(SessionDuration),
    /// A role's, directly.
    Role(&'a AssumeRole),
}

/// Gets a session with MFA, signed with the long-term keys.
pub fn sign_in(
    device: &Device,
    aws: &Aws,
    request: &Request,
    user: &User,
    wanted: Target<'_>,
) -> Result<Session, SessionError> {
    // The store may prompt for a passphrase. Until then, the device is not locked.
    let source = match (&request.code, &request.seed) {
        (Some(code), _) => CodeSource::Given(code.clone()),
        (None, Some(seed)) => CodeSource::Seed(seed.clone()),
        (None, None) => {
            code::find(device.ctx, device.serial, user.mfa_process.as_deref()).map_err(no_code)?
        }
    };
    let keys = Keys::from(&user.keys.read(device.ctx).map_err(no_code)?);
    let send = |mfa: &Mfa, offset: TimeDelta| match wanted {
        Target::Role(role) => aws.signed(&keys, offset).assume_role(role, Some(mfa)),
        Target::Own(duration) => aws.signed(&keys, offset).get_session_token(mfa, duration),
    };
    let sign_in = SignIn {
        device,
        aws,
        keys: &keys,
        // A seed that is not stored yet is being verified.
        verification: request.verification || request.seed.is_some(),
        source,
        is_stored: request.seed.is_none(),
        failures: 0,
        collisions: 0,
        unvalidated: 0,
        rejected: None,
        settling: Backoff::new_device(),
        waited: Duration::ZERO,
        excused: None,
    };
    sign_in.run(&send)
}

/// The result of a code.
enum Tried {
    Issued(Session),
    Failed(AwsError),
}

impl SignIn<'_> {
    fn run(mut self, send: &Send) -> Result<Session, SessionError> {
        loop {
            let (mut ledger, code, step) = self.next_code()?;
            let error = match self.try_code(&mut ledger, code, step, send)? {
                Tried::Issued(session) => return Ok(session),
                Tried::Failed(error) => error,
            };
            self.device.ctx.ui.detail(&error);
            if self.is_collision(&error, &ledger, step) {
                self.after_collision(error, &mut ledger)?;
            } else {
                self.after_failure(error, ledger)?;
            }
        }
    }

    /// Sends one code. The code is recorded first, and released if AWS did not check it. Learns AWS's time from the reply.
    fn try_code(
        &self,
        ledger: &mut DeviceLedger,
        code: Code,
        step: Option<Step>,
        send: &Send,
    ) -> Result<Tried, SessionError> {
        ledger.begin_try(&code, step, self.now(ledger))?;
        let reply = send(&Mfa { serial: self.device.serial.clone(), code }, ledger.offset());
        match &reply.result {
            Ok(_) => ledger.mark_accepted()?,
            Err(error) if error.never_judged() => ledger.release(step)?,
            Err(_) => {}
        }
        if let Some(aws_time) = reply.server_time {
            self.device.learn_time(ledger, aws_time)?;
        }
        Ok(reply.result.map_or_else(Tried::Failed, Tried::Issued))
    }

    /// Whether AWS rejects a correct code because another computer used it, or used up the device's budget.
    fn is_collision(&self, error: &AwsError, ledger: &DeviceLedger, step: Option<Step>) -> bool {
        let now = self.now(ledger);
        // AWS rejects all codes of a new device for a while.
        if self.verification || self.source.is_typed() || ledger.is_settling(now) {
            return false;
        }
        let known = ledger.has_worked() || ledger.is_contended(now);
        match (error.kind, &self.source, step) {
            (AwsErrorKind::CannotValidateCode, ..) => known,
            (AwsErrorKind::InvalidCode, CodeSource::Seed(_), Some(step)) => {
                // AWS's time is known from the reply now: was the code right for it?
                let in_time = Step::at(now).0.abs_diff(step.0) <= 1;
                in_time && (ledger.is_contended(now) || !ledger.is_older_than_used(step))
            }
            // The program may simply be wrong; `has_second_chance` runs it again.
            (AwsErrorKind::InvalidCode, ..) => ledger.is_contended(now),
            _ => false,
        }
    }

    /// Records the collision, which affects the choice of the next code, or gives up.
    fn after_collision(&mut self, error: AwsError, ledger: &mut DeviceLedger) -> Result<(), SessionError> {
        let (now, worked) = (self.now(ledger), ledger.has_worked());
        self.collisions += 1;
        let unvalidated = error.kind == AwsErrorKind::CannotValidateCode;
        self.unvalidated = if unvalidated { self.unvalidated + 1 } else { 0 };
        let is_last = self.unvalidated == MAX_UNVALIDATED;
        // Then no other computer is the reason, and the device's own user need not wait for one.
        if unvalidated && !is_last && self.is_gone(ledger) {
            return Err(SessionError::Aws(error));
        }
        ledger.mark_contended(now)?;
        if is_last {
            return Err(SessionError::Aws(error));
        }
        let limit = match (self.device.asker.is_hurried(), worked) {
            (true, _) => MAX_SDK_COLLISIONS,
            (false, false) => MAX_COLLISIONS.0,
            (false, true) => MAX_COLLISIONS.1,
        };
        if self.collisions >= limit || (self.device.asker.is_hurried() && unvalidated) {
            return Err(self.in_use_elsewhere(ledger));
        }
        if !self.device.asker.is_hurried() && self.collisions == 1 {
            self.warn_of_collision(worked, unvalidated);
        }
        Ok(())
    }

    /// Whether AWS lists the user's devices without this one.
    fn is_gone(&self, ledger: &DeviceLedger) -> bool {
        let listed = self.aws.signed(self.keys, ledger.offset()).list_mfa_devices(None).result;
        listed.is_ok_and(|devices| devices.iter().all(|device| device.serial != self.device.serial.as_str()))
    }

    fn warn_of_collision(&self, worked: bool, unvalidated: bool) {
        let serial = self.device.serial;
        let what = match unvalidated {
            true => "AWS has stopped validating codes from this device for now",
            false => "AWS rejected a code that was never used on this computer",
        };
        let or = if worked { "" } else { ", or the stored secret belongs to another device" };
        self.device.ctx.ui.warn(format_args!("{what}: `{serial}` is in use on another computer{or}"));
    }

    /// Waits if the failure is temporary and another code may work, or gives up. The ledger is not locked during the wait.
    fn after_failure(&mut self, error: AwsError, ledger: DeviceLedger) -> Result<(), SessionError> {
        let is_hurried = self.device.asker.is_hurried();
        self.failures += 1;
        let is_last = self.failures >= MAX_TRIES;
        let settling = self.is_settling(&error, &ledger);
        let second_chance = self.has_second_chance(&error, &ledger);
        if is_last || !(settling || second_chance || self.is_worth_another(&error)) {
            return Err(self.rejected_by_aws(error));
        }
        self.rejected = Some(why_another(error.kind));
        // An SDK must get its error soon: it waits for its first code, but not for another one after a rejection.
        if is_hurried && !second_chance && self.is_used_up(&ledger) {
            return Err(SessionError::Aws(error));
        }
        if second_chance && !is_hurried {
            self.device.ctx.ui.warn(PROGRAM_REJECTED);
        }
        drop(ledger);
        let ui = &self.device.ctx.ui;
        let clock = &*self.device.ctx.clock;
        if settling {
            self.settling.wait(self.device.ctx, Wait::For("AWS to recognize the new device"));
        }
        if error.kind == AwsErrorKind::Throttled {
            let pause = Duration::from_secs(if is_hurried { 1 } else { 2 });
            ui.wait_to_retry(clock, pause, "throttled by AWS");
        }
        Ok(())
    }

    /// Whether AWS does not know the new device yet. If a device of the same name was deleted a moment ago, AWS compares the
    /// codes with the secret of that one.
    fn is_settling(&self, error: &AwsError, ledger: &DeviceLedger) -> bool {
        let passes = match error.kind {
            AwsErrorKind::CannotValidateCode => true,
            AwsErrorKind::InvalidCode => self.is_stored,
            _ => false,
        };
        passes && self.source.can_renew() && ledger.is_settling(self.now(ledger))
    }

    /// The error for AWS's final rejection of a code. It mentions the stored secret only if the code came from it.
    fn rejected_by_aws(&self, error: AwsError) -> SessionError {
        let serial = self.device.serial;
        match (error.kind, &self.source) {
            (AwsErrorKind::InvalidCode, CodeSource::Given(_) | CodeSource::Person) => {
                codes::rejected_typed(serial).into()
            }
            (AwsErrorKind::InvalidCode, CodeSource::Process(_)) => codes::rejected_program(serial).into(),
            _ => SessionError::Aws(error),
        }
    }

    /// Whether to run a program again for the next code. AWS accepted its codes before, so either another computer used this
    /// one, or the person behind the program mistyped it.
    fn has_second_chance(&self, error: &AwsError, ledger: &DeviceLedger) -> bool {
        matches!(self.source, CodeSource::Process(_))
            && error.kind == AwsErrorKind::InvalidCode
            && self.failures == 1
            && !self.verification
            && ledger.has_worked()
            // An SDK waits for one step, not two.
            && (self.waited.is_zero() || !self.device.asker.is_hurried())
    }

    fn is_worth_another(&self, error: &AwsError) -> bool {
        match error.kind {
            // Signed or generated for the wrong time. The right time is known from the reply now.
            AwsErrorKind::ClockSkew => !matches!(self.source, CodeSource::Given(_)),
            AwsErrorKind::InvalidCode | AwsErrorKind::Throttled => self.source.can_renew(),
            // AWS may have acted, which used up the code. A person can wait for another try, an SDK only for a quick one.
            AwsErrorKind::Lost if error.timed_out() => {
                self.source.can_renew() && !self.device.asker.is_hurried()
            }
            AwsErrorKind::Lost | AwsErrorKind::Unavailable => self.source.can_renew(),
            _ => false,
        }
    }
}

/// Why a person is prompted for another code.
fn why_another(error: AwsErrorKind) -> &'static str {
    match error {
        AwsErrorKind::InvalidCode => {
            "AWS rejected this code: it is wrong, too old or already used; enter a new one"
        }
        AwsErrorKind::ClockSkew => {
            "AWS did not check this code because this computer's clock is wrong; enter the current one"
        }
        AwsErrorKind::Throttled => {
            "AWS is throttling requests, and this code may be used up; enter a new one"
        }
        _ => "AWS did not respond, and this code may be used up; enter a new one",
    }
}
