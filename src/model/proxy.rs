//! Proxy URLs, as the AWS CLI reads them.

use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::secret::Secret;

/// The URL of a proxy. It may contain a password: only [`ProxyUrl::address`] may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    url: Secret<String>,
    address: String,
}

/// A text that is not a proxy URL. It may contain a password, so it is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("only `http://` and `https://` proxies are supported")]
    Scheme,
    /// No host, a bad port, or an unencoded `/`, `?` or `#` in the password.
    #[error("the proxy URL is malformed")]
    Malformed,
}

/// Characters that need no encoding in a user name or password (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl ProxyUrl {
    /// The URL, with user and password percent-encoded so that all parsers agree.
    pub fn expose(&self) -> &str {
        self.url.expose()
    }

    pub fn address(&self) -> &str {
        &self.address
    }
}

impl FromStr for ProxyUrl {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => ("http".to_owned(), text.trim_start_matches('/')),
        };
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err(ProxyError::Scheme);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // As in Python's urlparse: the last `@` ends the password, the first `:` starts it.
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, authority),
        };
        let plain = address.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
        let parsed = Url::parse(&format!("{scheme}://{address}")).ok();
        let is_server = parsed.is_some_and(|url| url.has_host() && url.port() != Some(0));
        if !plain || !is_server || address.ends_with(':') {
            return Err(ProxyError::Malformed);
        }
        let url = match credentials {
            Some(credentials) => format!("{scheme}://{}@{address}", encoded(credentials)),
            None => format!("{scheme}://{address}"),
        };
        Ok(Self { url: Secret::new(url), address: address.to_owned() })
    }
}

/// Decodes and re-encodes `user:password`.
fn encoded(credentials: &str) -> String {
    let again = |text: &str| {
        let plain = percent_decode_str(text).decode_utf8_lossy();
        utf8_percent_encode(&plain, UNRESERVED).to_string()
    };
    match credentials.split_once(':') {
        Some((user, password)) => format!("{}:{}", again(user), again(password)),
        None => again(credentials),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> String {
        text.parse::<ProxyUrl>().unwrap().expose().to_owned()
    }

    #[test]
    fn user_and_password_are_read_as_in_the_aws_cli() {
        assert_eq!(url("http://alice:p@ss@proxy:8080"), "http://alice:p%40ss@proxy:8080");
        assert_eq!(url("http://alice:p:s:s@proxy"), "http://alice:p%3As%3As@proxy");
        assert_eq!(url("http://alice:p%40ss@proxy"), "http://alice:p%40ss@proxy");
        assert_eq!(url("http://al%20ice:100%@proxy"), "http://al%20ice:100%25@proxy");
        assert_eq!(url("alice:p@ss@proxy:1/"), "http://alice:p%40ss@proxy:1");
        assert_eq!(url("http://token@proxy"), "http://token@proxy");
    }

    #[test]
    fn a_proxy_without_a_scheme_is_plain_http() {
        assert_eq!(url("proxy:3128"), "http://proxy:3128");
        assert_eq!(url("//proxy:3128"), "http://proxy:3128");
        assert_eq!(url("HTTPS://[::1]:3128/path"), "https://[::1]:3128");
        assert_eq!("http://a:b@proxy:1".parse::<ProxyUrl>().unwrap().address(), "proxy:1");
    }

    #[test]
    fn malformed_proxies_are_rejected() {
        for text in
            ["", "http://", "http://user:hunter2@[bad", "http://a:b/c@proxy", "http://proxy:x", "http://a b"]
        {
            assert_eq!(text.parse::<ProxyUrl>(), Err(ProxyError::Malformed), "{text}");
        }
        assert_eq!("socks5://proxy:1".parse::<ProxyUrl>(), Err(ProxyError::Scheme));
    }

    #[test]
    fn debug_shows_no_password() {
        let shown = format!("{:?}", "http://alice:hunter2@proxy".parse::<ProxyUrl>().unwrap());
        assert!(!shown.contains("hunter2") && shown.contains("proxy"), "{shown}");
    }
}
