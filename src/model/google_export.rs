//! The QR codes that Google Authenticator exports: `otpauth-migration://offline?data=…`, with a protocol buffer in Base64. The
//! format is not documented by Google; all other apps read it like this. A large export has several parts.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use prost::Message;
use zeroize::{Zeroize, Zeroizing};

use super::account::Account;
use super::otpauth;
use super::seed_error::SeedError;
use super::totp::Seed;

/// Why QR codes are not a complete export. No variant contains what is in them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoogleExportError {
    #[error("the QR code of the Google Authenticator export is damaged or in a newer format")]
    Malformed,
    #[error("the Google Authenticator export has {of} QR codes, and {} missing: {}", if missing.len() == 1 { "one is" } else { "some are" }, listed(missing))]
    MissingParts { missing: Vec<usize>, of: usize },
    #[error("the QR codes are from different Google Authenticator exports")]
    SeveralExports,
}

fn listed(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// The accounts of an export in the order of its parts, which may be given in any order.
pub fn accounts(uris: &[&str]) -> Result<Vec<Account>, GoogleExportError> {
    let mut parts: Vec<Payload> = uris.iter().map(|uri| Payload::of(uri)).collect::<Result<_, _>>()?;
    parts.sort_by_key(|part| (part.batch_id, part.batch_index));
    parts.dedup();
    let batches: Vec<&[Payload]> = parts.chunk_by(|one, other| one.batch_id == other.batch_id).collect();
    for batch in &batches {
        let of = usize::try_from(batch[0].batch_size).unwrap_or_default().clamp(1, MOST_PARTS);
        let has =
            |index: usize| of == 1 || batch.iter().any(|part| usize::try_from(part.batch_index) == Ok(index));
        let missing: Vec<usize> = (0..of).filter(|index| !has(*index)).map(|index| index + 1).collect();
        match (missing.is_empty(), batches.len()) {
            (true, _) => {}
            (false, 1) => return Err(GoogleExportError::MissingParts { missing, of }),
            (false, _) => return Err(GoogleExportError::SeveralExports),
        }
    }
    Ok(parts.iter().flat_map(|part| &part.accounts).map(Parameters::account).collect())
}

/// More parts than an export has: each has up to ten accounts.
const MOST_PARTS: usize = 100;

// Without `Debug`, which would show the secrets.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Payload {
    #[prost(message, repeated, tag = "1")]
    accounts: Vec<Parameters>,
    #[prost(int32, tag = "2")]
    version: i32,
    #[prost(int32, tag = "3")]
    batch_size: i32,
    #[prost(int32, tag = "4")]
    batch_index: i32,
    #[prost(int32, tag = "5")]
    batch_id: i32,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Parameters {
    /// The secret itself, not in Base32.
    #[prost(bytes = "vec", tag = "1")]
    secret: Vec<u8>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    issuer: String,
    /// 1: SHA1, 2: SHA256, 3: SHA512, 4: MD5.
    #[prost(int32, tag = "4")]
    algorithm: i32,
    /// 1: six, 2: eight.
    #[prost(int32, tag = "5")]
    digits: i32,
    /// 1: HOTP, 2: TOTP.
    #[prost(int32, tag = "6")]
    kind: i32,
}

impl Drop for Parameters {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Payload {
    fn of(uri: &str) -> Result<Self, GoogleExportError> {
        let data = otpauth::export_data(uri).ok_or(GoogleExportError::Malformed)?;
        let bytes = base64(&data).ok_or(GoogleExportError::Malformed)?;
        Self::decode(bytes.as_slice()).map_err(|_| GoogleExportError::Malformed)
    }
}

impl Parameters {
    fn account(&self) -> Account {
        let (prefix, name) = self.name.split_once(':').unwrap_or(("", &self.name));
        let issuer = if self.issuer.is_empty() { prefix } else { &self.issuer };
        let seed = self.check().and_then(|()| Seed::from_bytes(&self.secret));
        Account::new(issuer, name, seed)
    }

    fn check(&self) -> Result<(), SeedError> {
        let foreign = |what: &str| Err(SeedError::Foreign(what.to_owned()));
        match (self.kind, self.algorithm, self.digits) {
            (1, ..) => Err(SeedError::Hotp),
            (0 | 2, 0 | 1, 0 | 1) => Ok(()),
            (0 | 2, 2, _) => foreign("algorithm SHA256"),
            (0 | 2, 3, _) => foreign("algorithm SHA512"),
            (0 | 2, 4, _) => foreign("algorithm MD5"),
            (0 | 2, 0 | 1, 2) => foreign("8 digits"),
            _ => foreign("unknown parameters"),
        }
    }
}

/// Base64 in either alphabet, with or without padding.
fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut standard = Zeroizing::new(String::with_capacity(text.len()));
    standard.extend(text.trim_end_matches('=').chars().map(|letter| match letter {
        // A `+` that was not encoded reads as a blank.
        '-' | ' ' => '+',
        '_' => '/',
        letter => letter,
    }));
    BASE64_STANDARD_NO_PAD.decode(standard.as_bytes()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Twenty bytes, ASCII `12345678901234567890`.
    const SECRET: &[u8] = b"12345678901234567890";

    fn account(name: &str) -> Parameters {
        let (name, issuer) = (name.to_owned(), "Amazon Web Services".to_owned());
        Parameters { secret: SECRET.to_vec(), name, issuer, algorithm: 1, digits: 1, kind: 2 }
    }

    fn uri(batch_id: i32, batch_index: i32, batch_size: i32, accounts: Vec<Parameters>) -> String {
        let bytes = Payload { accounts, version: 1, batch_size, batch_index, batch_id }.encode_to_vec();
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let letter = |bits: u32| match LETTERS[(bits & 63) as usize] {
            b'+' => "%2B".to_owned(),
            b'/' => "%2F".to_owned(),
            letter => char::from(letter).to_string(),
        };
        let mut data = String::new();
        for chunk in bytes.chunks(3) {
            let bits =
                chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            (0..=chunk.len()).for_each(|at| data.push_str(&letter(bits >> (18 - 6 * at))));
            (chunk.len()..3).for_each(|_| data.push_str("%3D"));
        }
        format!("otpauth-migration://offline?data={data}")
    }

    fn read(uris: &[String]) -> Result<Vec<String>, GoogleExportError> {
        let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
        Ok(accounts(&uris)?.iter().map(Account::title).collect())
    }

    #[test]
    fn parts_are_read_in_any_order_and_twice() {
        let part = |index, name| uri(7, index, 3, vec![account(name)]);
        let parts = [part(2, "c@3"), part(0, "a@1"), part(1, "b@2"), part(0, "a@1")];
        let names = ["a@1", "b@2", "c@3"].map(|name| format!("Amazon Web Services:{name}"));
        assert_eq!(read(&parts), Ok(names.to_vec()));
        let missing = GoogleExportError::MissingParts { missing: vec![1, 2], of: 3 };
        assert_eq!(
            missing.to_string(),
            "the Google Authenticator export has 3 QR codes, and some are missing: 1, 2"
        );
        assert_eq!(read(&parts[..1]), Err(missing));
        let other = uri(8, 1, 3, vec![account("b@2")]);
        assert_eq!(read(&[part(0, "a@1"), other, part(2, "c@3")]), Err(GoogleExportError::SeveralExports));
        let whole = [uri(1, 0, 1, vec![account("a@1")]), uri(2, 0, 1, vec![account("b@2")])];
        assert_eq!(read(&whole).unwrap().len(), 2);
    }

    #[test]
    fn number_of_parts_is_not_believed() {
        let missing = read(&[uri(7, 0, i32::MAX, vec![account("a@1")])]).unwrap_err();
        assert!(matches!(missing, GoogleExportError::MissingParts { of: MOST_PARTS, .. }), "{missing}");
        for size in [i32::MIN, 0, 1] {
            assert_eq!(read(&[uri(7, 5, size, vec![account("a@1")])]).unwrap().len(), 1);
        }
    }

    #[test]
    fn secret_is_that_of_the_same_key_in_base32() {
        let mut account = account("AWS:alice@1");
        account.issuer.clear();
        let uri = uri(1, 0, 1, vec![account]);
        let read = accounts(&[&uri]).unwrap().pop().unwrap();
        assert_eq!(read.seed, Seed::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"));
        assert_eq!((read.issuer.as_str(), read.name.as_str()), ("AWS", "alice@1"));
    }

    #[test]
    fn base64_is_read_in_either_alphabet_and_without_percent_signs() {
        let secret: Vec<u8> = (0..32).map(|number| 0xfb ^ number).collect();
        let mut account = account("a");
        account.secret.clone_from(&secret);
        let uri = uri(1, 0, 1, vec![account]);
        assert!(uri.contains("%2B") && uri.contains("%2F"), "{uri}");
        for (plus, slash) in [("%2B", "%2F"), ("+", "/"), (" ", "/"), ("-", "_")] {
            let uri = uri.replace("%2B", plus).replace("%2F", slash);
            assert_eq!(accounts(&[&uri]).unwrap()[0].seed, Seed::from_bytes(&secret), "{uri}");
        }
    }

    #[test]
    fn accounts_that_aws_cannot_have_issued_have_no_seed() {
        let change = |change: fn(&mut Parameters)| {
            let mut account = account("a");
            change(&mut account);
            accounts(&[&uri(1, 0, 1, vec![account])]).unwrap().pop().unwrap().seed
        };
        assert_eq!(change(|account| account.kind = 1), Err(SeedError::Hotp));
        assert_eq!(change(|account| account.digits = 2), Err(SeedError::Foreign("8 digits".to_owned())));
        assert!(matches!(change(|account| account.algorithm = 2), Err(SeedError::Foreign(_))));
        assert!(matches!(change(|account| account.algorithm = 9), Err(SeedError::Foreign(_))));
        assert_eq!(change(|account| account.secret.truncate(10)), Err(SeedError::TooShort(80)));
        assert!(change(|account| (account.kind, account.algorithm, account.digits) = (0, 0, 0)).is_ok());
    }

    /// Compiles only while the structs with secrets cannot be printed.
    #[test]
    fn messages_have_no_debug_output() {
        trait OneImplementation<T> {
            fn exists() {}
        }
        struct Printable;
        impl<T> OneImplementation<()> for T {}
        impl<T: std::fmt::Debug> OneImplementation<Printable> for T {}
        <Payload as OneImplementation<_>>::exists();
        <Parameters as OneImplementation<_>>::exists();
    }

    #[test]
    fn other_texts_are_malformed() {
        for text in [
            "otpauth-migration://offline",
            "otpauth-migration://offline?data=%21",
            "otpauth-migration://offline?data=ICEK",
        ] {
            assert_eq!(accounts(&[text]), Err(GoogleExportError::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(data in "[A-Za-z0-9+/%=]{0,80}") {
            let _ = accounts(&[&format!("otpauth-migration://offline?data={data}")]);
        }
    }
}
