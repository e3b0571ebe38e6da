//! The head of an HTTP/1.1 request. The parser is strict: whatever a real SDK does not send is malformed.

/// The largest head that is read, in bytes. SDKs send less than 1 KiB.
pub const LIMIT: usize = 8 * 1024;

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// The request line and the headers.
#[derive(PartialEq, Eq)]
pub struct Head<'a> {
    pub method: &'a str,
    pub target: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

/// The bytes are not the head of an HTTP/1.1 request without a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// The length of the head with its final empty line, once all of it was read.
pub fn length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(END.len()).position(|window| window == END).map(|start| start + END.len())
}

impl<'a> Head<'a> {
    /// Parses the bytes up to the final empty line.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let text =
            bytes.strip_suffix(END).and_then(|head| std::str::from_utf8(head).ok()).ok_or(Malformed)?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Malformed);
        };
        let is_readable = matches!(version, "HTTP/1.1" | "HTTP/1.0")
            && is_token(method)
            && target.starts_with('/')
            && target.bytes().all(|b| b.is_ascii_graphic());
        let headers = lines.map(header).collect::<Option<Vec<_>>>().ok_or(Malformed)?;
        let head = Self { method, target, headers };
        if is_readable && !head.has_body() { Ok(head) } else { Err(Malformed) }
    }

    /// A header's value. A header that is sent twice is malformed, because programs disagree on which one counts.
    pub fn one(&self, name: &str) -> Result<Option<&'a str>, Malformed> {
        let mut values = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Malformed),
            (value, None) => Ok(value.map(|(_, value)| *value)),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(found, _)| found.eq_ignore_ascii_case(name))
    }

    fn has_body(&self) -> bool {
        let is_empty = |value: &str| value == "0";
        self.has("transfer-encoding")
            || self.one("content-length").map_or(true, |length| length.is_some_and(|value| !is_empty(value)))
    }
}

fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim_matches([' ', '\t']);
    let is_text = value.chars().all(|c| !c.is_control() || c == '\t');
    (is_token(name) && is_text).then_some((name, value))
}

/// Whether a method or a header's name has only the characters that RFC 9110 allows.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_malformed(text: &str) -> bool {
        Head::parse(text.as_bytes()).is_err()
    }

    #[test]
    fn head_of_an_sdk_is_read() {
        let text =
            "GET /a%20b HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAUTHORIZATION:\tx y \r\nContent-Length: 0\r\n\r\n";
        assert_eq!(length(text.as_bytes()), Some(text.len()));
        assert_eq!(length(&text.as_bytes()[..text.len() - 1]), None);
        let Ok(head) = Head::parse(text.as_bytes()) else { panic!("malformed") };
        assert_eq!((head.method, head.target), ("GET", "/a%20b"));
        assert_eq!(head.one("authorization"), Ok(Some("x y")));
        assert!(head.has("host") && !head.has("origin") && head.one("origin") == Ok(None));
    }

    #[test]
    fn other_bytes_are_malformed() {
        assert!(!is_malformed("GET / HTTP/1.0\r\n\r\n"));
        for text in [
            "",
            "\r\n\r\n",
            "GET / HTTP/1.1\r\n",
            "GET /\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/2\r\n\r\n",
            "GET /a b HTTP/1.1\r\n\r\n",
            "GET /\u{e9} HTTP/1.1\r\n\r\n",
            "GET http://127.0.0.1/ HTTP/1.1\r\n\r\n",
            "G\u{0}T / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert!(is_malformed(text), "{text:?}");
        }
        assert!(Head::parse(b"GET / HTTP/1.1\r\nX: \xff\r\n\r\n").is_err());
    }

    #[test]
    fn header_that_is_sent_twice_is_malformed() {
        let head = Head::parse(b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n");
        assert!(head.is_ok_and(|head| head.one("host") == Err(Malformed)));
    }
}
