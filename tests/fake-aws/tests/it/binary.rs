//! The binary and its control routes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use fake_aws::{Clock, totp};
use serde_json::Value;

use crate::support::{Answer, Client, send};

struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    ready: Value,
}

#[allow(clippy::disallowed_methods, reason = "the test runs the binary it was built with")]
fn start(args: &[&str]) -> Running {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fake-aws"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    Running { child, stdout, ready: serde_json::from_str(&line).unwrap() }
}

impl Running {
    fn text(&self, pointer: &str) -> String {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{}", self.ready)).into()
    }

    fn control(&self, method: &str, route: &str, body: &str) -> Answer {
        send(&self.address(), method, &format!("/_fake/{route}"), &[], body).unwrap()
    }

    fn address(&self) -> String {
        self.text("/endpoint").replace("http://", "")
    }

    fn client(&self, user: usize) -> Client {
        Client {
            address: self.address(),
            key: self.text(&format!("/users/{user}/access_key_id")),
            secret: self.text(&format!("/users/{user}/secret_access_key")),
            token: None,
            region: "us-east-1".into(),
            clock: Clock::new(),
            host: None,
            extra: Vec::new(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn binary_prints_json_and_exits_when_stdin_closes() {
    let mut fake = start(&["--user", "dev", "--admin", "boss", "--account", "111122223333"]);
    assert_eq!(fake.text("/account"), "111122223333");
    assert_eq!(fake.text("/users/0/arn"), "arn:aws:iam::111122223333:user/dev");
    let (serial, seed) = (fake.text("/users/0/serial"), fake.text("/users/0/seed"));
    assert_eq!(serial, "arn:aws:iam::111122223333:mfa/dev");
    assert!(fake.ready["users"][1]["serial"].is_null());
    let dev = fake.client(0);
    let code = totp::code(&totp::decode_seed(&seed).unwrap(), Clock::new().step());
    dev.sts("GetSessionToken", &[("SerialNumber", &serial), ("TokenCode", &code)]).ok();
    fake.client(1).iam("GetUser", &[("UserName", "dev")]).ok();
    drop(fake.child.stdin.take());
    assert!(fake.child.wait().unwrap().success());
    let mut rest = String::new();
    assert_eq!(fake.stdout.read_line(&mut rest).unwrap(), 0, "one line only: {rest}");
}

#[test]
fn session_lifetime_is_an_option() {
    let fake = start(&["--user", "dev", "--session-lifetime", "-60"]);
    let dev = fake.client(0);
    let expired = dev.with_session(&dev.sts("GetSessionToken", &[]).ok());
    expired.sts("GetCallerIdentity", &[]).code(403, "ExpiredToken");
}

#[test]
fn control_routes_change_clock_sessions_and_faults() {
    let fake = start(&["--user", "dev", "--no-device", "--clock-offset", "-60"]);
    assert!(fake.ready["users"][0]["serial"].is_null());
    let dev = fake.client(0);
    dev.sts("GetCallerIdentity", &[]).ok();
    let log: Value = serde_json::from_str(&fake.control("GET", "requests", "").ok().body).unwrap();
    assert_eq!(log[0]["action"], "GetCallerIdentity");
    assert_eq!(log[0]["access_key_id"], dev.key);
    assert_eq!(log[0]["outcome"]["answered"]["status"], 200);
    fake.control("POST", "clock", r#"{"offset": 1000}"#).ok();
    let expired = dev.sts("GetCallerIdentity", &[]);
    assert!(expired.text("Message").starts_with("Signature expired: "));
    fake.control("POST", "clock", r#"{"offset": 0}"#).ok();
    fake.control("POST", "sessions", r#"{"lifetime": -60}"#).ok();
    let expired = dev.with_session(&dev.sts("GetSessionToken", &[]).ok());
    expired.sts("GetCallerIdentity", &[]).code(403, "ExpiredToken");
    fake.control("POST", "sessions", r#"{"lifetime": null}"#).ok();
    let order = r#"{"action": "GetSessionToken", "kind": "throttling", "count": 1}"#;
    fake.control("POST", "fault", order).ok();
    dev.sts("GetSessionToken", &[]).code(400, "Throttling");
    dev.sts("GetSessionToken", &[]).ok();
    assert_eq!(fake.control("POST", "fault", r#"{"kind": "nonsense"}"#).status, 400);
    assert_eq!(fake.control("GET", "nothing", "").status, 400);
}
