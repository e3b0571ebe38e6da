//! Chooses the next code, and waits until there is one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::state::{MAX_SDK_COLLISIONS, SignIn};
use crate::ledger::{DeviceLedger, NextCode, Wanted, wait_until};
use crate::model::step::Step;
use crate::model::totp::Code;
use crate::model::turn;
use crate::session::code::{self, CodeSource};
use crate::session::error::{SessionError, codes, no_code};

/// How long an SDK waits for codes: until the next step, not the one after.
const SDK_WAIT: Duration = Duration::from_secs(35);

/// A program that starts exactly when a step begins may still print the previous code: clocks are coarse.
const PROGRAM_MARGIN: TimeDelta = TimeDelta::milliseconds(1500);

/// How far a program's clock may be behind, so how long after the start of a step the program is run again.
const PROGRAM_LAG: TimeDelta = TimeDelta::seconds(10);

/// The pause before a program that printed an old code is run again.
const PROGRAM_PAUSE: Duration = Duration::from_secs(1);

const ALREADY_SENT: &str =
    "this code was already sent to AWS, which accepts each code only once; enter the next one";

/// A code that was never sent, its step if known, and the locked ledger.
type Next = (DeviceLedger, Code, Option<Step>);

impl SignIn<'_> {
    /// The next code. Waits for an unused one if necessary, without locking the ledger.
    pub(super) fn next_code(&mut self) -> Result<Next, SessionError> {
        loop {
            let ledger = self.device.open_ledger()?;
            let now = self.now(&ledger);
            match self.choose(&ledger, now) {
                NextCode::Use(step) => {
                    if let CodeSource::Seed(seed) = &self.source {
                        let from_now = step.0.cast_signed() - Step::at(now).0.cast_signed();
                        let number = step.0;
                        let ui = &self.device.ctx.ui;
                        ui.detail(format_args!("code for step {number} ({from_now:+} from now)"));
                        return Ok((ledger, seed.code(step), Some(step)));
                    }
                    drop(ledger);
                    if let Some(next) = self.ask_source()? {
                        return Ok(next);
                    }
                }
                pause => self.pause(ledger, now, pause)?,
            }
        }
    }

    fn choose(&self, ledger: &DeviceLedger, now: DateTime<Utc>) -> NextCode {
        let current = Step::at(now);
        let share = if self.device.asker.is_hurried() { MAX_SDK_COLLISIONS } else { 1 };
        match &self.source {
            CodeSource::Seed(seed) => {
                let random = getrandom::u64().unwrap_or_default();
                ledger.choose(now, &Wanted { share, random, code: &|step| seed.code(step) })
            }
            CodeSource::Process(_) => match ledger.pause(now, share) {
                Some(pause) => pause,
                // A program prints only the current code.
                None if ledger.is_used(current) => NextCode::NextStep(current.next().start()),
                None => NextCode::Use(current),
            },
            // Its step is unknown, but AWS counts the tries.
            CodeSource::Given(_) | CodeSource::Person => {
                ledger.rest(now).map_or(NextCode::Use(current), NextCode::Rest)
            }
        }
    }

    /// A code from a program or a person, which is not waited for under the ledger's lock. `None` if the code was sent before.
    fn ask_source(&mut self) -> Result<Option<Next>, SessionError> {
        let (ctx, serial) = (self.device.ctx, self.device.serial);
        let code = code::obtain(ctx, &self.source, serial, self.rejected.take()).map_err(no_code)?;
        let ledger = self.device.open_ledger()?;
        let now = self.now(&ledger);
        let is_program = matches!(self.source, CodeSource::Process(_));
        if !ledger.was_sent(&code) {
            self.excused = None;
            // The program may have waited for a touch: the code belongs to the step in which it was printed.
            return Ok(Some((ledger, code, is_program.then(|| Step::at(now)))));
        }
        drop(ledger);
        match self.source {
            CodeSource::Process(_) => self.run_again(now)?,
            CodeSource::Person => self.rejected = Some(ALREADY_SENT),
            CodeSource::Given(_) | CodeSource::Seed(_) => return Err(codes::sent_before(serial).into()),
        }
        Ok(None)
    }

    /// Waits a moment before a program that printed an old code is run again.
    fn run_again(&mut self, now: DateTime<Utc>) -> Result<(), SessionError> {
        let (ctx, until) = (self.device.ctx, Step::at(now).next().start() + PROGRAM_LAG);
        let until = *self.excused.get_or_insert(until);
        let is_hurried = self.device.asker.is_hurried();
        if now >= until || (is_hurried && self.waited >= SDK_WAIT) {
            return Err(no_code(codes::program_repeats(self.device.serial)));
        }
        ctx.ui.detail("`mfa_process` printed a code that was already sent; retrying");
        ctx.clock.sleep(PROGRAM_PAUSE);
        self.waited += PROGRAM_PAUSE;
        Ok(())
    }

    fn pause(
        &mut self,
        ledger: DeviceLedger,
        now: DateTime<Utc>,
        pause: NextCode,
    ) -> Result<(), SessionError> {
        let (ctx, serial) = (self.device.ctx, self.device.serial);
        let is_hurried = self.device.asker.is_hurried();
        let (then, what) = match pause {
            NextCode::Use(_) => return Ok(()),
            NextCode::NextStep(start) if matches!(self.source, CodeSource::Process(_)) => {
                self.excused = Some(start + PROGRAM_LAG);
                (start + PROGRAM_MARGIN, "the next code".to_owned())
            }
            NextCode::NextStep(start) => (start, "the next code".to_owned()),
            // A code from the command line would have expired by then.
            NextCode::Rest(then) if is_hurried || matches!(self.source, CodeSource::Given(_)) => {
                return Err(SessionError::Rest { seconds: wait_until(then, now).as_secs() + 1 });
            }
            NextCode::Rest(then) => (then, "AWS to accept codes from this device again".to_owned()),
            NextCode::Yield if is_hurried => return Err(self.in_use_elsewhere(&ledger)),
            NextCode::Yield => {
                let random = getrandom::u64().unwrap_or_default();
                let then = turn::next_turn(now, self.collisions, random);
                (then, format!("`{serial}`, which is in use on another computer"))
            }
        };
        drop(ledger);
        let wait = wait_until(then, now);
        if is_hurried && self.waited + wait > SDK_WAIT {
            return Err(no_code(codes::none_left(serial, wait.as_secs() + 1)));
        }
        self.waited += wait;
        ctx.ui.wait(&*ctx.clock, wait, &what);
        Ok(())
    }

    /// Whether every current code was used.
    pub(super) fn is_used_up(&self, ledger: &DeviceLedger) -> bool {
        matches!(self.choose(ledger, self.now(ledger)), NextCode::NextStep(_))
    }
}
