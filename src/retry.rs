//! Sending requests again: with AWS's time, after growing waits, and after a response was lost.

use std::time::Duration;

use chrono::TimeDelta;

use crate::aws::{Aws, AwsError, AwsErrorKind, Keys, Reply, Signer};
use crate::context::Context;
use crate::error::CommandResult;
use crate::model::clock_offset;

/// A clock that is further off than this is for the person to set: session expiry cannot be tracked with it.
pub const MAX_OFFSET: TimeDelta = TimeDelta::hours(1);

/// Why a person has to wait.
#[derive(Debug, Clone, Copy)]
pub enum Wait {
    /// For something to happen, such as "AWS to list the device".
    For(&'static str),
    /// Until the request is sent again, because of this.
    Retry(&'static str),
}

impl Wait {
    /// Why a request is worth sending again as it is: AWS did not process it, or failed.
    pub fn transient(error: &AwsError) -> Option<Self> {
        match error.kind {
            AwsErrorKind::Throttled => Some(Self::Retry("throttled by AWS")),
            AwsErrorKind::Busy => Some(Self::Retry("another change is in progress")),
            AwsErrorKind::Unavailable => Some(Self::Retry("AWS is unavailable")),
            _ => None,
        }
    }

    fn sleep(self, ctx: &Context, duration: Duration) {
        match self {
            Self::For(what) => ctx.ui.wait(&*ctx.clock, duration, what),
            Self::Retry(why) => ctx.ui.wait_to_retry(&*ctx.clock, duration, why),
        }
    }
}

/// The waits between the tries of something. When they are used up, the last result counts.
#[derive(Debug, Clone)]
pub struct Backoff(std::slice::Iter<'static, u64>);

impl Backoff {
    /// For a request that AWS could not serve.
    pub fn request() -> Self {
        Self([1, 2, 4, 8].iter())
    }

    /// Until all of AWS knows what was just created.
    pub fn propagation() -> Self {
        Self([1, 2, 4, 8, 8].iter())
    }

    /// Until STS accepts codes of a new device: that takes 8 to 14 seconds, and each code sent too early is used up.
    pub fn new_device() -> Self {
        Self([8, 10].iter())
    }

    /// Waits before the next try. Returns whether there is one.
    pub fn wait(&mut self, ctx: &Context, wait: Wait) -> bool {
        let next = self.next();
        if let Some(duration) = next {
            wait.sleep(ctx, duration);
        }
        next.is_some()
    }

    fn next(&mut self) -> Option<Duration> {
        self.0.next().map(|seconds| Duration::from_secs(*seconds))
    }
}

/// Tries again while `reason` names something to wait for, given the error and the wait to come.
pub fn retry<T, E>(
    ctx: &Context,
    mut backoff: Backoff,
    reason: impl Fn(&E, Duration) -> Option<Wait>,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    loop {
        let error = match attempt() {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some((duration, wait)) = backoff.next().and_then(|next| Some((next, reason(&error, next)?)))
        else {
            return Err(error);
        };
        wait.sleep(ctx, duration);
    }
}

/// How AWS answered a change in the end.
#[derive(Debug)]
pub struct Answered<T> {
    pub result: Result<T, AwsError>,
    /// Whether the response to an earlier request was lost, so that AWS may have made the change before.
    pub in_doubt: bool,
}

/// Makes a change that must not be repeated blindly. `send` must not send again what AWS may have done. After a lost
/// response `look` finds out what happened, and returns the result or `None` to send the request again.
pub fn change<T, S>(
    ctx: &Context,
    sender: &mut S,
    send: impl Fn(&mut S) -> Result<T, AwsError>,
    mut look: impl FnMut(&mut S) -> CommandResult<Option<T>>,
) -> CommandResult<Answered<T>> {
    let mut backoff = Backoff::request();
    let mut in_doubt = false;
    loop {
        let result = send(sender);
        let Some(lost) = result.as_ref().err().filter(|error| error.may_have_acted()) else {
            return Ok(Answered { result, in_doubt });
        };
        in_doubt = true;
        let wait = Wait::transient(lost).unwrap_or(Wait::Retry("no response from AWS"));
        if !backoff.wait(ctx, wait) {
            return Ok(Answered { result, in_doubt });
        }
        if let Some(done) = look(sender)? {
            return Ok(Answered { result: Ok(done), in_doubt });
        }
    }
}

/// For [`change`]: sends the request again, because AWS's next answer shows what happened.
pub fn ask_again<T, S>(_: &mut S) -> CommandResult<Option<T>> {
    Ok(None)
}

/// Sends a request, and again with AWS's time if AWS rejected its time. The difference between AWS's time and this
/// computer's is learned into `offset` from every response.
pub fn with_aws_time<T>(
    ctx: &Context,
    aws: &Aws,
    keys: &Keys,
    offset: &mut TimeDelta,
    send: impl Fn(Signer<'_>) -> Reply<T>,
) -> Result<T, AwsError> {
    let first = send(aws.signed(keys, *offset));
    let moved = observe(ctx, &first, offset);
    match first.result {
        Err(error) if error.kind == AwsErrorKind::ClockSkew && moved && offset.abs() <= MAX_OFFSET => {
            let second = send(aws.signed(keys, *offset));
            observe(ctx, &second, offset);
            second.result
        }
        result => result,
    }
}

/// Learns AWS's time from a reply. Returns whether it differs from what was known.
fn observe<T>(ctx: &Context, reply: &Reply<T>, offset: &mut TimeDelta) -> bool {
    let Some(aws_time) = reply.server_time else { return false };
    let learned = clock_offset::learn(*offset, aws_time, ctx.clock.now());
    if let Some(learned) = learned {
        let seconds = learned.num_seconds();
        ctx.ui.detail(format_args!("AWS's clock differs from this computer's by {seconds:+} s"));
        *offset = learned;
    }
    learned.is_some()
}
