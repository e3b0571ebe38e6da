//! What changes MFA devices. Every request is sent once.

use aws_smithy_types::retry::RetryConfig;
use chrono::TimeDelta;

use super::super::client::{Aws, Keys, Reply};
use super::super::errors::AwsError;
use super::{Tag, incomplete, sdk_tags};
use crate::model::secret::Secret;
use crate::model::serial::Serial;
use crate::model::totp::Code;

/// A virtual device that AWS has just created: the only time that it tells the seed.
#[derive(Debug)]
pub struct NewDevice {
    /// Its ARN.
    pub serial: Serial,
    /// Its secret key in Base32.
    pub seed: Secret<String>,
}

/// Two consecutive codes in order, as AWS asks for them to set a device's clock. They are not used up for sessions.
#[derive(Debug, Clone)]
pub struct CodePair {
    /// The earlier code.
    pub first: Code,
    /// The code of the next step.
    pub second: Code,
}

impl Aws {
    /// CreateVirtualMFADevice. `path` begins and ends with a slash. Tags need a permission of their own.
    pub fn create_virtual_mfa_device(
        &self,
        keys: &Keys,
        name: &str,
        path: &str,
        tags: &[Tag],
        offset: TimeDelta,
    ) -> Reply<NewDevice> {
        const OPERATION: &str = "CreateVirtualMFADevice";
        self.request(keys, offset, RetryConfig::disabled(), |config, watch| async move {
            let output = self
                .iam(&config, watch)
                .create_virtual_mfa_device()
                .virtual_mfa_device_name(name)
                .path(path)
                .set_tags(sdk_tags(OPERATION, tags)?)
                .send()
                .await
                .map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
            let device = output.virtual_mfa_device.ok_or_else(|| incomplete(OPERATION))?;
            let seed = device.base32_string_seed.ok_or_else(|| incomplete(OPERATION))?;
            let seed = String::from_utf8(seed.into_inner()).map(Secret::new);
            let serial = device.serial_number.parse();
            match (serial, seed) {
                (Ok(serial), Ok(seed)) => Ok(NewDevice { serial, seed }),
                _ => Err(incomplete(OPERATION)),
            }
        })
    }

    /// EnableMFADevice: makes the device `user`'s.
    pub fn enable_mfa_device(
        &self,
        keys: &Keys,
        user: &str,
        serial: &Serial,
        codes: &CodePair,
        offset: TimeDelta,
    ) -> Reply<()> {
        const OPERATION: &str = "EnableMFADevice";
        self.request(keys, offset, RetryConfig::disabled(), |config, watch| async move {
            let request = self.iam(&config, watch).enable_mfa_device();
            let request = request.user_name(user).serial_number(serial.as_str());
            let request = request
                .authentication_code1(codes.first.expose())
                .authentication_code2(codes.second.expose());
            request.send().await.map(drop).map_err(|e| AwsError::from_sdk(OPERATION, &e))
        })
    }

    /// ResyncMFADevice: tells AWS the device's clock.
    pub fn resync_mfa_device(
        &self,
        keys: &Keys,
        user: &str,
        serial: &Serial,
        codes: &CodePair,
        offset: TimeDelta,
    ) -> Reply<()> {
        const OPERATION: &str = "ResyncMFADevice";
        self.request(keys, offset, RetryConfig::disabled(), |config, watch| async move {
            let request = self.iam(&config, watch).resync_mfa_device();
            let request = request.user_name(user).serial_number(serial.as_str());
            let request = request
                .authentication_code1(codes.first.expose())
                .authentication_code2(codes.second.expose());
            request.send().await.map(drop).map_err(|e| AwsError::from_sdk(OPERATION, &e))
        })
    }

    /// DeactivateMFADevice: takes the device from `user`.
    pub fn deactivate_mfa_device(
        &self,
        keys: &Keys,
        user: &str,
        serial: &Serial,
        offset: TimeDelta,
    ) -> Reply<()> {
        const OPERATION: &str = "DeactivateMFADevice";
        self.request(keys, offset, RetryConfig::disabled(), |config, watch| async move {
            let request = self.iam(&config, watch).deactivate_mfa_device();
            let request = request.user_name(user).serial_number(serial.as_str());
            request.send().await.map(drop).map_err(|e| AwsError::from_sdk(OPERATION, &e))
        })
    }

    /// DeleteVirtualMFADevice: deletes a device that is nobody's.
    pub fn delete_virtual_mfa_device(&self, keys: &Keys, serial: &Serial, offset: TimeDelta) -> Reply<()> {
        const OPERATION: &str = "DeleteVirtualMFADevice";
        self.request(keys, offset, RetryConfig::disabled(), |config, watch| async move {
            let request = self.iam(&config, watch).delete_virtual_mfa_device();
            let request = request.serial_number(serial.as_str());
            request.send().await.map(drop).map_err(|e| AwsError::from_sdk(OPERATION, &e))
        })
    }
}
