//! Random IDs and secrets, with the lengths and alphabets that AWS uses.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// `count` random bytes.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    let mut buffer = vec![0; count];
    getrandom::fill(&mut buffer).expect("the system has random bytes");
    buffer
}

/// `prefix` and random characters of A-Z2-7, `length` in all: `AKIA…`, `AIDA…`.
pub(crate) fn id(prefix: &str, length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let tail =
        bytes(length - prefix.len()).into_iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    prefix.chars().chain(tail).collect()
}

/// Forty characters of Base64, like a secret access key.
pub(crate) fn secret() -> String {
    STANDARD.encode(bytes(30))
}

/// A session token that begins like AWS's and has a typical length.
pub(crate) fn session_token(byte_count: usize) -> String {
    format!("IQoJb3JpZ2luX2Vj{}", STANDARD.encode(bytes(byte_count)))
}

/// A token of the federation endpoint.
pub(crate) fn signin_token() -> String {
    URL_SAFE_NO_PAD.encode(bytes(390))
}

/// A request ID, in the format of a UUID.
pub(crate) fn request_id() -> String {
    let hex: String = bytes(16).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
