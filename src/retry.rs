//! Sending requests again: with AWS's time if the signature was rejected for the time.

use chrono::TimeDelta;

use crate::aws::{Aws, AwsError, AwsErrorKind, Keys, Reply, Signer};
use crate::context::Context;
use crate::model::clock_offset;

/// A clock that is further off than this is the person's to set: sessions would seem expired, or endless.
pub const MAX_OFFSET: TimeDelta = TimeDelta::hours(1);

/// Sends a request, and again with AWS's time if its signature was refused for the time. What AWS's time differs from
/// this computer's is learnt into `offset` from every answer.
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

/// Learns AWS's time from a reply. Returns whether it was another than we thought.
fn observe<T>(ctx: &Context, reply: &Reply<T>, offset: &mut TimeDelta) -> bool {
    let Some(aws_time) = reply.server_time else { return false };
    let learnt = clock_offset::learn(*offset, aws_time, ctx.clock.now());
    if let Some(learnt) = learnt {
        let seconds = learnt.num_seconds();
        ctx.ui.detail(format_args!("AWS's clock differs from this computer's by {seconds:+} s"));
        *offset = learnt;
    }
    learnt.is_some()
}
