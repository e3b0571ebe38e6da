//! HOTP and TOTP from HMAC-SHA1, written without the TOTP crate that awsmfa uses, so that the two can disagree.
//!
//! Six digits, 30 seconds, SHA-1: the only kind that AWS issues.

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// The six digits of `counter` under `key` (RFC 4226 §5.3).
pub fn hotp(key: &[u8], counter: u64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&counter.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 0x0f);
    let word = [digest[offset] & 0x7f, digest[offset + 1], digest[offset + 2], digest[offset + 3]];
    format!("{:06}", u32::from_be_bytes(word) % 1_000_000)
}

/// The six digits of a 30-second step, or an empty string for a step before 1970.
pub fn code(key: &[u8], step: i64) -> String {
    u64::try_from(step).map(|counter| hotp(key, counter)).unwrap_or_default()
}

/// Base32 text without padding, as AWS shows a seed.
pub fn encode_seed(key: &[u8]) -> String {
    base32::encode(base32::Alphabet::Rfc4648 { padding: false }, key)
}

/// The key bytes of Base32 text without padding.
pub fn decode_seed(seed: &str) -> Option<Vec<u8>> {
    base32::decode(base32::Alphabet::Rfc4648 { padding: false }, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"12345678901234567890";

    #[test]
    fn hotp_matches_rfc_4226() {
        let expected = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (counter, code) in (0..).zip(expected) {
            assert_eq!(hotp(KEY, counter), code, "counter {counter}");
        }
    }

    /// RFC 6238 appendix B, SHA-1. A six-digit code is the end of the eight digits there.
    #[test]
    fn totp_matches_rfc_6238() {
        for (time, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000_i64, "65353130"),
        ] {
            assert_eq!(code(KEY, time / 30), eight[2..], "time {time}");
        }
    }

    #[test]
    fn seeds_are_base32_without_padding() {
        assert_eq!(encode_seed(KEY), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(decode_seed("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").as_deref(), Some(KEY));
        assert_eq!(encode_seed(&[7; 40]).len(), 64);
    }
}
