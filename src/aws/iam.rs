//! IAM: MFA devices and users.
//!
//! The SDK may send reads again. A change is sent once, because AWS would answer a second request differently; after a lost
//! response, the caller finds out what happened.

mod changes;
mod lists;
mod users;

use aws_sdk_iam::Client;
use aws_sdk_iam::config::Builder as ConfigBuilder;
use aws_sdk_iam::types::Tag as SdkTag;
use aws_smithy_types::retry::RetryConfig;

pub use changes::{CodePair, NewDevice};
pub use lists::{MfaDevice, VirtualDevice};
pub use users::UserKey;

use super::errors::{AwsErrorKind, OperationError, Sent};
use super::signer::{Reply, Signer};
use super::watch::Watch;

/// A tag of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

impl Signer<'_> {
    /// Sends a request that the SDK may send again.
    fn idempotent<T, E: OperationError, F: Future<Output = Sent<T, E>>>(
        &self,
        operation: &'static str,
        send: impl FnOnce(Client) -> F,
    ) -> Reply<T> {
        self.ask_iam(operation, RetryConfig::standard(), send)
    }

    /// Sends a request once.
    fn once<T, E: OperationError, F: Future<Output = Sent<T, E>>>(
        &self,
        operation: &'static str,
        send: impl FnOnce(Client) -> F,
    ) -> Reply<T> {
        self.ask_iam(operation, RetryConfig::disabled(), send)
    }

    fn ask_iam<T, E: OperationError, F: Future<Output = Sent<T, E>>>(
        &self,
        operation: &'static str,
        retry: RetryConfig,
        send: impl FnOnce(Client) -> F,
    ) -> Reply<T> {
        let mut reply = self.request(operation, retry, |config, watch| send(self.iam(&config, watch)));
        if let Err(error) = &mut reply.result
            && error.kind == AwsErrorKind::UnknownKey
            && self.keys.session_token.is_some()
        {
            error.kind = AwsErrorKind::SessionWithoutMfa;
        }
        reply
    }

    fn iam(&self, config: &aws_config::SdkConfig, watch: Watch) -> Client {
        let mut builder = ConfigBuilder::from(config).interceptor(watch);
        builder.set_endpoint_url(self.aws.settings().iam_endpoint.as_ref().map(ToString::to_string));
        Client::from_conf(builder.build())
    }
}

/// Tags in the SDK's types. `None` without tags: an empty list would need the permission to tag.
fn sdk_tags(tags: &[Tag]) -> Option<Vec<SdkTag>> {
    let tag = |tag: &Tag| SdkTag::builder().key(&tag.key).value(&tag.value).build();
    let tags = tags.iter().map(|t| tag(t).unwrap_or_else(|_| unreachable!("it has a key and a value")));
    Some(tags.collect()).filter(|tags: &Vec<SdkTag>| !tags.is_empty())
}
