//! Faults that tests order in advance: refusals, hang-ups, portals, delays.
//!
//! A queue and its matching; `http.rs` acts them out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::ApiError;

/// A fault to come. By default it hits the next request of any action, once.
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

/// How the bytes of an answer go out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Wire {
    /// As they are.
    #[default]
    Whole,
    /// Without so many at the end.
    Cut(usize, Cut),
    /// Without an end.
    Endless(Endless),
}

/// What a cut answer says of its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The length of what is left: nothing seems to be missing.
    Matching,
    /// Nothing: the connection closes, as if this were the end.
    Close,
    /// The whole length: the connection breaks.
    Broken,
}

/// An answer without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endless {
    /// A body of no stated length, as fast as it is read.
    Body,
    /// The same in chunks.
    Chunks,
    /// Headers.
    Headers,
    /// A byte of body now and then.
    Drip,
}

/// Holds requests until a test opens it; clones are one gate. A gate that is never opened holds them for good.
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

    /// Lets through everything it holds, and from now on all that comes.
    pub fn open(&self) {
        self.0.close();
    }
}

/// What keeps a request or its answer.
#[derive(Clone, Debug)]
pub(crate) enum Wait {
    Time(Duration),
    Gate(Gate),
}

impl Wait {
    pub(crate) async fn pass(self) {
        match self {
            Self::Time(by) => tokio::time::sleep(by).await,
            // There is never a permit: the only way on is that the gate opens, which is this error.
            Self::Gate(gate) => drop(gate.0.acquire().await),
        }
    }
}

impl Fault {
    fn new(kind: FaultKind) -> Self {
        Self { action: None, count: 1, skip: 0, processed: false, kind }
    }

    /// An error answer with this status, code and message; the request has no effect.
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

    /// The connection closes without an answer and the request has no effect.
    pub fn drop_before() -> Self {
        Self::new(FaultKind::HangUp)
    }

    /// The request takes effect, then the connection closes without an answer.
    pub fn drop_after() -> Self {
        Self::new(FaultKind::HangUp).processed()
    }

    /// A log-in page in HTML with status 200, as captive portals give.
    pub fn captive_portal() -> Self {
        Self::new(FaultKind::CaptivePortal)
    }

    /// A redirect to a log-in page.
    pub fn captive_redirect() -> Self {
        Self::new(FaultKind::CaptiveRedirect)
    }

    /// Status 200 with a body that is neither XML nor text.
    pub fn garbage() -> Self {
        Self::new(FaultKind::Garbage)
    }

    /// A refusal whose message quotes the request: its session token and its body.
    pub fn echo() -> Self {
        Self::new(FaultKind::Echo)
    }

    /// The request takes effect, and the answer lacks the elements of this name.
    pub fn without(element: &str) -> Self {
        Self::new(FaultKind::Without(element.into()))
    }

    /// The request takes effect, and so many bytes are missing at the end of the answer.
    pub fn cut(missing: usize, cut: Cut) -> Self {
        Self::new(FaultKind::Wire(Wire::Cut(missing, cut)))
    }

    /// The request takes effect, and the answer does not end.
    pub fn endless(endless: Endless) -> Self {
        Self::new(FaultKind::Wire(Wire::Endless(endless)))
    }

    /// The request is kept this much real time before it is looked at; [`processed`](Self::processed), it takes
    /// effect at once and its answer is kept. Another fault may hit the same request.
    pub fn delay(by: Duration) -> Self {
        Self::new(FaultKind::Wait(Wait::Time(by)))
    }

    /// As [`delay`](Self::delay), until the gate opens.
    pub fn held(gate: &Gate) -> Self {
        Self::new(FaultKind::Wait(Wait::Gate(gate.clone())))
    }

    /// Only requests of this action, such as `GetSessionToken`.
    #[must_use]
    pub fn on(mut self, action: &str) -> Self {
        self.action = Some(action.into());
        self
    }

    /// So many requests instead of one.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// Every request from now on, until [`clear_faults`](crate::FakeAws::clear_faults).
    #[must_use]
    pub fn forever(self) -> Self {
        self.times(u32::MAX)
    }

    /// Lets so many matching requests pass first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// The request takes effect all the same, before whatever else happens.
    #[must_use]
    pub fn processed(mut self) -> Self {
        self.processed = true;
        self
    }
}

/// What is to happen to one request.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What keeps the request, before it has any effect.
    pub(crate) before: Vec<Wait>,
    pub(crate) fault: Option<Fault>,
    /// What keeps the answer, after the effect.
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

    /// The plan for a request of `action`: everything that matches and keeps it, and the first other fault.
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
