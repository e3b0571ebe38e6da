//! HTTP for every request, including those of the SDK's default chain: through the proxy, with the trusted certificates.
//! Responses are read completely here, within a size and a time limit.

use std::fmt;
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::echo::Carried;
use super::settings::{ClientError, Settings};
use crate::files;
use crate::model::proxy::ProxyUrl;

/// Much larger than any response: a page of a thousand devices has about 400 KiB.
pub(super) const ANSWER_LIMIT: usize = 1024 * 1024;

/// A response longer than [`ANSWER_LIMIT`].
#[derive(Debug, thiserror::Error)]
#[error("the response is larger than {} MiB", ANSWER_LIMIT / 1024 / 1024)]
pub(super) struct TooLarge;

/// A response that did not end in time.
#[derive(Debug, thiserror::Error)]
#[error("the complete response did not arrive in time")]
pub(super) struct Late;

/// The only HTTP client with these settings.
pub(super) fn http_client(settings: &Settings) -> Result<SharedHttpClient, ClientError> {
    let tls_context = tls_context(settings)?;
    let client = |proxy: ProxyConfig| {
        let tls_context = tls_context.clone();
        HttpBuilder::new().build_with_connector_fn(move |connector_settings, components| {
            let mut builder = Connector::builder().proxy_config(proxy.clone());
            builder.set_connector_settings(connector_settings.cloned());
            builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
            let builder = builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
            builder.tls_context(tls_context.clone()).build()
        })
    };
    let plain = client(proxy(settings.http_proxy.as_ref(), settings)?);
    let secure = client(proxy(settings.https_proxy.as_ref(), settings)?);
    Ok(SharedHttpClient::new(Bounded { plain, secure, deadline: settings.deadline }))
}

/// The same for single requests without the SDK.
pub(super) fn http_connector(settings: &Settings) -> Result<SharedHttpConnector, ClientError> {
    let tls_context = tls_context(settings)?;
    let limits = HttpConnectorSettings::builder().connect_timeout(connect_limit(settings.deadline)).build();
    let connector = |proxy: ProxyConfig| {
        let builder = Connector::builder().proxy_config(proxy).connector_settings(limits.clone());
        let builder = builder.sleep_impl(TokioSleep::new());
        let builder = builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
        SharedHttpConnector::new(builder.tls_context(tls_context.clone()).build())
    };
    let plain = connector(proxy(settings.http_proxy.as_ref(), settings)?);
    let secure = connector(proxy(settings.https_proxy.as_ref(), settings)?);
    Ok(SharedHttpConnector::new(Bounded { plain, secure, deadline: settings.deadline }))
}

fn tls_context(settings: &Settings) -> Result<TlsContext, ClientError> {
    let context = TlsContext::builder().with_trust_store(trust_store(settings)?).build();
    context.map_err(|e| ClientError::Tls(e.to_string()))
}

/// The time limit for name lookup, proxy, connection and TLS together. It is shorter than the limit for the request: if that
/// one were reached first, the code would count as used although nothing was sent.
pub(super) fn connect_limit(deadline: Duration) -> Duration {
    (deadline * 2 / 3).min(Duration::from_secs(3))
}

/// A client whose responses are complete or errors. `http://` and `https://` have separate proxies.
#[derive(Clone)]
struct Bounded<T> {
    plain: T,
    secure: T,
    deadline: Duration,
}

// The wrapped clients would show the proxy's password.
impl<T> fmt::Debug for Bounded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded {
            plain: self.plain.http_connector(settings, components),
            secure: self.secure.http_connector(settings, components),
            deadline: self.deadline,
        })
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let carried = Carried::by(&request);
        let deadline = self.deadline;
        let secure = request.uri().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        let answer = if secure { self.secure.call(request) } else { self.plain.call(request) };
        HttpConnectorFuture::new(async move {
            let whole = async { whole(answer.await?, &carried).await };
            match tokio::time::timeout(deadline, whole).await {
                Ok(result) => result,
                Err(_) => Err(ConnectorError::timeout(Late.into())),
            }
        })
    }
}

/// Reads a response's body to its end, and redacts the request's secrets in an error.
async fn whole(mut answer: HttpResponse, carried: &Carried) -> Result<HttpResponse, ConnectorError> {
    let mut stream = ByteStream::new(std::mem::replace(answer.body_mut(), SdkBody::taken()));
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|broken| ConnectorError::io(broken.into()))?;
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(ConnectorError::other(TooLarge.into(), None));
        }
        body.extend_from_slice(&chunk);
    }
    if !answer.status().is_success() {
        body = carried.redacted(body);
    }
    *answer.body_mut() = SdkBody::from(body);
    Ok(answer)
}

fn trust_store(settings: &Settings) -> Result<TrustStore, ClientError> {
    let Some(path) = &settings.ca_bundle else { return Ok(TrustStore::default()) };
    let bundle = files::read_bounded(path, files::LIMIT)
        .map_err(|source| ClientError::CaBundleUnreadable { path: path.clone(), source })?;
    let bundle = String::from_utf8_lossy(&bundle);
    let usable = usable_certificates(&bundle);
    match usable.is_empty() {
        true => Err(ClientError::CaBundleEmpty(path.clone())),
        false => Ok(TrustStore::empty().with_pem_certificate(usable)),
    }
}

/// The certificates of a bundle that rustls accepts, and nothing else: the SDK panics on rejected certificates and on other
/// damaged PEM sections, and real bundles have both.
fn usable_certificates(bundle: &str) -> String {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let sections = bundle.split_inclusive("-----END CERTIFICATE-----");
    let certificates = sections.filter_map(|section| section.get(section.rfind(BEGIN)?..));
    let usable = certificates.filter(|pem| is_usable(pem));
    usable.map(|pem| format!("{pem}\n")).collect()
}

fn is_usable(pem: &str) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(pem.as_bytes()) else { return false };
    rustls::RootCertStore::empty().add(der).is_ok()
}

fn proxy(url: Option<&ProxyUrl>, settings: &Settings) -> Result<ProxyConfig, ClientError> {
    let Some(url) = url else { return Ok(ProxyConfig::disabled()) };
    // The SDK's own error would show the password.
    let config = ProxyConfig::all(url.expose()).map_err(|_| ClientError::Proxy)?;
    Ok(match &settings.no_proxy {
        Some(rules) => config.no_proxy(rules),
        None => config,
    })
}
