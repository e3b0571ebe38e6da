//! Requests that get no credentials, and clients that try to stop the server.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::server::Server;
use crate::support::World;

/// A request for credentials with these changes.
fn with(server: &Server, change: impl Fn(&str) -> String) -> (u16, String) {
    let text = format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n", server.token());
    server.request(change(&text)).refusal()
}

#[test]
fn request_that_no_sdk_sends_is_refused() {
    let world = World::imported();
    let server = Server::start(&world.home, &["-p", "dev"]);
    let replace = |from: &str, to: &str| with(&server, |text| text.replace(from, to));
    let token = server.token();
    let refused = |status, code: &str| (status, code.to_owned());
    for (from, to) in [
        (token, ""),
        (token, &token[1..]),
        ("Authorization", "X-Authorization"),
        ("Authorization: ", "Authorization: Bearer "),
    ] {
        assert_eq!(replace(from, to), refused(401, "InvalidToken"), "{to}");
    }
    for host in ["evil.example", "169.254.170.2", "0.0.0.0"] {
        assert_eq!(replace("localhost", host), refused(403, "ForeignHost"), "{host}");
    }
    for header in ["Origin: http://localhost", "Sec-Fetch-Site: none"] {
        assert_eq!(
            replace("\r\n\r\n", &format!("\r\n{header}\r\n\r\n")),
            refused(403, "BrowserRequest"),
            "{header}"
        );
    }
    for method in ["POST", "PUT", "HEAD", "OPTIONS", "get"] {
        assert_eq!(replace("GET", method), refused(405, "MethodNotAllowed"), "{method}");
    }
    for path in ["/prod", "/dev/", "/latest/meta-data/iam/security-credentials/"] {
        assert_eq!(replace("GET /", &format!("GET {path}")), refused(404, "UnknownProfile"), "{path}");
    }
    for (from, to) in [
        ("Host: localhost\r\n", ""),
        ("HTTP/1.1", "HTTP/2"),
        ("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\nabc"),
        ("GET /", "GET http://localhost/"),
    ] {
        assert_eq!(replace(from, to), refused(400, "BadRequest"), "{to}");
    }
    let long = format!("\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    assert_eq!(replace("\r\n\r\n", &long), refused(431, "RequestTooLarge"));
    assert_eq!(server.request(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").refusal(), refused(400, "BadRequest"));
    assert_eq!(server.get("/").json().0, 200, "it still serves");
}

#[test]
fn secrets_are_only_in_the_response_to_the_right_request() {
    let world = World::imported();
    let server = Server::start(&world.home, &["-p", "dev"]);
    let served = server.get("/").json().1;
    let secrets =
        [&served["SecretAccessKey"], &served["Token"]].map(|value| value.as_str().unwrap().to_owned());
    for text in ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /x HTTP/1.1\r\n\r\n", "\r\n\r\n"] {
        let response = server.request(text).0;
        assert!(
            secrets.iter().all(|secret| !response.contains(secret)) && !response.contains(server.token())
        );
    }
    assert!(!server.err().contains("[TOKEN]"), "{}", server.err());
}

#[test]
fn idle_connections_keep_nobody_out() {
    let world = World::imported();
    let server = Server::start(&world.home, &["-p", "dev"]);
    // More than the server has places; half of them send a part of a request.
    let idle: Vec<TcpStream> = (0..250)
        .map(|index| {
            let mut stream = server.connect();
            if index % 2 == 0 {
                stream.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
            }
            stream
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(server.get("/").json().0, 200);
    }
    drop(idle);
}

#[test]
fn slow_request_is_ended() {
    let world = World::imported();
    let server = Server::start(&world.home, &["-p", "dev"]);
    let mut stream = server.connect();
    // One byte at a time does not start the limit again.
    let is_ended = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        stream.write_all(b"G").is_err()
    });
    assert!(is_ended, "it was still read after 30 seconds");
    let mut silent = server.connect();
    let mut text = String::new();
    silent.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
}

#[test]
fn flood_of_requests_is_served() {
    let world = World::imported();
    let server = Server::start(&world.home, &["-p", "dev"]);
    let served = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..50).filter(|_| server.get("/").json().0 == 200).count()))
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum::<usize>()
    });
    assert_eq!(served, 400);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}
