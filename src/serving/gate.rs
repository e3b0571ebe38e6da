//! Who gets credentials: only a program that has the token, and never a web page, whatever name its server has.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::head::{Head, Malformed};
use super::response::Refusal;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::secret::Secret;

/// What a path shows as is: the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The addresses by which a program on this computer reaches the server. Any port: a forwarded one is another number.
/// Checked because a web page's server can give its own name this computer's address.
const HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The token, and the profiles that are served.
pub struct Gate {
    token: Secret<String>,
    profiles: Vec<String>,
}

impl Gate {
    /// A gate with a new token for these profiles. The first one is also at `/`.
    pub fn new(profiles: Vec<String>) -> CommandResult<Self> {
        let mut random = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *random)
            .map_err(|_| CommandError::new(ErrorKind::Failed, "cannot get random bytes from the system"))?;
        Ok(Self { token: Secret::new(random.iter().map(|byte| format!("{byte:02x}")).collect()), profiles })
    }

    pub fn token(&self) -> &Secret<String> {
        &self.token
    }

    /// The index of the profile that the request may have.
    pub fn admit(&self, head: &Head) -> Result<usize, Refusal> {
        if head.method != "GET" {
            return Err(Refusal::Method);
        }
        let malformed = |Malformed| Refusal::Malformed;
        let host = head.one("host").map_err(malformed)?.ok_or(Refusal::Malformed)?;
        if !is_loopback(host) {
            return Err(Refusal::Host);
        }
        // Browsers send these, and SDKs do not.
        if head.has("origin") || head.has("sec-fetch-site") {
            return Err(Refusal::Browser);
        }
        let given = head.one("authorization").map_err(malformed)?.unwrap_or_default();
        if !bool::from(given.as_bytes().ct_eq(self.token.expose().as_bytes())) {
            return Err(Refusal::Token);
        }
        self.profile_at(head.target).ok_or(Refusal::Profile)
    }

    fn profile_at(&self, target: &str) -> Option<usize> {
        let name = percent_decode_str(target.strip_prefix('/')?).decode_utf8().ok()?;
        match &*name {
            "" => Some(0),
            name => self.profiles.iter().position(|profile| profile == name),
        }
    }
}

/// The path of a profile.
pub fn path(profile: &str) -> String {
    format!("/{}", utf8_percent_encode(profile, ESCAPED))
}

fn is_loopback(host: &str) -> bool {
    HOSTS.iter().any(|name| match host.get(..name.len()) {
        Some(start) if start.eq_ignore_ascii_case(name) => match &host[name.len()..] {
            "" => true,
            port => port.strip_prefix(':').is_some_and(is_port),
        },
        _ => false,
    })
}

/// Whether this is a port as clients write it. Rust also reads `+80` and `080` as numbers.
fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new(["dev", "a b/ü%"].map(str::to_owned).to_vec()).unwrap()
    }

    /// What a request with this target and these headers gets, next to the correct token unless there is another.
    fn admitted(gate: &Gate, target: &str, headers: &str) -> Result<usize, Refusal> {
        let token = match headers.contains("Authorization") {
            true => String::new(),
            false => format!("Authorization: {}\r\n", gate.token().expose()),
        };
        let host = if headers.contains("Host") { "" } else { "Host: 127.0.0.1:1234\r\n" };
        let text = format!("GET {target} HTTP/1.1\r\n{host}{token}{headers}\r\n");
        Head::parse(text.as_bytes())
            .map_err(|Malformed| Refusal::Malformed)
            .and_then(|head| gate.admit(&head))
    }

    #[test]
    fn profiles_are_found_by_their_paths() {
        let gate = gate();
        assert_eq!(path("a b/ü%"), "/a%20b%2F%C3%BC%25");
        for (target, found) in [("/", 0), ("/dev", 0), (path("a b/ü%").as_str(), 1), ("/a%20b/%C3%BC%25", 1)]
        {
            assert_eq!(admitted(&gate, target, ""), Ok(found), "{target}");
        }
        for target in ["/prod", "/dev/", "/dev?x", "//dev", "/%ff", "/../dev"] {
            assert_eq!(admitted(&gate, target, ""), Err(Refusal::Profile), "{target}");
        }
    }

    #[test]
    fn foreign_hosts_and_web_pages_are_refused() {
        let gate = gate();
        for host in ["localhost", "LOCALHOST:80", "[::1]:1", "127.0.0.1"] {
            assert_eq!(admitted(&gate, "/", &format!("Host: {host}\r\n")), Ok(0), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost:",
            "localhost:80.evil",
            "",
            "é",
            "127.0.0.1:99999",
            "127.0.0.1:+80",
            "localhost:-0",
            "[::1]:+1",
            "[::1]:",
            "[::1]80",
            "[::1",
            "localhost:080",
            "localhost:000080",
            "localhost: 80",
            "localhost:8\u{660}",
            "localhost:80:80",
            "user@localhost:80",
            "localhost.:80",
        ] {
            assert_eq!(admitted(&gate, "/", &format!("Host: {host}\r\n")), Err(Refusal::Host), "{host}");
        }
        assert_eq!(admitted(&gate, "/", "Origin: null\r\n"), Err(Refusal::Browser));
        assert_eq!(admitted(&gate, "/", "Sec-Fetch-Site: same-origin\r\n"), Err(Refusal::Browser));
    }

    #[test]
    fn only_the_token_opens() {
        let gate = gate();
        let token = gate.token().expose().clone();
        assert_eq!(token.len(), 64);
        assert_ne!(token, *Gate::new(Vec::new()).unwrap().token().expose());
        for given in
            ["", "x", &token[1..], &format!("{token}0"), &format!("Bearer {token}"), &token.to_uppercase()]
        {
            let header = format!("Authorization: {given}\r\n");
            assert_eq!(admitted(&gate, "/", &header), Err(Refusal::Token), "{given}");
        }
        let twice = format!("Authorization: {token}\r\nAuthorization: {token}\r\n");
        assert_eq!(admitted(&gate, "/", &twice), Err(Refusal::Malformed));
    }
}
