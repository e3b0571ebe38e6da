//! AWS as plain functions with awsmfa's own types. Only this module uses tokio and the AWS SDK; nothing above it is async.
//!
//! Every response, including those for the SDK's default chain, is read completely in one place, within a size and a time
//! limit. A truncated response counts as lost, and an error never quotes a request's secrets. Settings are checked types.
//!
//! Requests with a code are sent once: the SDK's retries would send the same code again. Every reply contains AWS's time,
//! which corrects both codes and signatures.

mod client;
mod default_chain;
mod echo;
mod errors;
mod iam;
mod keys;
mod runtime;
mod settings;
mod signer;
mod signin;
mod sts;
mod transport;
mod watch;

pub use client::{Aws, Network};
pub use default_chain::{ChainError, Machine};
pub use errors::{AwsError, AwsErrorKind};
pub use iam::{CodePair, MfaDevice, NewDevice, Tag, UserKey, VirtualDevice};
pub use keys::Keys;
pub use settings::{ClientError, Settings};
pub use signer::{Reply, Signer};
pub use sts::{AssumeRole, Mfa};
