//! Faults that tests prepare: errors, closed connections, captive portals, delays.
//!
//! Here they are matched to requests; `http.rs` applies them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::ApiError;

/// A prepared fault. By default it applies to the next request of any action, once.
#[derive(Clone, Debug)]
pub struct Fault {
    action: Option<String>,
    count: u32,
    skip: u32,
    pub(crate) processed: bool,
    pub(crate) kind: FaultKind,
}

#[derive(Clone, Debug)]
pub(crate) enum FaultKind {
    Error(ApiError),
    HangUp,
    CaptivePortal,
    CaptiveRedirect,
    Garbage,
    Echo,
    Without(String),
    Wire(Wire),
    Wait(Wait),
}

/// How a response is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Wire {
    /// Complete.
    #[default]
    Whole,
    /// Without this many bytes at the end.
    Cut(usize, Cut),
    /// It never ends.
    Endless(Endless),
}

/// The length that a cut-off response claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The length of what is sent, so that nothing seems to be missing.
    Matching,
    /// None: the connection closes, as at the end of a response.
    Close,
    /// The complete length: the connection breaks before the end.
    Broken,
}

/// A response that never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endless {
    /// A body without a length, as fast as the client reads.
    Body,
    /// A chunked body, as fast as the client reads.
    Chunks,
    /// Headers.
    Headers,
    /// A body, one byte every 50 ms.
    Drip,
}

/// Holds requests until a test opens it. Clones share one gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Releases all requests that the gate holds, and all later ones.
    pub fn open(&self) {
        self.0.close();
    }
}

/// What holds a request or its response.
#[derive(Clone, Debug)]
pub(crate) enum Wait {
    Time(Duration),
    Gate(Gate),
}

impl Wait {
    pub(crate) async fn pass(self) {
        match self {
            Self::Time(by) => tokio::time::sleep(by).await,
            // There is never a permit. Opening the gate closes the semaphore, which ends the wait with an error.
            Self::Gate(gate) => drop(gate.0.acquire().await),
        }
    }
}

impl Fault {
    fn new(kind: FaultKind) -> Self {
        Self { action: None, count: 1, skip: 0, processed: false, kind }
    }

    /// An error response with this status, code and message. The request has no effect.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::new(FaultKind::Error(ApiError::new(status, code, message)))
    }

    /// 400 Throttling, `Rate exceeded`.
    pub fn throttling() -> Self {
        Self::error(400, "Throttling", "Rate exceeded")
    }

    /// 500 ServiceFailure.
    pub fn service_failure() -> Self {
        let message = "The request processing has failed because of an unknown error, exception or failure.";
        Self::error(500, "ServiceFailure", message)
    }

    /// 503 ServiceUnavailable.
    pub fn unavailable() -> Self {
        Self::error(
            503,
            "ServiceUnavailable",
            "The request has failed due to a temporary failure of the server.",
        )
    }

    /// The connection closes without a response. The request has no effect.
    pub fn drop_before() -> Self {
        Self::new(FaultKind::HangUp)
    }

    /// The request takes effect, then the connection closes without a response.
    pub fn drop_after() -> Self {
        Self::new(FaultKind::HangUp).processed()
    }

    /// An HTML login page with status 200, as captive portals send it.
    pub fn captive_portal() -> Self {
        Self::new(FaultKind::CaptivePortal)
    }

    /// A redirect to a login page.
    pub fn captive_redirect() -> Self {
        Self::new(FaultKind::CaptiveRedirect)
    }

    /// Status 200 and a body that is neither XML nor text.
    pub fn garbage() -> Self {
        Self::new(FaultKind::Garbage)
    }

    /// An error with a message that quotes the session token and the body of the request.
    pub fn echo() -> Self {
        Self::new(FaultKind::Echo)
    }

    /// The request takes effect, but the response lacks the elements with this name.
    pub fn without(element: &str) -> Self {
        Self::new(FaultKind::Without(element.into()))
    }

    /// The request takes effect, but this many bytes are missing at the end of the response.
    pub fn cut(missing: usize, cut: Cut) -> Self {
        Self::new(FaultKind::Wire(Wire::Cut(missing, cut)))
    }

    /// The request takes effect, but the response never ends.
    pub fn endless(endless: Endless) -> Self {
        Self::new(FaultKind::Wire(Wire::Endless(endless)))
    }

    /// The request is held for this much real time before it is processed. With [`processed`](Self::processed), it
    /// takes effect at once and the response is held. Another fault may apply to the same request.
    pub fn delay(by: Duration) -> Self {
        Self::new(FaultKind::Wait(Wait::Time(by)))
    }

    /// Like [`delay`](Self::delay), but until the gate opens.
    pub fn held(gate: &Gate) -> Self {
        Self::new(FaultKind::Wait(Wait::Gate(gate.clone())))
    }

    /// Applies only to requests of this action, such as `GetSessionToken`.
    #[must_use]
    pub fn on(mut self, action: &str) -> Self {
        self.action = Some(action.into());
        self
    }

    /// Applies to this many requests instead of one.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// Applies to every request until [`clear_faults`](crate::FakeAws::clear_faults).
    #[must_use]
    pub fn forever(self) -> Self {
        self.times(u32::MAX)
    }

    /// Skips this many matching requests first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// The request still takes effect, before the fault applies.
    #[must_use]
    pub fn processed(mut self) -> Self {
        self.processed = true;
        self
    }
}

/// The faults that apply to one request.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What holds the request before it takes effect.
    pub(crate) before: Vec<Wait>,
    pub(crate) fault: Option<Fault>,
    /// What holds the response after the request has taken effect.
    pub(crate) after: Vec<Wait>,
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The plan for a request of `action`: all matching faults that hold it, and the first other one.
    pub(crate) fn take(&mut self, action: &str) -> Plan {
        let mut plan = Plan::default();
        for fault in &mut self.0 {
            if fault.count == 0 || fault.action.as_deref().is_some_and(|wanted| wanted != action) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            match &fault.kind {
                FaultKind::Wait(wait) if fault.processed => plan.after.push(wait.clone()),
                FaultKind::Wait(wait) => plan.before.push(wait.clone()),
                _ if plan.fault.is_some() => continue,
                _ => plan.fault = Some(fault.clone()),
            }
            fault.count = if fault.count == u32::MAX { u32::MAX } else { fault.count - 1 };
        }
        self.0.retain(|fault| fault.count > 0);
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_match_by_action_count_and_order() {
        let mut faults = Faults::default();
        faults.push(Fault::throttling().on("A").times(2).after(1));
        faults.push(Fault::delay(Duration::from_millis(5)));
        faults.push(Fault::held(&Gate::new()).on("B").processed());
        let hits = |plan: Plan| (plan.before.len(), plan.fault.is_some(), plan.after.len());
        assert_eq!(hits(faults.take("A")), (1, false, 0), "the first A passes, late");
        assert_eq!(hits(faults.take("B")), (0, false, 1));
        assert_eq!(hits(faults.take("A")), (0, true, 0));
        assert_eq!(hits(faults.take("A")), (0, true, 0));
        assert_eq!(hits(faults.take("A")), (0, false, 0));
    }
}
