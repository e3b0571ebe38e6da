//! Signing and sending a request, and AWS's time as the signature needs it.

use std::future::Future;
use std::time::SystemTime;

use aws_config::{AppName, BehaviorVersion, Region as SdkRegion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::time::TimeSource;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use chrono::{DateTime, TimeDelta, Utc};

use super::client::Aws;
use super::errors::{AwsError, OperationError, Sent};
use super::keys::Keys;
use super::transport::connect_limit;
use super::watch::{Shape, Watch};
use crate::clock::SharedClock;

/// The outcome of a request.
#[derive(Debug)]
pub struct Reply<T> {
    pub result: Result<T, AwsError>,
    /// AWS's time, from the `Date` header; `None` without a response.
    pub server_time: Option<DateTime<Utc>>,
}

impl<T> Reply<T> {
    /// Converts the response.
    pub(super) fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, AwsError>) -> Reply<U> {
        Reply { result: self.result.and_then(read), server_time: self.server_time }
    }

    /// Drops the content of the response.
    pub(super) fn done(self) -> Reply<()> {
        self.and_then(|_| Ok(()))
    }
}

/// AWS's operations, signed with these keys for this time.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    pub(super) aws: &'a Aws,
    pub(super) keys: &'a Keys,
    offset: TimeDelta,
}

impl Aws {
    /// Requests signed with these keys for AWS's time, which is this computer's plus `offset`.
    pub fn signed<'a>(&'a self, keys: &'a Keys, offset: TimeDelta) -> Signer<'a> {
        Signer { aws: self, keys, offset }
    }
}

impl Signer<'_> {
    /// AWS's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.aws.clock().now() + self.offset
    }

    /// Sends a request, waits for the response and checks it.
    pub(super) fn request<T, E: OperationError, F: Future<Output = Sent<T, E>>>(
        &self,
        operation: &'static str,
        retry: RetryConfig,
        send: impl FnOnce(SdkConfig, Watch) -> F,
    ) -> Reply<T> {
        let watch = Watch::new(operation);
        if let Err(unusable) = self.keys.check() {
            return Reply { result: Err(AwsError::not_sent(operation, &unusable)), server_time: None };
        }
        let config = self.sdk_config(retry);
        let result = self.aws.block_on(send(config, watch.clone()));
        let seen = watch.seen();
        let result = match (result, seen.bad_success) {
            (Ok(_), Some(Shape::Cut)) => Err(AwsError::cut(operation)),
            (Ok(_), Some(_)) => Err(AwsError::not_aws(operation)),
            (Ok(answer), None) => Ok(answer),
            (Err(_), _) if seen.last == Some(Shape::Cut) => Err(AwsError::cut(operation)),
            (Err(error), _) if !seen.sent => Err(AwsError::not_sent(operation, &error)),
            (Err(error), _) => Err(AwsError::from_sdk(operation, &error)),
        };
        let server = || self.aws.server(&seen.url).map(Box::new);
        let result = result.map_err(|error| AwsError { server: server(), ..error });
        Reply { result, server_time: seen.date }
    }

    fn sdk_config(&self, retry: RetryConfig) -> SdkConfig {
        let settings = self.aws.settings();
        let token = self.keys.session_token.as_ref().map(|t| t.expose().clone());
        let secret = self.keys.secret_access_key.expose().clone();
        let credentials = Credentials::new(&self.keys.access_key_id, secret, token, None, "awsmfa");
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(connect_limit(settings.deadline))
            .operation_timeout(settings.deadline)
            .build();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .app_name(AppName::new("awsmfa").unwrap_or_else(|_| unreachable!("only letters")))
            .region(SdkRegion::new(settings.region.to_string()))
            .use_fips(settings.use_fips)
            .use_dual_stack(settings.use_dual_stack)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retry)
            .timeout_config(timeouts)
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .time_source(OffsetClock { clock: self.aws.clock(), offset: self.offset })
            // The ledger remembers the offset from process to process.
            .disable_clock_skew_correction(true)
            .http_client(self.aws.http())
            .build()
    }
}

/// AWS's time, for signatures.
#[derive(Debug)]
pub(super) struct OffsetClock {
    pub(super) clock: SharedClock,
    pub(super) offset: TimeDelta,
}

impl TimeSource for OffsetClock {
    fn now(&self) -> SystemTime {
        (self.clock.now() + self.offset).into()
    }
}
