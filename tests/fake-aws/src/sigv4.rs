//! AWS Signature Version 4. `auth.rs` verifies signatures with it, and tests sign with it.
//!
//! The unit tests compare it with AWS's documented example, because a mistake here would cancel itself out in all
//! other tests.

use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The parts of a request that are signed.
#[derive(Clone, Debug)]
pub struct SignedRequest<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path as sent, before the `?`.
    pub path: &'a str,
    /// The query string as sent, after the `?`.
    pub query: &'a str,
    /// The headers to sign, in any order and case.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// The credential scope: `YYYYMMDD/region/service/aws4_request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `YYYYMMDD`
    pub date: String,
    /// `us-east-1`, …
    pub region: String,
    /// `sts` or `iam`
    pub service: String,
}

impl Scope {
    /// The scope as text, for the string to sign.
    pub fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// The value of the `Authorization` header for a request. `headers` must contain `host`, `x-amz-date` and, for
/// temporary credentials, `x-amz-security-token`. `amz_date` is `YYYYMMDDTHHMMSSZ`.
pub fn sign(
    request: &SignedRequest<'_>,
    access_key_id: &str,
    secret: &str,
    amz_date: &str,
    scope: &Scope,
) -> String {
    let signature = signature(request, secret, amz_date, scope);
    let names = signed_headers(request.headers);
    format!(
        "AWS4-HMAC-SHA256 Credential={access_key_id}/{}, SignedHeaders={names}, Signature={signature}",
        scope.text()
    )
}

/// The signature of a request, in hexadecimal.
pub fn signature(request: &SignedRequest<'_>, secret: &str, amz_date: &str, scope: &Scope) -> String {
    let hash = hex(&Sha256::digest(canonical_request(request)));
    let to_sign = format!("AWS4-HMAC-SHA256\n{amz_date}\n{}\n{hash}", scope.text());
    hex(&hmac(&signing_key(secret, scope), to_sign.as_bytes()))
}

/// The signing key for a scope.
pub fn signing_key(secret: &str, scope: &Scope) -> Vec<u8> {
    let date = hmac(format!("AWS4{secret}").as_bytes(), scope.date.as_bytes());
    let region = hmac(&date, scope.region.as_bytes());
    let service = hmac(&region, scope.service.as_bytes());
    hmac(&service, b"aws4_request")
}

/// The canonical request, the hash of which is signed.
pub fn canonical_request(request: &SignedRequest<'_>) -> String {
    format!(
        "{}\n{}\n{}\n{}\n{}\n{}",
        request.method,
        canonical_path(request.path),
        canonical_query(request.query),
        canonical_headers(request.headers),
        signed_headers(request.headers),
        payload_hash(request.body)
    )
}

/// The SHA-256 of a body, in hexadecimal.
pub fn payload_hash(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// Percent-encoding of everything but `A-Za-z0-9-_.~`.
pub fn uri_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// All services but S3 encode the path segments a second time.
fn canonical_path(path: &str) -> String {
    let path = if path.is_empty() { "/" } else { path };
    path.split('/').map(uri_encode).collect::<Vec<_>>().join("/")
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recode(name), recode(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn recode(text: &str) -> String {
    uri_encode(&crate::params::percent_decode(text, false))
}

fn canonical_headers(headers: &[(String, String)]) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        match lines.iter_mut().find(|(seen, _)| *seen == name) {
            Some((_, values)) => *values = format!("{values},{value}"),
            None => lines.push((name, value)),
        }
    }
    lines.sort();
    lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect()
}

fn signed_headers(headers: &[(String, String)]) -> String {
    let mut names: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    names.join(";")
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn scope() -> Scope {
        Scope { date: "20150830".into(), region: "us-east-1".into(), service: "iam".into() }
    }

    fn example() -> Vec<(String, String)> {
        [
            ("Host", "iam.amazonaws.com"),
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("X-Amz-Date", "20150830T123600Z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn request(headers: &[(String, String)]) -> SignedRequest<'_> {
        SignedRequest {
            method: "GET",
            path: "/",
            query: "Action=ListUsers&Version=2010-05-08",
            headers,
            body: b"",
        }
    }

    /// AWS General Reference, "Examples of how to derive a signing key".
    #[test]
    fn signing_key_matches_the_documentation() {
        assert_eq!(
            hex(&signing_key(SECRET, &scope())),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    /// AWS General Reference, the worked ListUsers example: canonical request, string to sign, signature.
    #[test]
    fn signature_matches_the_documentation() {
        let headers = example();
        let canonical = canonical_request(&request(&headers));
        assert_eq!(
            hex(&Sha256::digest(canonical)),
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
        );
        assert_eq!(
            sign(&request(&headers), "AKIDEXAMPLE", SECRET, "20150830T123600Z", &scope()),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    /// The canonical form that AWS's documentation describes: trimmed headers, encoded and sorted queries.
    #[test]
    fn canonical_request_trims_headers_and_sorts_queries() {
        let headers = [("My-Header1".to_owned(), "  a   b  c ".to_owned())];
        let mut request = request(&headers);
        request.query = "b=2&a=%7e&a=1";
        let canonical = canonical_request(&request);
        assert!(canonical.contains("\nmy-header1:a b c\n"), "{canonical}");
        assert!(canonical.starts_with("GET\n/\na=1&a=~&b=2\n"), "{canonical}");
    }
}
