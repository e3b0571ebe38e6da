//! The way to AWS: one runtime, and one HTTP client for the settings of a profile.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use url::Url;

use super::errors::{Server, innermost};
use super::runtime::Runtime;
use super::settings::{ClientError, Settings};
use super::transport::http_client;
use crate::clock::SharedClock;

/// The ways to AWS of a process: they share a runtime, and equal settings share connections.
#[derive(Default)]
pub struct Network {
    runtime: RefCell<Option<Arc<Runtime>>>,
    opened: RefCell<Vec<Arc<Aws>>>,
}

impl Network {
    /// A way to AWS under these settings. Nothing is sent and no connection is opened.
    pub fn aws(&self, settings: Settings, clock: &SharedClock) -> Result<Arc<Aws>, ClientError> {
        let mut opened = self.opened.borrow_mut();
        if let Some(aws) = opened.iter().find(|aws| aws.settings == settings) {
            return Ok(Arc::clone(aws));
        }
        let aws = Arc::new(Aws::new(self.runtime()?, settings, clock.clone())?);
        opened.push(Arc::clone(&aws));
        Ok(aws)
    }

    fn runtime(&self) -> Result<Arc<Runtime>, ClientError> {
        let mut runtime = self.runtime.borrow_mut();
        match &*runtime {
            Some(runtime) => Ok(Arc::clone(runtime)),
            None => Ok(Arc::clone(runtime.insert(Arc::new(Runtime::new()?)))),
        }
    }
}

/// A way to AWS under the settings of a profile.
pub struct Aws {
    runtime: Arc<Runtime>,
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
    fn new(runtime: Arc<Runtime>, settings: Settings, clock: SharedClock) -> Result<Self, ClientError> {
        check_server(&runtime, &settings)?;
        let http = http_client(&settings)?;
        Ok(Self { runtime, http, clock, settings })
    }

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

    /// The server of a URL.
    pub(super) fn server(&self, url: &str) -> Option<Server> {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?;
        let settings = &self.settings;
        let region = Some(&settings.region).filter(|region| host.contains(region.as_str())).cloned();
        let proxy = if url.scheme() == "https" { &settings.https_proxy } else { &settings.http_proxy };
        let proxy = proxy.as_ref().map(|proxy| proxy.address().to_owned());
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Some(Server { host, region, proxy })
    }
}

/// Checks that the SDK finds a server for these settings. Otherwise its rules for FIPS, dual stack and partitions would fail
/// only after a code is chosen.
fn check_server(runtime: &Runtime, settings: &Settings) -> Result<(), ClientError> {
    let no_server = |why: String| ClientError::NoServer { region: settings.region.clone(), why };
    let params = Params::builder()
        .region(settings.region.as_str())
        .use_fips(settings.use_fips)
        .use_dual_stack(settings.use_dual_stack)
        .set_endpoint(settings.sts_endpoint.as_ref().map(ToString::to_string))
        .build()
        .map_err(|error| no_server(error.to_string()))?;
    let resolver = DefaultResolver::new();
    let resolved = runtime.block_on(resolver.resolve_endpoint(&params));
    // The outer error only says that resolving failed.
    resolved.map(drop).map_err(|error| no_server(innermost(&*error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{AwsErrorKind, Keys};
    use crate::clock::SystemClock;
    use crate::model::secret::Secret;
    use chrono::TimeDelta;
    use std::time::Duration;

    fn aws(settings: Settings) -> Aws {
        Aws::new(Arc::new(Runtime::new().unwrap()), settings, Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn ways_to_aws_share_a_runtime_and_equal_settings_share_connections() {
        let network = Network::default();
        let clock: SharedClock = Arc::new(SystemClock);
        let to = |region: &str| {
            let settings = Settings::of_region(region.parse().unwrap(), Duration::from_secs(5));
            network.aws(settings, &clock).unwrap()
        };
        let (first, second, other) = (to("us-east-1"), to("us-east-1"), to("eu-west-1"));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &other));
        assert!(Arc::ptr_eq(&first.runtime, &other.runtime));
    }

    #[test]
    fn request_that_cannot_be_signed_is_never_sent() {
        let settings = Settings::of_region("us-east-1".parse().unwrap(), Duration::from_secs(5));
        let sts = aws(settings);
        let unusable = Keys::new("AKIA\u{1b}[D", Secret::from("secret"), None);
        let error = sts.signed(&unusable, TimeDelta::zero()).get_caller_identity().result.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::NotSent, "{error}");
        assert!(error.never_judged());
    }

    /// A listener with a full queue ignores more connections, like a firewall.
    #[cfg(target_os = "linux")]
    #[test]
    fn failed_connection_is_not_a_lost_response() {
        use crate::aws::Mfa;
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

        let sts_endpoint = Some(format!("http://{address}").parse().unwrap());
        let region = "us-east-1".parse().unwrap();
        let settings = Settings::of_region(region, Duration::from_millis(1500));
        let aws = aws(Settings { sts_endpoint, ..settings });
        let keys = Keys::new("AKIAEXAMPLE", Secret::from("secret"), None);
        let mfa = Mfa {
            serial: "arn:aws:iam::123456789012:mfa/alice".parse().unwrap(),
            code: "123456".parse().unwrap(),
        };
        let duration = "1h".parse().unwrap();
        let reply = aws.signed(&keys, TimeDelta::zero()).get_session_token(&mfa, duration);
        let error = reply.result.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::Unreachable, "{error}");
        assert!(error.never_sent());
    }
}
