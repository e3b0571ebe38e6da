//! Seeds and codes. The `totp-rs` crate computes TOTP (RFC 6238); this module checks what AWS's devices require.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use totp_rs::{Builder, Totp, TotpError};
use zeroize::Zeroizing;

use super::secret::{self, Secret};
pub use super::seed_error::SeedError;
use super::serial::Serial;
use super::step::{STEP_SECONDS, Step};
use super::{otpauth, secret_key};

/// The issuer in the QR codes that AWS shows.
const ISSUER: &str = "Amazon Web Services";

/// A device's TOTP secret, with the parameters of AWS's virtual devices: HMAC-SHA1, six digits, 30 seconds.
///
/// Locked in memory.
pub struct Seed(Totp);

impl Seed {
    fn new(totp: Totp) -> Self {
        secret::lock(totp.secret().as_bytes());
        Self(totp)
    }

    /// Reads the secret key that AWS shows. Spaces, hyphens, padding and case are ignored, and so are words around a key of
    /// 64 letters.
    pub fn from_base32(text: &str) -> Result<Self, SeedError> {
        let letters = secret_key::letters(text)?;
        secret::lock(letters.as_bytes());
        let secret = totp_rs::Secret::try_from_base32(letters.as_str()).map_err(|_| SeedError::NotBase32)?;
        Builder::new().with_secret(secret).build().map(Self::new).map_err(|e| seed_error(&e))
    }

    /// The secret itself, as a Google Authenticator export has it.
    pub fn from_bytes(secret: &[u8]) -> Result<Self, SeedError> {
        let secret = totp_rs::Secret::from(secret.to_vec());
        Builder::new().with_secret(secret).build().map(Self::new).map_err(|e| seed_error(&e))
    }

    /// Reads an `otpauth://totp/…` URI (Google Authenticator's Key URI Format). Parameters that do not affect the codes are
    /// ignored.
    pub fn from_uri(text: &str) -> Result<Self, SeedError> {
        Self::from_base32(&otpauth::secret(text)?)
    }

    pub fn code(&self, step: Step) -> Code {
        Code(Secret::new(self.0.generate(step.0.saturating_mul(STEP_SECONDS)).to_string()))
    }

    /// The same `otpauth://` URI that AWS's QR code for the device contains.
    pub fn to_uri(&self, serial: &Serial) -> Secret<String> {
        let account = match serial.account() {
            Some(account) => format!("{}@{account}", serial.device_name()),
            None => serial.device_name().to_owned(),
        };
        let builder = Builder::new()
            .with_secret(self.0.secret().as_bytes().to_vec())
            .with_issuer(Some(ISSUER))
            .with_account_name(account.replace(':', "-"));
        let url = builder.build_noncompliant().to_url();
        let uri =
            Zeroizing::new(url.expect("the issuer has no colon; the account name has none and is not empty"));
        secret::lock(uri.as_bytes());
        // AWS does not encode the `@`, which is valid in a path (RFC 3986 §3.3).
        Secret::locked(uri.replace("%40", "@"))
    }
}

impl Clone for Seed {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl PartialEq for Seed {
    fn eq(&self, other: &Self) -> bool {
        self.0.secret() == other.0.secret()
    }
}

impl Eq for Seed {}

impl Hash for Seed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.secret().as_bytes().hash(state);
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed([redacted])")
    }
}

fn seed_error(error: &TotpError) -> SeedError {
    match error {
        TotpError::SecretTooShort { bits } => SeedError::TooShort(*bits),
        _ => SeedError::NotBase32,
    }
}

/// A six-digit code. A secret until its step is over.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Secret<String>);

/// A text that is not a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a code has six digits")]
pub struct CodeError;

impl Code {
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for Code {
    type Err = CodeError;

    /// Reads six digits. Apps show them as `123 456`, so spaces are ignored.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let mut digits = Zeroizing::new(String::with_capacity(text.len()));
        text.chars().filter(|c| !c.is_whitespace()).for_each(|c| digits.push(c));
        let digits = Secret::new(std::mem::take(&mut *digits));
        match digits.expose().len() == 6 && digits.expose().bytes().all(|b| b.is_ascii_digit()) {
            true => Ok(Self(digits)),
            false => Err(CodeError),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASCII `12345678901234567890`, the key of the RFCs' test vectors.
    const RFC_KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_match_rfc_4226_appendix_d() {
        let seed = Seed::from_base32(RFC_KEY).unwrap();
        let expected = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (counter, code) in expected.iter().enumerate() {
            assert_eq!(seed.code(Step(counter as u64)).expose(), *code);
        }
    }

    #[test]
    fn codes_match_rfc_6238_appendix_b() {
        let seed = Seed::from_base32(RFC_KEY).unwrap();
        // The RFC shows eight digits; six are their last six.
        for (time, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000u64, "65353130"),
        ] {
            assert_eq!(seed.code(Step(time / 30)).expose(), &eight[2..]);
        }
    }

    #[test]
    fn uri_matches_aws_qr_code() {
        let serial = "arn:aws:iam::123456789012:mfa/eng/alice".parse().unwrap();
        let seed = Seed::from_base32(RFC_KEY).unwrap();
        let uri = seed.to_uri(&serial);
        assert_eq!(
            uri.expose(),
            "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Amazon%20Web%20Services"
        );
        assert_eq!(Seed::from_uri(uri.expose()), Ok(seed.clone()));
        // A colon separates the issuer from the name.
        let with_colon = seed.to_uri(&"arn:aws:iam::123456789012:mfa/a:b".parse().unwrap());
        assert!(with_colon.expose().contains("Services:a-b@123456789012?"), "{}", with_colon.expose());
        let of_token = seed.to_uri(&"GAHT12345678".parse().unwrap());
        assert!(of_token.expose().contains("Services:GAHT12345678?"), "{}", of_token.expose());
    }

    #[test]
    fn typed_codes_can_have_spaces() {
        assert_eq!("123 456".parse::<Code>().unwrap().expose(), "123456");
        for text in ["12345", "1234567", "12345a", "", "１２３４５６"] {
            assert_eq!(text.parse::<Code>(), Err(CodeError), "{text}");
        }
    }
}
