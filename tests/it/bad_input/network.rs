//! AWS is unreachable or unavailable, or something else answers.

use std::net::{TcpListener, TcpStream};

use fake_aws::Fault;

use super::{login, login_and_sdk, sdk};
use crate::support::World;

#[test]
fn refused_connection_uses_no_code() {
    let mut world = World::imported();
    // The local port of an open connection: it is in use, but nothing listens on it.
    let other_end = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = TcpStream::connect(other_end.local_addr().unwrap()).unwrap();
    world.home.set("AWS_ENDPOINT_URL", &format!("http://{}", taken.local_addr().unwrap()));
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 6), @"
    error: cannot reach `[AWS]`: Connection refused (os error [N])
    hint: check the network and the endpoint, `AWS_ENDPOINT_URL` or the profile's `endpoint_url`
    ");
    // The codes were not sent, so the next login needs only one.
    world.home.set("AWS_ENDPOINT_URL", &world.aws.endpoint());
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn unknown_host_name_is_an_error() {
    let mut world = World::imported();
    // A label is longer than 63 bytes (RFC 1035 §2.3.4), so resolvers reject the name without a query.
    world.home.set("AWS_ENDPOINT_URL", &format!("http://{}.invalid", "x".repeat(64)));
    let err = login_and_sdk(&world.home, "dev", 6);
    // The resolver's message depends on the system.
    assert!(err.starts_with("error: cannot reach `xxx"), "{err}");
}

#[test]
fn silent_server_times_out() {
    let mut world = World::imported();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    world.home.set("AWS_ENDPOINT_URL", &format!("http://{}", silent.local_addr().unwrap()));
    insta::assert_snapshot!(sdk(&world.home, "dev", 6), @"awsmfa: no complete response to GetSessionToken from `[AWS]`: timed out; hint: try again; the code that was sent will not be used again");
}

#[test]
fn broken_connection_is_an_error() {
    let world = World::imported();
    world.aws.fault(Fault::drop_before().forever());
    insta::assert_snapshot!(login(&world.home, "dev", 6), @"
    error: no complete response to GetSessionToken from `[AWS]`: connection closed before message completed
    hint: try again; the code that was sent will not be used again
    ");
    let world = World::imported();
    world.aws.fault(Fault::drop_before().forever());
    insta::assert_snapshot!(sdk(&world.home, "dev", 6), @"awsmfa: no complete response to GetSessionToken from `[AWS]`: connection closed before message completed; hint: try again; the code that was sent will not be used again");
}

#[test]
fn captive_portal_is_an_error() {
    for fault in [Fault::captive_portal(), Fault::captive_redirect(), Fault::garbage()] {
        let world = World::imported();
        world.aws.fault(fault.forever());
        let err = login_and_sdk(&world.home, "dev", 6);
        let err = err.replace("302", "[STATUS]").replace("200", "[STATUS]");
        insta::allow_duplicates! { insta::assert_snapshot!(err, @"
        error: something other than AWS answered for `[AWS]` (HTTP status [STATUS])
        hint: sign in to the network first: a captive portal or proxy may be answering
        ") }
    }
}

#[test]
fn captive_portal_is_an_error_before_the_serial_is_known() {
    let world = World::new();
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    world.aws.fault(Fault::captive_redirect().forever());
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 6), @"
    error: something other than AWS answered for `[AWS]` (HTTP status 302)
    hint: sign in to the network first: a captive portal or proxy may be answering
    ");
}

#[test]
fn untrusted_certificate_is_rejected() {
    let world = World::with(fake_aws::FakeAws::builder().https().start());
    let import = ["device", "import", "--profile", "dev", "--secret-stdin"];
    world.home.awsmfa(import).stdin(&world.device.seed).run().success();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 6), @"
    error: the connection to `[AWS]` is not trusted: invalid peer certificate: UnknownIssuer
    hint: set `AWS_CA_BUNDLE` to the certificates of your proxy if it inspects TLS
    hint: set this computer's clock: `sudo timedatectl set-ntp true`
    ");
}

#[test]
fn aws_failure_is_reported() {
    let world = World::imported();
    world.aws.fault(Fault::service_failure().forever());
    insta::assert_snapshot!(login(&world.home, "dev", 6), @"
    error: AWS is unavailable: GetSessionToken: The request processing has failed because of an unknown error, exception or failure
    hint: try again later: https://health.aws.amazon.com
    ");
    let world = World::imported();
    world.aws.fault(Fault::unavailable().forever());
    insta::assert_snapshot!(sdk(&world.home, "dev", 6), @"awsmfa: AWS is unavailable: GetSessionToken: The request has failed due to a temporary failure of the server; hint: try again later: https://health.aws.amazon.com");
}

#[test]
fn throttling_is_retried_and_reported() {
    let world = World::imported();
    world.aws.fault(Fault::throttling().forever());
    insta::assert_snapshot!(login(&world.home, "dev", 6), @"
    awsmfa: throttled by AWS; retrying in 2s
    awsmfa: throttled by AWS; retrying in 2s
    error: AWS is throttling requests: GetSessionToken: Rate exceeded
    hint: try again in a minute
    ");
    let world = World::imported();
    world.aws.fault(Fault::throttling().forever());
    insta::assert_snapshot!(sdk(&world.home, "dev", 6), @"awsmfa: AWS is throttling requests: GetSessionToken: Rate exceeded; hint: try again in a minute");
}

#[test]
fn single_throttled_request_is_retried() {
    let world = World::imported();
    world.aws.fault(Fault::throttling());
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    let world = World::imported();
    world.aws.fault(Fault::throttling());
    world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
}

#[test]
fn aws_failure_is_reported_before_the_serial_is_known() {
    for fault in [Fault::throttling(), Fault::unavailable()] {
        let world = World::new();
        world.home.write_config("[profile dev]\nregion = eu-central-1\n");
        world.aws.fault(fault.forever());
        let err = sdk(&world.home, "dev", 6);
        assert!(err.contains("ListMFADevices"), "{err}");
    }
}

#[test]
fn invalid_ca_bundle_and_proxy_are_rejected() {
    let mut world = World::imported();
    world.home.set("AWS_CA_BUNDLE", world.home.join("nowhere.pem").to_str().unwrap());
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: cannot read the CA bundle `~/nowhere.pem`: No such file or directory (os error [N])
    hint: set `AWS_CA_BUNDLE` or the profile's `ca_bundle` to a file of PEM certificates
    ");
    world.home.set("AWS_CA_BUNDLE", world.home.join("passphrase").to_str().unwrap());
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: the CA bundle `~/passphrase` has no usable PEM certificate
    hint: set `AWS_CA_BUNDLE` or the profile's `ca_bundle` to a file of PEM certificates
    ");
    world.home.unset("AWS_CA_BUNDLE");
    world.home.set("HTTP_PROXY", "http://user:hunter2@[bad");
    let err = login_and_sdk(&world.home, "dev", 3);
    assert!(!err.contains("hunter2"), "{err}");
    insta::assert_snapshot!(err, @"
    error: HTTP_PROXY: the proxy URL is malformed
    hint: set `HTTP_PROXY=http://user:password@host:port`
    hint: write `/`, `?`, `#` and `%` in a password as `%2F`, `%3F`, `%23` and `%25`
    ");
}
