//! AWS as plain functions with our own types: the only home of tokio and of the AWS SDK. Nothing above is async.
//!
//! Every response, to the SDK's default chain too, is read completely in one place, within a limit of size and time; one that
//! was cut short is a lost response, and an error never quotes a request's secrets. Settings arrive as checked types.
//!
//! Requests that carry a code are sent once: the SDK's retries would send the same code again. Every reply brings
//! AWS's time, by which the ledger corrects both the codes and the signatures.

mod client;
mod default_chain;
mod echo;
mod errors;
mod iam;
mod keys;
mod runtime;
mod settings;
mod signer;
mod sts;
mod transport;
mod watch;

pub use client::{Aws, Network};
pub use default_chain::ChainError;
pub use errors::{AwsError, AwsErrorKind};
pub use iam::{CodePair, MfaDevice, NewDevice, Tag, VirtualDevice};
pub use keys::Keys;
pub use settings::{ClientError, Settings};
pub use signer::{Reply, Signer};
pub use sts::{AssumeRole, Mfa};
