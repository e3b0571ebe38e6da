//! Faults, as a client sees them.

use std::net::TcpStream;
use std::time::Duration;

use fake_aws::{FakeAws, Fault, Gate, RequestOutcome};

use crate::support::{Client, frozen};

fn setup() -> (FakeAws, Client) {
    let aws = frozen();
    aws.add_admin("dev");
    let client = Client::new(&aws, &aws.add_access_key("dev"));
    (aws, client)
}

#[test]
fn error_faults_are_sent() {
    let (aws, client) = setup();
    aws.fault(Fault::throttling().on("GetSessionToken").times(2));
    client.sts("GetCallerIdentity", &[]).ok();
    client.sts("GetSessionToken", &[]).rejected(400, "Throttling", "Rate exceeded");
    client.sts("GetSessionToken", &[]).rejected(400, "Throttling", "Rate exceeded");
    client.sts("GetSessionToken", &[]).ok();
    aws.fault(Fault::service_failure());
    let failure = client.sts("GetCallerIdentity", &[]);
    failure.code(500, "ServiceFailure");
    assert_eq!(failure.text("Type"), "Receiver");
    aws.fault(Fault::unavailable());
    client.sts("GetCallerIdentity", &[]).code(503, "ServiceUnavailable");
    aws.fault(Fault::error(403, "RegionDisabledException", "no <region>"));
    let answer = client.sts("GetCallerIdentity", &[]);
    assert!(answer.body.contains("no &lt;region&gt;"), "{}", answer.body);
    aws.fault(Fault::throttling().forever());
    aws.clear_faults();
    client.sts("GetCallerIdentity", &[]).ok();
}

#[test]
fn connection_closes_before_or_after_the_effect() {
    let (aws, client) = setup();
    let create = |name: &str| {
        client.call("iam", "2010-05-08", "CreateVirtualMFADevice", &[("VirtualMFADeviceName", name)])
    };
    aws.fault(Fault::drop_before());
    create("before").unwrap_err();
    assert!(aws.devices().is_empty());
    aws.fault(Fault::drop_after());
    create("after").unwrap_err();
    assert_eq!(aws.devices().len(), 1);
    let outcomes: Vec<_> = aws.requests().into_iter().map(|request| request.outcome).collect();
    assert_eq!(
        outcomes,
        [RequestOutcome::Dropped { processed: false }, RequestOutcome::Dropped { processed: true }]
    );
    aws.fault(Fault::service_failure().processed());
    create("failed").unwrap().code(500, "ServiceFailure");
    assert_eq!(aws.devices().len(), 2);
}

#[test]
fn lost_response_still_uses_up_the_code() {
    let (aws, client) = setup();
    let device = aws.add_device("dev", "dev");
    let code = aws.code_now(&device.serial);
    let params = [("SerialNumber", &*device.serial), ("TokenCode", &*code)];
    let login = || client.call("sts", "2011-06-15", "GetSessionToken", &params);
    aws.fault(Fault::drop_before());
    login().unwrap_err();
    aws.fault(Fault::drop_after());
    login().unwrap_err();
    login().unwrap().code(403, "AccessDenied");
    assert_eq!(aws.codes_sent(&device.serial).len(), 3);
}

#[test]
fn portals_and_garbage_have_status_200_or_302() {
    let (aws, client) = setup();
    aws.fault(Fault::captive_portal());
    let portal = client.sts("GetCallerIdentity", &[]).ok();
    assert_eq!(portal.header("content-type"), Some("text/html"));
    assert!(portal.body.starts_with("<!DOCTYPE html>"));
    aws.fault(Fault::captive_redirect());
    let redirect = client.sts("GetCallerIdentity", &[]);
    assert_eq!((redirect.status, redirect.header("location")), (302, Some("http://captive.invalid/login")));
    aws.fault(Fault::garbage());
    assert!(!client.sts("GetCallerIdentity", &[]).ok().body.contains("Response"));
}

/// Sends CreateVirtualMFADevice on a new connection and does not wait for the response.
fn send_create(client: &Client) -> TcpStream {
    let name = [("VirtualMFADeviceName", "x")];
    let (headers, body) = client.signed("iam", "2010-05-08", "CreateVirtualMFADevice", &name);
    let mut stream = TcpStream::connect(&client.address).unwrap();
    crate::support::write(&mut stream, "POST", "/", &headers, &body).unwrap();
    stream
}

/// Waits until the outcome of the first request is another one than `known`.
#[track_caller]
fn next_outcome(aws: &FakeAws, known: &RequestOutcome) -> RequestOutcome {
    for _ in 0..6000 {
        match aws.requests().into_iter().next().map(|request| request.outcome) {
            Some(outcome) if outcome != RequestOutcome::Pending && outcome != *known => return outcome,
            _ => pause(),
        }
    }
    panic!("still the same after a minute: {:?}", aws.requests());
}

#[allow(clippy::disallowed_methods, reason = "the server is waited for")]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

const HELD: RequestOutcome = RequestOutcome::Held { processed: false };
const ANSWER_HELD: RequestOutcome = RequestOutcome::Held { processed: true };
const DONE: RequestOutcome = RequestOutcome::Answered { status: 200, code: None };

#[test]
fn held_request_takes_effect_without_its_client() {
    let (aws, client) = setup();
    let gate = Gate::new();
    aws.fault(Fault::held(&gate));
    let stream = send_create(&client);
    assert_eq!(next_outcome(&aws, &RequestOutcome::Pending), HELD);
    drop(stream);
    client.sts("GetCallerIdentity", &[]).ok();
    assert!(aws.devices().is_empty());
    gate.open();
    assert_eq!(next_outcome(&aws, &HELD), DONE);
    assert_eq!(aws.devices().len(), 1);
}

#[test]
fn request_with_a_held_response_has_taken_effect() {
    let (aws, client) = setup();
    let gate = Gate::new();
    aws.fault(Fault::held(&gate).processed());
    let mut stream = send_create(&client);
    assert_eq!(next_outcome(&aws, &RequestOutcome::Pending), ANSWER_HELD);
    assert_eq!(aws.devices().len(), 1);
    gate.open();
    assert_eq!(next_outcome(&aws, &ANSWER_HELD), DONE);
    assert!(crate::support::read(&mut stream).unwrap().ok().body.contains("Base32StringSeed"));
}

#[test]
fn delay_is_before_or_after_the_effect() {
    let (aws, client) = setup();
    let long = Duration::from_secs(3600);
    aws.fault(Fault::delay(Duration::from_millis(1)));
    client.sts("GetCallerIdentity", &[]).ok();
    aws.clear_requests();
    aws.fault(Fault::delay(long).processed());
    let _kept = send_create(&client);
    assert_eq!(next_outcome(&aws, &RequestOutcome::Pending), ANSWER_HELD);
    assert_eq!(aws.devices().len(), 1);
    aws.clear_requests();
    aws.remove_device(&aws.devices()[0].serial);
    aws.fault(Fault::delay(long));
    let _kept = send_create(&client);
    assert_eq!(next_outcome(&aws, &RequestOutcome::Pending), HELD);
    assert!(aws.devices().is_empty());
}
