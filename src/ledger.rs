//! The ledger: which codes of a device were used, how often AWS was asked lately, and how far AWS's clock is from ours.
//!
//! AWS accepts each code once, from two steps back to two ahead, and judges nine codes per device in each three-minute
//! window (`aws-facts` §1); a stricter server may accept one step either way and nothing older than the last. The choice
//! of step serves both. A code is on record before the request that carries it is sent, so that no crash leads to sending
//! the code again.
//!
//! A code is remembered by its step, where the step is known, and always by a digest of serial and code: a typed code or
//! one that a program prints has no known step. Six digits can be found from their digest by trying all of them, so a
//! digest hides little. That is acceptable because a code on record was sent already, expires within three minutes, and
//! the file is 0600; digests are deleted after half an hour.
//!
//! Ledgers are per computer. If several computers share a device, AWS rejects codes that are unused here; the device then
//! counts as contended until a code is accepted, and each computer keeps to a small share of AWS's window.

mod record;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
pub use record::{Choice, Wanted};
use record::{Record, SETTLING};

use crate::clock::Clock;
use crate::files::{self, Lock};
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::model::totp::Code;

/// AWS judges nine codes a device in three minutes and then answers nonsense; we stay well below.
pub const TRIES_IN_WINDOW: usize = 6;
/// The window in which tries are counted.
pub const WINDOW: TimeDelta = TimeDelta::minutes(3);
/// The ledgers of all devices.
#[derive(Debug, Clone)]
pub struct Ledgers {
    folder: PathBuf,
}

/// A device's ledger, locked: nobody else uses a code of the device while this lives.
#[derive(Debug)]
pub struct DeviceLedger {
    path: PathBuf,
    record: Record,
    _lock: Lock,
}

const VERSION: u32 = 1;

impl Ledgers {
    /// The ledgers in this folder, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Locks a device's ledger, waiting for whoever has it, and reads it. `waiting` is called if that takes longer than a
    /// moment.
    pub fn open(
        &self,
        serial: &Serial,
        clock: &dyn Clock,
        waiting: impl FnOnce(),
    ) -> io::Result<DeviceLedger> {
        self.read_locked(serial, Lock::acquire_telling(&self.file(serial, "lock"), clock, waiting)?)
    }

    /// The same, waiting at most `limit`; `None` after that.
    pub fn open_within(
        &self,
        serial: &Serial,
        limit: Duration,
        clock: &dyn Clock,
    ) -> io::Result<Option<DeviceLedger>> {
        let lock = Lock::acquire_within(&self.file(serial, "lock"), limit, clock)?;
        lock.map(|lock| self.read_locked(serial, lock)).transpose()
    }

    /// How far AWS's clock was from ours when the device was last used; nothing is locked.
    pub fn offset(&self, serial: &Serial) -> io::Result<TimeDelta> {
        Ok(read(&self.file(serial, "json"), serial)?.offset())
    }

    fn read_locked(&self, serial: &Serial, lock: Lock) -> io::Result<DeviceLedger> {
        let path = self.file(serial, "json");
        Ok(DeviceLedger { record: read(&path, serial)?, path, _lock: lock })
    }

    fn file(&self, serial: &Serial, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", files::digest(serial.as_str().as_bytes())))
    }
}

/// A ledger that cannot be understood is begun anew: the price is at most one refused code.
fn read(path: &Path, serial: &Serial) -> io::Result<Record> {
    let bytes = files::read_private(path)?;
    let record =
        bytes.and_then(|b| serde_json::from_slice::<Record>(&b).ok()).filter(|r| r.version == VERSION);
    Ok(record.unwrap_or_else(|| Record { version: VERSION, serial: serial.to_string(), ..Record::default() }))
}

impl DeviceLedger {
    /// AWS's time minus this computer's.
    pub fn offset(&self) -> TimeDelta {
        self.record.offset()
    }

    /// Which step to use. `now` is AWS's time.
    pub fn choose(&self, now: DateTime<Utc>, wanted: &Wanted) -> Choice {
        self.record.choose(now, wanted)
    }

    /// What forbids sending any code now, whatever its source. `now` is AWS's time.
    pub fn pause(&self, now: DateTime<Utc>, share: usize) -> Option<Choice> {
        self.record.pause(now, share)
    }

    /// Until when AWS must not be asked, whatever the code, if it was asked too often. `now` is AWS's time.
    pub fn rest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.record.rest(now)
    }

    /// Puts on record, durably, that a code is about to be sent; `step` is `None` where it is not known.
    pub fn begin_try(&mut self, code: &Code, step: Option<Step>, now: DateTime<Utc>) -> io::Result<()> {
        self.record.begin_try(code, step, now);
        self.save()
    }

    /// Takes the last [`begin_try`](Self::begin_try) back: AWS certainly did not look at the code.
    pub fn release(&mut self, step: Option<Step>) -> io::Result<()> {
        self.record.release(step);
        self.save()
    }

    /// Whether this very code was sent lately, whatever its source.
    pub fn was_sent(&self, code: &Code) -> bool {
        self.record.was_sent(code)
    }

    /// Puts on record that AWS accepted a code.
    pub fn mark_accepted(&mut self) -> io::Result<()> {
        if self.record.worked && self.record.contended.is_none() {
            return Ok(());
        }
        (self.record.worked, self.record.contended) = (true, None);
        self.save()
    }

    /// Whether AWS ever accepted a code of the device from this computer.
    pub fn has_worked(&self) -> bool {
        self.record.worked
    }

    /// Puts on record that another computer uses the device (`now` is AWS's time).
    pub fn mark_contended(&mut self, now: DateTime<Utc>) -> io::Result<()> {
        self.record.contended = Some(now);
        self.save()
    }

    /// Whether another computer uses the device. `now` is AWS's time.
    pub fn is_contended(&self, now: DateTime<Utc>) -> bool {
        self.record.is_contended(now)
    }

    /// Puts on record that a code was shown to a person, who may use it anywhere.
    pub fn mark_shown(&mut self, step: Step) -> io::Result<()> {
        self.record.mark(step);
        self.save()
    }

    /// Puts on record that the device was enabled just now (in AWS's time).
    pub fn mark_enabled(&mut self, now: DateTime<Utc>) -> io::Result<()> {
        // What is on record may be about an earlier device with this serial.
        (self.record.worked, self.record.contended) = (false, None);
        self.record.enabled = Some(now);
        self.record.pair = Some(Step::at(now));
        self.save()
    }

    /// Whether we enabled the device so lately that STS may not know it yet. `now` is AWS's time.
    pub fn is_settling(&self, now: DateTime<Utc>) -> bool {
        self.record.enabled.is_some_and(|enabled| (now - enabled).abs() <= SETTLING)
    }

    /// Puts on record that AWS accepted a pair of codes whose second is of this step.
    pub fn mark_pair(&mut self, second: Step) -> io::Result<()> {
        self.record.pair = Some(second);
        self.save()
    }

    /// When there is a pair of codes that are both newer than the last pair, as AWS demands; `None` if there is one now.
    /// Both times are AWS's.
    pub fn next_pair(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.record.next_pair(now)
    }

    /// Whether the step is on record as used.
    pub fn is_used(&self, step: Step) -> bool {
        self.record.used.contains(&step)
    }

    /// Whether a step that is a little newer was used here: a strict server then rejects this one.
    pub fn is_older_than_used(&self, step: Step) -> bool {
        self.record.used.iter().any(|used| (1..=4).contains(&used.0.saturating_sub(step.0)))
    }

    /// Learns AWS's time from a reply. Returns whether the offset changed.
    pub fn observe(&mut self, aws: DateTime<Utc>, local: DateTime<Utc>) -> io::Result<bool> {
        let changed = self.record.observe(aws, local);
        if changed {
            self.save()?;
        }
        Ok(changed)
    }

    fn save(&self) -> io::Result<()> {
        let bytes = serde_json::to_vec(&self.record).map_err(io::Error::other)?;
        files::write_private(&self.path, &bytes)
    }
}

/// How long from `now` until `then`; nothing if it is past.
pub fn wait_until(then: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (then - now).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_010 + seconds, 0).unwrap()
    }

    fn serial() -> Serial {
        "arn:aws:iam::123456789012:mfa/alice".parse().unwrap()
    }

    #[test]
    fn it_lasts_from_process_to_process_and_survives_damage() {
        let home = tempfile::tempdir().unwrap();
        let ledgers = Ledgers::new(home.path().join("ledgers"));
        let mut ledger = ledgers.open(&serial(), &SystemClock, || ()).unwrap();
        let code = "123456".parse().unwrap();
        ledger.begin_try(&code, Some(Step(7)), at(0)).unwrap();
        ledger.observe(at(1200), at(0)).unwrap();
        ledger.mark_enabled(at(0)).unwrap();
        assert!(ledger.is_settling(at(30)) && !ledger.is_settling(at(31)));
        let path = ledger.path.clone();
        drop(ledger);
        assert_eq!(ledgers.offset(&serial()).unwrap(), TimeDelta::minutes(20));
        let reopened = ledgers.open(&serial(), &SystemClock, || ()).unwrap();
        assert!(reopened.is_used(Step(7)) && reopened.was_sent(&code));
        drop(reopened);
        files::write_private(&path, b"{ torn").unwrap();
        assert!(!ledgers.open(&serial(), &SystemClock, || ()).unwrap().is_used(Step(7)));
    }
}
