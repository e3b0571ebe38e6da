//! HTTP: reads requests, applies faults, logs, and sends responses with the server's time as `Date`.
//!
//! The content of responses comes from `dispatch.rs`.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::account::Account;
use crate::clock::{Clock, http_date};
use crate::error::ApiError;
use crate::faults::{Endless, Fault, FaultKind, Faults, Wait, Wire};
use crate::log::{Log, RequestOutcome};
use crate::params::Params;
use crate::wire::{self, WireBody};
use crate::{control, dispatch, portal, random, signin, xml};

/// The state that the server thread and the test's handle share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    account: Mutex<Account>,
    faults: Mutex<Faults>,
    log: Mutex<Log>,
}

impl Shared {
    pub(crate) fn new(clock: Clock, account: Account) -> Self {
        Self { clock, account: Mutex::new(account), faults: Mutex::default(), log: Mutex::default() }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A complete request.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// In order, names in lowercase.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) params: Params,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    async fn read(request: Request<Incoming>) -> io::Result<Self> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
        let text =
            |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let mut received = Self {
            method: head.method.as_str().into(),
            path: head.uri.path().into(),
            query: head.uri.query().unwrap_or_default().into(),
            headers,
            body,
            params: Params::default(),
        };
        let form = received
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        received.params = if form && received.method == "POST" {
            Params::parse(&String::from_utf8_lossy(&received.body))
        } else {
            Params::parse(&received.query)
        };
        Ok(received)
    }
}

/// A response, ready to send.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) location: Option<String>,
    pub(crate) request_id: String,
    pub(crate) error_code: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) wire: Wire,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let request_id = random::request_id();
        Self {
            status,
            content_type,
            location: None,
            request_id,
            error_code: None,
            body: body.into(),
            wire: Wire::Whole,
        }
    }

    fn xml(answer: dispatch::Answer) -> Self {
        Self {
            request_id: answer.request_id,
            error_code: answer.error_code,
            location: answer.location.map(str::to_owned),
            ..Self::new(answer.status, "text/xml", answer.body)
        }
    }
}

/// Serves one connection until it closes.
pub(crate) async fn serve<S>(stream: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let raw = Arc::new(AtomicBool::new(false));
    let wants_raw = Arc::clone(&raw);
    let service = service_fn(move |request| {
        let (shared, raw) = (Arc::clone(&shared), Arc::clone(&wants_raw));
        async move {
            let received = Received::read(request).await?;
            // In a separate task: a request takes effect even if the client disconnects.
            let reply =
                tokio::spawn(respond(Arc::clone(&shared), received)).await.map_err(io::Error::other)?;
            let reply = reply.ok_or_else(|| io::Error::other("a fault hung up"))?;
            if matches!(reply.wire, Wire::Endless(Endless::Headers)) {
                raw.store(true, Ordering::Relaxed);
                return Err(io::Error::other("a fault writes by itself"));
            }
            Ok::<_, io::Error>(write(reply, &shared.clock))
        }
    });
    // An error is the effect of a fault, or a client that disconnected.
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = (&mut connection).await;
    if raw.load(Ordering::Relaxed) {
        // Ends when the client disconnects.
        let _ = wire::endless_headers(connection.into_parts().io.into_inner()).await;
    }
}

/// The response to a request, or `None` if a fault closes the connection.
async fn respond(shared: Arc<Shared>, request: Received) -> Option<Reply> {
    if let Some(route) = request.path.strip_prefix("/_fake/") {
        return Some(control::answer(&shared, route, &request));
    }
    let id = shared.log().begin(&request, shared.clock.now());
    let action = request.params.get("Action").unwrap_or_default();
    let plan = shared.faults().take(action);
    hold(&shared, id, plan.before, false).await;
    let (reply, processed) = match plan.fault {
        None => (Some(process(&shared, &request)), true),
        Some(Fault { kind: FaultKind::Wire(wire), .. }) => {
            (Some(Reply { wire, ..process(&shared, &request) }), true)
        }
        Some(Fault { kind: FaultKind::Without(element), .. }) => {
            let reply = process(&shared, &request);
            (Some(Reply { body: xml::without(&reply.body, &element), ..reply }), true)
        }
        Some(fault) => {
            if fault.processed {
                process(&shared, &request);
            }
            (act_out(fault.kind, &request), fault.processed)
        }
    };
    hold(&shared, id, plan.after, processed).await;
    shared.log().note(id, outcome(reply.as_ref(), processed));
    reply
}

async fn hold(shared: &Shared, id: u64, waits: Vec<Wait>, processed: bool) {
    for wait in waits {
        shared.log().note(id, RequestOutcome::Held { processed });
        wait.pass().await;
    }
}

fn outcome(reply: Option<&Reply>, processed: bool) -> RequestOutcome {
    match reply {
        Some(reply) => RequestOutcome::Answered { status: reply.status, code: reply.error_code.clone() },
        None => RequestOutcome::Dropped { processed },
    }
}

fn process(shared: &Shared, request: &Received) -> Reply {
    if request.path == "/federation" {
        return signin::answer(&mut shared.account(), &request.params, shared.clock.now());
    }
    if let Some(reply) = portal::answer(&mut shared.account(), request, shared.clock.now()) {
        return reply;
    }
    if request.path != "/" {
        let error = ApiError::new(404, "UnknownOperationException", "There is nothing at this path.");
        return Reply::xml(dispatch::reject(request, &error));
    }
    Reply::xml(dispatch::answer(&mut shared.account(), request, shared.clock.now()))
}

fn act_out(fault: FaultKind, request: &Received) -> Option<Reply> {
    const PORTAL: &str =
        "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please sign in.</body></html>";
    match fault {
        FaultKind::Error(error) => Some(Reply::xml(dispatch::reject(request, &error))),
        FaultKind::HangUp | FaultKind::Wait(_) | FaultKind::Wire(_) | FaultKind::Without(_) => None,
        FaultKind::Echo => {
            let token = request.header("x-amz-security-token").unwrap_or_default();
            let message = format!("cannot read {token} {}", String::from_utf8_lossy(&request.body));
            Some(Reply::xml(dispatch::reject(request, &ApiError::new(400, "MalformedRequest", message))))
        }
        FaultKind::CaptivePortal => Some(Reply::new(200, "text/html", PORTAL)),
        FaultKind::CaptiveRedirect => {
            let location = Some("http://captive.invalid/login".to_owned());
            Some(Reply { location, ..Reply::new(302, "text/html", PORTAL) })
        }
        FaultKind::Garbage => Some(Reply::new(200, "text/xml", b"\x00\xff<Get\xfeSession<<<".as_slice())),
    }
}

fn write(reply: Reply, clock: &Clock) -> Response<WireBody> {
    let mut response = Response::builder()
        .status(reply.status)
        .header("x-amzn-RequestId", reply.request_id)
        .header("Content-Type", reply.content_type)
        .header("Date", http_date(clock.now()));
    if let Some(location) = reply.location {
        response = response.header("Location", location);
    }
    let body = WireBody::new(reply.body, reply.wire);
    if let Some(length) = body.stated_length() {
        response = response.header("Content-Length", length);
    } else if !matches!(reply.wire, Wire::Endless(Endless::Chunks)) {
        // In HTTP/1.0, a body without a length ends with the connection.
        response = response.version(Version::HTTP_10);
    }
    response.body(body).expect("all headers are valid")
}
