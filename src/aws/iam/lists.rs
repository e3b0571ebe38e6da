//! Lists of MFA devices: a user's and an account's.

use aws_sdk_iam::types::{self, AssignmentStatusType};
use chrono::{DateTime, Utc};

use super::super::errors::AwsError;
use super::super::signer::{Reply, Signer};

/// A user's MFA device of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MfaDevice {
    /// An ARN, or a hardware token's serial number. Security keys are listed too.
    pub serial: String,
    /// The user who has the device.
    pub user: String,
    pub enabled: Option<DateTime<Utc>>,
}

/// A virtual MFA device of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualDevice {
    pub serial: String,
    /// `None` if the device is unassigned.
    pub assigned: Option<Assigned>,
}

/// The owner of a virtual device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The user's name; `None` for root.
    pub user: Option<String>,
    pub enabled: Option<DateTime<Utc>>,
}

impl Signer<'_> {
    /// ListMFADevices, all pages. Without `user`, the devices of the caller, for which the permission for one's own devices
    /// is enough.
    pub fn list_mfa_devices(&self, user: Option<&str>) -> Reply<Vec<MfaDevice>> {
        let user = user.map(str::to_owned);
        const OPERATION: &str = "ListMFADevices";
        let reply = self.idempotent(OPERATION, |iam| {
            let request = iam.list_mfa_devices().set_user_name(user);
            request.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
        });
        reply.and_then(|devices| devices.into_iter().map(|device| mfa_device(OPERATION, device)).collect())
    }

    /// ListVirtualMFADevices, all pages: the account's virtual devices, assigned or not. Needs the permission on `*`.
    pub fn list_virtual_mfa_devices(&self) -> Reply<Vec<VirtualDevice>> {
        const OPERATION: &str = "ListVirtualMFADevices";
        let reply = self.idempotent(OPERATION, |iam| {
            // An account may have thousands of devices, and the default page size is 100.
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

/// A serial number. The SDK replaces a missing one with an empty string.
fn present(operation: &'static str, serial: String) -> Result<String, AwsError> {
    Some(serial).filter(|serial| !serial.is_empty()).ok_or_else(|| AwsError::incomplete(operation, "serial"))
}
