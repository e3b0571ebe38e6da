//! The one place that sends codes to STS: which step, how often, and what to do when AWS says no or nothing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::code::{self, CodeSource};
use super::plan::Plan;
use super::{LOCK_LIMITS, MAX_OFFSET, Maker, SessionError};
use crate::aws::{AssumeRole, AwsError, AwsErrorKind, Keys, Mfa, Reply};
use crate::error::{CommandError, ErrorKind};
use crate::ledger::{Choice, DeviceLedger, wait_until};
use crate::model::session::Session;
use crate::model::step::Step;
use crate::model::totp::Code;

/// At most so many codes are sent for one session.
const MAX_TRIES: usize = 3;

/// AWS knows a new device after 8 to 14 seconds, and each code that comes before is used up: the second try may be in
/// time, the third is.
const SETTLING_WAITS: [Duration; MAX_TRIES] =
    [Duration::from_secs(8), Duration::from_secs(10), Duration::from_secs(0)];

impl Maker<'_> {
    /// A session with MFA, signed with the long-term keys: the user's own, or of `role` directly.
    pub(super) fn sign_in(&self, plan: &Plan, role: Option<&AssumeRole>) -> Result<Session, SessionError> {
        // The store may ask a person to unlock it; the device is not locked meanwhile.
        let source = match (&self.options.code, &self.options.seed) {
            (Some(code), _) => CodeSource::Given(code.clone()),
            (None, Some(seed)) => CodeSource::Seed(seed.clone()),
            (None, None) => {
                code::find(self.ctx, &plan.serial, plan.mfa_process.as_deref()).map_err(no_code)?
            }
        };
        let mut ledger = self.open_ledger(plan)?;
        let keys = Keys::from(&plan.keys);
        let send = |mfa: &Mfa, offset: TimeDelta| match role {
            Some(role) => self.aws.assume_role(&keys, role, Some(mfa), offset),
            None => self.aws.get_session_token(&keys, mfa, plan.duration, offset),
        };
        for tries in 1.. {
            let (code, step) = self.next_code(&source, &ledger, plan)?;
            let error = match self.try_code(&mut ledger, plan, code, step, &send)? {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            self.ctx.ui.detail(&error);
            let settling = self.is_settling(&error, &ledger) && source.can_renew();
            if tries >= MAX_TRIES || !(settling || self.worth_another(&error, &source)) {
                return Err(SessionError::Aws(error));
            }
            // An SDK was promised an error soon; a code that AWS may take is worth a wait, one more after a refusal is not.
            let used_up =
                matches!(ledger.choose(self.ctx.clock.now() + ledger.offset()), Choice::NextStep(_));
            if self.options.unattended && used_up {
                return Err(SessionError::Aws(error));
            }
            if settling {
                self.ctx.ui.wait(
                    &*self.ctx.clock,
                    SETTLING_WAITS[tries - 1],
                    "AWS to learn of the new device",
                );
            }
            if error.kind == AwsErrorKind::Throttled {
                let pause = Duration::from_secs(if self.options.unattended { 1 } else { 2 });
                self.ctx.ui.wait(&*self.ctx.clock, pause, "AWS, which is throttling");
            }
        }
        unreachable!("the loop ends by returning")
    }

    pub(super) fn open_ledger(&self, plan: &Plan) -> Result<DeviceLedger, SessionError> {
        if !self.options.unattended {
            return Ok(self.ctx.open_ledger(&plan.serial)?);
        }
        let opened = self.ledgers.open_within(&plan.serial, LOCK_LIMITS.1, &*self.ctx.clock);
        opened.map_err(|e| self.state(e))?.ok_or(SessionError::Busy)
    }

    /// Sends one code: on record before, released if AWS did not look at it, and AWS's time learnt from the reply.
    fn try_code(
        &self,
        ledger: &mut DeviceLedger,
        plan: &Plan,
        code: Code,
        step: Option<Step>,
        send: &dyn Fn(&Mfa, TimeDelta) -> Reply<Session>,
    ) -> Result<Result<Session, AwsError>, SessionError> {
        let now = self.ctx.clock.now() + ledger.offset();
        ledger.begin_try(step, now).map_err(|e| self.state(e))?;
        let reply = send(&Mfa { serial: plan.serial.clone(), code }, ledger.offset());
        if reply.result.as_ref().is_err_and(AwsError::never_judged) {
            ledger.release(step).map_err(|e| self.state(e))?;
        }
        if let Some(aws_time) = reply.server_time {
            self.learn_time(ledger, aws_time)?;
        }
        Ok(reply.result)
    }

    /// Remembers how far AWS's time is from ours.
    pub(super) fn learn_time(
        &self,
        ledger: &mut DeviceLedger,
        aws_time: DateTime<Utc>,
    ) -> Result<(), SessionError> {
        let local = self.ctx.clock.now();
        // Not remembered: it would outlive the day on which the person sets the clock.
        let off = aws_time - local;
        if off.abs() > MAX_OFFSET {
            let by = off.abs().to_std().unwrap_or_default();
            return Err(SessionError::ClockOff { behind: off > TimeDelta::zero(), by });
        }
        if ledger.observe(aws_time, local).map_err(|e| self.state(e))? {
            let seconds = ledger.offset().num_seconds();
            self.ctx.ui.detail(format_args!("AWS's clock differs from this computer's by {seconds:+} s"));
        }
        Ok(())
    }

    /// The next code and, if it is ours, its step; waits for an unused one where it must.
    fn next_code(
        &self,
        source: &CodeSource,
        ledger: &DeviceLedger,
        plan: &Plan,
    ) -> Result<(Code, Option<Step>), SessionError> {
        loop {
            let now = self.ctx.clock.now() + ledger.offset();
            let choice = match source {
                CodeSource::Seed(_) => ledger.choose(now),
                // A command prints the current code and no other.
                CodeSource::Process(_) if ledger.is_used(Step::at(now)) => {
                    Choice::NextStep(Step::at(now).next().start())
                }
                // Whatever the step, AWS counts the tries.
                _ => ledger.rest(now).map_or(Choice::Use(Step::at(now)), Choice::Rest),
            };
            match choice {
                Choice::Use(step) => {
                    return Ok(match source {
                        CodeSource::Seed(seed) => {
                            let from_now = step.0.cast_signed() - Step::at(now).0.cast_signed();
                            self.ctx.ui.detail(format_args!(
                                "code of step {step} ({from_now:+} from now)",
                                step = step.0
                            ));
                            (seed.code(step), Some(step))
                        }
                        CodeSource::Process(_) => {
                            let code = code::obtain(self.ctx, source, &plan.serial).map_err(no_code)?;
                            // It may have waited for a touch; the code is of the step in which it was printed.
                            (code, Some(Step::at(self.ctx.clock.now() + ledger.offset())))
                        }
                        other => (code::obtain(self.ctx, other, &plan.serial).map_err(no_code)?, None),
                    });
                }
                Choice::NextStep(then) => {
                    self.ctx.ui.wait(&*self.ctx.clock, wait_until(then, now), "the next code");
                }
                // A code that was given would be dead by then.
                Choice::Rest(then) if self.options.unattended || matches!(source, CodeSource::Given(_)) => {
                    return Err(SessionError::Rest { seconds: wait_until(then, now).as_secs() + 1 });
                }
                Choice::Rest(then) => {
                    self.ctx.ui.wait(
                        &*self.ctx.clock,
                        wait_until(then, now),
                        "AWS to take codes of this device again",
                    );
                }
            }
        }
    }

    /// Whether AWS refuses a code because it does not know yet that we enabled the device.
    fn is_settling(&self, error: &AwsError, ledger: &DeviceLedger) -> bool {
        error.kind == AwsErrorKind::CannotValidateCode
            && ledger.is_settling(self.ctx.clock.now() + ledger.offset())
    }

    fn worth_another(&self, error: &AwsError, source: &CodeSource) -> bool {
        match error.kind {
            // Signed or made for the wrong time; the reply has told us the right one.
            AwsErrorKind::ClockSkew => !matches!(source, CodeSource::Given(_)),
            AwsErrorKind::InvalidCode | AwsErrorKind::Throttled => source.can_renew(),
            // AWS may have acted, which used the code up. A person can wait for another try, an SDK only if it is quick.
            AwsErrorKind::Lost if error.timed_out() => source.can_renew() && !self.options.unattended,
            AwsErrorKind::Lost | AwsErrorKind::Unavailable => source.can_renew(),
            _ => false,
        }
    }
}

fn no_code(error: CommandError) -> SessionError {
    match error.kind {
        // A person who presses Ctrl-C wants nothing to go on.
        ErrorKind::Interrupted => error.into(),
        _ => SessionError::NoCode(Box::new(error)),
    }
}
