//! Requests in a caller's name: signed for AWS's time, and sent again where that is right.

use std::time::Duration;

use super::Caller;
use crate::aws::{AwsError, Reply, Signer};
use crate::context::Context;
use crate::retry::{Backoff, Wait, retry, with_aws_time};

impl Caller {
    /// Sends a request, and again while AWS is throttling, unavailable or busy with another change. A request whose response
    /// was lost is not sent again.
    pub fn send<T>(&mut self, ctx: &Context, send: impl Fn(Signer<'_>) -> Reply<T>) -> Result<T, AwsError> {
        self.send_while(ctx, |error, _| Wait::transient(error), send)
    }

    /// Like [`send`](Self::send), but never sends again what AWS may have done.
    pub fn send_once<T>(
        &mut self,
        ctx: &Context,
        send: impl Fn(Signer<'_>) -> Reply<T>,
    ) -> Result<T, AwsError> {
        self.send_while(ctx, |error, _| Wait::transient(error).filter(|_| !error.may_have_acted()), send)
    }

    /// Sends a request, and again while `reason` names something to wait for, given the error and the wait to come.
    pub fn send_while<T>(
        &mut self,
        ctx: &Context,
        reason: impl Fn(&AwsError, Duration) -> Option<Wait>,
        send: impl Fn(Signer<'_>) -> Reply<T>,
    ) -> Result<T, AwsError> {
        retry(ctx, Backoff::request(), reason, || {
            let sent = with_aws_time(ctx, &self.aws, &self.keys, &mut self.offset, &send);
            sent.inspect_err(|error| ctx.ui.detail(error))
        })
    }
}
