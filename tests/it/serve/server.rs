//! A running `awsmfa serve`, and requests to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::Home;

/// `awsmfa serve` without a command. Killed when dropped.
pub struct Server {
    child: Child,
    port: u16,
    token: String,
    lines: String,
    err: String,
}

impl Server {
    /// Starts the server and reads what it prints.
    pub fn start(home: &Home, args: &[&str]) -> Self {
        let mut command = home.awsmfa(["serve"].iter().chain(args)).into_command();
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The last line.
        let mut err = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        while !err.contains("hint:") {
            assert_ne!(stderr.read_line(&mut err).unwrap(), 0, "it has ended: {err}");
        }
        // Somebody has to read the rest.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        // Written before, all at once.
        let mut lines = vec![0; 16 * 1024];
        let mut stdout = child.stdout.take().unwrap();
        let count = stdout.read(&mut lines).unwrap();
        let lines = String::from_utf8(lines[..count].to_vec()).unwrap();
        let value = |name: &str| {
            let line = lines.lines().find(|line| line.contains(&format!("{name}="))).unwrap();
            line.split_once('=').unwrap().1.to_owned()
        };
        let token = value("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        let url = value("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let port = url.split([':', '/']).nth(4).unwrap().parse().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Self { child, port, token, lines, err }
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// What the server printed first on stdout, with placeholders.
    pub fn lines(&self) -> String {
        self.masked(&self.lines)
    }

    /// What the server printed first on stderr, with placeholders.
    pub fn err(&self) -> String {
        self.masked(&self.err)
    }

    fn masked(&self, text: &str) -> String {
        text.replace(&self.token, "[TOKEN]").replace(&format!(":{}", self.port), ":[PORT]")
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// A request for credentials, as SDKs send it.
    pub fn get(&self, path: &str) -> Response {
        self.request(format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: {}\r\nAccept: */*\r\n\r\n",
            self.port, self.token
        ))
    }

    /// The response to these bytes.
    pub fn request(&self, bytes: impl AsRef<[u8]>) -> Response {
        let mut stream = self.connect();
        // A server that has seen enough may stop reading.
        let _ = stream.write_all(bytes.as_ref());
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        Response(text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The response of the server.
pub struct Response(pub String);

impl Response {
    /// The status, and the body.
    pub fn json(&self) -> (u16, serde_json::Value) {
        let (head, body) = self.0.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{:?}", self.0));
        let status = head.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    /// The status and the code of an error.
    pub fn refusal(&self) -> (u16, String) {
        let (status, body) = self.json();
        assert_eq!((&body["code"], &body["message"]), (&body["Code"], &body["Message"]));
        (status, body["code"].as_str().unwrap().to_owned())
    }
}
