//! Observes requests and responses: whether a request was sent, AWS's time, and whether a response is from AWS and complete.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
    BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use chrono::{DateTime, Utc};

/// Watches every request and response of an operation, successful or not.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    operation: &'static str,
    seen: Arc<Mutex<Seen>>,
}

/// What an operation's requests and responses showed.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Whether a request was built, signed and passed to the network. Before that, nothing has left this computer.
    pub(super) sent: bool,
    /// The URL of the last request.
    pub(super) url: String,
    /// The `Date` of the last response.
    pub(super) date: Option<DateTime<Utc>>,
    /// The shape of the last response.
    pub(super) last: Option<Shape>,
    /// The shape of a response that the SDK wrongly accepted as a success; a list has a response for each page.
    pub(super) bad_success: Option<Shape>,
}

/// What a response is, judged by its root element. The SDK does not check: it reads half a token from truncated XML, and
/// accepts a captive portal's page where it expects an empty body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A complete response from AWS.
    Whole,
    /// The beginning of a response from AWS.
    Cut,
    Foreign,
}

impl Watch {
    /// For the answers to this operation.
    pub(super) fn new(operation: &'static str) -> Self {
        Self { operation, seen: Arc::default() }
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut seen = self.lock();
        seen.sent = true;
        context.request().uri().clone_into(&mut seen.url);
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|d| DateTime::parse_from_rfc2822(d).ok()) {
            self.lock().date = Some(date.to_utc());
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        let shape = shape(body, self.operation, response.status().is_success());
        let mut seen = self.lock();
        seen.last = Some(shape);
        if context.output_or_error().is_ok() && shape != Shape::Whole {
            seen.bad_success = Some(shape);
        }
        Ok(())
    }
}

/// The shape of a body as a response to the operation. An empty body is a success that lost its body, or an error from
/// anyone.
fn shape(body: &[u8], operation: &str, success: bool) -> Shape {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let nothing = if success { Shape::Cut } else { Shape::Foreign };
    let Some(text) = without_declaration(text).filter(|text| !text.is_empty()) else {
        return if text.is_empty() { nothing } else { Shape::Cut };
    };
    for root in [&format!("{operation}Response"), "ErrorResponse"] {
        let (open, close) = (format!("<{root}"), format!("</{root}>"));
        if let Some(at) = text.find(&open) {
            let empty = text[at + open.len()..]
                .find('>')
                .is_some_and(|end| text[..at + open.len() + end].ends_with('/'));
            return if empty || text.ends_with(&close) { Shape::Whole } else { Shape::Cut };
        }
        if open.starts_with(text) {
            return Shape::Cut;
        }
    }
    Shape::Foreign
}

/// The text after the XML declaration, if there is one; `None` if the declaration does not end.
fn without_declaration(text: &str) -> Option<&str> {
    const OPEN: &str = "<?xml";
    if !text.is_empty() && text.len() < OPEN.len() && OPEN.starts_with(text) {
        return None;
    }
    match text.strip_prefix(OPEN) {
        Some(rest) => rest.split_once("?>").map(|(_, document)| document.trim_start()),
        None => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<DeactivateMFADeviceResponse xmlns=\"x\"><ResponseMetadata/></DeactivateMFADeviceResponse>\n";

    fn of(body: &str) -> Shape {
        shape(body.as_bytes(), "DeactivateMFADevice", true)
    }

    #[test]
    fn response_is_whole_when_its_root_element_is_closed() {
        assert_eq!(of(WHOLE), Shape::Whole);
        assert_eq!(of(WHOLE.split_once('\n').unwrap().1), Shape::Whole);
        assert_eq!(of("<ErrorResponse><Error/></ErrorResponse>"), Shape::Whole);
        assert_eq!(of("<DeactivateMFADeviceResponse/>"), Shape::Whole);
    }

    #[test]
    fn response_truncated_at_any_byte_is_cut() {
        for end in 0..WHOLE.trim_end().len() {
            assert_eq!(of(&WHOLE[..end]), Shape::Cut, "{}", &WHOLE[..end]);
        }
    }

    #[test]
    fn response_to_another_operation_is_foreign() {
        let shape = |body: &str| shape(body.as_bytes(), "DeleteVirtualMFADevice", true);
        assert_eq!(shape(WHOLE), Shape::Foreign);
        assert_eq!(shape("<html>sign in</html>"), Shape::Foreign);
        assert_eq!(super::shape(b"", "DeleteVirtualMFADevice", false), Shape::Foreign);
    }
}
