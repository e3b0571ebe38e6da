//! What answers show besides their content: AWS's time, and whether they are AWS's at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use chrono::{DateTime, Utc};

/// Looks at every answer, successful or not.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    operation: &'static str,
    seen: Arc<Mutex<Seen>>,
}

/// What an operation's answers showed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// The `Date` of the last.
    pub(super) date: Option<DateTime<Utc>>,
    /// Whether one was not AWS's, whatever its status says.
    pub(super) foreign: bool,
}

impl Watch {
    /// For the answers to this operation.
    pub(super) fn new(operation: &'static str) -> Self {
        Self { operation, seen: Arc::default() }
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> Seen {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
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
        let body = context.response().body().bytes().unwrap_or_default();
        self.lock().foreign |= !names_the_operation(body, self.operation);
        Ok(())
    }
}

/// Whether an answer is one to the operation. The SDK does not look at the body where it expects nothing in it, so that a
/// captive portal's page would pass for AWS's having done what it was asked for.
fn names_the_operation(body: &[u8], operation: &str) -> bool {
    String::from_utf8_lossy(body).contains(&format!("<{operation}Response"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_its_operation() {
        let answer =
            b"<DeactivateMFADeviceResponse xmlns=\"x\"><ResponseMetadata/></DeactivateMFADeviceResponse>";
        assert!(names_the_operation(answer, "DeactivateMFADevice"));
        assert!(!names_the_operation(answer, "DeleteVirtualMFADevice"));
        assert!(!names_the_operation(b"", "DeactivateMFADevice"));
        assert!(!names_the_operation(b"<html>sign in</html>", "DeactivateMFADevice"));
    }
}
