//! A device's ledger and AWS's clock, for getting a session.

use std::io;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::error::SessionError;
use super::request::Asker;
use crate::context::Context;
use crate::ledger::{DeviceLedger, Ledgers};
use crate::model::serial::Serial;
use crate::retry::MAX_OFFSET;

/// How long an SDK waits for another process that is using the device, which may be waiting for the next code.
const LEDGER_LIMIT: Duration = Duration::from_secs(35);

/// A device, and who is waiting for a session.
pub struct Device<'a> {
    pub ctx: &'a Context,
    pub serial: &'a Serial,
    pub asker: Asker,
    ledgers: Ledgers,
}

impl<'a> Device<'a> {
    pub fn new(ctx: &'a Context, serial: &'a Serial, asker: Asker) -> Self {
        Self { ctx, serial, asker, ledgers: ctx.ledgers() }
    }

    /// The device's ledger, locked.
    pub fn open_ledger(&self) -> Result<DeviceLedger, SessionError> {
        if !self.asker.is_hurried() {
            return Ok(self.ctx.open_ledger(self.serial)?);
        }
        let opened = self.ledgers.open_within(self.serial, LEDGER_LIMIT, &*self.ctx.clock)?;
        opened.ok_or(SessionError::Busy)
    }

    /// AWS's time minus this computer's, as it was when the device was last used.
    pub fn offset(&self) -> io::Result<TimeDelta> {
        self.ledgers.offset(self.serial)
    }

    /// Remembers the difference between AWS's time and this computer's.
    pub fn learn_time(&self, ledger: &mut DeviceLedger, aws_time: DateTime<Utc>) -> Result<(), SessionError> {
        let local = self.ctx.clock.now();
        // Not remembered: the person has to set the clock, and a remembered offset would outlast the correction.
        let off = aws_time - local;
        if off.abs() > MAX_OFFSET {
            let by = off.abs().to_std().unwrap_or_default();
            return Err(SessionError::ClockOff { behind: off > TimeDelta::zero(), by });
        }
        if ledger.observe(aws_time, local)? {
            let seconds = ledger.offset().num_seconds();
            self.ctx.ui.detail(format_args!("AWS's clock differs from this computer's by {seconds:+} s"));
        }
        Ok(())
    }
}
