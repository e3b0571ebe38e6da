//! A forward proxy for tests. It supports absolute-form HTTP, CONNECT and a password, and records its requests.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use crate::background::Background;

/// A running proxy. Dropping it closes the port.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    background: Background,
}

/// The settings of a new [`Proxy`].
#[derive(Clone, Debug, Default)]
pub struct ProxyBuilder {
    password: Option<String>,
    routes: BTreeMap<String, SocketAddr>,
}

/// One request to the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `CONNECT`, `POST`, …
    pub method: String,
    /// `host:port`
    pub host: String,
    /// Whether the request was forwarded: the password was right and the host reachable.
    pub passed: bool,
}

#[derive(Debug)]
struct Shared {
    settings: ProxyBuilder,
    seen: Mutex<Vec<Target>>,
}

impl ProxyBuilder {
    /// Requires this user and password (Basic authentication).
    #[must_use]
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        self.password = Some(STANDARD.encode(format!("{user}:{password}")));
        self
    }

    /// Connects to a local port instead of `host:port`, such as `sts.eu-west-1.amazonaws.com:443`.
    #[must_use]
    pub fn route(mut self, host: &str, port: u16) -> Self {
        self.routes.insert(host.into(), SocketAddr::from(([127, 0, 0, 1], port)));
        self
    }

    /// Starts the proxy.
    ///
    /// # Panics
    /// If loopback has no free port.
    pub fn start(self) -> Proxy {
        let shared = Arc::new(Shared { settings: self, seen: Mutex::default() });
        let served = Arc::clone(&shared);
        let background = Background::listen(0, move |stream| {
            let shared = Arc::clone(&served);
            tokio::spawn(async move { shared.serve(stream).await });
        });
        Proxy { shared, background: background.expect("the proxy can listen on loopback") }
    }
}

impl Proxy {
    /// Starts a proxy with the default settings.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Starts with the default settings, to be changed.
    pub fn builder() -> ProxyBuilder {
        ProxyBuilder::default()
    }

    /// The URL for `HTTPS_PROXY` and `HTTP_PROXY`.
    pub fn url(&self) -> String {
        format!("http://{}", self.background.address)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Target> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The head of a request to the proxy, and the part of the body that arrived with it.
struct Head {
    method: String,
    target: String,
    headers: Vec<String>,
    rest: Vec<u8>,
}

impl Head {
    async fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut bytes).await? == 0 || bytes.len() > 64 * 1024 {
                return Err(io::Error::other("no request"));
            }
        };
        let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = text.split("\r\n").map(str::to_owned);
        let line = lines.next().unwrap_or_default();
        let mut words = line.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        Ok(Self { method, target, headers: lines.collect(), rest: bytes[end + 4..].to_vec() })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// `host:port` and, except for CONNECT, the path.
    fn split_target(&self) -> Option<(String, String)> {
        if self.method == "CONNECT" {
            return Some((self.target.clone(), String::new()));
        }
        let rest = self.target.strip_prefix("http://")?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(at);
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        Some((host, if path.is_empty() { "/".into() } else { path.into() }))
    }

    /// The request to forward to the origin. The connection closes after it.
    fn for_origin(&self, path: &str) -> Vec<u8> {
        let mut out = format!("{} {path} HTTP/1.1\r\n", self.method);
        let dropped = ["proxy-authorization", "proxy-connection", "connection"];
        for line in &self.headers {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            if !dropped.contains(&name.as_str()) {
                out += &format!("{line}\r\n");
            }
        }
        out += "Connection: close\r\n\r\n";
        [out.as_bytes(), &self.rest].concat()
    }
}

impl Shared {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let head = Head::read(&mut client).await?;
        let Some((host, path)) = head.split_target() else {
            return reject(&mut client, "400 Bad Request", "").await;
        };
        let offered = head.header("proxy-authorization").and_then(|value| value.strip_prefix("Basic "));
        if self.settings.password.is_some() && offered != self.settings.password.as_deref() {
            self.record(&head.method, &host, false);
            let challenge = "Proxy-Authenticate: Basic realm=\"test\"\r\n";
            return reject(&mut client, "407 Proxy Authentication Required", challenge).await;
        }
        let connected = match self.settings.routes.get(&host) {
            Some(address) => TcpStream::connect(address).await,
            None => TcpStream::connect(&host).await,
        };
        self.record(&head.method, &host, connected.is_ok());
        let Ok(mut origin) = connected else {
            return reject(&mut client, "502 Bad Gateway", "").await;
        };
        if head.method == "CONNECT" {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            origin.write_all(&head.rest).await?;
        } else {
            origin.write_all(&head.for_origin(&path)).await?;
        }
        copy_bidirectional(&mut client, &mut origin).await.map(|_| ())
    }

    fn record(&self, method: &str, host: &str, passed: bool) {
        let target = Target { method: method.into(), host: host.into(), passed };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(target);
    }
}

async fn reject(client: &mut TcpStream, status: &str, header: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n");
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}
