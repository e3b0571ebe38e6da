//! A ready answer of `credential-process` with everything it depends on: the format of the file behind the fast path.
//!
//! A line of text that names the format, then fields of `<length>:<bytes>`, so that reading needs no parser, no
//! allocation beyond the file itself, and no escaping.

use chrono::{DateTime, Utc};

/// The folder of ready answers, in the cache folder.
pub const FOLDER: &str = "answers";

/// The format's name and version. Another version's file is no answer.
const HEADER: &[u8] = b"awsmfa answer 1\n";

/// What an answer depends on. Two equal values, at a time between writing and renewal, mean that it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// The state of the AWS config file, as `fingerprint` renders it.
    pub config: String,
    /// The state of the AWS credentials file.
    pub credentials: String,
    /// The profile, and the variables that decide which session is meant, with their values.
    pub environment: Vec<u8>,
}

/// Renders a ready answer. `output` is printed as it is; it holds from `written` (this computer's clock) until
/// `refresh` (the same clock).
pub fn encode(basis: &Basis, written: DateTime<Utc>, refresh: DateTime<Utc>, output: &[u8]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    let (written, refresh) = (written.timestamp().to_string(), refresh.timestamp().to_string());
    for field in [
        written.as_bytes(),
        refresh.as_bytes(),
        basis.config.as_bytes(),
        basis.credentials.as_bytes(),
        &basis.environment,
        output,
    ] {
        bytes.extend_from_slice(format!("{}:", field.len()).as_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// The bytes to print, if the answer still holds; `None` for anything else, including a clock that went back, a format
/// that is not this one and a file that is cut short.
pub fn decode<'a>(bytes: &'a [u8], basis: &Basis, now: DateTime<Utc>) -> Option<&'a [u8]> {
    let mut rest = bytes.strip_prefix(HEADER)?;
    let written = number(field(&mut rest)?)?;
    let refresh = number(field(&mut rest)?)?;
    let holds = (written..refresh).contains(&now.timestamp())
        && field(&mut rest)? == basis.config.as_bytes()
        && field(&mut rest)? == basis.credentials.as_bytes()
        && field(&mut rest)? == basis.environment;
    let output = field(&mut rest)?;
    (holds && rest.is_empty()).then_some(output)
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let colon = rest.iter().take(20).position(|byte| *byte == b':')?;
    let length = usize::try_from(number(&rest[..colon])?).ok()?;
    let (value, after) = rest[colon + 1..].split_at_checked(length)?;
    *rest = after;
    Some(value)
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis() -> Basis {
        Basis { config: "1 2 3".into(), credentials: "-".into(), environment: b"HOME=/h\0".to_vec() }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn it_holds_until_anything_changes() {
        let bytes = encode(&basis(), at(0), at(100), b"{}\n");
        assert_eq!(decode(&bytes, &basis(), at(0)), Some(&b"{}\n"[..]));
        assert_eq!(decode(&bytes, &basis(), at(99)), Some(&b"{}\n"[..]));
        assert_eq!(decode(&bytes, &basis(), at(100)), None, "time to renew");
        assert_eq!(decode(&bytes, &basis(), at(-1)), None, "the clock went back");
        assert_eq!(decode(&bytes, &Basis { config: "1 2 4".into(), ..basis() }, at(1)), None);
        assert_eq!(decode(&bytes, &Basis { credentials: "1".into(), ..basis() }, at(1)), None);
        assert_eq!(decode(&bytes, &Basis { environment: vec![], ..basis() }, at(1)), None);
    }

    #[test]
    fn what_is_damaged_is_no_answer() {
        let bytes = encode(&basis(), at(0), at(100), b"{}\n");
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length], &basis(), at(1)), None, "cut to {length}");
        }
        let mut longer = bytes.clone();
        longer.push(b' ');
        assert_eq!(decode(&longer, &basis(), at(1)), None);
        let foreign = [b"awsmfa answer 2\n", &bytes[HEADER.len()..]].concat();
        assert_eq!(decode(&foreign, &basis(), at(1)), None);
    }
}
