//! What a part of AWS knows of the devices, which is what IAM had some time ago.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::mfa::Device;

/// A delayed view of the devices.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// How long a change is not seen.
    pub(crate) lag: Duration,
    /// By serial, in the order of the changes.
    versions: BTreeMap<String, Vec<Version>>,
}

/// What is known of a serial from a moment on; `None`: there is no such device.
#[derive(Clone, Debug)]
struct Version {
    from: DateTime<Utc>,
    device: Option<Device>,
}

impl View {
    /// IAM changed a device, or took it away; that is seen after the lag.
    pub(crate) fn publish(&mut self, serial: &str, device: Option<Device>, now: DateTime<Utc>) {
        self.push(serial, device, after(self.lag, now));
    }

    /// As [`publish`](Self::publish), seen at once: for what a test sets up.
    pub(crate) fn publish_at_once(&mut self, serial: &str, device: Option<Device>) {
        self.push(serial, device, DateTime::UNIX_EPOCH);
    }

    fn push(&mut self, serial: &str, device: Option<Device>, from: DateTime<Utc>) {
        self.versions.entry(serial.to_owned()).or_default().push(Version { from, device });
    }

    /// The device of this serial, as it is seen.
    pub(crate) fn device(&self, serial: &str, now: DateTime<Utc>) -> Option<&Device> {
        newest(self.versions.get(serial)?, now)
    }

    /// All devices that are seen, oldest first.
    pub(crate) fn devices(&self, now: DateTime<Utc>) -> Vec<&Device> {
        let mut seen: Vec<_> = self.versions.values().filter_map(|versions| newest(versions, now)).collect();
        seen.sort_by_key(|device| device.uid);
        seen
    }
}

fn newest(versions: &[Version], now: DateTime<Utc>) -> Option<&Device> {
    versions.iter().rev().find(|version| version.from <= now)?.device.as_ref()
}

/// When a change of `now` is seen. Without a lag that is always, even by a clock that a test puts back.
pub(crate) fn after(lag: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    if lag.is_zero() {
        return DateTime::UNIX_EPOCH;
    }
    let lag = TimeDelta::from_std(lag).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(lag).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
