//! A client that signs requests and sends them over a plain socket, and a server with a frozen clock.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use chrono::{DateTime, Utc};
use fake_aws::sigv4::{self, Scope, SignedRequest};
use fake_aws::{AccessKey, Clock, FakeAws, SessionKeys, compact};

pub fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// A server with a clock that is frozen at the start of a three-minute window.
pub fn frozen() -> FakeAws {
    let aws = FakeAws::start();
    aws.clock().freeze(at("2026-09-30T12:00:00Z"));
    aws
}

#[derive(Clone, Debug)]
pub struct Client {
    pub address: String,
    pub key: String,
    pub secret: String,
    pub token: Option<String>,
    pub region: String,
    pub clock: Clock,
    /// The `Host` header, if it is not the address.
    pub host: Option<String>,
    /// Additional headers to sign.
    pub extra: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Client {
    pub fn new(aws: &FakeAws, key: &AccessKey) -> Self {
        Self {
            address: format!("127.0.0.1:{}", aws.port()),
            key: key.id.clone(),
            secret: key.secret.clone(),
            token: None,
            region: "eu-central-1".into(),
            clock: aws.clock(),
            host: None,
            extra: Vec::new(),
        }
    }

    pub fn session(aws: &FakeAws, keys: &SessionKeys) -> Self {
        let key = AccessKey { id: keys.access_key_id.clone(), secret: keys.secret_access_key.clone() };
        Self { token: Some(keys.session_token.clone()), ..Self::new(aws, &key) }
    }

    /// A client with the credentials in a GetSessionToken or AssumeRole response.
    pub fn with_session(&self, answer: &Answer) -> Self {
        Self {
            key: answer.text("AccessKeyId"),
            secret: answer.text("SecretAccessKey"),
            token: Some(answer.text("SessionToken")),
            ..self.clone()
        }
    }

    pub fn sts(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.call("sts", "2011-06-15", action, params).unwrap()
    }

    /// A request without parameters that every user is allowed to send.
    pub fn sts_or_iam(&self, service: &str) -> Answer {
        if service == "iam" { self.iam("GetUser", &[]) } else { self.sts("GetCallerIdentity", &[]) }
    }

    pub fn iam(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.call("iam", "2010-05-08", action, params).unwrap()
    }

    pub fn call(
        &self,
        service: &str,
        version: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let (headers, body) = self.signed(service, version, action, params);
        send(&self.address, "POST", "/", &headers, &body)
    }

    /// The signed headers and the form of a request.
    pub fn signed(
        &self,
        service: &str,
        version: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> (Vec<(String, String)>, String) {
        let pairs = [("Action", action), ("Version", version)];
        let encode = |(k, v): &(&str, &str)| format!("{}={}", sigv4::uri_encode(k), sigv4::uri_encode(v));
        let body = pairs.iter().chain(params).map(encode).collect::<Vec<_>>().join("&");
        let date = compact(self.clock.now());
        let mut headers = vec![
            ("host".to_owned(), self.host.clone().unwrap_or_else(|| self.address.clone())),
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("x-amz-date".to_owned(), date.clone()),
        ];
        if let Some(token) = &self.token {
            headers.push(("x-amz-security-token".into(), token.clone()));
        }
        headers.extend(self.extra.iter().cloned());
        let scope = Scope { date: date[..8].into(), region: self.region.clone(), service: service.into() };
        let request =
            SignedRequest { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
        let authorization = sigv4::sign(&request, &self.key, &self.secret, &date, &scope);
        headers.push(("authorization".into(), authorization));
        headers.push(("user-agent".into(), "fake-aws-tests".into()));
        (headers, body)
    }
}

impl Answer {
    pub fn text(&self, element: &str) -> String {
        self.try_text(element).unwrap_or_else(|| panic!("no <{element}> in {}", self.body))
    }

    pub fn try_text(&self, element: &str) -> Option<String> {
        self.texts(element).into_iter().next()
    }

    pub fn texts(&self, element: &str) -> Vec<String> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let after = self.body.split(&open).skip(1);
        let inner = after.filter_map(|rest| rest.split_once(&close)).map(|(inner, _)| inner);
        inner.map(|text| text.replace("&apos;", "'").replace("&quot;", "\"").replace("&amp;", "&")).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn rejected(&self, status: u16, code: &str, message: &str) {
        assert!(self.body.starts_with("<ErrorResponse xmlns="), "{}", self.body);
        assert_eq!((self.status, &*self.text("Code"), &*self.text("Message")), (status, code, message));
    }

    #[track_caller]
    pub fn code(&self, status: u16, code: &str) {
        assert_eq!((self.status, &*self.text("Code")), (status, code), "{}", self.body);
    }
}

pub fn send(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<Answer> {
    exchange(TcpStream::connect(address)?, method, target, headers, body)
}

/// Sends one request and reads the response over any stream.
pub fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<Answer> {
    write(&mut stream, method, target, headers, body)?;
    read(&mut stream)
}

pub fn write(
    stream: &mut impl Write,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<()> {
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name == "host") {
        head += "host: localhost\r\n";
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes())
}

pub fn read(stream: &mut impl Read) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("no answer"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let header = |line: &str| line.split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned()));
    Ok(Answer {
        status: status.unwrap_or(0),
        headers: lines.filter_map(header).collect(),
        body: body.to_owned(),
    })
}
