//! IAM: MFA devices, and the users that they belong to.
//!
//! Reads may be repeated by the SDK. What changes something is sent once: an answer that was lost is for the caller to
//! find out about, because the second time AWS would say something else.

mod changes;
mod lists;
mod users;

use aws_sdk_iam::Client;
use aws_sdk_iam::config::Builder as ConfigBuilder;
use aws_sdk_iam::types::Tag as SdkTag;

pub use changes::{CodePair, NewDevice};
pub use lists::{Assigned, Assignment, MfaDevice, VirtualDevice};
pub use users::{AccessKeyInfo, UserInfo};

use super::client::{Aws, DateWatch};
use super::errors::{AwsError, AwsErrorKind};

/// A tag of a device or a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Aws {
    fn iam(&self, config: &aws_config::SdkConfig, watch: DateWatch) -> Client {
        let mut builder = ConfigBuilder::from(config).interceptor(watch);
        builder.set_endpoint_url(self.settings().iam_endpoint.clone());
        Client::from_conf(builder.build())
    }
}

/// Tags as the SDK wants them. `None` where there are none: an empty list would ask for the permission to tag.
fn sdk_tags(operation: &'static str, tags: &[Tag]) -> Result<Option<Vec<SdkTag>>, AwsError> {
    let tag = |tag: &Tag| SdkTag::builder().key(&tag.key).value(&tag.value).build();
    let tags: Result<Vec<SdkTag>, _> = tags.iter().map(tag).collect();
    let tags = tags.map_err(|error| AwsError {
        kind: AwsErrorKind::InvalidInput,
        operation,
        code: None,
        message: error.to_string(),
    })?;
    Ok(Some(tags).filter(|tags| !tags.is_empty()))
}

fn incomplete(operation: &'static str) -> AwsError {
    let message = "the answer is incomplete".to_owned();
    AwsError { kind: AwsErrorKind::NotAws, operation, code: None, message }
}
