//! How AWS is reached: region, endpoints, proxy, certificates, deadlines, and the clock that signs.

use std::future::Future;
use std::time::{Duration, SystemTime};

use aws_config::{AppName, BehaviorVersion, Region as SdkRegion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::errors::{AwsError, OperationError, Sent, Server, innermost};
use super::keys::Keys;
use super::settings::{ClientError, Settings};
use super::transport::http_client;
use super::watch::{Shape, Watch};
use crate::clock::SharedClock;

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
        let runtime = Runtime::new()?;
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
        if let Err(unusable) = keys.check() {
            return Reply { result: Err(AwsError::not_sent(operation, &unusable)), server_time: None };
        }
        let config = self.sdk_config(keys, offset, retry);
        let result = self.runtime.block_on(send(config, watch.clone()));
        let seen = watch.seen();
        let result = match (result, seen.bad_success) {
            (Ok(_), Some(Shape::Cut)) => Err(AwsError::cut(operation)),
            (Ok(_), Some(_)) => Err(AwsError::not_aws(operation)),
            (Ok(answer), None) => Ok(answer),
            (Err(_), _) if seen.last == Some(Shape::Cut) => Err(AwsError::cut(operation)),
            (Err(error), _) if !seen.sent => Err(AwsError::not_sent(operation, &error)),
            (Err(error), _) => Err(AwsError::from_sdk(operation, &error)),
        };
        let server = || self.server(&seen.url).map(Box::new);
        let result = result.map_err(|error| AwsError { server: server(), ..error });
        Reply { result, server_time: seen.date }
    }

    /// The server that a URL is of.
    fn server(&self, url: &str) -> Option<Server> {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?;
        let settings = &self.settings;
        let region = Some(&settings.region).filter(|region| host.contains(region.as_str())).cloned();
        let proxy = if url.scheme() == "https" { &settings.https_proxy } else { &settings.http_proxy };
        let proxy = proxy.as_ref().map(|proxy| proxy.address().to_owned());
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Some(Server { host, region, proxy })
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
            .region(SdkRegion::new(self.settings.region.to_string()))
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

/// Checks that the SDK finds a server for these settings. Its rules for FIPS, dual stack and partitions would otherwise fail
/// only after a code was chosen.
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
    use crate::aws::AwsErrorKind;
    use crate::clock::SystemClock;
    use crate::model::secret::Secret;
    use std::sync::{Arc, mpsc};

    fn aws(settings: Settings) -> Aws {
        Aws::new(settings, Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn the_end_does_not_wait_for_a_name_that_is_looked_up() {
        let aws = aws(Settings::of_region("us-east-1".parse().unwrap(), Duration::from_secs(1)));
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

    #[test]
    fn a_request_that_cannot_be_signed_was_never_sent() {
        let settings = Settings::of_region("us-east-1".parse().unwrap(), Duration::from_secs(5));
        let sts = aws(settings);
        let unusable = Keys::new("AKIA\u{1b}[D", Secret::from("secret"), None);
        let error = sts.get_caller_identity(&unusable, TimeDelta::zero()).result.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::NotSent, "{error}");
        assert!(error.never_judged());
    }

    /// A listener whose queue is full drops what else knocks, as a firewall does.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_that_never_stands_is_told_from_a_lost_answer() {
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
        let reply = aws.get_session_token(&keys, &mfa, duration, TimeDelta::zero());
        let error = reply.result.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::Unreachable, "{error}");
        assert!(error.never_sent());
    }
}
