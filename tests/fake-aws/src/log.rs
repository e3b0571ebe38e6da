//! The record of every request, for tests to assert on.
//!
//! Holds secrets such as codes on purpose: this is a test tool and nothing here leaves it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::auth;
use crate::clock::iso;
use crate::http::Received;

/// One request as it arrived, and how it ended.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The fake's time at arrival.
    #[serde(serialize_with = "as_iso")]
    pub time: DateTime<Utc>,
    /// The `Action` parameter; empty without one.
    pub action: String,
    /// The key id that the request claims, verified or not.
    pub access_key_id: Option<String>,
    /// Every parameter, decoded, `TokenCode` included.
    pub params: BTreeMap<String, String>,
    /// Every header, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// How it ended.
    pub outcome: RequestOutcome,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestOutcome {
    /// Not yet answered.
    Pending,
    /// Not yet answered: a fault keeps it.
    Held {
        /// Whether it has taken effect already, and only its answer is kept.
        processed: bool,
    },
    /// Answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The error code, if it was an error of the Query protocol.
        code: Option<String>,
    },
    /// Hung up on by a fault.
    Dropped {
        /// Whether it took effect all the same.
        processed: bool,
    },
}

impl Request {
    /// A parameter by name.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// A header by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            RequestOutcome::Answered { status, .. } => Some(status),
            _ => None,
        }
    }

    /// The error code, if the answer was an error.
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
    /// Records an arrival and gives the id that [`note`](Self::note) wants.
    pub(crate) fn begin(&mut self, received: &Received, time: DateTime<Utc>) -> u64 {
        self.last_id += 1;
        let request = Request {
            time,
            action: received.params.get("Action").unwrap_or_default().into(),
            access_key_id: auth::claimed_key(received),
            // In reverse: of a parameter that is there twice, the first one counts.
            params: received.params.pairs().iter().rev().cloned().collect(),
            headers: received.headers.iter().cloned().collect(),
            outcome: RequestOutcome::Pending,
        };
        self.entries.push((self.last_id, request));
        self.last_id
    }

    /// Records how far the request of this id has come.
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
