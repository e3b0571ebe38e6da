//! IAM: MFA devices.

use aws_sdk_iam::Client;
use aws_sdk_iam::config::Builder as ConfigBuilder;
use aws_smithy_types::retry::RetryConfig;
use chrono::{DateTime, TimeDelta, Utc};

use super::client::{Aws, DateWatch, Keys, Reply};
use super::errors::AwsError;

/// A user's MFA device of any kind, as IAM lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MfaDevice {
    /// An ARN, or a hardware token's number; security keys are listed too.
    pub serial: String,
    /// The user it is enabled for.
    pub user: String,
    /// Since when.
    pub enabled: Option<DateTime<Utc>>,
}

impl Aws {
    /// ListMFADevices, all pages: the user's devices. Without `user`, the owner's of the keys; no permission beyond
    /// one's own devices is needed then.
    pub fn list_mfa_devices(
        &self,
        keys: &Keys,
        user: Option<&str>,
        offset: TimeDelta,
    ) -> Reply<Vec<MfaDevice>> {
        const OPERATION: &str = "ListMFADevices";
        self.request(keys, offset, RetryConfig::standard(), |config, watch| async move {
            let client = self.iam(&config, watch);
            let request = client.list_mfa_devices().set_user_name(user.map(str::to_owned));
            let mut pages = request.into_paginator().items().send();
            let mut devices = Vec::new();
            while let Some(device) = pages.next().await {
                let device = device.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
                let enabled = DateTime::from_timestamp(device.enable_date.secs(), 0);
                devices.push(MfaDevice { serial: device.serial_number, user: device.user_name, enabled });
            }
            Ok(devices)
        })
    }

    fn iam(&self, config: &aws_config::SdkConfig, watch: DateWatch) -> Client {
        let mut builder = ConfigBuilder::from(config).interceptor(watch);
        builder.set_endpoint_url(self.settings().iam_endpoint.clone());
        Client::from_conf(builder.build())
    }
}
