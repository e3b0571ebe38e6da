//! The devices as a part of AWS sees them: as they were in IAM some time ago.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::mfa::Device;

/// A delayed view of the devices.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// How long a change stays invisible.
    pub(crate) lag: Duration,
    /// By serial number, in the order of the changes.
    versions: BTreeMap<String, Vec<Version>>,
}

/// What is known about a serial number from a moment on. `None`: the device does not exist.
#[derive(Clone, Debug)]
struct Version {
    from: DateTime<Utc>,
    device: Option<Device>,
}

impl View {
    /// Records that IAM changed or deleted a device. The change becomes visible after the lag.
    pub(crate) fn publish(&mut self, serial: &str, device: Option<Device>, now: DateTime<Utc>) {
        self.push(serial, device, after(self.lag, now));
    }

    /// Records a change that is visible at once, such as one that a test sets up.
    pub(crate) fn publish_at_once(&mut self, serial: &str, device: Option<Device>) {
        self.push(serial, device, DateTime::UNIX_EPOCH);
    }

    fn push(&mut self, serial: &str, device: Option<Device>, from: DateTime<Utc>) {
        self.versions.entry(serial.to_owned()).or_default().push(Version { from, device });
    }

    /// The visible device with this serial number.
    pub(crate) fn device(&self, serial: &str, now: DateTime<Utc>) -> Option<&Device> {
        newest(self.versions.get(serial)?, now)
    }

    /// All visible devices, oldest first.
    pub(crate) fn devices(&self, now: DateTime<Utc>) -> Vec<&Device> {
        let mut seen: Vec<_> = self.versions.values().filter_map(|versions| newest(versions, now)).collect();
        seen.sort_by_key(|device| device.uid);
        seen
    }
}

fn newest(versions: &[Version], now: DateTime<Utc>) -> Option<&Device> {
    versions.iter().rev().find(|version| version.from <= now)?.device.as_ref()
}

/// When a change made at `now` becomes visible. Without a lag it is always visible, even if a test sets the clock back.
pub(crate) fn after(lag: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    if lag.is_zero() {
        return DateTime::UNIX_EPOCH;
    }
    let lag = TimeDelta::from_std(lag).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(lag).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
