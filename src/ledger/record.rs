//! What is recorded about a device, and what follows from that. Uses neither files nor the clock.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::files;
use crate::model::clock_offset;
use crate::model::step::Step;
use crate::model::totp::Code;
use crate::model::turn;

/// AWS validates nine codes per device in three minutes and gives misleading errors after that; this stays well below.
pub const TRIES_IN_WINDOW: usize = 6;
/// The window in which tries are counted.
pub(super) const WINDOW: TimeDelta = TimeDelta::minutes(3);
/// How many steps are remembered: half an hour's worth, while AWS looks back one minute. Steps are dropped by count rather
/// than by age, so that a clock that is wrong for a while does not drop any.
const REMEMBERED_STEPS: usize = 64;
/// STS recognizes a device 8 to 14 seconds after IAM enabled it (measured). This is twice as long.
pub(super) const SETTLING: TimeDelta = TimeDelta::seconds(30);
/// How long the digest of a code is kept. A code expires within three minutes, but AWS accepts signatures
/// that are up to 15 minutes off, so what is known of AWS's time may jump by as much.
const DIGEST_LIFE: TimeDelta = TimeDelta::minutes(30);
/// How long a collision with another computer counts: longer than the wait for the next turn takes.
const CONTENTION_LIFE: TimeDelta = TimeDelta::minutes(15);
/// The longest wait for codes that are newer than the last pair.
const PAIR_LIFE: TimeDelta = TimeDelta::seconds(90);

/// What to do about the next code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextCode {
    /// AWS accepts this step now, and it is unused.
    Use(Step),
    /// Every step that AWS accepts now was used. The next one begins then (AWS's time).
    NextStep(DateTime<Utc>),
    /// There were so many tries that AWS may stop validating. Codes can be sent again from then on (AWS's time).
    Rest(DateTime<Utc>),
    /// Another computer uses the device, and this one has spent its share of the three minutes.
    Yield,
}

/// What the choice of a step depends on, apart from the record.
pub struct Wanted<'a> {
    /// The most tries in three minutes while another computer uses the device.
    pub share: usize,
    /// A random number, so that computers that collided do not choose the same step again.
    pub random: u64,
    /// Generates the code of a step, to skip steps with codes that were sent from another source.
    pub code: &'a dyn Fn(Step) -> Code,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) version: u32,
    pub(super) serial: String,
    /// AWS's time minus this computer's.
    pub(super) offset_seconds: i64,
    pub(super) used: Vec<Step>,
    /// When AWS was asked to check a code, in AWS's time.
    pub(super) tries: Vec<DateTime<Utc>>,
    /// When the device was enabled here, in AWS's time.
    #[serde(default)]
    pub(super) enabled: Option<DateTime<Utc>>,
    /// The codes that were sent recently, from any source.
    #[serde(default)]
    pub(super) sent: Vec<Sent>,
    /// Whether AWS ever accepted a code of the device from this computer.
    #[serde(default)]
    pub(super) worked: bool,
    /// When AWS last rejected a code that another computer must have used, in AWS's time.
    #[serde(default)]
    pub(super) contended: Option<DateTime<Utc>>,
    /// The second step of the last pair that AWS accepted to enable or synchronize the device.
    #[serde(default)]
    pub(super) pair: Option<Step>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sent {
    digest: String,
    at: DateTime<Utc>,
}

impl Record {
    pub(super) fn offset(&self) -> TimeDelta {
        // A file may claim a thousand years, and times would overflow.
        let offset = TimeDelta::try_seconds(self.offset_seconds).unwrap_or_default();
        if offset.abs() < TimeDelta::days(365_000) { offset } else { TimeDelta::zero() }
    }

    pub(super) fn choose(&self, now: DateTime<Utc>, wanted: &Wanted) -> NextCode {
        if let Some(pause) = self.pause(now, wanted.share) {
            return pause;
        }
        let current = Step::at(now);
        // The previous step before the next one, which stays free for the next process.
        let mut free = vec![current, current.previous(), current.next()];
        free.retain(|step| !self.is_used_up(*step, &(wanted.code)(*step)));
        match free.len() {
            0 => NextCode::NextStep(current.next().start()),
            count if self.is_contended(now) => NextCode::Use(free[wanted.random as usize % count]),
            _ => NextCode::Use(free[0]),
        }
    }

    pub(super) fn pause(&self, now: DateTime<Utc>, share: usize) -> Option<NextCode> {
        if let Some(until) = self.rest(now) {
            return Some(NextCode::Rest(until));
        }
        let tries = self.tries.iter().filter(|tried| turn::are_close(**tried, now)).count();
        (self.is_contended(now) && tries >= share).then_some(NextCode::Yield)
    }

    pub(super) fn is_contended(&self, now: DateTime<Utc>) -> bool {
        self.contended.is_some_and(|at| (now - at).abs() < CONTENTION_LIFE)
    }

    pub(super) fn rest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut recent: Vec<_> = self.tries.iter().filter(|t| (now - **t).abs() < WINDOW).collect();
        recent.sort_unstable();
        let nth = recent.len().checked_sub(TRIES_IN_WINDOW)?;
        Some(*recent[nth] + WINDOW)
    }

    pub(super) fn begin_try(&mut self, code: &Code, step: Option<Step>, now: DateTime<Utc>) {
        self.tries.retain(|t| (now - *t).abs() < WINDOW);
        self.tries.push(now);
        self.sent.retain(|sent| (now - sent.at).abs() < DIGEST_LIFE);
        self.sent.push(Sent { digest: self.digest(code), at: now });
        if let Some(step) = step {
            self.mark(step);
        }
    }

    pub(super) fn next_pair(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = Step(self.pair?.0.saturating_add(2)).start();
        // Anything further ahead was recorded with a wrong clock.
        (start > now && start - now <= PAIR_LIFE).then_some(start)
    }

    pub(super) fn is_used_up(&self, step: Step, code: &Code) -> bool {
        self.used.contains(&step) || self.was_sent(code)
    }

    pub(super) fn was_sent(&self, code: &Code) -> bool {
        let digest = self.digest(code);
        self.sent.iter().any(|sent| sent.digest == digest)
    }

    pub(super) fn digest(&self, code: &Code) -> String {
        let text = Zeroizing::new(format!("{}\n{}", self.serial, code.expose()));
        files::digest(text.as_bytes())
    }

    pub(super) fn mark(&mut self, step: Step) {
        if !self.used.contains(&step) {
            self.used.push(step);
        }
        let excess = self.used.len().saturating_sub(REMEMBERED_STEPS);
        self.used.drain(..excess);
    }

    pub(super) fn release(&mut self, step: Option<Step>) {
        self.tries.pop();
        self.sent.pop();
        self.used.retain(|used| Some(*used) != step);
    }

    pub(super) fn observe(&mut self, aws: DateTime<Utc>, local: DateTime<Utc>) -> bool {
        let learnt = clock_offset::learn(self.offset(), aws, local);
        if let Some(offset) = learnt {
            self.offset_seconds = offset.num_seconds();
        }
        learnt.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_010 + seconds, 0).unwrap()
    }

    /// The code of a step, distinct for each.
    fn code(step: Step) -> Code {
        format!("{:06}", step.0 % 1_000_000).parse().unwrap()
    }

    const PLAIN: Wanted = Wanted { share: 1, random: 0, code: &|step| code(step) };

    #[test]
    fn extreme_offsets_are_ignored() {
        for offset_seconds in [i64::MIN, -9_000_000_000_000_000, 9_000_000_000_000_000, i64::MAX] {
            let record = Record { offset_seconds, ..Record::default() };
            assert_eq!(at(0) + record.offset(), at(0));
        }
    }

    #[test]
    fn current_step_comes_before_the_previous_and_the_next() {
        let mut record = Record::default();
        let current = Step::at(at(0));
        for expected in [current, current.previous(), current.next()] {
            assert_eq!(record.choose(at(0), &PLAIN), NextCode::Use(expected));
            record.begin_try(&code(expected), Some(expected), at(0));
        }
        assert_eq!(record.choose(at(0), &PLAIN), NextCode::NextStep(current.next().start()));
        assert_eq!(record.choose(at(30), &PLAIN), NextCode::Use(current.next().next()));
    }

    #[test]
    fn six_tries_in_three_minutes_are_the_limit() {
        let mut record = Record::default();
        for i in 0..6i64 {
            assert!(matches!(record.choose(at(i * 20), &PLAIN), NextCode::Use(_)), "{i}");
            let NextCode::Use(step) = record.choose(at(i * 20), &PLAIN) else { unreachable!() };
            record.begin_try(&code(step), Some(step), at(i * 20));
        }
        assert_eq!(record.choose(at(120), &PLAIN), NextCode::Rest(at(180)));
        assert!(matches!(record.choose(at(180), &PLAIN), NextCode::Use(_)));
    }

    #[test]
    fn unsent_request_costs_nothing() {
        let mut record = Record::default();
        record.begin_try(&code(Step(5)), Some(Step(5)), at(0));
        let before = record.clone();
        record.begin_try(&code(Step(6)), Some(Step(6)), at(1));
        record.release(Some(Step(6)));
        assert_eq!(record, before);
    }

    #[test]
    fn next_pair_is_newer_than_the_last() {
        let now = at(0);
        let mut record = Record::default();
        assert_eq!(record.next_pair(now), None);
        let current = Step::at(now);
        record.pair = Some(current);
        assert_eq!(record.next_pair(now), Some(current.next().next().start()));
        record.pair = Some(Step(current.0 - 2));
        assert_eq!(record.next_pair(now), None);
        record.pair = Some(Step(current.0 + 100));
        assert_eq!(record.next_pair(now), None, "a clock was wrong");
    }

    #[test]
    fn offsets_up_to_ten_seconds_are_ignored() {
        let mut record = Record::default();
        assert!(!record.observe(at(10), at(0)));
        assert!(record.observe(at(1200), at(0)));
        assert_eq!(record.offset_seconds, 1200);
        assert!(!record.observe(at(1205), at(0)), "no jitter");
        assert!(record.observe(at(2), at(0)), "the clock was set");
        assert_eq!(record.offset_seconds, 0);
    }

    /// One of several computers that share a device.
    #[derive(Default)]
    struct Computer {
        record: Record,
        next: i64,
        collisions: usize,
        done: bool,
    }

    /// Computers that start together and follow only their records, against AWS's rules for a device. Returns the most tries in
    /// any three minutes, the most tries of one computer, and the seconds until the last one succeeded.
    fn share_a_device(computers: usize, second: i64, mut random: impl FnMut() -> u64) -> (usize, usize, i64) {
        let start = turn::next_window(at(0)) + TimeDelta::seconds(second);
        let time = |seconds| start + TimeDelta::milliseconds(seconds);
        let mut all: Vec<_> = (0..computers).map(|_| Computer::default()).collect();
        let (mut accepted, mut windows, mut last) = (Vec::new(), std::collections::BTreeMap::new(), 0);
        let mut tries = Vec::new();
        while let Some(one) = all.iter_mut().filter(|one| !one.done).min_by_key(|one| one.next) {
            let now = time(one.next);
            let wanted = Wanted { share: 1, random: random(), code: &|step| code(step) };
            let step = match one.record.choose(now, &wanted) {
                NextCode::Use(step) => step,
                NextCode::NextStep(then) | NextCode::Rest(then) => {
                    one.next = (then - start).num_milliseconds();
                    continue;
                }
                NextCode::Yield => {
                    let then = turn::next_turn(now, one.collisions, random());
                    one.next = (then - start).num_milliseconds();
                    continue;
                }
            };
            one.record.begin_try(&code(step), Some(step), now);
            tries.push(now);
            let spent = windows.entry(turn::window(now)).or_insert(0);
            *spent += 1;
            one.done = *spent <= 9 && !accepted.contains(&step);
            if one.done {
                accepted.push(step);
                last = last.max(one.next);
            } else {
                one.record.contended = Some(now);
                one.collisions += 1;
            }
        }
        let most = all.iter().map(|one| one.collisions + 1).max().unwrap_or(0);
        let near = |at: &DateTime<Utc>| {
            tries.iter().filter(|other| turn::are_close(*at, **other) && *other >= at).count()
        };
        (tries.iter().map(near).max().unwrap_or(0), most, last / 1000)
    }

    /// A random number generator with one number as its state (SplitMix64).
    fn generator(mut state: u64) -> impl FnMut() -> u64 {
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        /// At any time and with any luck, nine computers never exceed AWS's budget, and all succeed in time.
        #[test]
        fn computers_that_share_a_device_all_succeed_within_the_budget(
            computers in 2usize..=9, second in 0i64..180, seed: u64,
        ) {
            let (crowd, most, seconds) = share_a_device(computers, second, generator(seed));
            prop_assert!(crowd <= 9, "{crowd} tries in three minutes");
            // Fewer than a sign-in with a device that never worked may make.
            prop_assert!(most <= 6, "{most} tries");
            prop_assert!(seconds <= 30 * 60, "{seconds} s");
        }

        /// More computers than the budget allows take longer, but all succeed.
        #[test]
        fn crowd_sharing_a_device_succeeds_in_the_end(computers in 10usize..30, second in 0i64..180, seed: u64) {
            let (_, most, seconds) = share_a_device(computers, second, generator(seed));
            prop_assert!(most <= 20 && seconds <= 100 * 60, "{most} tries, {seconds} s");
        }
    }

    proptest! {
        /// In any order of events, no step is chosen twice, none outside ±1, and never more than six in any three minutes.
        #[test]
        fn no_step_is_chosen_twice(waits in proptest::collection::vec(0i64..45, 1..80)) {
            let mut record = Record::default();
            let (mut time, mut chosen, mut tries) = (0, Vec::new(), Vec::new());
            for wait in waits {
                time += wait;
                if let NextCode::Use(step) = record.choose(at(time), &PLAIN) {
                    prop_assert!(!chosen.contains(&step));
                    prop_assert!(step.0.abs_diff(Step::at(at(time)).0) <= 1);
                    record.begin_try(&code(step), Some(step), at(time));
                    chosen.push(step);
                    tries.push(time);
                    prop_assert!(tries.iter().filter(|t| time - **t < 180).count() <= TRIES_IN_WINDOW);
                }
            }
            prop_assert!(!chosen.is_empty());
        }
    }
}
