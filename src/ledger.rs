//! The ledger: which steps of a device were used, how often AWS was asked lately, and how far AWS's clock is from ours.
//!
//! AWS takes each code once, from two steps back to two ahead, and judges nine a device in three minutes (`aws-facts`
//! §1); a stricter server may take one step either way and nothing older than the last. The choice of step serves both.
//! A step is on record before the request that carries it is sent, so that no crash leads to its being sent again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::files::{self, Lock};
use crate::model::clock_offset;
use crate::model::serial::Serial;
use crate::model::step::Step;

/// AWS judges nine codes a device in three minutes and then answers nonsense; we stay well below.
pub const TRIES_IN_WINDOW: usize = 6;
/// The window in which tries are counted.
pub const WINDOW: TimeDelta = TimeDelta::minutes(3);
/// So many steps are remembered: half an hour of them, where AWS looks back one minute. They are counted rather than
/// dated, so that a clock that was wrong for a while makes none of them forgotten.
const REMEMBERED_STEPS: usize = 64;
/// STS learns of a device that IAM enabled 8 to 14 seconds later (`aws-facts` §1); twice that is time enough.
const SETTLING: TimeDelta = TimeDelta::seconds(30);

/// The ledgers of all devices.
#[derive(Debug, Clone)]
pub struct Ledgers {
    folder: PathBuf,
}

/// What to do about the next code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This step is unused and AWS takes it now.
    Use(Step),
    /// Every step that AWS would take now is used; the next one begins then (in AWS's time).
    NextStep(DateTime<Utc>),
    /// AWS was asked so often that it might stop judging; from then on (in AWS's time) it can be asked again.
    Rest(DateTime<Utc>),
}

/// A device's ledger, locked: nobody else uses a code of the device while this lives.
#[derive(Debug)]
pub struct DeviceLedger {
    path: PathBuf,
    record: Record,
    _lock: Lock,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Record {
    version: u32,
    serial: String,
    /// AWS's time minus this computer's.
    offset_seconds: i64,
    used: Vec<Step>,
    /// When AWS was asked to judge a code, in AWS's time.
    tries: Vec<DateTime<Utc>>,
    /// When we enabled the device, in AWS's time.
    #[serde(default)]
    enabled: Option<DateTime<Utc>>,
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
    pub fn choose(&self, now: DateTime<Utc>) -> Choice {
        self.record.choose(now)
    }

    /// Until when AWS must not be asked, whatever the code, if it was asked too often. `now` is AWS's time.
    pub fn rest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.record.rest(now)
    }

    /// Puts on record, durably, that a code is about to be sent; `None` for a code whose step is not known.
    pub fn begin_try(&mut self, step: Option<Step>, now: DateTime<Utc>) -> io::Result<()> {
        self.record.begin_try(step, now);
        self.save()
    }

    /// Takes the last [`begin_try`](Self::begin_try) back: the request certainly never reached AWS.
    pub fn release(&mut self, step: Option<Step>) -> io::Result<()> {
        self.record.release(step);
        self.save()
    }

    /// Puts on record that a code was shown to a person, who may use it anywhere.
    pub fn mark_shown(&mut self, step: Step) -> io::Result<()> {
        self.record.mark(step);
        self.save()
    }

    /// Puts on record that the device was enabled just now (in AWS's time).
    pub fn mark_enabled(&mut self, now: DateTime<Utc>) -> io::Result<()> {
        self.record.enabled = Some(now);
        self.save()
    }

    /// Whether we enabled the device so lately that STS may not know it yet. `now` is AWS's time.
    pub fn is_settling(&self, now: DateTime<Utc>) -> bool {
        self.record.enabled.is_some_and(|enabled| (now - enabled).abs() <= SETTLING)
    }

    /// Whether the step is on record as used.
    pub fn is_used(&self, step: Step) -> bool {
        self.record.used.contains(&step)
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

impl Record {
    fn offset(&self) -> TimeDelta {
        TimeDelta::try_seconds(self.offset_seconds).unwrap_or_default()
    }

    fn choose(&self, now: DateTime<Utc>) -> Choice {
        if let Some(until) = self.rest(now) {
            return Choice::Rest(until);
        }
        let current = Step::at(now);
        // The previous before the next: the next then stays free for whoever comes after.
        let candidates = [current, current.previous(), current.next()];
        match candidates.into_iter().find(|step| !self.used.contains(step)) {
            Some(step) => Choice::Use(step),
            None => Choice::NextStep(current.next().start()),
        }
    }

    fn rest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut recent: Vec<_> = self.tries.iter().filter(|t| (now - **t).abs() < WINDOW).collect();
        recent.sort_unstable();
        let nth = recent.len().checked_sub(TRIES_IN_WINDOW)?;
        Some(*recent[nth] + WINDOW)
    }

    fn begin_try(&mut self, step: Option<Step>, now: DateTime<Utc>) {
        self.tries.retain(|t| (now - *t).abs() < WINDOW);
        self.tries.push(now);
        if let Some(step) = step {
            self.mark(step);
        }
    }

    fn mark(&mut self, step: Step) {
        if !self.used.contains(&step) {
            self.used.push(step);
        }
        let excess = self.used.len().saturating_sub(REMEMBERED_STEPS);
        self.used.drain(..excess);
    }

    fn release(&mut self, step: Option<Step>) {
        self.tries.pop();
        self.used.retain(|used| Some(*used) != step);
    }

    fn observe(&mut self, aws: DateTime<Utc>, local: DateTime<Utc>) -> bool {
        let learnt = clock_offset::learn(self.offset(), aws, local);
        if let Some(offset) = learnt {
            self.offset_seconds = offset.num_seconds();
        }
        learnt.is_some()
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
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_010 + seconds, 0).unwrap()
    }

    fn serial() -> Serial {
        "arn:aws:iam::123456789012:mfa/alice".parse().unwrap()
    }

    #[test]
    fn the_current_step_is_preferred_then_the_previous_then_the_next() {
        let mut record = Record::default();
        let current = Step::at(at(0));
        for expected in [current, current.previous(), current.next()] {
            assert_eq!(record.choose(at(0)), Choice::Use(expected));
            record.begin_try(Some(expected), at(0));
        }
        assert_eq!(record.choose(at(0)), Choice::NextStep(current.next().start()));
        assert_eq!(record.choose(at(30)), Choice::Use(current.next().next()));
    }

    #[test]
    fn six_tries_in_three_minutes_are_enough() {
        let mut record = Record::default();
        for i in 0..6i64 {
            assert!(matches!(record.choose(at(i * 20)), Choice::Use(_)), "{i}");
            let step = match record.choose(at(i * 20)) {
                Choice::Use(step) => Some(step),
                _ => None,
            };
            record.begin_try(step, at(i * 20));
        }
        assert_eq!(record.choose(at(120)), Choice::Rest(at(180)));
        assert!(matches!(record.choose(at(180)), Choice::Use(_)));
    }

    #[test]
    fn a_request_that_was_never_sent_costs_nothing() {
        let mut record = Record::default();
        record.begin_try(Some(Step(5)), at(0));
        let before = record.clone();
        record.begin_try(Some(Step(6)), at(1));
        record.release(Some(Step(6)));
        assert_eq!(record, before);
    }

    #[test]
    fn offsets_up_to_ten_seconds_are_none() {
        let mut record = Record::default();
        assert!(!record.observe(at(10), at(0)));
        assert!(record.observe(at(1200), at(0)));
        assert_eq!(record.offset_seconds, 1200);
        assert!(!record.observe(at(1205), at(0)), "no jitter");
        assert!(record.observe(at(2), at(0)), "the clock was set");
        assert_eq!(record.offset_seconds, 0);
    }

    #[test]
    fn it_lasts_from_process_to_process_and_survives_damage() {
        let home = tempfile::tempdir().unwrap();
        let ledgers = Ledgers::new(home.path().join("ledgers"));
        let mut ledger = ledgers.open(&serial(), &SystemClock, || ()).unwrap();
        ledger.begin_try(Some(Step(7)), at(0)).unwrap();
        ledger.observe(at(1200), at(0)).unwrap();
        ledger.mark_enabled(at(0)).unwrap();
        assert!(ledger.is_settling(at(30)) && !ledger.is_settling(at(31)));
        let path = ledger.path.clone();
        drop(ledger);
        assert_eq!(ledgers.offset(&serial()).unwrap(), TimeDelta::minutes(20));
        assert!(ledgers.open(&serial(), &SystemClock, || ()).unwrap().is_used(Step(7)));
        files::write_private(&path, b"{ torn").unwrap();
        assert!(!ledgers.open(&serial(), &SystemClock, || ()).unwrap().is_used(Step(7)));
    }

    proptest! {
        /// Whatever comes in whatever order, no step is chosen twice, none outside ±1, and never more than six in
        /// any three minutes.
        #[test]
        fn no_step_is_chosen_twice(waits in proptest::collection::vec(0i64..45, 1..80)) {
            let mut record = Record::default();
            let (mut time, mut chosen, mut tries) = (0, Vec::new(), Vec::new());
            for wait in waits {
                time += wait;
                if let Choice::Use(step) = record.choose(at(time)) {
                    prop_assert!(!chosen.contains(&step));
                    prop_assert!(step.0.abs_diff(Step::at(at(time)).0) <= 1);
                    record.begin_try(Some(step), at(time));
                    chosen.push(step);
                    tries.push(time);
                    prop_assert!(tries.iter().filter(|t| time - **t < 180).count() <= TRIES_IN_WINDOW);
                }
            }
            prop_assert!(!chosen.is_empty());
        }
    }
}
