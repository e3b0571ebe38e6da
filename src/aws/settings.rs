//! How AWS is reached, and why it cannot be.

use std::path::PathBuf;
use std::time::Duration;

/// How to reach AWS; everything here comes from flags, the environment and the profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The region whose STS is asked and whose partition's IAM.
    pub region: String,
    /// A URL instead of the region's STS endpoint.
    pub sts_endpoint: Option<String>,
    /// A URL instead of the partition's IAM endpoint.
    pub iam_endpoint: Option<String>,
    /// FIPS endpoints.
    pub use_fips: bool,
    /// Endpoints with IPv6.
    pub use_dual_stack: bool,
    /// A file of PEM certificates to trust instead of the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The proxy for `http://` endpoints.
    pub http_proxy: Option<String>,
    /// The proxy for `https://` endpoints.
    pub https_proxy: Option<String>,
    /// Hosts to reach without a proxy, as curl and the AWS CLI read `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// How long a request may take in all.
    pub deadline: Duration,
}

/// Settings under which no request can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The CA bundle cannot be read.
    #[error("the CA bundle `{path}` cannot be read: {source}")]
    CaBundleUnreadable {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The CA bundle has no certificate in it.
    #[error("the CA bundle `{0}` has no usable PEM certificate")]
    CaBundleEmpty(PathBuf),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The proxy's URL cannot be used. It may hold a password, so it is not shown.
    #[error("the proxy's URL cannot be used: {0}")]
    Proxy(String),
    /// An endpoint is not the URL of a server.
    #[error("the endpoint `{0}` is not a URL")]
    Endpoint(String),
    /// The runtime that makes the requests could not be started.
    #[error("cannot start the network runtime: {0}")]
    Runtime(#[from] std::io::Error),
}
