//! Dispatch: finds the service and the operation of a request, authenticates the caller and builds the response.
//!
//! Synchronous and without sockets: `http.rs` does the I/O, `sts.rs` and `iam/` have the operations.

use chrono::{DateTime, Utc};

use crate::account::Account;
use crate::auth::{self, Caller};
use crate::error::ApiError;
use crate::http::Received;
use crate::params::Params;
use crate::session::Origin;
use crate::{iam, policy, random, sts, xml};

/// An authenticated request.
pub(crate) struct Call<'a> {
    pub(crate) account: &'a mut Account,
    pub(crate) caller: Caller,
    pub(crate) action: &'a str,
    pub(crate) params: &'a Params,
    pub(crate) now: DateTime<Utc>,
}

impl Call<'_> {
    /// Whether the caller may do `action` (`iam:X`) to `resource`.
    pub(crate) fn authorize(&self, action: &str, resource: &str) -> Result<(), ApiError> {
        policy::authorize(self.account, &self.caller, self.caller.mfa(), action, resource)
    }
}

/// The content of `<XResult>`, or `None` for operations without output.
pub(crate) type Outcome = Result<Option<String>, ApiError>;
pub(crate) type Operation = fn(&mut Call<'_>) -> Outcome;

/// A response, before it becomes HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) error_code: Option<String>,
    pub(crate) body: String,
    pub(crate) request_id: String,
    pub(crate) location: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    Sts,
    Iam,
}

impl Service {
    fn of_version(version: &str) -> Option<Self> {
        match version {
            "2011-06-15" => Some(Self::Sts),
            "2010-05-08" => Some(Self::Iam),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
        }
    }

    fn operation(self, action: &str) -> Option<Operation> {
        match self {
            Self::Sts => sts::operation(action),
            Self::Iam => iam::operation(action),
        }
    }
}

/// Answers a request of the Query protocol.
pub(crate) fn answer(account: &mut Account, request: &Received, now: DateTime<Utc>) -> Answer {
    let Some(action) = request.params.get("Action") else {
        return no_action();
    };
    let version = request.params.get("Version").unwrap_or("NO_VERSION_SPECIFIED");
    let service = Service::of_version(version);
    let outcome = perform(account, request, service, (action, version), now);
    let namespace = service.unwrap_or(Service::Sts).namespace();
    let request_id = random::request_id();
    match outcome {
        Ok(result) => Answer {
            status: 200,
            error_code: None,
            body: xml::response(action, namespace, result.as_deref(), &request_id),
            request_id,
            location: None,
        },
        Err(error) => failure(&error, service, request_id),
    }
}

/// An error response to a request that is not processed.
pub(crate) fn reject(request: &Received, error: &ApiError) -> Answer {
    let version = request.params.get("Version").unwrap_or_default();
    failure(error, Service::of_version(version), random::request_id())
}

fn failure(error: &ApiError, service: Option<Service>, request_id: String) -> Answer {
    Answer {
        status: error.status,
        error_code: Some(error.code.clone()),
        body: xml::error(error, service.unwrap_or(Service::Sts).namespace(), &request_id),
        request_id,
        location: None,
    }
}

/// Without an action, AWS treats the client as a browser.
fn no_action() -> Answer {
    Answer {
        status: 302,
        error_code: None,
        body: String::new(),
        request_id: random::request_id(),
        location: Some("https://aws.amazon.com/iam"),
    }
}

fn perform(
    account: &mut Account,
    request: &Received,
    service: Option<Service>,
    (action, version): (&str, &str),
    now: DateTime<Utc>,
) -> Outcome {
    let unknown = || {
        ApiError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {action} for version {version}"),
        )
    };
    let service = service.ok_or_else(unknown)?;
    let operation = service.operation(action).ok_or_else(unknown)?;
    let caller = auth::authenticate(account, request, service.name(), now)?;
    let no_iam = [Origin::GetSessionToken { mfa: false }, Origin::GetFederationToken];
    if service == Service::Iam && caller.session.is_some_and(|session| no_iam.contains(&session.origin)) {
        // The text is misleading, but AWS sends it for these sessions, too.
        return Err(ApiError::invalid_client_token("iam"));
    }
    operation(&mut Call { account, caller, action, params: &request.params, now })
}
