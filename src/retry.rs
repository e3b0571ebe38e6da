//! Sending requests again: with AWS's time, after growing waits, and after a response was lost.

use std::time::Duration;

use chrono::TimeDelta;

use crate::aws::{Aws, AwsError, AwsErrorKind, Keys, Reply, Signer};
use crate::clock::Clock;
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
    let before = *offset;
    let result = in_aws_time(&*ctx.clock, aws, keys, offset, send);
    if *offset != before {
        let seconds = offset.num_seconds();
        ctx.ui.detail(format_args!("AWS's clock differs from this computer's by {seconds:+} s"));
    }
    result
}

/// The same without saying so, for other threads than the one that talks to the person.
pub fn in_aws_time<T>(
    clock: &dyn Clock,
    aws: &Aws,
    keys: &Keys,
    offset: &mut TimeDelta,
    send: impl Fn(Signer<'_>) -> Reply<T>,
) -> Result<T, AwsError> {
    let first = send(aws.signed(keys, *offset));
    let moved = observe(clock, &first, offset);
    match first.result {
        Err(error) if error.kind == AwsErrorKind::ClockSkew && moved && offset.abs() <= MAX_OFFSET => {
            let second = send(aws.signed(keys, *offset));
            observe(clock, &second, offset);
            second.result
        }
        result => result,
    }
}

/// Learns AWS's time from a reply. Returns whether it differs from what was known.
fn observe<T>(clock: &dyn Clock, reply: &Reply<T>, offset: &mut TimeDelta) -> bool {
    let Some(aws_time) = reply.server_time else { return false };
    let learned = clock_offset::learn(*offset, aws_time, clock.now());
    if let Some(learned) = learned {
        *offset = learned;
    }
    learned.is_some()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::{Arc, Mutex};

    use chrono::{DateTime, Utc};

    use super::*;
    use crate::clock::Clock;
    use crate::env::Env;
    use crate::ui::{Style, Terminal, Ui};

    /// A clock that notes for how many seconds it was asked to sleep, and does not.
    #[derive(Debug, Default)]
    struct Noted(Mutex<Vec<u64>>);

    impl Clock for Noted {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }
        fn sleep(&self, duration: Duration) {
            self.0.lock().unwrap().push(duration.as_secs());
        }
    }

    /// Runs this in a context without a terminal. Returns its result, and the waits in seconds.
    fn noted<T>(run: impl FnOnce(&Context) -> T) -> (T, Vec<u64>) {
        let env = Env::from_pairs([("HOME", "/nowhere")]);
        let ui = Ui::new(Style::default(), Box::new(std::io::sink()), Box::new(std::io::sink()));
        let (clock, prompt) = (Arc::new(Noted::default()), Arc::new(Terminal::new(&env, &ui)));
        let result = run(&Context::new(env, clock.clone(), ui, prompt).unwrap());
        let waits = clock.0.lock().unwrap().clone();
        (result, waits)
    }

    fn error(kind: AwsErrorKind) -> AwsError {
        AwsError::new(kind, "CreateUser", "")
    }

    #[test]
    fn waits_grow_and_end() {
        let waits = |mut backoff: Backoff| {
            let ((), waits) = noted(|ctx| while backoff.wait(ctx, Wait::For("the test")) {});
            waits
        };
        assert_eq!(waits(Backoff::request()), [1, 2, 4, 8]);
        assert_eq!(waits(Backoff::propagation()), [1, 2, 4, 8, 8]);
        assert_eq!(waits(Backoff::new_device()), [8, 10]);
    }

    #[test]
    fn retry_ends_with_a_value_without_a_reason_or_after_the_last_wait() {
        let until = |value: usize, reason: fn(&usize, Duration) -> Option<Wait>| {
            let mut tries = 0;
            noted(move |ctx| {
                retry(ctx, Backoff::request(), reason, || {
                    tries += 1;
                    if tries == value { Ok(tries) } else { Err(tries) }
                })
            })
        };
        let always = |_: &usize, _| Some(Wait::Retry("test"));
        assert_eq!(until(1, always), (Ok(1), vec![]));
        assert_eq!(until(3, always), (Ok(3), vec![1, 2]));
        assert_eq!(until(9, always), (Err(5), vec![1, 2, 4, 8]));
        assert_eq!(until(9, |tries, _| (*tries < 2).then_some(Wait::For("test"))), (Err(2), vec![1]));
        let short = |_: &usize, wait| (wait <= Duration::from_secs(2)).then_some(Wait::For("test"));
        assert_eq!(until(9, short), (Err(3), vec![1, 2]), "the reason knows the wait to come");
    }

    #[test]
    fn only_failures_that_pass_are_transient() {
        use AwsErrorKind::{AccessDenied, Busy, Lost, NotSent, Throttled, Unavailable, Unreachable};
        let transient = |kind| Wait::transient(&error(kind)).is_some();
        assert!([Throttled, Busy, Unavailable].into_iter().all(transient));
        assert!(![AccessDenied, Lost, NotSent, Unreachable].into_iter().any(transient));
    }

    /// What AWS says to each request for a change, and what looking shows after a lost response. Returns the result, whether
    /// the change is in doubt, the number of requests and of looks, and the waits.
    fn changed(
        answers: &[Result<u8, AwsErrorKind>],
        shown: Option<u8>,
    ) -> (Result<u8, AwsErrorKind>, bool, (usize, usize), Vec<u64>) {
        let (sent, looks) = (Cell::new(0), Cell::new(0));
        let (answered, waits) = noted(|ctx| {
            let send = |sent: &mut &Cell<usize>| {
                let answer = answers[sent.get().min(answers.len() - 1)].map_err(error);
                sent.set(sent.get() + 1);
                answer
            };
            change(ctx, &mut &sent, send, |_| {
                looks.set(looks.get() + 1);
                Ok(shown)
            })
        });
        let Answered { result, in_doubt } = answered.unwrap();
        (result.map_err(|error| error.kind), in_doubt, (sent.get(), looks.get()), waits)
    }

    #[test]
    fn change_is_sent_once_unless_its_response_is_lost() {
        use AwsErrorKind::{AccessDenied, Throttled};
        assert_eq!(changed(&[Ok(1)], None), (Ok(1), false, (1, 0), vec![]));
        for kind in [AccessDenied, Throttled] {
            assert_eq!(changed(&[Err(kind)], Some(1)), (Err(kind), false, (1, 0), vec![]), "{kind:?}");
        }
    }

    #[test]
    fn change_with_a_lost_response_is_looked_for_and_then_sent_again() {
        for kind in [AwsErrorKind::Lost, AwsErrorKind::Unavailable] {
            let lost = || Err(kind);
            assert_eq!(changed(&[lost()], Some(2)), (Ok(2), true, (1, 1), vec![1]), "{kind:?}: found");
            assert_eq!(
                changed(&[lost(), Ok(3)], None),
                (Ok(3), true, (2, 1), vec![1]),
                "{kind:?}: sent again"
            );
            let refused = [lost(), Err(AwsErrorKind::Exists)];
            let exists = Err(AwsErrorKind::Exists);
            assert_eq!(changed(&refused, None), (exists, true, (2, 1), vec![1]), "{kind:?}: refused");
            assert_eq!(
                changed(&[lost()], None),
                (lost(), true, (5, 4), vec![1, 2, 4, 8]),
                "{kind:?}: always"
            );
        }
    }

    #[test]
    fn look_that_fails_ends_the_change() {
        let failed = || crate::error::CommandError::new(crate::error::ErrorKind::Failed, "no list");
        let look = |_: &mut ()| Err::<Option<u8>, _>(failed());
        let (answered, _) =
            noted(|ctx| change(ctx, &mut (), |_: &mut ()| Err(error(AwsErrorKind::Lost)), look));
        assert_eq!(answered.unwrap_err().message, "no list");
    }
}
