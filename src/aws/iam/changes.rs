//! Changes to MFA devices. Every request is sent once.

use aws_sdk_iam::operation::create_virtual_mfa_device::CreateVirtualMfaDeviceOutput;

use super::super::errors::AwsError;
use super::super::signer::{Reply, Signer};
use super::{Tag, sdk_tags};
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::Code;

/// A virtual device that AWS just created. AWS shows the seed only now.
#[derive(Debug)]
pub struct NewDevice {
    /// Its ARN, if AWS sent a valid one.
    pub serial: Option<Serial>,
    /// Its secret key as AWS sent it. It should be Base32, but is not checked here, because it must be saved in any case.
    pub seed: Secret<Vec<u8>>,
}

/// Two consecutive codes, with which AWS learns a device's clock. They can still be used for sessions.
#[derive(Debug, Clone)]
pub struct CodePair {
    pub first: Code,
    pub second: Code,
}

impl Signer<'_> {
    /// CreateVirtualMFADevice. `path` begins and ends with a slash. Tags need another permission.
    pub fn create_virtual_mfa_device(&self, name: &str, path: &str, tags: &[Tag]) -> Reply<NewDevice> {
        const OPERATION: &str = "CreateVirtualMFADevice";
        let reply = self.once(OPERATION, |iam| {
            let request = iam.create_virtual_mfa_device().virtual_mfa_device_name(name).path(path);
            request.set_tags(sdk_tags(tags)).send()
        });
        reply.and_then(|output| {
            new_device(output).ok_or_else(|| AwsError::incomplete(OPERATION, "device and seed"))
        })
    }

    /// EnableMFADevice: assigns the device to `user`.
    pub fn enable_mfa_device(&self, user: &str, serial: &Serial, codes: &CodePair) -> Reply<()> {
        let reply = self.once("EnableMFADevice", |iam| {
            let request = iam.enable_mfa_device().user_name(user).serial_number(serial.as_str());
            let request = request.authentication_code1(codes.first.expose());
            request.authentication_code2(codes.second.expose()).send()
        });
        reply.done()
    }

    /// ResyncMFADevice: corrects AWS's idea of the device's clock.
    pub fn resync_mfa_device(&self, user: &str, serial: &Serial, codes: &CodePair) -> Reply<()> {
        let reply = self.once("ResyncMFADevice", |iam| {
            let request = iam.resync_mfa_device().user_name(user).serial_number(serial.as_str());
            let request = request.authentication_code1(codes.first.expose());
            request.authentication_code2(codes.second.expose()).send()
        });
        reply.done()
    }

    /// DeactivateMFADevice: unassigns the device.
    pub fn deactivate_mfa_device(&self, user: &str, serial: &Serial) -> Reply<()> {
        let reply = self.once("DeactivateMFADevice", |iam| {
            iam.deactivate_mfa_device().user_name(user).serial_number(serial.as_str()).send()
        });
        reply.done()
    }

    /// DeleteVirtualMFADevice: deletes an unassigned device.
    pub fn delete_virtual_mfa_device(&self, serial: &Serial) -> Reply<()> {
        let reply = self.once("DeleteVirtualMFADevice", |iam| {
            iam.delete_virtual_mfa_device().serial_number(serial.as_str()).send()
        });
        reply.done()
    }
}

fn new_device(output: CreateVirtualMfaDeviceOutput) -> Option<NewDevice> {
    let device = output.virtual_mfa_device?;
    let seed = device.base32_string_seed?.into_inner();
    let seed = Secret::locked(Some(seed).filter(|seed| !seed.is_empty())?);
    Some(NewDevice { serial: device.serial_number.parse().ok(), seed })
}
