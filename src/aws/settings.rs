//! How AWS is reached, and why it cannot be.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::endpoint::Endpoint;
use crate::model::proxy::ProxyUrl;
use crate::model::region::Region;

/// How to reach AWS. Everything comes from flags, the environment and the profile, and is checked by its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The region whose STS is asked and whose partition's IAM.
    pub region: Region,
    /// A URL instead of the region's STS endpoint.
    pub sts_endpoint: Option<Endpoint>,
    /// A URL instead of the partition's IAM endpoint.
    pub iam_endpoint: Option<Endpoint>,
    pub use_fips: bool,
    /// Endpoints with IPv6.
    pub use_dual_stack: bool,
    /// A file of PEM certificates to trust instead of the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The proxy for `http://` endpoints.
    pub http_proxy: Option<ProxyUrl>,
    /// The proxy for `https://` endpoints.
    pub https_proxy: Option<ProxyUrl>,
    /// Hosts to reach without a proxy, as curl and the AWS CLI read `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// How long a request may take in all.
    pub deadline: Duration,
}

impl Settings {
    /// The region's own endpoints, without a proxy.
    pub fn of_region(region: Region, deadline: Duration) -> Self {
        Self {
            region,
            sts_endpoint: None,
            iam_endpoint: None,
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

/// Settings under which no request can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the CA bundle `{path}` cannot be read: {source}")]
    CaBundleUnreadable { path: PathBuf, source: std::io::Error },
    /// The CA bundle has no certificate in it.
    #[error("the CA bundle `{0}` has no usable PEM certificate")]
    CaBundleEmpty(PathBuf),
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The SDK rejects the proxy URL. It may contain a password, so it is not shown.
    #[error("the proxy URL is malformed")]
    Proxy,
    /// The SDK's endpoint rules find no server for these settings.
    #[error("no STS endpoint for region `{region}` with these settings: {why}")]
    NoServer { region: Region, why: String },
    /// The runtime that makes the requests could not be started.
    #[error("cannot start the network runtime: {0}")]
    Runtime(#[from] std::io::Error),
}
