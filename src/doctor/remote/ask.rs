//! Asks AWS about many keys at once. Each thread sends one request at a time; they share connections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use crate::aws::{Aws, AwsError, AwsErrorKind, Keys, MfaDevice, Reply, Signer, VirtualDevice};
use crate::clock::SharedClock;
use crate::model::identity::Identity;
use crate::model::serial::Serial;
use crate::retry::in_aws_time;

/// How many requests are sent at the same time.
const THREADS: usize = 8;

/// Keys to ask about.
pub struct Question<'a> {
    pub keys: &'a Keys,
    pub aws: &'a Aws,
    /// The devices that are registered here.
    pub registered: &'a [Serial],
}

/// What AWS says.
pub struct Answer {
    pub identity: Result<Identity, AwsError>,
    /// The devices of the keys' user; `None` if the keys belong to no user.
    pub devices: Option<Result<Vec<MfaDevice>, AwsError>>,
    /// The account's virtual devices, if a registered device of the account is not one of the user's.
    pub all: Option<Result<Vec<VirtualDevice>, AwsError>>,
    /// AWS's time minus this computer's.
    pub offset: TimeDelta,
}

/// The answers, in the order of the questions; `None` for a question that was not asked, because its server had not answered
/// another one.
pub fn all(clock: &SharedClock, questions: &[Question<'_>]) -> Vec<Option<Answer>> {
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<Option<Answer>>> = Mutex::new(questions.iter().map(|_| None).collect());
    let silent: Mutex<Vec<&Aws>> = Mutex::default();
    let work = || {
        while let Some((at, question)) =
            questions.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed))
        {
            if locked(&silent).iter().any(|aws| std::ptr::eq(*aws, question.aws)) {
                continue;
            }
            let answer = ask(clock, question);
            if answer.identity.as_ref().is_err_and(AwsError::is_outage) {
                locked(&silent).push(question.aws);
            }
            locked(&answers)[at] = Some(answer);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(questions.len()) {
            scope.spawn(work);
        }
    });
    answers.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask(clock: &SharedClock, question: &Question<'_>) -> Answer {
    let mut offset = TimeDelta::zero();
    let mut answer =
        Answer { identity: identify(clock, question, &mut offset), devices: None, all: None, offset };
    let Ok(identity) = &answer.identity else { return Answer { offset, ..answer } };
    if identity.user().is_some() {
        let user = identity.user().map(str::to_owned);
        let mut listed = send(clock, question, &mut offset, |aws| aws.list_mfa_devices(None));
        // A server that cannot find the keys' user itself gets the name.
        if listed.as_ref().is_err_and(|error| error.kind == AwsErrorKind::NotFound) {
            listed = send(clock, question, &mut offset, |aws| aws.list_mfa_devices(user.as_deref()));
        }
        let is_listed = |serial: &Serial| {
            listed.as_ref().is_ok_and(|listed| listed.iter().any(|device| device.serial == serial.as_str()))
        };
        let of_account = |serial: &&Serial| serial.account() == Some(&identity.account);
        if listed.is_ok() && question.registered.iter().filter(of_account).any(|serial| !is_listed(serial)) {
            answer.all = Some(send(clock, question, &mut offset, |aws| aws.list_virtual_mfa_devices()));
        }
        answer.devices = Some(listed);
    }
    Answer { offset, ..answer }
}

fn identify(
    clock: &SharedClock,
    question: &Question<'_>,
    offset: &mut TimeDelta,
) -> Result<Identity, AwsError> {
    let caller = send(clock, question, offset, |aws| aws.get_caller_identity())?;
    Identity::of_arn(&caller.arn).ok_or_else(|| {
        AwsError::new(AwsErrorKind::NotAws, "GetCallerIdentity", format!("`{}` is not an ARN", caller.arn))
    })
}

fn send<T>(
    clock: &SharedClock,
    question: &Question<'_>,
    offset: &mut TimeDelta,
    send: impl Fn(Signer<'_>) -> Reply<T>,
) -> Result<T, AwsError> {
    in_aws_time(&**clock, question.aws, question.keys, offset, send)
}
