//! The ledger: which codes of a device were used, how often AWS was asked recently, and how far AWS's clock is from this
//! computer's.
//!
//! AWS accepts each code once, from two steps back to two ahead, and validates nine codes per device in each three-minute
//! window (measured; AWS does not document this). A stricter server may accept one step either way and nothing older than the last one. The choice of
//! step suits both. A code is recorded before its request is sent, so that a crash cannot cause a second use.
//!
//! A code is recorded by its step, if that is known, and always by a digest of serial and code: the step of a typed code, or
//! of one that a program prints, is unknown. A digest of six digits hides little, since all of them can be tried. That is
//! acceptable because a recorded code has been sent already and expires within three minutes, and the file is 0600. Digests are
//! deleted after half an hour.
//!
//! Ledgers are per computer. If several computers share a device, AWS rejects codes that are unused here. The device then
//! counts as contended until AWS accepts a code, and each computer uses only a small share of AWS's window.

mod record;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
pub use record::{NextCode, TRIES_IN_WINDOW, Wanted};
use record::{Record, SETTLING};

use crate::clock::Clock;
use crate::files::{self, Lock};
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::model::totp::Code;

/// The ledgers of all devices.
#[derive(Debug, Clone)]
pub struct Ledgers {
    folder: PathBuf,
}

/// A device's ledger, locked: no other process uses a code of the device while this value exists.
#[derive(Debug)]
pub struct DeviceLedger {
    path: PathBuf,
    record: Record,
    /// `None` if the disk is full or read-only. Then nothing can be recorded, so no code can be sent, but one can be shown.
    lock: Option<Lock>,
}

/// How a device was used until a moment ago, for what is only shown.
#[derive(Debug)]
pub struct Usage(Record);

impl Usage {
    /// AWS's time minus this computer's.
    pub fn offset(&self) -> TimeDelta {
        self.0.offset()
    }

    /// Whether AWS rejects the code of this step because it was sent, or may have been because it was shown.
    pub fn is_used_up(&self, step: Step, code: &Code) -> bool {
        self.0.is_used_up(step, code)
    }
}

const VERSION: u32 = 1;

/// How long taking back a code waits for another process that is sending a code of the device.
const TAKE_BACK_LIMIT: Duration = Duration::from_secs(3);

impl Ledgers {
    /// The ledgers in this folder, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Locks a device's ledger and reads it. While another process has the lock, this waits; `waiting` is called once if that
    /// takes longer than a moment.
    pub fn open(
        &self,
        serial: &Serial,
        clock: &dyn Clock,
        waiting: impl FnOnce(),
    ) -> io::Result<DeviceLedger> {
        self.read_locked(serial, Lock::acquire_telling(&self.file(serial, "lock"), clock, waiting))
    }

    /// Like [`open`](Self::open), but waits at most `limit` and then returns `None`.
    pub fn open_within(
        &self,
        serial: &Serial,
        limit: Duration,
        clock: &dyn Clock,
    ) -> io::Result<Option<DeviceLedger>> {
        match Lock::acquire_within(&self.file(serial, "lock"), limit, clock).transpose() {
            None => Ok(None),
            Some(lock) => self.read_locked(serial, lock).map(Some),
        }
    }

    /// AWS's time minus this computer's when the device was last used. Does not lock the ledger.
    pub fn offset(&self, serial: &Serial) -> io::Result<TimeDelta> {
        Ok(read(&self.file(serial, "json"), serial)?.offset())
    }

    /// How a device was used until now. Does not lock the ledger.
    pub fn usage(&self, serial: &Serial) -> io::Result<Usage> {
        Ok(Usage(read(&self.file(serial, "json"), serial)?))
    }

    /// The ledgers that cannot be read.
    pub fn damaged(&self) -> io::Result<Vec<PathBuf>> {
        files::damaged(&self.folder, |bytes| parse(bytes).is_some())
    }

    fn read_locked(&self, serial: &Serial, lock: io::Result<Lock>) -> io::Result<DeviceLedger> {
        let path = self.file(serial, "json");
        let lock = match lock {
            Err(error) if files::is_unwritable(&error) => None,
            lock => Some(lock?),
        };
        Ok(DeviceLedger { record: read(&path, serial)?, path, lock })
    }

    fn file(&self, serial: &Serial, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", files::digest(serial.as_str().as_bytes())))
    }
}

/// A ledger that cannot be parsed is replaced by an empty one: that costs at most one rejected code.
fn read(path: &Path, serial: &Serial) -> io::Result<Record> {
    let record = files::read_private(path)?.and_then(|bytes| parse(&bytes));
    Ok(record.unwrap_or_else(|| Record { version: VERSION, serial: serial.to_string(), ..Record::default() }))
}

fn parse(bytes: &[u8]) -> Option<Record> {
    serde_json::from_slice::<Record>(bytes).ok().filter(|record| record.version == VERSION)
}

impl DeviceLedger {
    /// AWS's time minus this computer's.
    pub fn offset(&self) -> TimeDelta {
        self.record.offset()
    }

    /// Which step to use. `now` is AWS's time.
    pub fn choose(&self, now: DateTime<Utc>, wanted: &Wanted) -> NextCode {
        self.record.choose(now, wanted)
    }

    /// Why no code at all may be sent now. `now` is AWS's time.
    pub fn pause(&self, now: DateTime<Utc>, share: usize) -> Option<NextCode> {
        self.record.pause(now, share)
    }

    /// Until when no code may be sent because there were too many tries. `now` is AWS's time.
    pub fn rest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.record.rest(now)
    }

    /// Records, durably, that a code is about to be sent. `step` is `None` if it is unknown.
    pub fn begin_try(&mut self, code: &Code, step: Option<Step>, now: DateTime<Utc>) -> io::Result<()> {
        self.record.begin_try(code, step, now);
        self.save()
    }

    /// Undoes the last [`begin_try`](Self::begin_try), because AWS did not check the code: the request was never sent, or its
    /// signature was rejected.
    pub fn release(&mut self, step: Option<Step>) -> io::Result<()> {
        self.record.release(step);
        self.save()
    }

    /// Whether this code was sent recently, from any source.
    pub fn was_sent(&self, code: &Code) -> bool {
        self.record.was_sent(code)
    }

    /// Records that AWS accepted a code.
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

    /// Records that another computer uses the device. `now` is AWS's time.
    pub fn mark_contended(&mut self, now: DateTime<Utc>) -> io::Result<()> {
        self.record.contended = Some(now);
        self.save()
    }

    /// Whether another computer uses the device. `now` is AWS's time.
    pub fn is_contended(&self, now: DateTime<Utc>) -> bool {
        self.record.is_contended(now)
    }

    /// Gives a person a code, who may use it anywhere, and unlocks the ledger. The code counts as used from before that, so
    /// that a crash cannot cause a second use, but not if `give` fails: then nobody has seen it.
    ///
    /// A full or read-only disk is no reason to withhold the code: the person may need it to repair the computer. `give` gets the
    /// error.
    pub fn give<T, E: From<io::Error>>(
        mut self,
        step: Step,
        clock: &dyn Clock,
        give: impl FnOnce(Option<io::Error>) -> Result<T, E>,
    ) -> Result<T, E> {
        let is_new = !self.is_used(step);
        self.record.mark(step);
        let unrecorded = match self.save() {
            Err(error) if files::is_unwritable(&error) => Some(error),
            saved => saved.map(|()| None)?,
        };
        let is_recorded = unrecorded.is_none();
        let path = self.path.clone();
        drop(self);
        give(unrecorded).inspect_err(|_| {
            if is_new && is_recorded {
                // If that fails, the code stays used, which costs at most a wait for the next one.
                let _ = take_back(&path, step, clock);
            }
        })
    }

    /// Records that the device was enabled just now. `now` is AWS's time.
    pub fn mark_enabled(&mut self, now: DateTime<Utc>) -> io::Result<()> {
        // The record may be about an earlier device with this serial.
        (self.record.worked, self.record.contended) = (false, None);
        self.record.enabled = Some(now);
        self.record.pair = Some(Step::at(now));
        self.save()
    }

    /// Whether the device was enabled here so recently that STS may not know it yet. `now` is AWS's time.
    pub fn is_settling(&self, now: DateTime<Utc>) -> bool {
        self.record.enabled.is_some_and(|enabled| (now - enabled).abs() <= SETTLING)
    }

    /// Records that AWS accepted a pair of codes, the second of them for this step.
    pub fn mark_pair(&mut self, second: Step) -> io::Result<()> {
        self.record.pair = Some(second);
        self.save()
    }

    /// When there will be a pair of codes that are both newer than the last pair, as AWS requires; `None` if there is one now.
    /// Both times are AWS's.
    pub fn next_pair(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.record.next_pair(now)
    }

    /// Whether AWS rejects the code of this step because it was sent, or may have been because it was shown.
    pub fn is_used_up(&self, step: Step, code: &Code) -> bool {
        self.record.is_used_up(step, code)
    }

    pub fn is_used(&self, step: Step) -> bool {
        self.record.used.contains(&step)
    }

    /// Whether a slightly newer step was used here, so that a strict server rejects this one.
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
        if self.lock.is_none() {
            // Fails again, unless the disk has some space by now. Then the record may be outdated.
            Lock::try_acquire(&self.path.with_extension("lock"))?;
            let why = "the disk was full or read-only a moment ago; try again";
            return Err(io::Error::new(io::ErrorKind::StorageFull, why));
        }
        let bytes = serde_json::to_vec(&self.record).map_err(io::Error::other)?;
        files::write_private(&self.path, &bytes)
    }
}

/// Records that a step was not used after all.
fn take_back(path: &Path, step: Step, clock: &dyn Clock) -> io::Result<()> {
    let Some(_lock) = Lock::acquire_within(&path.with_extension("lock"), TAKE_BACK_LIMIT, clock)? else {
        return Ok(());
    };
    let Some(bytes) = files::read_private(path)? else { return Ok(()) };
    let mut record: Record = serde_json::from_slice(&bytes)?;
    record.used.retain(|used| *used != step);
    files::write_private(path, &serde_json::to_vec(&record)?)
}

/// The time from `now` until `then`, or zero if `then` is past.
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
    fn code_that_a_person_did_not_get_is_not_used() {
        let home = tempfile::tempdir().unwrap();
        let ledgers = Ledgers::new(home.path().join("ledgers"));
        let open = || ledgers.open(&serial(), &SystemClock, || ()).unwrap();
        let is_used = |step| ledgers.usage(&serial()).unwrap().0.used.contains(&step);
        let fail = |_| {
            assert!(is_used(Step(7)), "a crash here must not free the code");
            Err::<(), _>(io::Error::other("no display"))
        };
        assert!(open().give(Step(7), &SystemClock, fail).is_err());
        assert!(!is_used(Step(7)));
        open().give(Step(7), &SystemClock, |_| io::Result::Ok(())).unwrap();
        assert!(open().give(Step(7), &SystemClock, fail).is_err());
        assert!(is_used(Step(7)), "a code that somebody else got");
    }

    #[test]
    fn ledger_outlives_its_process_and_survives_damage() {
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
