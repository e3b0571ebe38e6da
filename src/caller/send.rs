//! Requests in a caller's name: signed for AWS's time, and sent again where that is right.

use std::time::Duration;

use super::Caller;
use crate::aws::{AwsError, AwsErrorKind, Reply, Signer};
use crate::context::Context;
use crate::retry::with_aws_time;

/// Waits between the tries of a request, in seconds.
const WAITS: [u64; 4] = [1, 2, 4, 8];

impl Caller {
    /// Sends a request, and again while AWS throttles, fails or is busy with another change. One whose answer was lost is
    /// not repeated: what then is right, its sender knows.
    pub fn send<T>(&mut self, ctx: &Context, send: impl Fn(Signer<'_>) -> Reply<T>) -> Result<T, AwsError> {
        self.send_while(ctx, |error, _| is_transient(error), send)
    }

    /// Sends a request, and again while `reason` names what to wait for, given the error and the wait to come.
    pub fn send_while<T>(
        &mut self,
        ctx: &Context,
        reason: impl Fn(&AwsError, Duration) -> Option<&'static str>,
        send: impl Fn(Signer<'_>) -> Reply<T>,
    ) -> Result<T, AwsError> {
        let mut waits = WAITS.into_iter().map(Duration::from_secs);
        loop {
            let sent = with_aws_time(ctx, &self.aws, &self.keys, &mut self.offset, &send);
            let error = match sent {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            ctx.ui.detail(&error);
            let Some((wait, reason)) = waits.next().and_then(|wait| Some((wait, reason(&error, wait)?)))
            else {
                return Err(error);
            };
            ctx.ui.wait(&*ctx.clock, wait, reason);
        }
    }
}

/// What to wait for where AWS certainly judged nothing, or fails and may be asked again.
pub fn is_transient(error: &AwsError) -> Option<&'static str> {
    match error.kind {
        AwsErrorKind::Throttled => Some("AWS, which is throttling"),
        AwsErrorKind::Busy => Some("another change to end"),
        AwsErrorKind::Unavailable => Some("AWS to recover"),
        _ => None,
    }
}
