//! MFA devices and the verification of their codes: windows, single use, budgets, pairs and drift.
//!
//! The rules are as observed on AWS. Permissions are checked in `iam/`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::step_of;
use crate::error::ApiError;
use crate::totp;
use crate::view::View;

/// Which codes STS accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeModel {
    /// As observed on AWS: ±2 steps, each code once, in any order.
    #[default]
    Observed,
    /// A stricter server: ±1 step, and only steps that are newer than the last accepted one.
    Strict,
}

/// The kinds of MFA devices that IAM lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A virtual device. Its serial number is an ARN.
    Virtual,
    /// A hardware token. Its serial number is not an ARN, for example `GAHT12345678`.
    Hardware,
    /// A FIDO security key. STS does not accept it.
    Fido,
}

#[derive(Clone, Debug)]
pub(crate) struct Device {
    /// Tells a device from an earlier one with the same ARN.
    pub(crate) uid: u64,
    pub(crate) serial: String,
    pub(crate) kind: DeviceKind,
    pub(crate) seed: Vec<u8>,
    /// When other IAM operations see the device, which can be seconds after CreateVirtualMFADevice.
    pub(crate) known: DateTime<Utc>,
    pub(crate) assigned: Option<Assignment>,
    pub(crate) tags: Vec<(String, String)>,
    /// How many steps the device's clock is ahead of the server's.
    pub(crate) drift: i64,
    /// The second step of the last pair that enabled or resynchronized the device.
    pub(crate) last_pair: Option<i64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) user: String,
    pub(crate) since: DateTime<Utc>,
}

impl Device {
    pub(crate) fn user(&self) -> Option<&str> {
        self.assigned.as_ref().map(|assigned| assigned.user.as_str())
    }

    /// Accepts two consecutive codes in order that are newer than the last pair, and sets the device's drift. The
    /// second code may be 998 steps behind to 1000 steps ahead of the device's time. Returns the second step.
    pub(crate) fn synchronize(
        &mut self,
        first: &str,
        second: &str,
        now: DateTime<Utc>,
    ) -> Result<i64, ApiError> {
        let server = step_of(now);
        let centre = server + self.drift;
        let found = (centre - 998..=centre + 1000)
            .filter(|&step| self.last_pair.is_none_or(|last| step - 1 > last))
            .find(|&step| {
                totp::code(&self.seed, step) == second && totp::code(&self.seed, step - 1) == first
            });
        let Some(step) = found.filter(|_| self.kind != DeviceKind::Fido) else {
            let message = "Authentication code for device is not valid.";
            return Err(ApiError::new(403, "InvalidAuthenticationCode", message));
        };
        self.drift = step - server;
        self.last_pair = Some(step);
        Ok(step)
    }
}

/// STS's side of MFA: a delayed view of the devices, and the codes that were used.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    pub(crate) model: CodeModel,
    pub(crate) view: View,
    /// Whether STS rejects the codes with which IAM enabled or resynchronized a device.
    pub(crate) consume_pairs: bool,
    used: BTreeSet<(u64, i64)>,
    last_accepted: BTreeMap<u64, i64>,
    /// Verifications by serial number and three-minute window. A new device with the same ARN inherits them.
    spent: BTreeMap<(String, i64), u32>,
    last_uid: u64,
}

/// The maximum number of verifications of one ARN in three minutes.
const BUDGET: u32 = 9;

impl Judge {
    pub(crate) fn next_uid(&mut self) -> u64 {
        self.last_uid += 1;
        self.last_uid
    }

    /// Marks a step as used.
    pub(crate) fn consume(&mut self, uid: u64, step: i64) {
        self.used.insert((uid, step));
        let last = self.last_accepted.entry(uid).or_insert(step);
        *last = step.max(*last);
    }

    /// Counts verifications.
    pub(crate) fn spend(&mut self, serial: &str, verifications: u32, now: DateTime<Utc>) {
        *self.spent.entry(window(serial, now)).or_default() += verifications;
    }

    /// Verifies a code that `user` sends to STS. `actual` is the device as it is in IAM, which STS may not see yet.
    pub(crate) fn verify(
        &mut self,
        user: &str,
        serial: &str,
        code: &str,
        actual: Option<&Device>,
        now: DateTime<Utc>,
    ) -> Result<(), ApiError> {
        let Some(device) = self.visible(serial, user, now) else {
            self.burn_early(user, serial, code, actual, now);
            return Err(ApiError::unable_to_validate());
        };
        let spent = self.spent.entry(window(serial, now)).or_default();
        if *spent >= BUDGET {
            return Err(ApiError::unable_to_validate());
        }
        *spent += 1;
        let step = self.acceptable(&device, code, now).ok_or_else(ApiError::invalid_code)?;
        self.consume(device.uid, step);
        Ok(())
    }

    fn visible(&self, serial: &str, user: &str, now: DateTime<Utc>) -> Option<Device> {
        let device = self.view.device(serial, now)?;
        (device.user() == Some(user) && device.kind != DeviceKind::Fido).then(|| device.clone())
    }

    fn acceptable(&self, device: &Device, code: &str, now: DateTime<Utc>) -> Option<i64> {
        self.unused(device, now).find(|&step| totp::code(&device.seed, step) == code)
    }

    /// The oldest code that STS would accept now and for a few more seconds, so that it can still be sent.
    pub(crate) fn next_code(&self, device: &Device, now: DateTime<Utc>) -> Option<String> {
        let soon: Vec<i64> = self.unused(device, now + TimeDelta::seconds(10)).collect();
        let step = self.unused(device, now).find(|step| soon.contains(step))?;
        Some(totp::code(&device.seed, step))
    }

    /// The steps whose codes are accepted.
    fn unused(&self, device: &Device, now: DateTime<Utc>) -> impl Iterator<Item = i64> {
        let (reach, after) = match self.model {
            CodeModel::Observed => (2, None),
            CodeModel::Strict => (1, self.last_accepted.get(&device.uid)),
        };
        let (centre, uid) = (step_of(now) + device.drift, device.uid);
        (centre - reach..=centre + reach)
            .filter(move |&step| !self.used.contains(&(uid, step)) && after.is_none_or(|&last| step > last))
    }

    /// A code that arrives before STS sees the device is used up, and counts as one verification.
    fn burn_early(
        &mut self,
        user: &str,
        serial: &str,
        code: &str,
        actual: Option<&Device>,
        now: DateTime<Utc>,
    ) {
        let Some(device) = actual.filter(|device| device.user() == Some(user)) else { return };
        if let Some(step) = self.acceptable(device, code, now) {
            self.used.insert((device.uid, step));
            self.spend(serial, 1, now);
        }
    }

    /// Records that IAM accepted the pair of codes that ends with `step`.
    pub(crate) fn paired(&mut self, uid: u64, step: i64) {
        if self.consume_pairs {
            self.consume(uid, step - 1);
            self.consume(uid, step);
        }
    }
}

/// The three-minute window, aligned to UTC, of a verification.
fn window(serial: &str, now: DateTime<Utc>) -> (String, i64) {
    (serial.to_owned(), now.timestamp().div_euclid(180))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"1234567890123456789012345678901234567890";
    const SERIAL: &str = "arn:aws:iam::123456789012:mfa/u";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_100 + seconds, 0).expect("a test's time")
    }

    fn device(drift: i64) -> Device {
        Device {
            uid: 1,
            serial: SERIAL.into(),
            kind: DeviceKind::Virtual,
            seed: SEED.to_vec(),
            known: at(0),
            assigned: Some(Assignment { user: "u".into(), since: at(0) }),
            tags: Vec::new(),
            drift,
            last_pair: None,
        }
    }

    fn judge(model: CodeModel, drift: i64) -> Judge {
        let mut judge = Judge { model, ..Judge::default() };
        judge.view.publish(SERIAL, Some(device(drift)), at(0));
        judge
    }

    /// The result for the code of `offset` steps from `now`: `ok`, `invalid` or `unable`.
    fn say(judge: &mut Judge, now: DateTime<Utc>, offset: i64) -> &'static str {
        let actual = device(0);
        match judge.verify("u", SERIAL, &totp::code(SEED, step_of(now) + offset), Some(&actual), now) {
            Ok(()) => "ok",
            Err(error) if error == ApiError::invalid_code() => "invalid",
            Err(_) => "unable",
        }
    }

    #[test]
    fn observed_model_accepts_two_steps_each_way_once() {
        let mut judge = judge(CodeModel::Observed, 0);
        for (offset, verdict) in [
            (3, "invalid"),
            (-3, "invalid"),
            (2, "ok"),
            (-2, "ok"),
            (0, "ok"),
            (0, "invalid"),
            (-2, "invalid"),
        ] {
            assert_eq!(say(&mut judge, at(0), offset), verdict, "offset {offset}");
        }
    }

    #[test]
    fn strict_model_accepts_one_step_each_way_if_newer() {
        let mut judge = judge(CodeModel::Strict, 0);
        for (offset, verdict) in
            [(2, "invalid"), (-2, "invalid"), (-1, "ok"), (1, "ok"), (0, "invalid"), (1, "invalid")]
        {
            assert_eq!(say(&mut judge, at(0), offset), verdict, "offset {offset}");
        }
    }

    #[test]
    fn budget_is_nine_verifications_in_an_aligned_window() {
        let mut judge = judge(CodeModel::Observed, 0);
        let start = at(180 - at(0).timestamp().rem_euclid(180));
        assert_eq!(say(&mut judge, start, 0), "ok");
        assert_eq!(say(&mut judge, start, 0), "invalid");
        for _ in 0..7 {
            assert_eq!(say(&mut judge, start, 40), "invalid");
        }
        assert_eq!(say(&mut judge, start, 1), "unable");
        assert_eq!(say(&mut judge, start + TimeDelta::seconds(179), 1), "unable");
        assert_eq!(say(&mut judge, start + TimeDelta::seconds(180), 1), "ok");
    }

    #[test]
    fn budget_belongs_to_the_arn() {
        let mut judge = judge(CodeModel::Observed, 0);
        for _ in 0..9 {
            assert_eq!(say(&mut judge, at(0), 40), "invalid");
        }
        judge.view.publish(SERIAL, None, at(0));
        judge.view.publish(SERIAL, Some(Device { uid: 2, ..device(0) }), at(0));
        assert_eq!(say(&mut judge, at(0), 0), "unable");
    }

    #[test]
    fn next_code_can_still_be_sent() {
        let judge = judge(CodeModel::Observed, 0);
        let start = at(30 - at(0).timestamp().rem_euclid(30));
        for (seconds, offset) in [(0, -2), (19, -2), (20, -1), (29, -1)] {
            let now = start + TimeDelta::seconds(seconds);
            let expected = totp::code(SEED, step_of(start) + offset);
            assert_eq!(judge.next_code(&device(0), now), Some(expected), "after {seconds} s");
        }
    }

    #[test]
    fn change_is_visible_after_the_lag_and_early_code_is_used_up() {
        let mut judge = Judge::default();
        judge.view.lag = std::time::Duration::from_secs(10);
        judge.view.publish(SERIAL, Some(device(0)), at(0));
        assert_eq!(say(&mut judge, at(9), 0), "unable");
        assert_eq!(say(&mut judge, at(10), 0), "invalid");
        assert_eq!(say(&mut judge, at(10), 1), "ok");
        judge.view.publish(SERIAL, None, at(11));
        assert_eq!(say(&mut judge, at(20), 2), "ok");
        assert_eq!(say(&mut judge, at(21), -1), "unable");
    }

    #[test]
    fn window_follows_the_drift() {
        let mut judge = judge(CodeModel::Observed, 20);
        assert_eq!(say(&mut judge, at(0), 0), "invalid");
        assert_eq!(say(&mut judge, at(0), 22), "ok");
        assert_eq!(say(&mut judge, at(0), 23), "invalid");
    }

    #[test]
    fn device_belongs_to_one_user() {
        let mut judge = judge(CodeModel::Observed, 0);
        let code = totp::code(SEED, step_of(at(0)));
        let refused = judge.verify("v", SERIAL, &code, Some(&device(0)), at(0));
        assert_eq!(refused, Err(ApiError::unable_to_validate()));
        assert_eq!(say(&mut judge, at(0), 0), "ok", "and does not burn the owner's code");
    }

    /// Whether the device accepts the codes of two steps, which are relative to `now`.
    fn pair(device: &mut Device, now: DateTime<Utc>, first: i64, second: i64) -> bool {
        let code = |offset| totp::code(SEED, step_of(now) + offset);
        device.synchronize(&code(first), &code(second), now).is_ok()
    }

    #[test]
    fn pair_must_be_consecutive_in_order_and_newer() {
        let mut device = device(0);
        assert!(!pair(&mut device, at(0), 0, 0), "equal");
        assert!(!pair(&mut device, at(0), 0, -1), "reversed");
        assert!(!pair(&mut device, at(0), -2, 0), "a gap");
        assert!(pair(&mut device, at(0), -1, 0));
        assert!(!pair(&mut device, at(0), -1, 0), "again");
        assert!(!pair(&mut device, at(0), 0, 1), "overlapping");
        assert!(pair(&mut device, at(0), 1, 2));
        assert_eq!(device.drift, 2);
    }

    #[test]
    fn pair_is_searched_from_998_steps_behind_to_1000_ahead() {
        for (second, taken) in [(-999, false), (-998, true), (1000, true), (1001, false)] {
            assert_eq!(pair(&mut device(0), at(0), second - 1, second), taken, "{second}");
        }
        let mut device = device(600);
        assert!(pair(&mut device, at(0), 1599, 1600));
        assert_eq!(device.drift, 1600);
    }
}
