//! How AWS is reached: region, endpoints, proxy, certificates, deadlines, and the clock that signs.

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use chrono::{DateTime, TimeDelta, Utc};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::errors::{AwsError, OperationError, Sent};
use super::watch::Watch;
use crate::clock::SharedClock;
use crate::model::secret::Secret;
use crate::model::session::{LongTermKeys, Session};

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

/// Keys that sign a request.
#[derive(Debug, Clone)]
pub struct Keys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret<String>,
    pub(super) session_token: Option<Secret<String>>,
}

impl Keys {
    /// Keys of their parts; with a token they are a session's.
    pub fn new(access_key_id: &str, secret: Secret<String>, token: Option<Secret<String>>) -> Self {
        Self { access_key_id: access_key_id.to_owned(), secret_access_key: secret, session_token: token }
    }

    /// The access key ID.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The same as long-term keys, unless they are a session's.
    pub fn long_term(&self) -> Option<LongTermKeys> {
        let secret_access_key = self.secret_access_key.clone();
        let keys = LongTermKeys { access_key_id: self.access_key_id.clone(), secret_access_key };
        self.session_token.is_none().then_some(keys)
    }
}

impl From<&LongTermKeys> for Keys {
    fn from(keys: &LongTermKeys) -> Self {
        Self {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.clone(),
            session_token: None,
        }
    }
}

impl From<&Session> for Keys {
    fn from(session: &Session) -> Self {
        Self {
            access_key_id: session.access_key_id.clone(),
            secret_access_key: session.secret_access_key.clone(),
            session_token: Some(session.session_token.clone()),
        }
    }
}

/// What came of a request.
#[derive(Debug)]
pub struct Reply<T> {
    /// The answer, or why there is none.
    pub result: Result<T, AwsError>,
    /// AWS's time, from the `Date` header; `None` if nothing came back.
    pub server_time: Option<DateTime<Utc>>,
}

impl<T> Reply<T> {
    /// What the answer says, in our terms.
    pub(super) fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, AwsError>) -> Reply<U> {
        Reply { result: self.result.and_then(read), server_time: self.server_time }
    }

    /// That there was an answer.
    pub(super) fn done(self) -> Reply<()> {
        self.and_then(|_| Ok(()))
    }
}

/// A way to AWS: one runtime and one HTTP client, used for every request of this process.
pub struct Aws {
    runtime: Runtime,
    http: SharedHttpClient,
    clock: SharedClock,
    settings: Settings,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aws").field("region", &self.settings.region).finish_non_exhaustive()
    }
}

impl Aws {
    /// Prepares requests under these settings. Nothing is sent and no connection made.
    pub fn new(settings: Settings, clock: SharedClock) -> Result<Self, ClientError> {
        [&settings.sts_endpoint, &settings.iam_endpoint]
            .into_iter()
            .flatten()
            .try_for_each(|url| check_endpoint(url))?;
        let runtime = Runtime::new()?;
        let http = http_client(&settings)?;
        Ok(Self { runtime, http, clock, settings })
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn http(&self) -> SharedHttpClient {
        self.http.clone()
    }

    pub(super) fn clock(&self) -> SharedClock {
        self.clock.clone()
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Local time plus what AWS's differs from it.
    pub(super) fn now(&self, offset: TimeDelta) -> DateTime<Utc> {
        self.clock.now() + offset
    }

    /// Sends a request and waits for what comes of it, watching the answer.
    pub(super) fn request<T, E: OperationError, F: Future<Output = Sent<T, E>>>(
        &self,
        operation: &'static str,
        keys: &Keys,
        offset: TimeDelta,
        retry: RetryConfig,
        send: impl FnOnce(SdkConfig, Watch) -> F,
    ) -> Reply<T> {
        let watch = Watch::new(operation);
        let config = self.sdk_config(keys, offset, retry);
        let result = self.runtime.block_on(send(config, watch.clone()));
        let seen = watch.seen();
        let result = match result {
            Ok(_) if seen.foreign => Err(AwsError::not_aws(operation)),
            result => result.map_err(|e| AwsError::from_sdk(operation, &e)),
        };
        Reply { result, server_time: seen.date }
    }

    fn sdk_config(&self, keys: &Keys, offset: TimeDelta, retry: RetryConfig) -> SdkConfig {
        let token = keys.session_token.as_ref().map(|t| t.expose().clone());
        let secret = keys.secret_access_key.expose().clone();
        let credentials = Credentials::new(&keys.access_key_id, secret, token, None, "awsmfa");
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(connect_limit(self.settings.deadline))
            .operation_timeout(self.settings.deadline)
            .build();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .app_name(AppName::new("awsmfa").unwrap_or_else(|_| unreachable!("only letters")))
            .region(Region::new(self.settings.region.clone()))
            .use_fips(self.settings.use_fips)
            .use_dual_stack(self.settings.use_dual_stack)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retry)
            .timeout_config(timeouts)
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .time_source(OffsetClock { clock: self.clock.clone(), offset })
            // The offset is ours to keep: the ledger remembers it from process to process.
            .disable_clock_skew_correction(true)
            .http_client(self.http.clone())
            .build()
    }
}

/// What runs the requests. Its end waits for nothing: a name that is being looked up cannot be called off, and where DNS
/// is dead the system takes up to a minute to say so.
struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    fn new() -> std::io::Result<Self> {
        tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| Self(Some(runtime)))
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("only the drop takes it"),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// How long name, proxy, connection and TLS may take together. Less than the request as a whole: if that ended first,
/// nobody could say that nothing was sent, and an unused code would count as used.
fn connect_limit(deadline: Duration) -> Duration {
    (deadline * 2 / 3).min(Duration::from_secs(3))
}

/// AWS's time as far as we know it, for signatures.
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

fn check_endpoint(url: &str) -> Result<(), ClientError> {
    let (scheme, host) = url.split_once("://").unwrap_or_default();
    let is_url = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    if is_url { Ok(()) } else { Err(ClientError::Endpoint(url.to_owned())) }
}

fn http_client(settings: &Settings) -> Result<SharedHttpClient, ClientError> {
    let tls_context = TlsContext::builder().with_trust_store(trust_store(settings)?).build();
    let tls_context = tls_context.map_err(|e| ClientError::Tls(e.to_string()))?;
    let proxy = proxy(settings)?;
    Ok(HttpBuilder::new().build_with_connector_fn(move |connector_settings, components| {
        let mut builder = Connector::builder().proxy_config(proxy.clone());
        builder.set_connector_settings(connector_settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).tls_context(tls_context.clone()).build()
    }))
}

fn trust_store(settings: &Settings) -> Result<TrustStore, ClientError> {
    let Some(path) = &settings.ca_bundle else { return Ok(TrustStore::default()) };
    let bundle = std::fs::read_to_string(path)
        .map_err(|source| ClientError::CaBundleUnreadable { path: path.clone(), source })?;
    // The SDK panics on a certificate that rustls refuses, and real bundles have such; they are left out here.
    let usable: String =
        bundle.split_inclusive("-----END CERTIFICATE-----").filter(|b| is_usable(b)).collect();
    match usable.is_empty() {
        true => Err(ClientError::CaBundleEmpty(path.clone())),
        false => Ok(TrustStore::empty().with_pem_certificate(usable)),
    }
}

fn is_usable(block: &str) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(block.as_bytes()) else { return false };
    rustls::RootCertStore::empty().add(der).is_ok()
}

/// The proxy for the endpoints in use. Both services are reached by the same scheme, https unless an endpoint says
/// otherwise, so one proxy serves.
fn proxy(settings: &Settings) -> Result<ProxyConfig, ClientError> {
    let plain = settings.sts_endpoint.as_deref().or(settings.iam_endpoint.as_deref());
    let url = match plain.is_some_and(|url| url.starts_with("http://")) {
        true => &settings.http_proxy,
        false => &settings.https_proxy,
    };
    let Some(url) = url else { return Ok(ProxyConfig::disabled()) };
    let url = if url.contains("://") { url.clone() } else { format!("http://{url}") };
    // Only the scheme is named: the rest may hold a password.
    let config = ProxyConfig::all(url.as_str())
        .map_err(|_| ClientError::Proxy("it should look like `http://host:port`".to_owned()))?;
    Ok(match &settings.no_proxy {
        Some(rules) => config.no_proxy(rules),
        None => config,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{AwsErrorKind, Mfa};
    use crate::clock::SystemClock;
    use std::sync::{Arc, mpsc};

    #[test]
    fn an_endpoint_is_a_url() {
        for good in ["http://localhost:4566", "https://[::1]/x", "HTTPS://sts.example.com"] {
            assert!(check_endpoint(good).is_ok(), "{good}");
        }
        for bad in ["localhost:4566", "nonsense", "ftp://a", "http://", "http:///x", ""] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
    }

    fn aws(settings: Settings) -> Aws {
        Aws::new(settings, Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn the_end_does_not_wait_for_a_name_that_is_looked_up() {
        let aws = aws(Settings::default());
        let (started, is_started) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        // As the resolver does it: what blocks, on a thread of the runtime's.
        aws.block_on(async {
            tokio::task::spawn_blocking(move || {
                started.send(()).unwrap();
                released.recv()
            });
        });
        is_started.recv().unwrap();
        let (ended, is_ended) = mpsc::channel();
        let dropping = std::thread::spawn(move || {
            drop(aws);
            ended.send(()).unwrap();
        });
        let ended = is_ended.recv_timeout(Duration::from_secs(20));
        drop(release);
        dropping.join().unwrap();
        assert!(ended.is_ok(), "it waited");
    }

    /// A listener whose queue is full drops what else knocks, as a firewall does.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_that_never_stands_is_told_from_a_lost_answer() {
        use std::net::TcpStream;

        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            socket.listen(0).unwrap()
        });
        let address = listener.local_addr().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300));
        let waiting: Vec<_> = std::iter::from_fn(|| connect().ok()).take(50).collect();
        assert!(waiting.len() < 50, "the queue is never full");

        let sts_endpoint = Some(format!("http://{address}"));
        let deadline = Duration::from_millis(1500);
        let aws = aws(Settings { region: "us-east-1".into(), sts_endpoint, deadline, ..Settings::default() });
        let keys = Keys::new("AKIAEXAMPLE", Secret::from("secret"), None);
        let mfa = Mfa {
            serial: "arn:aws:iam::123456789012:mfa/alice".parse().unwrap(),
            code: "123456".parse().unwrap(),
        };
        let duration = "1h".parse().unwrap();
        let reply = aws.get_session_token(&keys, &mfa, duration, TimeDelta::zero());
        let error = reply.result.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::Unreachable, "{error}");
        assert!(error.never_sent());
    }
}
