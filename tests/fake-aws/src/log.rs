//! The request log, for tests to assert on.
//!
//! It contains secrets such as codes on purpose: this is a test tool.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::auth;
use crate::clock::iso;
use crate::http::Received;

/// A request and its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The server's time at arrival.
    #[serde(serialize_with = "as_iso")]
    pub time: DateTime<Utc>,
    /// The `Action` parameter, or an empty string.
    pub action: String,
    /// The access key ID in the signature, verified or not.
    pub access_key_id: Option<String>,
    /// All parameters, decoded, including `TokenCode`.
    pub params: BTreeMap<String, String>,
    /// All headers, by lowercase name.
    pub headers: BTreeMap<String, String>,
    pub outcome: RequestOutcome,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestOutcome {
    /// Not answered yet.
    Pending,
    /// Not answered yet, because a fault holds it.
    Held {
        /// Whether the request has taken effect, so that only the response is held.
        processed: bool,
    },
    /// Answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The error code, if the response was an error of the Query protocol.
        code: Option<String>,
    },
    /// A fault closed the connection.
    Dropped {
        /// Whether the request took effect.
        processed: bool,
    },
}

impl Request {
    /// A parameter by name.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// A header by lowercase name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The HTTP status, if there was a response.
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            RequestOutcome::Answered { status, .. } => Some(status),
            _ => None,
        }
    }

    /// The error code, if the response was an error.
    pub fn error_code(&self) -> Option<&str> {
        match &self.outcome {
            RequestOutcome::Answered { code, .. } => code.as_deref(),
            _ => None,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<(u64, Request)>,
    last_id: u64,
}

impl Log {
    /// Records a new request and returns its ID for [`note`](Self::note).
    pub(crate) fn begin(&mut self, received: &Received, time: DateTime<Utc>) -> u64 {
        self.last_id += 1;
        let request = Request {
            time,
            action: received.params.get("Action").unwrap_or_default().into(),
            access_key_id: auth::claimed_key(received),
            // In reverse order, so that the first value of a repeated parameter wins.
            params: received.params.pairs().iter().rev().cloned().collect(),
            headers: received.headers.iter().cloned().collect(),
            outcome: RequestOutcome::Pending,
        };
        self.entries.push((self.last_id, request));
        self.last_id
    }

    /// Records the outcome of a request.
    pub(crate) fn note(&mut self, id: u64, outcome: RequestOutcome) {
        if let Some((_, request)) = self.entries.iter_mut().find(|(known, _)| *known == id) {
            request.outcome = outcome;
        }
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.entries.iter().map(|(_, request)| request.clone()).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

fn as_iso<S: serde::Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(*time))
}
