//! Endpoint URLs: servers to use instead of AWS's own.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// A server's URL, without credentials, query or fragment. The SDK derives the host, headers and signature from it, and
/// panics or sends nothing if it is malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

/// A text that is not an endpoint. Credentials in it are not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a valid endpoint URL: {why}")]
pub struct EndpointError {
    shown: String,
    why: &'static str,
}

impl Endpoint {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        match fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(why) => {
                let host = text.rfind('@').map_or(0, |at| at + 1);
                let shown = if host == 0 { text.to_owned() } else { format!("…@{}", &text[host..]) };
                Err(EndpointError { shown, why })
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with an endpoint. `Url` accepts whitespace, backslashes and missing slashes that other parsers reject.
fn fault(text: &str) -> Option<&'static str> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("contains whitespace");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\^`{|}#?".contains(&b)) {
        return Some("contains invalid characters");
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return Some("does not start with `http://` or `https://`");
    }
    let Ok(url) = Url::parse(text) else { return Some("host or port is malformed") };
    if text.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Some("contains a user name or password");
    }
    let authority = text.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    let whole = !authority.ends_with(':') && !authority.contains('%') && url.port() != Some(0);
    (host.is_empty() || authority.is_empty() || !named || !whole).then_some("host or port is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_urls_are_endpoints() {
        for text in [
            "http://localhost:4566",
            "http://127.0.0.1:4566/",
            "https://[::1]/x",
            "HTTPS://sts.example.com",
            "http://sts_local.svc:80/path",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn malformed_urls_are_rejected() {
        for text in [
            "",
            "localhost:4566",
            "nonsense",
            "ftp://a",
            "http://",
            "http:///x",
            "http:localhost",
            "http://127.0.0.1:4566 ",
            " http://127.0.0.1:4566",
            "http://127.0.0.1:4566 # moto",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:0",
            "http://127.0.0.1:",
            "http://127.0.0.1:45x",
            "http://a b",
            "http://a\tb",
            "http://a\u{a0}",
            "http://müller.example",
            "http://a%41",
            "http://a?x=1",
            "http://a#x",
            "\"http://a\"",
            "http://user:hunter2@a",
            "http://@a",
            "http://[::1",
            "http:\\\\a",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_does_not_show_the_password() {
        let error = "http://user:hunter2@a".parse::<Endpoint>().unwrap_err();
        assert_eq!(error.to_string(), "`…@a` is not a valid endpoint URL: contains a user name or password");
    }
}
