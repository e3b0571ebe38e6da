//! What lists MFA devices: of a user, and of the account. Neither tells a seed.

use aws_sdk_iam::types::{self, AssignmentStatusType};
use chrono::{DateTime, Utc};

use super::super::errors::AwsError;
use super::super::signer::{Reply, Signer};

/// A user's MFA device of any kind, as IAM lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MfaDevice {
    /// An ARN, or a hardware token's number; security keys are listed too.
    pub serial: String,
    /// The user it is enabled for.
    pub user: String,
    pub enabled: Option<DateTime<Utc>>,
}

/// A virtual device of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualDevice {
    pub serial: String,
    /// Whose it is, if it is enabled for somebody. Root is listed without a name.
    pub assigned: Option<Assigned>,
}

/// To whom a virtual device belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The user's name; `None` for root.
    pub user: Option<String>,
    pub enabled: Option<DateTime<Utc>>,
}

impl Signer<'_> {
    /// ListMFADevices, all pages: the user's devices. Without `user`, the owner's of the keys; no permission beyond
    /// one's own devices is needed then.
    pub fn list_mfa_devices(&self, user: Option<&str>) -> Reply<Vec<MfaDevice>> {
        let user = user.map(str::to_owned);
        const OPERATION: &str = "ListMFADevices";
        let reply = self.idempotent(OPERATION, |iam| {
            let request = iam.list_mfa_devices().set_user_name(user);
            request.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
        });
        reply.and_then(|devices| devices.into_iter().map(|device| mfa_device(OPERATION, device)).collect())
    }

    /// ListVirtualMFADevices, all pages: the account's virtual devices, somebody's and nobody's. It needs its permission on `*`.
    pub fn list_virtual_mfa_devices(&self) -> Reply<Vec<VirtualDevice>> {
        const OPERATION: &str = "ListVirtualMFADevices";
        let reply = self.idempotent(OPERATION, |iam| {
            // An account may have thousands; AWS sends a hundred a page unless asked for more.
            let request =
                iam.list_virtual_mfa_devices().assignment_status(AssignmentStatusType::Any).max_items(1000);
            request.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
        });
        reply
            .and_then(|devices| devices.into_iter().map(|device| virtual_device(OPERATION, device)).collect())
    }
}

fn mfa_device(operation: &'static str, device: types::MfaDevice) -> Result<MfaDevice, AwsError> {
    let enabled = DateTime::from_timestamp(device.enable_date.secs(), 0);
    Ok(MfaDevice { serial: present(operation, device.serial_number)?, user: device.user_name, enabled })
}

fn virtual_device(
    operation: &'static str,
    device: types::VirtualMfaDevice,
) -> Result<VirtualDevice, AwsError> {
    let enabled = device.enable_date.and_then(|date| DateTime::from_timestamp(date.secs(), 0));
    let user = device.user.map(|user| Some(user.user_name).filter(|name| !name.is_empty()));
    let assigned = match (user, enabled) {
        (None, None) => None,
        (user, enabled) => Some(Assigned { user: user.flatten(), enabled }),
    };
    Ok(VirtualDevice { serial: present(operation, device.serial_number)?, assigned })
}

/// A serial number; the SDK fills in an empty text where it is missing.
fn present(operation: &'static str, serial: String) -> Result<String, AwsError> {
    Some(serial).filter(|serial| !serial.is_empty()).ok_or_else(|| AwsError::incomplete(operation, "serial"))
}
