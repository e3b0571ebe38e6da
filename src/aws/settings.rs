//! How to reach AWS.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::endpoint::Endpoint;
use crate::model::proxy::ProxyUrl;
use crate::model::region::Region;

/// How to reach AWS. Everything comes from flags, the environment and the profile, and is checked by its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The region of STS; its partition decides which IAM is used.
    pub region: Region,
    /// Replaces the region's STS endpoint.
    pub sts_endpoint: Option<Endpoint>,
    /// Replaces the partition's IAM endpoint.
    pub iam_endpoint: Option<Endpoint>,
    /// Replaces the partition's sign-in endpoint.
    pub signin_endpoint: Option<Endpoint>,
    pub use_fips: bool,
    /// Endpoints with IPv6.
    pub use_dual_stack: bool,
    /// A file of PEM certificates to trust instead of the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The proxy for `http://` endpoints.
    pub http_proxy: Option<ProxyUrl>,
    /// The proxy for `https://` endpoints.
    pub https_proxy: Option<ProxyUrl>,
    /// Hosts to reach without a proxy, in the format of `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// The time limit for a whole request.
    pub deadline: Duration,
}

impl Settings {
    /// The region's own endpoints, without a proxy.
    pub fn of_region(region: Region, deadline: Duration) -> Self {
        Self {
            region,
            sts_endpoint: None,
            iam_endpoint: None,
            signin_endpoint: None,
            use_fips: false,
            use_dual_stack: false,
            ca_bundle: None,
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
            deadline,
        }
    }
}

/// Settings with which no request can be sent.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot read the CA bundle `{path}`: {source}")]
    CaBundleUnreadable { path: PathBuf, source: std::io::Error },
    /// The CA bundle has no certificate in it.
    #[error("the CA bundle `{0}` has no usable PEM certificate")]
    CaBundleEmpty(PathBuf),
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// The SDK rejects the proxy URL. It may contain a password, so it is not shown.
    #[error("the proxy URL is malformed")]
    Proxy,
    /// The SDK's endpoint rules find no server for these settings.
    #[error("no STS endpoint for region `{region}` with these settings: {why}")]
    NoServer { region: Region, why: String },
    /// The runtime for requests could not be started.
    #[error("cannot start the network runtime: {0}")]
    Runtime(#[from] std::io::Error),
}
