//! The forward proxy.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use fake_aws::{FakeAws, Proxy, Target};

use crate::support::{Client, exchange, frozen, send};

fn setup() -> (FakeAws, Client) {
    let aws = frozen();
    aws.add_user("dev");
    let client = Client::new(&aws, &aws.add_access_key("dev"));
    (aws, client)
}

fn address(proxy: &Proxy) -> String {
    proxy.url().strip_prefix("http://").unwrap().to_owned()
}

fn connect(proxy: &Proxy, host: &str, header: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address(proxy)).unwrap();
    write!(stream, "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{header}\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let line = String::from_utf8(head).unwrap().lines().next().unwrap().to_owned();
    (stream, line)
}

#[test]
fn absolute_form_is_forwarded() {
    let (aws, client) = setup();
    let proxy = Proxy::start();
    let (headers, body) = client.signed("sts", "2011-06-15", "GetCallerIdentity", &[]);
    let target = format!("{}/", aws.endpoint());
    send(&address(&proxy), "POST", &target, &headers, &body).unwrap().ok();
    let seen = Target { method: "POST".into(), host: client.address.clone(), passed: true };
    assert_eq!(proxy.seen(), [seen]);
    assert_eq!(aws.requests().len(), 1);
}

#[test]
fn connect_is_tunneled_and_can_be_routed() {
    let (aws, client) = setup();
    let proxy = Proxy::builder().route("sts.amazonaws.com:443", aws.port()).start();
    let (stream, line) = connect(&proxy, "sts.amazonaws.com:443", "");
    assert!(line.contains(" 200 "), "{line}");
    let (headers, body) = client.signed("sts", "2011-06-15", "GetCallerIdentity", &[]);
    exchange(stream, "POST", "/", &headers, &body).unwrap().ok();
    assert_eq!(proxy.seen()[0].host, "sts.amazonaws.com:443");
}

#[test]
fn wrong_password_and_unreachable_host_are_rejected() {
    let (aws, _client) = setup();
    let proxy = Proxy::builder().basic_auth("user", "pass").start();
    let host = format!("127.0.0.1:{}", aws.port());
    assert!(connect(&proxy, &host, "").1.contains(" 407 "));
    let right = "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n";
    assert!(connect(&proxy, &host, right).1.contains(" 200 "));
    drop(aws);
    assert!(connect(&proxy, &host, right).1.contains(" 502 "));
    let passed: Vec<bool> = proxy.seen().iter().map(|target| target.passed).collect();
    assert_eq!(passed, [false, true, false]);
}
